//! `Trace` for the numbers of `num-bigint` 0.5, which hold no pointers.

use num_bigint::{BigInt, BigUint, Sign};

use crate::trace::impls::leaves;

leaves!(BigInt, BigUint, Sign);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Gc, Heap, Trace};

    #[test]
    fn numbers_live_in_the_heap() {
        Heap::builder().automatic(false).stress(true).build().unwrap().enter(|cx| {
            let power: Gc<'_, BigInt> = cx.alloc(BigInt::from(2).pow(200));
            let power = cx.root(power);
            cx.alloc(BigUint::from(7u32));
            cx.collect();
            assert_eq!(power.get(cx).bits(), 201);
        });
        const { assert!(!<(BigInt, BigUint, Sign) as Trace>::NEEDS_TRACE) };
    }
}

//! `Trace` for the numbers of `ordered-float` 5, which hold no pointers.

use ordered_float::{NotNan, OrderedFloat};

use crate::trace::impls::leaves;

leaves!(OrderedFloat<f32>, OrderedFloat<f64>, NotNan<f32>, NotNan<f64>);

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::trace::foreign::tests::keeps_what_it_holds;
    use crate::{Gc, Trace};

    #[test]
    fn numbers_are_keys_of_what_is_traced() {
        type Sorted<'gc> = BTreeMap<OrderedFloat<f64>, Gc<'gc, i64>>;
        keeps_what_it_holds::<Sorted<'static>>(|held| [(OrderedFloat(f64::NAN), held)].into());
        keeps_what_it_holds::<(NotNan<f32>, Gc<'static, i64>)>(|held| (NotNan::new(0.5).unwrap(), held));
        const { assert!(!<NotNan<f64> as Trace>::NEEDS_TRACE && <OrderedFloat<f32> as Trace>::MAX_POINTERS == 0) };
    }
}

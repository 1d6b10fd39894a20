//! `Trace` for the types of other crates, each by a feature. The orphan rule leaves their users no other way.

#[cfg(feature = "arrayvec-0_7")]
mod arrayvec;
#[cfg(feature = "hashbrown-0_17")]
mod hashbrown;
#[cfg(feature = "indexmap-2")]
mod indexmap;
#[cfg(feature = "num-bigint-0_5")]
mod num_bigint;
#[cfg(feature = "ordered-float-5")]
mod ordered_float;
#[cfg(feature = "smallvec-1")]
mod smallvec;

#[cfg(test)]
#[allow(dead_code, reason = "used where a feature is on")]
mod tests {
    use crate::{Gc, Heap, Trace};

    /// Checks that a value in the heap keeps the object that it holds, for as long as the value itself is kept.
    #[track_caller]
    pub(super) fn keeps_what_it_holds<T: Trace>(make: impl for<'a> Fn(Gc<'a, i64>) -> T::At<'a>)
    where
        for<'a> T::At<'a>: Sized,
    {
        const { assert!(T::NEEDS_TRACE) };
        Heap::builder().automatic(false).stress(true).build().unwrap().enter(|cx| {
            let (owner, held) = {
                let held = cx.alloc(7);
                (cx.persist(cx.alloc(make(held))), cx.root(Gc::downgrade(held, cx)))
            };
            cx.collect();
            assert_eq!(held.get(cx).upgrade(cx).as_deref(), Some(&7), "not traced");
            drop(owner);
            cx.collect();
            assert!(held.get(cx).upgrade(cx).is_none(), "kept by nothing");
        });
    }
}

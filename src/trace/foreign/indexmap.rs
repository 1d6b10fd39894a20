//! `Trace` for the hash tables of `indexmap` 2, which keep the order of insertion.

use crate::trace::impls::{hash_maps, hash_sets};

hash_maps!(indexmap::IndexMap);
hash_sets!(indexmap::IndexSet);

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasherDefault, DefaultHasher};

    use crate::trace::foreign::tests::keeps_what_it_holds;
    use crate::{Gc, Identity, Trace};

    // The crate's own default is there only with its feature `std`.
    type Hasher = BuildHasherDefault<DefaultHasher>;
    type IndexMap<K, V> = indexmap::IndexMap<K, V, Hasher>;
    type IndexSet<T> = indexmap::IndexSet<T, Hasher>;

    #[test]
    fn entries_are_traced() {
        keeps_what_it_holds::<IndexMap<i64, Gc<'static, i64>>>(|held| [(1, held)].into_iter().collect());
        keeps_what_it_holds::<IndexMap<Identity<'static, i64>, ()>>(|held| {
            [(Identity(held), ())].into_iter().collect()
        });
        keeps_what_it_holds::<IndexSet<Identity<'static, i64>>>(|held| [Identity(held)].into_iter().collect());
        const { assert!(!<IndexMap<i64, String> as Trace>::NEEDS_TRACE) };
    }
}

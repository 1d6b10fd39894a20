//! `Trace` for the hash tables of `hashbrown` 0.17.

use crate::trace::impls::{hash_maps, hash_sets};

hash_maps!(hashbrown::HashMap);
hash_sets!(hashbrown::HashSet);

#[cfg(test)]
mod tests {
    use hashbrown::{HashMap, HashSet};

    use crate::trace::foreign::tests::keeps_what_it_holds;
    use crate::{Gc, Identity, Trace};

    #[test]
    fn entries_are_traced() {
        keeps_what_it_holds::<HashMap<i64, Gc<'static, i64>>>(|held| [(1, held)].into_iter().collect());
        keeps_what_it_holds::<HashMap<Identity<'static, i64>, ()>>(|held| [(Identity(held), ())].into_iter().collect());
        keeps_what_it_holds::<HashSet<Identity<'static, i64>>>(|held| [Identity(held)].into_iter().collect());
        const { assert!(!<HashMap<i64, String> as Trace>::NEEDS_TRACE) };
    }
}

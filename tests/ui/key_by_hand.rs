//! A key of a map: by a derive, or by a promise.
use grisaille::{Heap, Key, Map, Trace};

#[derive(Clone, Copy, PartialEq, Eq, Hash, Trace)]
enum Name {
    Local(u32),
}

#[derive(Trace)]
struct Scope<'gc> {
    names: Map<'gc, Name, i64>,
}

#[derive(Clone, Copy, Trace)]
struct Mine(u32);

impl Key for Mine {
    fn hash_key(&self) -> u64 {
        0
    }
    fn is_same(&self, _: &Self) -> bool {
        true
    }
}

fn main() {
    Heap::new().enter(|cx| {
        let scope = cx.alloc(Scope { names: Map::new() });
        scope.names.insert(cx, Name::Local(1), 1);
    });
}

//! `#[derive(Key)]` for each shape of type, where the names that its output might use mean something else.
#![forbid(unsafe_code)]
#![deny(warnings)]
#![allow(dead_code, non_camel_case_types)]

use grisaille::{Heap, Identity, Key, Map, Str, Trace};

struct Option;
struct u64;
struct bool;
trait Copy {}

#[derive(Clone, core::marker::Copy, Trace, Key)]
struct Unit;

#[derive(Clone, core::marker::Copy, Trace, Key)]
struct Named<'gc> {
    name: Str<'gc>,
    other: Identity<'gc, i64>,
    f0: char,
    hash: i64,
    r#type: Unit,
}

#[derive(Clone, core::marker::Copy, Trace, Key)]
enum Many<'gc, T, const N: usize>
where
    T: Send,
{
    One,
    Two(T, Named<'gc>, core::option::Option<T>),
    Three { array: [T; N] },
    Four(),
}

#[derive(Clone, core::marker::Copy, Trace, Key)]
enum Single {
    Only(i8),
}

#[derive(Clone, core::marker::Copy, Trace, Key)]
enum Never {}

/// Methods of the field's own are not taken for the trait's.
#[derive(Clone, core::marker::Copy, Trace, Key)]
struct Inherent(i32);

impl Inherent {
    fn hash_key(&self) {
        panic!("not the trait's")
    }
    fn is_same(&self, _: &Self) {
        panic!("not the trait's")
    }
}

#[derive(Clone, core::marker::Copy, Trace, Key)]
struct Around(Inherent, Inherent);

fn main() {
    Heap::new().enter(|cx| {
        let map = cx.alloc(Map::<'_, Many<'_, i32, 2>, Unit>::new());
        map.insert(cx, Many::Three { array: [1, 2] }, Unit);
        assert!(map.contains_key(Many::Three { array: [1, 2] }) && !map.contains_key(Many::One));
        let map = cx.alloc(Map::<'_, Around, i32>::new());
        map.insert(cx, Around(Inherent(1), Inherent(2)), 3);
        assert!(map.get(Around(Inherent(1), Inherent(2))) == Some(3));
        let map = cx.alloc(Map::<'_, (Unit, Single), i32>::new());
        map.insert(cx, (Unit, Single::Only(-1)), 3);
        assert!(map.get((Unit, Single::Only(-1))) == Some(3));
        assert!(cx.alloc(Map::<'_, Never, i32>::new()).is_empty());
    });
}

//! A trait object type may be a subtype of another one, whose objects are seen by other functions.
#![allow(coherence_leak_check)]
use grisaille::{Coerce, DynGc, DynTrait, Heap};

trait Method<'x> {}

impl DynTrait for dyn for<'x> Method<'x> {
    type At<'a> = u64;
}
impl<'a> Coerce<'a, u64> for dyn for<'x> Method<'x> {
    fn coerce(object: &'a u64) -> &'a u64 {
        object
    }
}
impl DynTrait for dyn Method<'static> {
    type At<'a> = String;
}

fn main() {
    Heap::new().enter(|cx| {
        let number = cx.alloc_dyn::<dyn for<'x> Method<'x>, u64>(7u64);
        let text: DynGc<'_, dyn Method<'static>> = number;
        println!("{}", DynGc::as_ref(text));
    });
}

//! What is written through one view of a handle is read through another: higher-ranked functions must not be weakened.
#![forbid(unsafe_code)]
use grisaille::{Guardian, Root, Slot, Trace};

#[derive(Trace)]
struct Holds<F: Send + 'static> {
    #[trace(skip)]
    function: F,
}
type Any = for<'x> fn(&'x str);
type Static = fn(&'static str);

fn guardian(wide: &Guardian<Holds<Any>>) -> &Guardian<Holds<Static>> {
    wide
}

fn root<'a>(wide: &'a Root<Holds<Any>>) -> &'a Root<Holds<Static>> {
    wide
}

fn slot<'a>(wide: &'a Slot<Holds<Any>>) -> &'a Slot<Holds<Static>> {
    wide
}

fn main() {}

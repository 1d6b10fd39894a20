//! Refused: E0271
//!
//! The type implements `Drop`, and what the derive is to implement for types that do not is another trait.
#![forbid(unsafe_code)]

extern crate grisaille as real;
extern crate self as grisaille;

pub use real::{Trace, Tracer};
pub mod __private {
    pub use real::__private::{DropOn, FieldNames};
    pub trait TypesThatDeriveTraceMustNotImplementDrop {
        type Does;
    }
}

use real::{Gc, Heap};

#[derive(Trace)]
struct Dropped<'gc>(Gc<'gc, String>);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        println!("{:?}", self.0.as_ref());
    }
}

fn main() {
    Heap::new().enter(|cx| {
        cx.alloc(Dropped(cx.alloc("a text that lies on the heap".to_string())));
        cx.collect();
    });
}

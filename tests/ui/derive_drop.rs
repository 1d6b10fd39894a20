//! `Drop` could look at pointers whose objects are gone.
use grisaille::{Gc, Trace};

#[derive(Trace)]
struct Dropped<'gc>(Option<Gc<'gc, u64>>);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {}
}

fn main() {}

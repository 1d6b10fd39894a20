//! `Drop` on a generic type, with bounds.
use grisaille::{Gc, Trace};

#[derive(Trace)]
struct Dropped<'gc, T: Clone>(Gc<'gc, T>, T)
where
    T: PartialEq;

impl<T: Clone + PartialEq> Drop for Dropped<'_, T> {
    fn drop(&mut self) {}
}

fn main() {}

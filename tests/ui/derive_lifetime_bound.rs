//! The type must exist for every lifetime.
use grisaille::{Gc, Trace};

#[derive(Trace)]
struct Inline<'gc: 'static>(Gc<'gc, u64>);

#[derive(Trace)]
struct Where<'gc>(Gc<'gc, u64>)
where
    'gc: 'static;

fn main() {}

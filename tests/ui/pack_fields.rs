//! Fields that do not fit a word beside a tag.
use grisaille::{Gc, Pack, Trace};

#[derive(Clone, Copy, Trace, Pack)]
enum Wide<'gc> {
    Integer(i64),
    Fits(i32),
    Maybe(Option<Gc<'gc, u64>>),
}

fn main() {}

//! What `Key` can be derived for.
use grisaille::{Key, Trace};

#[derive(Clone, Copy, Key)]
struct NotTraced(i64);

#[derive(Trace, Key)]
struct NotCopied(i64);

#[derive(Clone, Copy, Key)]
union Either {
    a: i64,
    b: i32,
}

#[derive(Clone, Copy, Key)]
#[repr(packed)]
struct Packed(u8, i64);

#[derive(Clone, Copy, Trace, Key)]
struct Generic<T>(T);

fn key<K: Key>(_: K) {}

fn main() {
    key(Generic(0.5f64));
}

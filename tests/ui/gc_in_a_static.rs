//! No pointer in a `static`.
use grisaille::{Gc, Rooted};
use std::sync::{Mutex, OnceLock};

static SHARED: Mutex<Option<Gc<'static, u64>>> = Mutex::new(None);
static ROOTED: OnceLock<Rooted<'static, Gc<'static, u64>>> = OnceLock::new();

fn main() {}

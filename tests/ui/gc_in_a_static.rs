//! No pointer in a `static`.
use grisaille::{Gc, Local};
use std::sync::{Mutex, OnceLock};

static SHARED: Mutex<Option<Gc<'static, u64>>> = Mutex::new(None);
static ROOTED: OnceLock<Local<'static, Gc<'static, u64>>> = OnceLock::new();

fn main() {}

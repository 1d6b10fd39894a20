//! An object that owns a root would keep itself alive. So would one that owns a stack, or a guardian.
use grisaille::{Gc, Guardian, Persistent, Stack, Trace};

#[derive(Trace)]
struct Owner {
    #[trace(skip)]
    root: std::sync::Mutex<Option<Persistent<Gc<'static, Owner>>>>,
}

#[derive(Trace)]
struct Coroutine(#[trace(skip)] Stack<Gc<'static, Coroutine>>);

#[derive(Trace)]
struct Port(#[trace(skip)] Vec<Guardian<Port>>);

fn main() {}

//! A parameter in a traced field must be `Trace`.
use grisaille::{Gc, Trace};

#[derive(Trace)]
struct Node<'gc, T>(Gc<'gc, T>);

struct Foreign;

fn is_trace<T: Trace>() {}

fn user() {
    is_trace::<Node<'static, Foreign>>();
}

fn main() {}

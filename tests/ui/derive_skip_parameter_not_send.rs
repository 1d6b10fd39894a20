//! A parameter that no traced field mentions must be `Send` and `'static`.
use grisaille::Trace;

#[derive(Trace)]
struct Native<F>(#[trace(skip)] F);

fn is_trace<T: Trace>() {}

fn user<'a>(_: &'a str) {
    is_trace::<Native<std::rc::Rc<u64>>>();
    is_trace::<Native<&'a str>>();
}

fn main() {}

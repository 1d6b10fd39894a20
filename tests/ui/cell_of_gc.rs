//! A field that is written without a barrier.
use grisaille::{Gc, Heap, Trace};
use std::cell::{Cell, OnceCell, RefCell};
use std::sync::{Mutex, OnceLock};

#[derive(Trace)]
struct Celled<'gc>(Cell<Option<Gc<'gc, u64>>>);

#[derive(Trace)]
struct RefCelled<'gc>(RefCell<Vec<Gc<'gc, u64>>>);

#[derive(Trace)]
struct Once<'gc>(OnceCell<Gc<'gc, u64>>);

#[derive(Trace)]
struct Locked<'gc>(Mutex<Option<Gc<'gc, u64>>>, OnceLock<Gc<'gc, u64>>);

#[derive(Trace)]
struct Skipped<'gc>(#[trace(skip)] Cell<Option<Gc<'gc, u64>>>);

fn main() {
    Heap::new().enter(|cx| {
        cx.alloc(Cell::new(Some(cx.alloc(1u64))));
    });
}

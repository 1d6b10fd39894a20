//! A `Drop` belongs in a skipped field; `drop = "background"` says that it may run on the sweeper's thread.
#![forbid(unsafe_code)]

use grisaille::{Gc, Trace};

struct Handle(u32);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0 = 0;
    }
}

#[derive(Trace)]
struct File<'gc> {
    directory: Option<Gc<'gc, File<'gc>>>,
    #[trace(skip)]
    handle: Handle,
}

#[derive(Trace)]
#[trace(drop = "background")]
struct Buffer<'gc, T> {
    next: Option<Gc<'gc, T>>,
    bytes: Vec<u8>,
    #[trace(skip)]
    handle: Handle,
}

fn main() {
    drop(File {
        directory: None,
        handle: Handle(1),
    });
    drop(Buffer::<f64> {
        next: None,
        bytes: vec![1],
        handle: Handle(1),
    });
}

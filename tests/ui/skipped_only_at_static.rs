//! A skipped field that is traced, or an object trait implemented, only at `'static`: re-stamping would make it lie.
use grisaille::{Gc, Heap, Trace};

trait Object<'gc> {
    fn take(&self, value: Gc<'gc, u64>);
}

struct Keeper;

impl Object<'static> for Keeper {
    fn take(&self, _: Gc<'static, u64>) {}
}

#[derive(Trace)]
struct Skipped<'gc>(#[trace(skip)] Box<dyn Object<'gc> + Send>);

#[derive(Trace)]
struct Function<'gc>(#[trace(skip)] fn(Gc<'gc, u64>));

#[derive(Trace)]
struct Boxed<'gc>(Box<dyn Object<'gc> + Send>);

fn main() {
    Heap::new().enter(|cx| {
        cx.alloc(Box::new(Keeper) as Box<dyn Object<'static> + Send>);
        cx.alloc((|_: Gc<'static, u64>| ()) as fn(Gc<'static, u64>));
    });
}

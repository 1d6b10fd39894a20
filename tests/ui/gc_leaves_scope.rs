//! Nor does a pointer leave a scope: its end is a safepoint as good as any.
use grisaille::{Gc, Heap};

fn main() {
    Heap::new().enter(|cx| {
        let returned = cx.scope(|cx, _| cx.alloc(1));
        let mut stored: Option<Gc<'_, i32>> = None;
        cx.scope(|cx, _| stored = Some(cx.alloc(1)));
    });
}

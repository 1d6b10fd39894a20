//! Nor may tokens be exchanged, stored or used after their scope.
use grisaille::{Heap, Out};

fn main() {
    Heap::new().enter(|cx| {
        let out = cx.scope(|_, out| out);
        let mut stored: Option<Out<'_, '_>> = None;
        cx.scope(|_, out| stored = Some(out));
        cx.scope(|cx, outer| {
            cx.scope(|cx, mut inner| {
                inner = outer;
                inner.keep(cx, cx.alloc(1));
            });
        });
        let _ = out;
    });
}

//! A parameter's trait that is implemented at `'static` only, and gives away a pointer that is.
use grisaille::{Gc, Heap, Trace};

trait Forever {
    fn text(&self) -> Gc<'static, String>;
}

#[derive(Clone, Copy, Trace)]
struct Text<'gc>(Gc<'gc, String>);

impl Forever for Text<'static> {
    fn text(&self) -> Gc<'static, String> {
        self.0
    }
}

#[derive(Clone, Copy, Trace)]
struct Holder<'gc, T: Forever> {
    inner: T,
    next: Option<Gc<'gc, u64>>,
}

fn forever<T: Forever>(holder: Holder<'_, T>) -> Gc<'static, String> {
    holder.inner.text()
}

fn main() {
    Heap::new().enter(|cx| {
        let text = Text(cx.alloc("a text that lies on the heap".to_string()));
        let kept = forever(Holder { inner: text, next: None });
        cx.collect();
        println!("{}", kept.as_ref());
        let root = cx.persist(Holder { inner: Text(cx.alloc(String::new())), next: None });
        drop(root);
    });
}

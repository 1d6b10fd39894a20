//! A trait that is implemented at `'static` only, and gives away a pointer that is.
use grisaille::{DynGc, Gc, Heap, Trace, dyn_trait};

trait Forever {
    fn text(&self) -> Gc<'static, String>;
}
dyn_trait!(Forever);

#[derive(Trace)]
struct Text<'gc>(Gc<'gc, String>);

impl Forever for Text<'static> {
    fn text(&self) -> Gc<'static, String> {
        self.0
    }
}

fn main() {
    Heap::new().enter(|cx| {
        let text: DynGc<'_, dyn Forever> = cx.alloc_dyn(Text(cx.alloc("a text that lies on the heap".to_string())));
        let kept = text.text();
        cx.collect();
        println!("{}", kept.as_ref());
    });
}

//! The trait at `'static` names a `DynGc`; its methods are those at the pointer's lifetime.
use grisaille::{DynGc, Gc, Heap, Trace, dyn_trait};

trait Get<'gc> {
    fn text(&self) -> Gc<'gc, String>;
}
dyn_trait!(for<'gc> Get<'gc>);

#[derive(Trace)]
struct Text<'gc>(Gc<'gc, String>);

impl<'gc> Get<'gc> for Text<'gc> {
    fn text(&self) -> Gc<'gc, String> {
        self.0
    }
}

fn main() {
    Heap::new().enter(|cx| {
        let text = cx.alloc_dyn::<dyn Get<'static>, _>(Text(cx.alloc("a text that lies on the heap".to_string())));
        let seen: &dyn Get<'static> = DynGc::as_ref(text);
        let kept: Gc<'static, String> = seen.text();
        cx.collect();
        println!("{}", kept.as_ref());
    });
}

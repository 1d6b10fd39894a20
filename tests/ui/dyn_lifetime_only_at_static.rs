//! A trait that names the heap's lifetime, implemented for `'static` where the object's is shorter.
use grisaille::{Gc, Heap, Trace, dyn_trait};

trait Get<'gc> {
    fn text(&self) -> Gc<'gc, String>;
}
dyn_trait!(for<'gc> Get<'gc>);

#[derive(Trace)]
struct Text<'gc>(Gc<'gc, String>);

impl<'gc> Get<'static> for Text<'gc>
where
    'gc: 'static,
{
    fn text(&self) -> Gc<'static, String> {
        self.0
    }
}

fn main() {
    Heap::new().enter(|cx| {
        let text = cx.alloc_dyn::<dyn Get<'static>, _>(Text(cx.alloc("a text that lies on the heap".to_string())));
        let kept = text.text();
        cx.collect();
        println!("{}", kept.as_ref());
    });
}

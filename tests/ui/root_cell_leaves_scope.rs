//! A cell must not outlive the scope whose root it is.

fn main() {
    grisaille::Heap::new().enter(|cx| {
        let mut out = None;
        cx.scope(|cx, _| out = Some(cx.root_cell(cx.alloc(1))));
        cx.collect();
        println!("{}", *out.unwrap().get(cx));
    });
}

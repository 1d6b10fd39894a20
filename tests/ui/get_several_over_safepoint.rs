//! Several values read at once must not be used after a safepoint.

fn main() {
    grisaille::Heap::new().enter(|cx| {
        let handles = [cx.root(cx.alloc(1)), cx.root(cx.alloc(2))];
        let values = cx.get(&handles[..]);
        cx.safepoint();
        println!("{}", values.map(|value| *value).sum::<i32>());
    });
}

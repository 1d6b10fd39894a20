//! What a cell returns must not be used after a safepoint: the cell may have been set meanwhile.

fn main() {
    grisaille::Heap::new().enter(|cx| {
        let cell = cx.root_cell(cx.alloc(1));
        let one = cell.get(cx);
        cell.set(cx, cx.alloc(2));
        cx.collect();
        println!("{}", *one);
    });
}

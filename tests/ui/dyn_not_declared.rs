//! A trait that was not declared.
use grisaille::{DynGc, Heap};

trait Shape {
    fn area(&self) -> f64;
}
impl Shape for f64 {
    fn area(&self) -> f64 {
        *self
    }
}

fn area(shape: DynGc<'_, dyn Shape>) -> f64 {
    DynGc::as_ref(shape).area()
}

fn main() {
    Heap::new().enter(|cx| {
        let shape: DynGc<'_, dyn Shape> = cx.alloc_dyn(1.5);
        println!("{}", area(shape));
    });
}

//! Prints what a call of a trait's method takes, of objects of three types in turn: `cargo run --release --bin dynamic`.
//!
//! Each row calls it for the same thousand objects, 2,000 times over; the figure is that of the fastest of 20 rounds.

#![forbid(unsafe_code)]

use std::hint::black_box;
use std::rc::Rc;
use std::time::Instant;

use gc_arena::arena::rootless_mutate;
use gc_arena::{Collect, unsize};
use grisaille::{DynGc, Heap, Trace, dyn_trait};

const OBJECTS: usize = 1000;
const TURNS: usize = 2000;
const ROUNDS: usize = 20;

trait Shape {
    fn area(&self) -> f64;
}
dyn_trait!(Shape);

macro_rules! shapes {
    ($($name:ident: $area:expr;)*) => {$(
        #[derive(Trace, Collect)]
        #[collect(require_static)]
        struct $name(f64);

        impl Shape for $name {
            fn area(&self) -> f64 {
                ($area)(self.0)
            }
        }
    )*};
}

shapes! {
    Circle: |side| 3.0 * side * side;
    Square: |side| side * side;
    Strip: |side| 2.0 * side;
}

/// Prints a row: the bytes of a pointer, and the time of a call.
fn row<T>(name: &str, objects: &[T], area: impl Fn(&T) -> f64) {
    let mut best = f64::INFINITY;
    let mut sum = 0.0;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        sum = 0.0;
        for _ in 0..TURNS {
            sum += black_box(objects).iter().map(&area).sum::<f64>();
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    let nanoseconds = best * 1e9 / (OBJECTS * TURNS) as f64;
    println!("| {name} | {} | {nanoseconds:.2} | {sum:e} |", size_of::<T>());
}

fn main() {
    println!("| pointer | bytes | ns a call | sum |\n|---|---:|---:|---:|");
    let side = |at: usize| at as f64;
    let boxes: Vec<Box<dyn Shape>> = (0..OBJECTS)
        .map(|at| -> Box<dyn Shape> {
            match at % 3 {
                0 => Box::new(Circle(side(at))),
                1 => Box::new(Square(side(at))),
                _ => Box::new(Strip(side(at))),
            }
        })
        .collect();
    row("`Box<dyn Shape>`", &boxes, |shape| shape.area());
    let rcs: Vec<Rc<dyn Shape>> = (0..OBJECTS)
        .map(|at| -> Rc<dyn Shape> {
            match at % 3 {
                0 => Rc::new(Circle(side(at))),
                1 => Rc::new(Square(side(at))),
                _ => Rc::new(Strip(side(at))),
            }
        })
        .collect();
    row("`Rc<dyn Shape>`", &rcs, |shape| shape.area());
    rootless_mutate(|mc| {
        let shapes: Vec<gc_arena::Gc<'_, dyn Shape>> = (0..OBJECTS)
            .map(|at| match at % 3 {
                0 => unsize!(gc_arena::Gc::new(mc, Circle(side(at))) => dyn Shape),
                1 => unsize!(gc_arena::Gc::new(mc, Square(side(at))) => dyn Shape),
                _ => unsize!(gc_arena::Gc::new(mc, Strip(side(at))) => dyn Shape),
            })
            .collect();
        row("gc-arena's `Gc<dyn Shape>`", &shapes, |shape| shape.area());
    });
    Heap::new().enter(|cx| {
        let shapes: Vec<DynGc<'_, dyn Shape>> = (0..OBJECTS)
            .map(|at| match at % 3 {
                0 => cx.alloc_dyn(Circle(side(at))),
                1 => cx.alloc_dyn(Square(side(at))),
                _ => cx.alloc_dyn(Strip(side(at))),
            })
            .collect();
        row("grisaille's `DynGc<dyn Shape>`", &shapes, |shape| shape.area());
    });
}

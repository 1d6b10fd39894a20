//! Whoever has `&Mutator` cannot collect.
use grisaille::{Budget, Mutator};

fn helper(cx: &Mutator<'_>) {
    cx.safepoint();
    cx.collect();
    cx.step(Budget::work(1));
    cx.scope(|_, _| ());
    cx.suspend(|| ());
}

fn main() {}

//! The fixtures of the scenes: a heap stepped by hand, an object with two fields, and a detector of its loss.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use grisaille::{Barrier, Budget, Color, Gc, Heap, Mutator, Phase, Rooted, Slot, Sweep, Trace};

/// An object. It holds pointers, so being reached (grey) and being traced (black) are two things.
#[derive(Trace)]
pub struct Node<'gc> {
    pub next: Slot<Option<Gc<'gc, Node<'gc>>>>,
    pub other: Slot<Option<Gc<'gc, Node<'gc>>>>,
}

pub type NodeAt<'gc> = Gc<'gc, Node<'gc>>;
pub type Held<'s> = Rooted<'s, NodeAt<'s>>;

/// A node that points to `next`.
pub fn node<'a, B: Barrier>(cx: &'a Mutator<'_, B>, next: Option<NodeAt<'a>>) -> NodeAt<'a> {
    cx.alloc(Node { next: Slot::new(next), other: Slot::new(None) })
}

/// Plays a scene in a heap that collects only when it is told to.
pub fn play<B: Barrier, R>(scene: impl for<'s> FnOnce(&mut Mutator<'s, B>) -> R) -> R {
    heap::<B>().enter(scene)
}

/// Sweeps on the mutator's thread: what a scene sees must not depend on another one.
pub fn heap<B: Barrier>() -> Heap<B> {
    Heap::builder().barrier::<B>().automatic(false).sweep(Sweep::Lazy).build().unwrap()
}

/// Does one elementary piece of the collector's work: starts marking, scans one root, traces one object ...
pub fn piece<B: Barrier>(cx: &mut Mutator<'_, B>) -> Phase {
    cx.step(Budget::work(1)).phase
}

/// Steps from `Idle` into marking, and past the pause that the policy has there.
pub fn start<B: Barrier>(cx: &mut Mutator<'_, B>) {
    assert_eq!(cx.phase(), Phase::Idle);
    assert_eq!(piece(cx), Phase::Mark);
}

/// Runs the cycle in progress to its end; a whole one where none is.
pub fn finish<B: Barrier>(cx: &mut Mutator<'_, B>) {
    while !cx.step(Budget::unlimited()).cycle_ended {}
}

/// Runs marking to its end, up to where the dead are forgotten: colours can still be asked for.
pub fn finish_marking<B: Barrier>(cx: &mut Mutator<'_, B>) {
    while matches!(piece(cx), Phase::Mark | Phase::MarkTermination) {}
    assert_eq!(cx.phase(), Phase::Weak);
}

/// Returns the colour of the object that a local holds.
pub fn color<B: Barrier>(cx: &Mutator<'_, B>, held: Held<'_>) -> Color {
    cx.color(held.get(cx))
}

/// Counts the deaths of the values that hold it: how a test sees that an object was freed without looking at it.
#[derive(Clone, Default)]
pub struct Deaths(Arc<AtomicUsize>);

impl Deaths {
    pub fn count(&self) -> usize {
        self.0.load(Relaxed)
    }

    /// Makes a value to be held by one object; its drop counts.
    pub fn mortal(&self) -> Mortal {
        Mortal(self.clone())
    }
}

pub struct Mortal(Deaths);

impl Drop for Mortal {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Relaxed);
    }
}

#[path = "../support/policies.rs"]
mod policies;
pub(crate) use policies::for_each_policy;

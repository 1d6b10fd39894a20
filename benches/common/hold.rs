//! A cycle that stays in progress: the barrier is on while a bench times the mutator, and the collector does nothing.
//!
//! On a heap that is not [automatic](grisaille::HeapBuilder::automatic) only `step` marks. A step of the smallest
//! budget does one piece of work, so a cycle can be brought to where its roots are scanned and next to nothing is
//! traced, and left there.

use grisaille::{Barrier, Budget, Color, Gc, Hybrid, Mutator, Phase, RootsFirst, Slot, Stack, Trace};

/// The pieces of work that are always left.
const BALLAST: usize = 1000;

#[derive(Trace)]
pub struct Ballast<'gc> {
    next: Slot<Option<Gc<'gc, Ballast<'gc>>>>,
}

/// A cycle in progress. The ballast is a root that must be kept until the cycle is to end.
pub struct Held {
    ballast: Stack<Gc<'static, Ballast<'static>>>,
}

fn ballast<'a, B: Barrier>(cx: &'a Mutator<'_, B>) -> Gc<'a, Ballast<'a>> {
    let mut list = cx.alloc(Ballast { next: Slot::new(None) });
    for _ in 0..BALLAST {
        list = cx.alloc(Ballast { next: Slot::new(Some(list)) });
    }
    list
}

/// Starts a cycle, and does nothing but start it: no root is scanned (unless the policy scans all in one pause), and
/// the root-scanning window is open, if the policy has one.
pub fn start<B: Barrier>(cx: &mut Mutator<'_, B>) -> Held {
    assert_eq!(cx.phase(), Phase::Idle, "a cycle is in progress already");
    let mut stack = Stack::new(cx);
    stack.open(cx).push(cx, ballast(cx));
    while cx.step(Budget::work(1)).phase != Phase::Mark {}
    Held { ballast: stack }
}

/// Starts a cycle and scans the roots, and traces next to nothing of the graph. The heap must have no other stack:
/// stacks are scanned after all other roots, and the window closes with the last.
pub fn start_and_scan_roots<B: Barrier>(cx: &mut Mutator<'_, B>) -> Held {
    let mut held = start(cx);
    while cx.color(held.ballast.open(cx).top(cx, 0)) == Color::White || window_is_open(cx) {
        go_on(cx);
    }
    held
}

/// The smallest step of marking.
pub fn go_on<B: Barrier>(cx: &mut Mutator<'_, B>) {
    assert_eq!(cx.step(Budget::work(1)).phase, Phase::Mark, "marking ended before the roots were scanned");
}

/// Returns whether the policy's root-scanning window is open: new objects are not black yet.
pub fn window_is_open<B: Barrier>(cx: &Mutator<'_, B>) -> bool {
    let newborn = || cx.color(cx.alloc(Ballast { next: Slot::new(None) }));
    has_window::<B>() && cx.phase() == Phase::Mark && newborn() != Color::Black
}

/// Returns whether the policy has a root-scanning window.
pub fn has_window<B: Barrier>() -> bool {
    [RootsFirst::NAME, Hybrid::NAME].contains(&B::NAME)
}

/// Ends the cycle.
pub fn finish<B: Barrier>(cx: &mut Mutator<'_, B>) {
    while !cx.step(Budget::unlimited()).cycle_ended {
        std::thread::yield_now();
    }
    assert_eq!(cx.phase(), Phase::Idle);
}

/// Ends the cycle and runs a whole one, so that objects born during the first are freed as well.
pub fn clean<B: Barrier>(cx: &mut Mutator<'_, B>) {
    cx.collect();
    assert_eq!(cx.phase(), Phase::Idle);
}

//! The four scenes that are drawn for Go's hybrid barrier (`hybrid`), in the colours of `RootsFirst`: a white object loses
//! its parent, on a stack or in the heap, to a stack or to the heap. Each in the root-scanning window and after it, where
//! that makes sense.

use grisaille::Color::{Black, Grey, White};
use grisaille::{Gc, Phase, RefLock, RootsFirst, Stack};

use crate::stage::{NodeAt, color, finish, finish_marking, node, piece, play, start};

type Nodes = Stack<NodeAt<'static>>;

#[test]
fn a_cycle_starts_without_a_look_at_the_roots() {
    play::<RootsFirst, _>(|cx| {
        let local = cx.root(node(cx, None));
        start(cx);
        assert_eq!(color(cx, local), White);
        piece(cx);
        assert_eq!(color(cx, local), Grey);
        piece(cx);
        assert_eq!(color(cx, local), Black);
    });
}

/// Scene 1, after the window: from the heap to a (scanned, so black) stack.
#[test]
fn a_white_object_loses_its_heap_parent_to_a_stack() {
    play::<RootsFirst, _>(|cx| {
        let mut stack = Nodes::new(cx);
        let mut view = stack.open(cx);
        view.push(cx, node(cx, None));
        let parent = cx.root(node(cx, Some(node(cx, None))));
        start(cx);
        piece(cx);
        piece(cx);
        assert_eq!((color(cx, parent), cx.color(view.top(cx, 0))), (Grey, Grey), "all roots are scanned");

        let child = parent.get(cx).next.get().unwrap();
        assert_eq!(cx.color(child), White);
        view.push(cx, child);
        assert_eq!(cx.color(child), White, "a scanned stack is black; its writes have no barrier any more");
        parent.get(cx).next.set(cx, None);
        assert_eq!(cx.color(child), Grey, "deleted from the heap: shaded");

        finish_marking(cx);
        assert_eq!(cx.color(view.top(cx, 0)), Black);
        finish(cx);
        assert_eq!(cx.stats().objects_freed(), 0);
    });
}

/// Scene 1 in the window: the push alone shades.
#[test]
fn a_white_object_moves_from_the_heap_to_a_stack_in_the_window() {
    play::<RootsFirst, _>(|cx| {
        let (mut unscanned, mut scanned) = (Nodes::new(cx), Nodes::new(cx));
        unscanned.open(cx).push(cx, node(cx, None));
        let parent = cx.root(node(cx, Some(node(cx, None))));
        start(cx);
        piece(cx); // the local
        piece(cx); // the empty stack
        assert_eq!(color(cx, parent), Grey);
        assert_eq!(cx.color(unscanned.open(cx).top(cx, 0)), White, "the window is open");

        let child = parent.get(cx).next.get().unwrap();
        scanned.open(cx).push(cx, child);
        assert_eq!(cx.color(child), Grey);
        parent.get(cx).next.set(cx, None);
        finish(cx);
        assert_eq!(cx.stats().objects_freed(), 0);
    });
}

/// Scene 2: from one stack to another. Only in the window: after it, what lies on a stack is not white.
#[test]
fn a_white_object_loses_its_stack_parent_to_another_stack() {
    play::<RootsFirst, _>(|cx| {
        let (mut unscanned, mut scanned) = (Nodes::new(cx), Nodes::new(cx));
        unscanned.open(cx).push(cx, node(cx, None));
        scanned.open(cx).push(cx, node(cx, None));
        start(cx);
        piece(cx);
        assert_eq!(cx.color(scanned.open(cx).top(cx, 0)), Grey);
        let object = unscanned.open(cx).top(cx, 0);
        assert_eq!(cx.color(object), White);

        let object = unscanned.open(cx).pop(cx).unwrap();
        assert_eq!(cx.color(object), White, "a pop shades nothing");
        scanned.open(cx).push(cx, object);
        assert_eq!(cx.color(object), Grey, "what is written to a root in the window is shaded");

        finish_marking(cx);
        assert_eq!(cx.color(scanned.open(cx).top(cx, 0)), Black);
        finish(cx);
        assert_eq!(cx.stats().objects_freed(), 0);
    });
}

/// Scene 3, after the window: from a grey heap object to a black one.
#[test]
fn a_white_object_loses_its_heap_parent_to_a_black_heap_object() {
    play::<RootsFirst, _>(|cx| {
        let black = cx.root(node(cx, None));
        let grey = cx.root(node(cx, Some(node(cx, None))));
        start(cx);
        piece(cx);
        piece(cx);
        piece(cx);
        assert_eq!((color(cx, black), color(cx, grey)), (Black, Grey));

        let child = grey.get(cx).next.get().unwrap();
        black.get(cx).next.set(cx, Some(child));
        assert_eq!(cx.color(child), White, "black points to white: the weak invariant allows it");
        grey.get(cx).next.set(cx, None);
        assert_eq!(cx.color(child), Grey);

        piece(cx);
        assert_eq!(cx.color(black.get(cx).next.get().unwrap()), Black);
        finish(cx);
        assert_eq!(cx.stats().objects_freed(), 0);
    });
}

/// Scene 4: from an unscanned stack to a heap object, in the window. The collector scans all roots before it traces,
/// so the heap object is grey there, and not black: no barrier is needed.
#[test]
fn a_white_object_loses_its_stack_parent_to_a_heap_object() {
    play::<RootsFirst, _>(|cx| {
        let mut unscanned = Nodes::new(cx);
        unscanned.open(cx).push(cx, node(cx, None));
        unscanned.open(cx).push(cx, node(cx, None));
        let parent = cx.root(node(cx, None));
        start(cx);
        piece(cx);
        assert_eq!(color(cx, parent), Grey);
        let object = unscanned.open(cx).top(cx, 0);
        assert_eq!(cx.color(object), White, "the window is open");

        parent.get(cx).next.set(cx, Some(object));
        assert_eq!(cx.color(object), White, "in the window the heap has no barrier");
        unscanned.open(cx).pop(cx);

        finish_marking(cx);
        assert_eq!(color(cx, parent), Black);
        assert_eq!(cx.color(parent.get(cx).next.get().unwrap()), Black);
        finish(cx);
        assert_eq!(cx.stats().objects_freed(), 0);
    });
}

/// Scene 4 after the window: the stack was scanned, so what it held is not white, and black may point to it.
#[test]
fn a_scanned_stack_gives_its_object_to_a_black_heap_object() {
    play::<RootsFirst, _>(|cx| {
        let mut stack = Nodes::new(cx);
        let black = cx.root(node(cx, None));
        stack.open(cx).push(cx, node(cx, None));
        start(cx);
        while color(cx, black) != Black {
            assert_eq!(piece(cx), Phase::Mark);
        }
        let object = stack.open(cx).pop(cx).unwrap();
        assert_eq!(cx.color(object), Black, "scanned, and traced first");
        black.get(cx).next.set(cx, Some(object));
        finish(cx);
        assert_eq!(cx.stats().objects_freed(), 0);
    });
}

#[test]
fn a_new_object_is_white_in_the_window_and_black_after_it() {
    play::<RootsFirst, _>(|cx| {
        let mut unscanned = Nodes::new(cx);
        unscanned.open(cx).push(cx, node(cx, None));
        let new = cx.root(node(cx, None));
        start(cx);
        piece(cx);
        let object = unscanned.open(cx).pop(cx).unwrap();
        assert_eq!(cx.color(object), White);
        new.get(cx).next.set(cx, Some(node(cx, Some(object))));
        let born = new.get(cx).next.get().unwrap();
        assert_eq!((cx.color(born), cx.color(object)), (White, White));
        assert_eq!(cx.color(cx.alloc(1u64)), White);
        assert_eq!(cx.color(cx.alloc([1u64; 9000])), White, "so is a large one");

        piece(cx); // the stack is empty now; the window closes
        assert_eq!(cx.color(node(cx, None)), Black);
        assert_eq!(cx.color(cx.alloc([1u64; 9000])), Black);
        let born = new.get(cx).next.get().unwrap();
        assert_eq!((cx.color(born), color(cx, new)), (White, Grey), "a grey object leads there");
        finish_marking(cx);
        assert_eq!(cx.color(new.get(cx).next.get().unwrap().next.get().unwrap()), Black);
        finish(cx);
        assert_eq!(cx.stats().objects_freed(), 2, "garbage of the window dies in this very cycle");
        finish(cx);
        assert_eq!(cx.stats().objects_freed(), 4, "what was born black floats");
    });
}

/// The hole of the fast path stays the same when the window closes: the part of it that is not used yet is marked.
#[test]
fn a_hole_is_used_before_and_in_and_after_the_window() {
    play::<RootsFirst, _>(|cx| {
        let mut unscanned = Nodes::new(cx);
        unscanned.open(cx).push(cx, node(cx, None));
        let before = cx.root(node(cx, None));
        start(cx);
        piece(cx);
        let garbage = Gc::downgrade(node(cx, None), cx);
        before.get(cx).next.set(cx, Some(node(cx, None)));
        before.get(cx).other.set(cx, garbage.upgrade(cx));
        before.get(cx).other.set(cx, None);
        piece(cx);
        let after = node(cx, None);
        assert_eq!([before.get(cx).next.get().unwrap(), after].map(|node| cx.color(node)), [White, Black]);
        before.get(cx).next.get().unwrap().next.set(cx, Some(after));
        finish(cx);
        cx.verify().unwrap();
        assert_eq!(cx.stats().objects_freed(), 2, "what was upgraded and let go of in the window, and its cell");
        assert!(before.get(cx).next.get().unwrap().next.get().unwrap().next.get().is_none());
        finish(cx);
        cx.verify().unwrap();
        assert_eq!(cx.stats().objects_freed(), 2);
    });
}

#[test]
fn writes_to_the_heap_shade_nothing_in_the_window() {
    play::<RootsFirst, _>(|cx| {
        let mut unscanned = Nodes::new(cx);
        unscanned.open(cx).push(cx, node(cx, None));
        let parent = cx.root(node(cx, Some(node(cx, None))));
        let lock = cx.root(cx.alloc(RefLock::new(vec![node(cx, None)])));
        let weak = cx.root(Gc::downgrade(node(cx, None), cx));
        start(cx);
        while color(cx, parent) != Grey {
            piece(cx);
        }
        assert_eq!(cx.color(unscanned.open(cx).top(cx, 0)), White, "the window is open");

        let [old, new] = [parent.get(cx).next.get().unwrap(), weak.get(cx).upgrade(cx).unwrap()];
        parent.get(cx).next.set(cx, Some(new));
        let hidden = RefLock::borrow_mut(lock.get(cx), cx).pop().unwrap();
        assert_eq!([old, new, hidden].map(|node| cx.color(node)), [White; 3]);
        assert_eq!(cx.color(lock.get(cx)), Grey, "scanned later, as it is then");
        _ = cx.root(hidden);
        assert_eq!(cx.color(hidden), Grey, "what is rooted is shaded");

        finish(cx);
        assert_eq!(cx.stats().objects_freed(), 1, "the old one");
        assert!(weak.get(cx).upgrade(cx).is_some());
    });
}

/// The window is a flag that closes in a step. Derived from "some root is unscanned" it would close here too early.
#[test]
fn the_window_stays_open_when_the_last_unscanned_stack_is_destroyed() {
    play::<RootsFirst, _>(|cx| {
        let mut unscanned = Nodes::new(cx);
        unscanned.open(cx).push(cx, node(cx, None));
        let scanned = cx.root(node(cx, None));
        start(cx);
        piece(cx);
        assert_eq!(color(cx, scanned), Grey);

        let object = unscanned.open(cx).pop(cx).unwrap();
        drop(unscanned);
        assert_eq!(cx.color(object), White);
        let held = cx.root(object);
        assert_eq!(color(cx, held), Grey);
        finish(cx);
        assert_eq!(cx.stats().objects_freed(), 0);
    });
}

#[test]
fn a_floating_object_dies_exactly_one_cycle_later() {
    play::<RootsFirst, _>(|cx| {
        let parent = cx.root(node(cx, Some(node(cx, None))));
        start(cx);
        piece(cx); // the window closes
        parent.get(cx).next.set(cx, None);
        finish(cx);
        assert_eq!(cx.stats().objects_freed(), 0);
        finish(cx);
        assert_eq!(cx.stats().objects_freed(), 1);
    });
}

//! Dijkstra's scene: a black object receives a pointer to a white one. And roots, which the barrier does not see.

use grisaille::Color::{Black, Grey, White};
use grisaille::{Insertion, Phase, Stack};

use crate::stage::{NodeAt, color, finish, finish_marking, node, piece, play, start};

#[test]
fn a_black_object_receives_a_pointer_to_a_white_one() {
    play::<Insertion, _>(|cx| {
        let black = cx.root(node(cx, None));
        let grey = cx.root(node(cx, Some(node(cx, None))));
        start(cx);
        assert_eq!((color(cx, black), color(cx, grey)), (White, White));
        piece(cx);
        assert_eq!((color(cx, black), color(cx, grey)), (White, Grey), "roots are scanned from the top");
        piece(cx);
        assert_eq!((color(cx, black), color(cx, grey)), (Grey, Grey));
        piece(cx);
        assert_eq!((color(cx, black), color(cx, grey)), (Black, Grey), "the last one in is traced first");

        let parent = grey.get(cx);
        let child = parent.next.get().unwrap();
        assert_eq!(cx.color(child), White);
        black.get(cx).next.set(cx, Some(child));
        assert_eq!(cx.color(child), Grey, "what is stored is shaded");
        parent.next.set(cx, None);

        piece(cx);
        assert_eq!((color(cx, black), color(cx, grey)), (Black, Grey));
        assert_eq!(cx.color(black.get(cx).next.get().unwrap()), Black);
        finish(cx);
        assert!(black.get(cx).next.get().unwrap().next.get().is_none(), "alive and whole");
        assert_eq!(cx.stats().objects_freed(), 0);
    });
}

#[test]
fn what_is_overwritten_stays_white() {
    play::<Insertion, _>(|cx| {
        let parent = cx.root(node(cx, Some(node(cx, None))));
        start(cx);
        let child = parent.get(cx).next.get().unwrap();
        parent.get(cx).next.set(cx, None);
        assert_eq!(cx.color(child), White);
        finish(cx);
        assert_eq!(cx.stats().objects_freed(), 1, "and dies in this very cycle: insertion floats the least");
    });
}

#[test]
fn a_white_object_held_by_a_root_written_after_its_scan_is_found_by_the_rescan() {
    play::<Insertion, _>(|cx| {
        let old = cx.root(node(cx, None));
        start(cx);
        piece(cx);
        piece(cx);
        assert_eq!(color(cx, old), Black, "all roots are scanned, and the grey set is empty");

        let new = cx.root(node(cx, Some(node(cx, None))));
        assert_eq!(color(cx, new), White, "born white, and a root has no barrier");
        assert_eq!(cx.phase(), Phase::Mark);

        // The next piece finds nothing grey: the end. The root that was written is rescanned to a fixed point.
        finish_marking(cx);
        assert_eq!(color(cx, new), Black);
        assert_eq!(cx.color(new.get(cx).next.get().unwrap()), Black);
        finish(cx);
        assert_eq!(cx.stats().objects_freed(), 0);
        assert!(new.get(cx).next.get().unwrap().next.get().is_none());
    });
}

#[test]
fn a_white_object_on_a_stack_written_after_its_scan_is_found_by_the_rescan() {
    play::<Insertion, _>(|cx| {
        let mut stack: Stack<NodeAt<'static>> = Stack::new(cx);
        let mut view = stack.open(cx);
        view.push(cx, node(cx, None));
        let parent = cx.root(node(cx, Some(node(cx, None))));
        start(cx);
        piece(cx);
        piece(cx);
        assert_eq!((cx.color(view.top(cx, 0)), color(cx, parent)), (Grey, Grey), "all roots are scanned");

        // The child loses its heap parent to the scanned stack. Nothing is shaded.
        let child = parent.get(cx).next.get().unwrap();
        view.push(cx, child);
        parent.get(cx).next.set(cx, None);
        assert_eq!(cx.color(child), White);

        finish_marking(cx);
        assert_eq!(cx.color(view.top(cx, 0)), Black);
        finish(cx);
        assert_eq!(cx.stats().objects_freed(), 0);
    });
}

#[test]
fn a_new_object_is_white_and_dies_in_the_cycle_it_was_born_in() {
    play::<Insertion, _>(|cx| {
        let _root = cx.root(node(cx, None));
        start(cx);
        let garbage = node(cx, None);
        assert_eq!(cx.color(garbage), White);
        finish(cx);
        assert_eq!(cx.stats().objects_freed(), 1);
    });
}

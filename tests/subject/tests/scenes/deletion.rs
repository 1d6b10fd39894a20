//! Yuasa's scene: the target of a deleted pointer is shaded, and if unreachable floats until the next cycle.

use grisaille::Color::{Black, Grey, White};
use grisaille::{Deletion, Gc, Phase, Stack, Weak};

use crate::stage::{Node, NodeAt, color, finish, finish_marking, node, piece, play, start};

#[test]
fn all_roots_are_scanned_in_one_pause_at_the_start() {
    play::<Deletion, _>(|cx| {
        let mut stack: Stack<NodeAt<'static>> = Stack::new(cx);
        let mut view = stack.open(cx);
        view.push(cx, node(cx, None));
        view.push(cx, node(cx, None));
        let (local, root) = (cx.root(node(cx, None)), cx.persist(node(cx, Some(node(cx, None)))));
        start(cx);
        for object in [view.top(cx, 0), view.top(cx, 1), local.get(cx), root.get(cx)] {
            assert_eq!(cx.color(object), Grey);
        }
        assert_eq!(cx.color(root.get(cx).next.get().unwrap()), White, "no root itself");
    });
}

#[test]
fn the_target_of_a_deleted_pointer_is_shaded() {
    play::<Deletion, _>(|cx| {
        let black = cx.root(node(cx, None));
        let grey = cx.root(node(cx, Some(node(cx, None))));
        start(cx);
        // The roots were scanned from the top down; the last one shaded is traced first.
        piece(cx);
        assert_eq!((color(cx, black), color(cx, grey)), (Black, Grey));

        let child = grey.get(cx).next.get().unwrap();
        black.get(cx).next.set(cx, Some(child));
        assert_eq!(cx.color(child), White, "black points to white: allowed while grey protects it");
        grey.get(cx).next.set(cx, None);
        assert_eq!(cx.color(child), Grey, "the last such path is about to go, so the snapshot keeps it");

        finish_marking(cx);
        assert_eq!(cx.color(black.get(cx).next.get().unwrap()), Black);
        finish(cx);
        assert_eq!(cx.stats().objects_freed(), 0);
    });
}

#[test]
fn a_floating_object_dies_exactly_one_cycle_later() {
    play::<Deletion, _>(|cx| {
        let parent = cx.root(node(cx, Some(node(cx, None))));
        let weak = cx.root(Gc::downgrade(parent.get(cx).next.get().unwrap(), cx));
        start(cx);
        let child = parent.get(cx).next.get().unwrap();
        parent.get(cx).next.set(cx, None);
        assert_eq!(cx.color(child), Grey, "unreachable, and shaded all the same");

        finish(cx);
        assert_eq!((cx.phase(), cx.stats().objects_freed()), (Phase::Idle, 0));
        let alive = |weak: Weak<'_, Node<'_>>| weak.upgrade(cx).is_some();
        assert!(alive(weak.get(cx)), "it floats");

        finish(cx);
        assert_eq!(cx.stats().objects_freed(), 1);
        assert!(weak.get(cx).upgrade(cx).is_none(), "and dies one cycle later");
    });
}

#[test]
fn a_new_object_is_black_and_dies_one_cycle_later() {
    play::<Deletion, _>(|cx| {
        let _root = cx.root(node(cx, None));
        start(cx);
        let new = node(cx, None);
        assert_eq!(cx.color(new), Black);
        finish(cx);
        assert_eq!(cx.stats().objects_freed(), 0);
        finish(cx);
        assert_eq!(cx.stats().objects_freed(), 1);
    });
}

#[test]
fn roots_written_while_marking_shade_nothing() {
    play::<Deletion, _>(|cx| {
        let parent = cx.root(node(cx, Some(node(cx, None))));
        let mut stack: Stack<NodeAt<'static>> = Stack::new(cx);
        start(cx);
        let child = parent.get(cx).next.get().unwrap();
        _ = cx.root(child);
        let _root = cx.persist(child);
        let mut view = stack.open(cx);
        view.push(cx, child);
        view.pop(cx);
        assert_eq!(cx.color(child), White, "its snapshot path protects it");
        finish(cx);
        assert_eq!(cx.stats().objects_freed(), 0);
    });
}

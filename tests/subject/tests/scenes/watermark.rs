//! The scenes under `Watermark`: the snapshot of the roots is taken lazily, so an unscanned root's value is shaded
//! before it is overwritten, popped or removed with its scope. Written values are never shaded.

use grisaille::Color::{Black, Grey, White};
use grisaille::{Gc, Stack, Watermark};

use crate::stage::{NodeAt, color, finish, finish_marking, node, piece, play, start};

type Nodes = Stack<NodeAt<'static>>;

#[test]
fn a_white_object_loses_its_heap_parent_to_a_stack() {
    play::<Watermark, _>(|cx| {
        let mut stack = Nodes::new(cx);
        let parent = cx.root(node(cx, Some(node(cx, None))));
        start(cx);
        let child = parent.get(cx).next.get().unwrap();
        stack.open(cx).push(cx, child);
        assert_eq!(cx.color(child), White, "a push shades nothing");
        parent.get(cx).next.set(cx, None);
        assert_eq!(cx.color(child), Grey);
        finish_marking(cx);
        assert_eq!(cx.color(stack.open(cx).top(cx, 0)), Black);
    });
}

#[test]
fn a_white_object_loses_its_stack_parent_to_another_stack() {
    play::<Watermark, _>(|cx| {
        let (mut unscanned, mut scanned) = (Nodes::new(cx), Nodes::new(cx));
        unscanned.open(cx).push(cx, node(cx, None));
        scanned.open(cx).push(cx, node(cx, None));
        start(cx);
        piece(cx);
        assert_eq!(cx.color(scanned.open(cx).top(cx, 0)), Grey);

        let object = unscanned.open(cx).top(cx, 0);
        scanned.open(cx).push(cx, object);
        assert_eq!(cx.color(object), White, "two stacks hold it, one of them will be scanned");
        unscanned.open(cx).pop(cx);
        assert_eq!(cx.color(object), Grey, "popped below the watermark");

        finish_marking(cx);
        assert_eq!(cx.color(scanned.open(cx).top(cx, 0)), Black);
    });
}

#[test]
fn a_white_object_loses_its_stack_parent_to_a_black_heap_object() {
    play::<Watermark, _>(|cx| {
        let mut unscanned = Nodes::new(cx);
        unscanned.open(cx).push(cx, node(cx, None));
        start(cx);
        let new = cx.root(node(cx, None));
        assert_eq!(color(cx, new), Black, "born black");
        let object = unscanned.open(cx).top(cx, 0);
        new.get(cx).next.set(cx, Some(object));
        assert_eq!(cx.color(object), White, "black points to white: the stack protects it");
        unscanned.open(cx).set(cx, 0, new.get(cx));
        assert_eq!(cx.color(object), Grey, "overwritten below the watermark");
        finish_marking(cx);
        assert_eq!(cx.color(new.get(cx).next.get().unwrap()), Black);
    });
}

#[test]
fn initial_pointers_of_black_objects_are_protected_by_their_roots() {
    play::<Watermark, _>(|cx| {
        let mut unscanned = Nodes::new(cx);
        unscanned.open(cx).push(cx, node(cx, None));
        start(cx);
        let object = unscanned.open(cx).top(cx, 0);
        let new = cx.root(node(cx, Some(object)));
        assert_eq!((color(cx, new), cx.color(object)), (Black, White));
        unscanned.open(cx).truncate(cx, 0);
        assert_eq!(cx.color(new.get(cx).next.get().unwrap()), Grey);
        finish(cx);
        assert_eq!(cx.stats().objects_freed(), 0);
    });
}

#[test]
fn taking_cells_counts_as_a_write_to_what_is_unscanned_in_them() {
    play::<Watermark, _>(|cx| {
        let mut stack = Nodes::new(cx);
        let mut view = stack.open(cx);
        for _ in 0..3 {
            view.push(cx, node(cx, None));
        }
        start(cx);
        piece(cx);
        assert_eq!([0, 1, 2].map(|at| cx.color(view.at(cx, at))), [White, White, Grey]);
        view.cells(cx, 1..3);
        assert_eq!([0, 1, 2].map(|at| cx.color(view.at(cx, at))), [White, Grey, Grey]);
    });
}

#[test]
fn locals_are_shaded_when_their_scope_ends_unscanned() {
    play::<Watermark, _>(|cx| {
        let outer = cx.root(node(cx, None));
        let weak = cx.scope(|cx, out| {
            let object = node(cx, None);
            _ = cx.root(object);
            let weak = out.keep(cx, Gc::downgrade(object, cx));
            start(cx);
            weak
        });
        // An upgrade shades as well: only the cycle's end tells who did it. See `lost` for the rule taken out.
        finish(cx);
        assert!(weak.get(cx).upgrade(cx).is_some(), "part of the snapshot");
        finish(cx);
        assert!(weak.get(cx).upgrade(cx).is_none());
        assert_eq!(color(cx, outer), White, "outside of marking every object is white");
    });
}

#[test]
fn a_root_is_shaded_before_it_is_overwritten_unscanned() {
    play::<Watermark, _>(|cx| {
        let root = cx.persist(node(cx, None));
        start(cx);
        let (old, new) = (root.get(cx), node(cx, None));
        root.set(cx, new);
        assert_eq!((cx.color(old), cx.color(new)), (Grey, Black));
        piece(cx);
        let old = root.get(cx);
        let weak = node(cx, None);
        old.next.set(cx, Some(weak));
        root.set(cx, weak);
        assert_eq!(cx.color(old), Black, "scanned");
    });
}

//! The four scenes that are drawn for Go's hybrid barrier, in its own colours: a white object loses its parent, on a
//! stack or in the heap, to a stack or to the heap. Each in the root-scanning window, in which objects are traced
//! already, and after it.

use grisaille::Color::{Black, Grey, White};
use grisaille::{Array, Gc, Hybrid, Mutator, RefLock, Stack};

use crate::stage::{NodeAt, color, finish, finish_marking, node, piece, play, start};

type Nodes = Stack<NodeAt<'static>>;

/// Asks the colour of a new object.
fn window_is_open(cx: &Mutator<'_, Hybrid>) -> bool {
    cx.color(node(cx, None)) == Grey
}

/// Starts a cycle, and scans and traces the only local: a black object, while the stack is unscanned.
fn start_and_trace_the_local(cx: &mut Mutator<'_, Hybrid>) {
    start(cx);
    piece(cx);
    piece(cx);
    assert!(window_is_open(cx));
}

#[test]
fn objects_are_traced_while_roots_are_unscanned() {
    play::<Hybrid, _>(|cx| {
        let mut unscanned = Nodes::new(cx);
        unscanned.open(cx).push(cx, node(cx, None));
        let local = cx.root(node(cx, Some(node(cx, None))));
        start(cx);
        assert_eq!(color(cx, local), White, "a cycle starts without a look at the roots");
        piece(cx);
        assert_eq!(color(cx, local), Grey);
        piece(cx);
        assert_eq!(color(cx, local), Black);
        assert_eq!(cx.color(unscanned.open(cx).top(cx, 0)), White);
        finish(cx);
        assert_eq!(cx.stats().objects_freed(), 0);
    });
}

/// Scene 1: from the heap to a black stack. What is deleted from the heap is shaded.
#[test]
fn a_white_object_loses_its_heap_parent_to_a_stack() {
    play::<Hybrid, _>(|cx| {
        let mut stack = Nodes::new(cx);
        let mut view = stack.open(cx);
        view.push(cx, node(cx, None));
        let parent = cx.root(node(cx, Some(node(cx, Some(node(cx, None))))));
        start(cx);
        while window_is_open(cx) {
            piece(cx);
        }
        let middle = parent.get(cx).next.get().unwrap();
        let child = middle.next.get().unwrap();
        assert_eq!(cx.color(child), White);
        view.push(cx, child);
        assert_eq!(cx.color(child), White, "a scanned stack is black; its writes have no barrier any more");
        middle.next.set(cx, None);
        assert_eq!(cx.color(child), Grey, "deleted from the heap: shaded");

        finish_marking(cx);
        assert_eq!(cx.color(view.top(cx, 0)), Black);
        finish(cx);
    });
}

/// Scene 1 in the window. In Go the stack has no barrier, and the deletion shades; here a value that is written to a root
/// is shaded as long as another root is unscanned, so the deletion comes too late to matter.
#[test]
fn a_white_object_moves_from_the_heap_to_a_stack_in_the_window() {
    play::<Hybrid, _>(|cx| {
        let mut unscanned = Nodes::new(cx);
        unscanned.open(cx).push(cx, node(cx, Some(node(cx, None))));
        let scanned = cx.root_cell(node(cx, None));
        start_and_trace_the_local(cx);
        let parent = unscanned.open(cx).top(cx, 0);
        let child = parent.next.get().unwrap();
        assert_eq!(cx.color(child), White);
        scanned.set(cx, child);
        assert_eq!(cx.color(child), Grey);
        parent.next.set(cx, None);
        finish_marking(cx);
        assert_eq!(cx.color(scanned.get(cx)), Black);
        finish(cx);
    });
}

/// In the window, too, what is deleted from the heap is shaded.
#[test]
fn what_is_deleted_is_shaded_from_the_start_of_a_cycle() {
    play::<Hybrid, _>(|cx| {
        let parent = cx.root(node(cx, Some(node(cx, None))));
        start(cx);
        let child = parent.get(cx).next.get().unwrap();
        assert_eq!((color(cx, parent), cx.color(child)), (White, White));
        parent.get(cx).next.set(cx, None);
        assert_eq!(cx.color(child), Grey);
        finish(cx);
        assert_eq!(cx.stats().objects_freed(), 0, "it floats");
        finish(cx);
        assert_eq!(cx.stats().objects_freed(), 1);
    });
}

/// Scene 2: from one stack to another. In Go no stack reads another's; here the new value of a root is shaded.
#[test]
fn a_white_object_loses_its_stack_parent_to_another_stack() {
    play::<Hybrid, _>(|cx| {
        let (mut unscanned, mut scanned) = (Nodes::new(cx), Nodes::new(cx));
        unscanned.open(cx).push(cx, node(cx, None));
        scanned.open(cx).push(cx, node(cx, None));
        start(cx);
        piece(cx);
        assert_eq!(cx.color(scanned.open(cx).top(cx, 0)), Grey);
        let object = unscanned.open(cx).pop(cx).unwrap();
        assert_eq!(cx.color(object), White, "a pop shades nothing");
        scanned.open(cx).push(cx, object);
        assert_eq!(cx.color(object), Grey);

        finish_marking(cx);
        assert_eq!(cx.color(scanned.open(cx).top(cx, 0)), Black);
        finish(cx);
        assert_eq!(cx.stats().objects_freed(), 0);
    });
}

/// Scene 3: from a white heap object to a black one. What is added to the heap is shaded while any stack is grey, and
/// what is deleted is shaded.
#[test]
fn a_white_object_loses_its_heap_parent_to_a_black_heap_object() {
    play::<Hybrid, _>(|cx| {
        let mut unscanned = Nodes::new(cx);
        unscanned.open(cx).push(cx, node(cx, Some(node(cx, None))));
        let black = cx.root(node(cx, None));
        start_and_trace_the_local(cx);
        let parent = unscanned.open(cx).top(cx, 0);
        let child = parent.next.get().unwrap();
        assert_eq!((color(cx, black), cx.color(parent), cx.color(child)), (Black, White, White));
        black.get(cx).next.set(cx, Some(child));
        assert_eq!(cx.color(child), Grey, "no black object points to a white one while a stack is grey");
        parent.next.set(cx, None);

        finish_marking(cx);
        assert_eq!(cx.color(black.get(cx).next.get().unwrap()), Black);
        finish(cx);
    });
}

/// Scene 3 after the window: the new half is off, and the old one suffices.
#[test]
fn after_the_window_a_black_object_may_point_to_a_white_one() {
    play::<Hybrid, _>(|cx| {
        let roots = [(), ()].map(|()| cx.root(node(cx, Some(node(cx, None)))));
        start(cx);
        while window_is_open(cx) {
            piece(cx);
        }
        let [black, grey] = match roots.map(|root| color(cx, root)) {
            [Black, Grey] => roots,
            [Grey, Black] => [roots[1], roots[0]],
            colors => panic!("{colors:?}"),
        };
        let child = grey.get(cx).next.get().unwrap();
        assert_eq!(cx.color(child), White);
        black.get(cx).other.set(cx, Some(child));
        assert_eq!(cx.color(child), White);
        grey.get(cx).next.set(cx, None);
        assert_eq!(cx.color(child), Grey);
        finish_marking(cx);
        assert_eq!(cx.color(black.get(cx).other.get().unwrap()), Black);
        finish(cx);
    });
}

/// Scene 4: from an unscanned stack to a black heap object: the new half.
#[test]
fn a_white_object_loses_its_stack_parent_to_a_heap_object() {
    play::<Hybrid, _>(|cx| {
        let mut unscanned = Nodes::new(cx);
        unscanned.open(cx).push(cx, node(cx, None));
        unscanned.open(cx).push(cx, node(cx, None));
        let parent = cx.root(node(cx, None));
        start_and_trace_the_local(cx);
        let object = unscanned.open(cx).top(cx, 0);
        assert_eq!((color(cx, parent), cx.color(object)), (Black, White));
        parent.get(cx).next.set(cx, Some(object));
        assert_eq!(cx.color(object), Grey, "added while a stack is grey: shaded");
        unscanned.open(cx).pop(cx);

        finish_marking(cx);
        assert_eq!(cx.color(parent.get(cx).next.get().unwrap()), Black);
        finish(cx);
    });
}

/// New objects are marked from the start of a cycle. Until all roots are scanned their initial pointers are followed by
/// the collector; afterwards they lead to nothing that it does not know.
#[test]
fn a_new_object_is_grey_in_the_window_and_black_after_it() {
    play::<Hybrid, _>(|cx| {
        let mut unscanned = Nodes::new(cx);
        unscanned.open(cx).push(cx, node(cx, None));
        let black = cx.root(node(cx, None));
        start(cx);
        piece(cx);
        piece(cx);
        let object = unscanned.open(cx).pop(cx).unwrap();
        assert_eq!((color(cx, black), cx.color(object)), (Black, White));
        let born = node(cx, Some(object));
        black.get(cx).next.set(cx, Some(born));
        assert_eq!((cx.color(born), cx.color(object)), (Grey, White));
        for len in [2, 9000] {
            assert_eq!(cx.color(Array::as_gc(cx.alloc_array(len, |_| born))), Grey, "so is an array of {len}");
        }
        assert_eq!(cx.color(cx.alloc(1u64)), Black, "without pointers there is nothing to follow");

        cx.verify().unwrap();
        while cx.color(node(cx, None)) == Grey {
            piece(cx);
        }
        assert_eq!(cx.color(node(cx, None)), Black);
        finish_marking(cx);
        let born = black.get(cx).next.get().unwrap();
        assert_eq!([born, born.next.get().unwrap()].map(|node| cx.color(node)), [Black; 2]);
        finish(cx);
        cx.verify().unwrap();
    });
}

/// An object that is mutated as a whole is traced again after it in the window, and before it from then on.
#[test]
fn a_black_object_that_is_mutated_is_grey_again_in_the_window() {
    play::<Hybrid, _>(|cx| {
        let mut unscanned = Nodes::new(cx);
        unscanned.open(cx).push(cx, node(cx, None));
        let lock = cx.root(cx.alloc(RefLock::new(Vec::<NodeAt<'_>>::new())));
        start_and_trace_the_local(cx);
        assert_eq!(cx.color(lock.get(cx)), Black);
        let object = unscanned.open(cx).pop(cx).unwrap();
        RefLock::borrow_mut(lock.get(cx), cx).push(object);
        assert_eq!((cx.color(lock.get(cx)), cx.color(object)), (Grey, White));
        finish_marking(cx);
        assert_eq!(cx.color(lock.get(cx).borrow()[0]), Black);
        finish(cx);
    });
}

/// The window is a flag that closes in a step. Derived from "some root is unscanned" it would close here too early.
#[test]
fn the_window_stays_open_when_the_last_unscanned_stack_is_destroyed() {
    play::<Hybrid, _>(|cx| {
        let mut unscanned = Nodes::new(cx);
        unscanned.open(cx).push(cx, node(cx, None));
        let black = cx.root(node(cx, None));
        start_and_trace_the_local(cx);
        let object = unscanned.open(cx).pop(cx).unwrap();
        drop(unscanned);
        assert_eq!((color(cx, black), cx.color(object)), (Black, White));
        black.get(cx).next.set(cx, Some(object));
        assert_eq!(cx.color(object), Grey);
        finish(cx);
    });
}

/// Weak pointers shade what they give out in the window too.
#[test]
fn an_upgrade_shades_in_the_window() {
    play::<Hybrid, _>(|cx| {
        let weak = cx.root(Gc::downgrade(node(cx, None), cx));
        start(cx);
        let object = weak.get(cx).upgrade(cx).unwrap();
        assert_eq!(cx.color(object), Grey);
        finish(cx);
        assert_eq!(cx.stats().objects_freed(), 0);
    });
}

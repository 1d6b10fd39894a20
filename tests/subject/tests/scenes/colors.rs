//! The colours between two steps, for every policy.

use grisaille::{Barrier, Color, Phase, Slot, Stack, Str};

use crate::stage::{NodeAt, finish, for_each_policy, node, piece, play};

/// Outside of marking every object is white; the phases come in their order; each object that was there at the start
/// goes white, grey, black and never back.
fn colours_only_darken<B: Barrier>() {
    play::<B, _>(|cx| {
        let mut stack: Stack<NodeAt<'static>> = Stack::new(cx);
        let mut view = stack.open(cx);
        for _ in 0..20 {
            let tail = view.get(cx, view.len().wrapping_sub(1));
            let new = node(cx, tail);
            view.push(cx, new);
        }
        let shade = |color| match color {
            Color::White => 0,
            Color::Grey => 1,
            Color::Black => 2,
            other => panic!("a colour that is not known: {other:?}"),
        };
        let (mut before, mut phase) = ([0; 20], Phase::Idle);
        loop {
            let now = piece(cx);
            assert!(now >= phase || now == Phase::Idle, "{phase} -> {now}");
            phase = now;
            let colors: [i32; 20] = std::array::from_fn(|at| shade(cx.color(view.at(cx, at))));
            match phase {
                Phase::Mark => assert!(colors.iter().zip(&before).all(|(now, before)| now >= before)),
                Phase::MarkTermination | Phase::Weak => assert_eq!(colors, [2; 20]),
                _ => assert_eq!(colors, [0; 20]),
            }
            before = colors;
            if phase == Phase::Idle {
                break;
            }
        }
        assert_eq!(cx.stats().objects_freed(), 0);
    });
}

/// One elementary piece traces one object: its children are grey exactly after it, and not black.
fn a_piece_traces_one_object<B: Barrier>() {
    play::<B, _>(|cx| {
        let leaf = || Some(node(cx, None));
        let parent = node(cx, leaf());
        parent.other.set(cx, leaf());
        let parent = cx.root(parent);
        if piece(cx) != Phase::Mark {
            return; // the world is stopped: nothing to see
        }
        while cx.color(parent.get(cx)) != Color::Black {
            let p = parent.get(cx);
            assert_eq!([&p.next, &p.other].map(|slot| cx.color(slot.get().unwrap())), [Color::White; 2]);
            assert_eq!(piece(cx), Phase::Mark);
        }
        let p = parent.get(cx);
        assert_eq!([&p.next, &p.other].map(|slot| cx.color(slot.get().unwrap())), [Color::Grey; 2]);
        piece(cx);
        let p = parent.get(cx);
        let mut colors = [&p.next, &p.other].map(|slot| cx.color(slot.get().unwrap()));
        colors.sort_by_key(|color| *color == Color::Black);
        assert_eq!(colors, [Color::Grey, Color::Black]);
    });
}

/// An object without pointers has nothing to be traced: from white to black at once.
fn leaves_are_never_grey<B: Barrier>() {
    play::<B, _>(|cx| {
        let leaf = cx.root(cx.alloc(7u64));
        let text = cx.root(cx.alloc_str("text"));
        let slot = cx.root(cx.alloc(Slot::new(1u64)));
        loop {
            let phase = piece(cx);
            for color in [cx.color(leaf.get(cx)), cx.color(Str::as_gc(text.get(cx))), cx.color(slot.get(cx))] {
                assert_ne!(color, Color::Grey);
            }
            if phase == Phase::Idle {
                break;
            }
        }
        assert_eq!((*leaf.get(cx), text.get(cx).as_str(), slot.get(cx).get()), (7, "text", 1));
    });
}

/// Whatever was unreachable when a cycle began is gone when it ends, under every policy.
fn garbage_of_before_dies_in_the_cycle<B: Barrier>() {
    play::<B, _>(|cx| {
        let kept = cx.root(node(cx, None));
        let cycle = node(cx, None);
        cycle.next.set(cx, Some(node(cx, Some(cycle))));
        finish(cx);
        assert_eq!(cx.stats().objects_freed(), 2);
        assert!(kept.get(cx).next.get().is_none());
    });
}

for_each_policy! {
    colours_only_darken
    a_piece_traces_one_object
    leaves_are_never_grey
    garbage_of_before_dies_in_the_cycle
}

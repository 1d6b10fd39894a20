//! The baseline: no barrier, and marking is one pause, so the mutator never sees a colour.

use grisaille::Color::White;
use grisaille::{Gc, Phase, StopTheWorld};

use crate::stage::{color, node, piece, play};

#[test]
fn no_colour_is_seen_between_two_steps() {
    play::<StopTheWorld, _>(|cx| {
        let head = cx.root(node(cx, None));
        let mut seen = Vec::new();
        for round in 0..3 {
            for _ in 0..100 {
                let head = head.get(cx);
                head.next.set(cx, Some(node(cx, head.next.get())));
            }
            loop {
                let phase = piece(cx);
                seen.push(phase);
                assert_eq!(color(cx, head), White);
                assert_eq!(cx.color(head.get(cx).next.get().unwrap()), White);
                assert_eq!(cx.color(node(cx, None)), White, "and objects are born white");
                if phase == Phase::Idle {
                    break;
                }
            }
            assert_eq!(cx.stats().cycles(), round + 1);
        }
        for phase in [Phase::Mark, Phase::MarkTermination, Phase::Weak] {
            assert!(!seen.contains(&phase), "{phase} is never seen from outside");
        }
        assert!(seen.contains(&Phase::Sweep), "sweeping is not part of the pause");
        let mut at = head.get(cx);
        for _ in 0..300 {
            at = at.next.get().unwrap();
        }
        assert!(at.next.get().is_none());
    });
}

#[test]
fn nothing_floats() {
    play::<StopTheWorld, _>(|cx| {
        let parent = cx.root(node(cx, Some(node(cx, None))));
        let weak = cx.root(Gc::downgrade(parent.get(cx).next.get().unwrap(), cx));
        parent.get(cx).next.set(cx, None);
        piece(cx);
        assert!(weak.get(cx).upgrade(cx).is_none(), "unreachable when the cycle began: gone with its first step");
        assert_eq!(cx.stats().bytes_floating(), Some(0));
    });
}

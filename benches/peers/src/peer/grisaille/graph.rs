//! Lists, graphs, and marking.

use grisaille::{Gc, Heap, Slot, Stack, Trace};

use crate::run::Run;
use crate::workload::{TICK, Workload, mark, queue, random, rewire};

#[derive(Trace)]
struct Link<'gc> {
    number: u64,
    next: Slot<Option<Gc<'gc, Link<'gc>>>>,
}

/// The two ends. It is an object, since both change.
#[derive(Trace)]
struct Queue<'gc> {
    oldest: Slot<Gc<'gc, Link<'gc>>>,
    newest: Slot<Gc<'gc, Link<'gc>>>,
}

/// A queue that churns behind a list.
pub fn queue(run: &mut Run, size: usize) -> u64 {
    Heap::new().enter(|cx| {
        let list = cx.root(cx.alloc(Link { number: size as u64 - 1, next: Slot::new(None) }));
        let list = {
            let ends = cx.root(cx.alloc(Queue { oldest: Slot::new(list.get(cx)), newest: Slot::new(list.get(cx)) }));
            for number in (0..size as u64 - 1).rev() {
                let rest = ends.get(cx).oldest.get();
                ends.get(cx).oldest.set(cx, cx.alloc(Link { number, next: Slot::new(Some(rest)) }));
                cx.safepoint();
            }
            cx.root(ends.get(cx).oldest.get())
        };
        let first = cx.alloc(Link { number: 0, next: Slot::new(None) });
        let queue = cx.root(cx.alloc(Queue { oldest: Slot::new(first), newest: Slot::new(first) }));
        for number in 1..queue::LENGTH {
            let new = cx.alloc(Link { number, next: Slot::new(None) });
            queue.get(cx).newest.get().next.set(cx, Some(new));
            queue.get(cx).newest.set(cx, new);
        }
        let mut sum = run.timed(queue::steps(size), |ticks| {
            let mut sum = 0u64;
            for step in 0..queue::steps(size) {
                let queue = queue.get(cx);
                let new = cx.alloc(Link { number: queue::LENGTH + step, next: Slot::new(None) });
                queue.newest.get().next.set(cx, Some(new));
                queue.newest.set(cx, new);
                let oldest = queue.oldest.get();
                sum = sum.wrapping_add(oldest.number);
                queue.oldest.set(cx, oldest.next.get().expect("it is never empty"));
                cx.safepoint();
                if step % TICK == 0 {
                    ticks.tick();
                }
            }
            sum
        });
        let mut link = Some(list.get(cx));
        while let Some(at) = link {
            sum = sum.wrapping_add(at.number);
            link = at.next.get();
        }
        sum
    })
}

#[derive(Trace)]
struct Node<'gc> {
    edges: [Slot<Option<Gc<'gc, Node<'gc>>>>; 2],
    number: u64,
}

/// A graph that is rewired.
pub fn rewire(run: &mut Run, size: usize) -> u64 {
    Heap::new().enter(|cx| {
        let mut random = random();
        let mut stack: Stack<Gc<'static, Node<'static>>> = Stack::with_capacity(cx, size);
        let mut nodes = stack.open(cx);
        for number in 0..size as u64 {
            nodes.push(cx, cx.alloc(Node { edges: [Slot::new(None), Slot::new(None)], number }));
            cx.safepoint();
        }
        for node in 0..size {
            for side in 0..2 {
                nodes.at(cx, node).edges[side].set(cx, Some(nodes.at(cx, random.usize(0..size))));
            }
        }
        run.timed(rewire::steps(size), |ticks| {
            let mut sum = 0u64;
            for step in 0..rewire::steps(size) {
                let choice = rewire::Choice::new(&mut random, size);
                let node = nodes.at(cx, choice.from);
                node.edges[choice.side].set(cx, Some(nodes.at(cx, choice.to)));
                let neighbour = node.edges[1 - choice.side].get();
                sum = sum.wrapping_add(neighbour.map_or(0, |node| node.number));
                if step % rewire::REPLACE == 0 {
                    let edges = [Slot::new(node.edges[0].get()), Slot::new(node.edges[1].get())];
                    nodes.set(cx, choice.from, cx.alloc(Node { edges, number: size as u64 + step }));
                    node.edges[0].set(cx, None);
                    node.edges[1].set(cx, None);
                }
                cx.safepoint();
                if step % TICK == 0 {
                    ticks.tick();
                }
            }
            sum
        })
    })
}

/// Full collections.
pub fn mark(run: &mut Run, size: usize, workload: Workload) -> u64 {
    fn walk(node: Gc<'_, Node<'_>>, depth: u64) -> u64 {
        let edges = node.edges.iter().filter_map(Slot::get);
        edges.fold(mark::checksum(node.number, depth), |sum, child| sum.wrapping_add(walk(child, depth + 1)))
    }

    Heap::new().enter(|cx| {
        let root = {
            let order = mark::order(workload, size);
            let mut stack: Stack<Gc<'static, Node<'static>>> = Stack::with_capacity(cx, size);
            let mut nodes = stack.open(cx);
            for number in 0..size as u64 {
                nodes.push(cx, cx.alloc(Node { edges: [Slot::new(None), Slot::new(None)], number }));
                cx.safepoint();
            }
            mark::link(&order, &mut |parent, first, second| {
                let parent = nodes.at(cx, parent);
                parent.edges[0].set(cx, Some(nodes.at(cx, first)));
                parent.edges[1].set(cx, second.map(|second| nodes.at(cx, second)));
            });
            cx.root(nodes.at(cx, order[0] as usize))
        };
        cx.collect();
        for _ in 0..mark::COLLECTIONS {
            run.timed(size as u64, |_| cx.collect());
        }
        walk(root.get(cx), 0)
    })
}

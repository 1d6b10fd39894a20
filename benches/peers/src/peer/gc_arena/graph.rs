//! Lists, graphs, and marking.

use gc_arena::barrier::unlock;
use gc_arena::lock::Lock;
use gc_arena::metrics::Pacing;
use gc_arena::{Collect, Gc, Mutation, Rootable};

use super::{arena, pay};
use crate::run::Run;
use crate::workload::{TICK, Workload, mark, queue, random, rewire};

#[derive(Collect)]
#[collect(no_drop)]
struct Link<'gc> {
    number: u64,
    next: Lock<Option<Gc<'gc, Link<'gc>>>>,
}

impl<'gc> Link<'gc> {
    fn new(mc: &Mutation<'gc>, number: u64, next: Option<Gc<'gc, Link<'gc>>>) -> Gc<'gc, Link<'gc>> {
        Gc::new(mc, Link { number, next: Lock::new(next) })
    }
}

/// The queue's two ends.
#[derive(Collect)]
#[collect(no_drop)]
struct Queue<'gc> {
    oldest: Lock<Gc<'gc, Link<'gc>>>,
    newest: Lock<Gc<'gc, Link<'gc>>>,
}

impl<'gc> Queue<'gc> {
    fn push(this: Gc<'gc, Queue<'gc>>, mc: &Mutation<'gc>, number: u64) {
        let new = Link::new(mc, number, None);
        unlock!(Gc::write(mc, this.newest.get()), Link, next).set(Some(new));
        unlock!(Gc::write(mc, this), Queue, newest).set(new);
    }

    fn pop(this: Gc<'gc, Queue<'gc>>, mc: &Mutation<'gc>) -> u64 {
        let oldest = this.oldest.get();
        unlock!(Gc::write(mc, this), Queue, oldest).set(oldest.next.get().expect("it is never empty"));
        oldest.number
    }
}

#[derive(Collect)]
#[collect(no_drop)]
struct Lists<'gc> {
    list: Gc<'gc, Link<'gc>>,
    queue: Gc<'gc, Queue<'gc>>,
}

/// A queue that churns behind a list.
pub fn queue(run: &mut Run, size: usize, pacing: Pacing) -> u64 {
    let mut arena = arena::<Rootable![Lists<'_>]>(pacing, |mc| {
        let mut list = Link::new(mc, size as u64 - 1, None);
        for number in (0..size as u64 - 1).rev() {
            list = Link::new(mc, number, Some(list));
        }
        let first = Link::new(mc, 0, None);
        let queue = Gc::new(mc, Queue { oldest: Lock::new(first), newest: Lock::new(first) });
        (1..queue::LENGTH).for_each(|number| Queue::push(queue, mc, number));
        Lists { list, queue }
    });
    // What the set-up owes, at once.
    arena.collect_debt();
    let sum = run.timed(queue::steps(size), |ticks| {
        let mut sum = 0u64;
        for batch in 0..queue::steps(size) / TICK {
            arena.mutate(|mc, lists| {
                for step in batch * TICK..(batch + 1) * TICK {
                    Queue::push(lists.queue, mc, queue::LENGTH + step);
                    sum = sum.wrapping_add(Queue::pop(lists.queue, mc));
                }
            });
            pay(&mut arena);
            ticks.tick();
        }
        sum
    });
    arena.mutate(|_, lists| {
        std::iter::successors(Some(lists.list), |link| link.next.get())
            .fold(sum, |sum, link| sum.wrapping_add(link.number))
    })
}

type Edge<'gc> = Option<Gc<'gc, Node<'gc>>>;

#[derive(Collect)]
#[collect(no_drop)]
struct Node<'gc> {
    left: Lock<Edge<'gc>>,
    right: Lock<Edge<'gc>>,
    number: u64,
}

impl<'gc> Node<'gc> {
    fn new(mc: &Mutation<'gc>, edges: [Edge<'gc>; 2], number: u64) -> Gc<'gc, Node<'gc>> {
        Gc::new(mc, Node { left: Lock::new(edges[0]), right: Lock::new(edges[1]), number })
    }

    fn edge(&self, side: usize) -> Edge<'gc> {
        if side == 0 { self.left.get() } else { self.right.get() }
    }

    fn set(this: Gc<'gc, Node<'gc>>, mc: &Mutation<'gc>, side: usize, edge: Edge<'gc>) {
        let write = Gc::write(mc, this);
        if side == 0 { unlock!(write, Node, left).set(edge) } else { unlock!(write, Node, right).set(edge) }
    }
}

/// Nodes of a page. After a write to an object that was traced, the whole object is traced again, so an array of a
/// million that is written all the time must not be one object. Of 16, 64 and 256 this was the fastest.
const PAGE: usize = 16;

/// An array of nodes, in pages.
#[derive(Collect)]
#[collect(no_drop)]
struct Nodes<'gc> {
    pages: Vec<Gc<'gc, [Lock<Edge<'gc>>; PAGE]>>,
}

impl<'gc> Nodes<'gc> {
    fn new(mc: &Mutation<'gc>, size: usize) -> Nodes<'gc> {
        let mut numbers = 0..size as u64;
        let node = |number| Node::new(mc, [None, None], number);
        let page = || Gc::new(mc, [(); PAGE].map(|()| Lock::new(numbers.next().map(node))));
        Nodes { pages: std::iter::repeat_with(page).take(size.div_ceil(PAGE)).collect() }
    }

    fn get(&self, index: usize) -> Gc<'gc, Node<'gc>> {
        self.pages[index / PAGE][index % PAGE].get().expect("an index below the size")
    }

    fn set(&self, mc: &Mutation<'gc>, index: usize, node: Gc<'gc, Node<'gc>>) {
        Gc::write(mc, self.pages[index / PAGE])[index % PAGE].unlock().set(Some(node));
    }
}

/// A graph that is rewired.
pub fn rewire(run: &mut Run, size: usize, pacing: Pacing) -> u64 {
    let mut random = random();
    let mut arena = arena::<Rootable![Nodes<'_>]>(pacing, |mc| Nodes::new(mc, size));
    arena.mutate(|mc, nodes| {
        for node in 0..size {
            for side in 0..2 {
                Node::set(nodes.get(node), mc, side, Some(nodes.get(random.usize(0..size))));
            }
        }
    });
    // What the set-up owes, at once.
    arena.collect_debt();
    run.timed(rewire::steps(size), |ticks| {
        let mut sum = 0u64;
        for batch in 0..rewire::steps(size) / TICK {
            arena.mutate(|mc, nodes| {
                for step in batch * TICK..(batch + 1) * TICK {
                    let choice = rewire::Choice::new(&mut random, size);
                    let node = nodes.get(choice.from);
                    Node::set(node, mc, choice.side, Some(nodes.get(choice.to)));
                    sum = sum.wrapping_add(node.edge(1 - choice.side).map_or(0, |node| node.number));
                    if step % rewire::REPLACE == 0 {
                        // As `Lock::take` explains, to write none needs no barrier.
                        let edges = [node.left.take(), node.right.take()];
                        nodes.set(mc, choice.from, Node::new(mc, edges, size as u64 + step));
                    }
                }
            });
            pay(&mut arena);
            ticks.tick();
        }
        sum
    })
}

/// Full collections.
pub fn mark(run: &mut Run, size: usize, workload: Workload) -> u64 {
    fn walk(node: &Node<'_>, depth: u64) -> u64 {
        let edges = [node.left.get(), node.right.get()].into_iter().flatten();
        edges.fold(mark::checksum(node.number, depth), |sum, child| sum.wrapping_add(walk(&child, depth + 1)))
    }

    let mut arena = arena::<Rootable![Gc<'_, Node<'_>>]>(Pacing::DEFAULT, |mc| {
        let order = mark::order(workload, size);
        let nodes: Vec<_> = (0..size as u64).map(|number| Node::new(mc, [None, None], number)).collect();
        mark::link(&order, &mut |parent, first, second| {
            Node::set(nodes[parent], mc, 0, Some(nodes[first]));
            Node::set(nodes[parent], mc, 1, second.map(|second| nodes[second]));
        });
        nodes[order[0] as usize]
    });
    arena.finish_cycle();
    for _ in 0..mark::COLLECTIONS {
        run.timed(size as u64, |_| arena.finish_cycle());
    }
    arena.mutate(|_, root| walk(root, 0))
}

//! dumpster: reference counts, and a collection of cycles now and then.
//!
//! Of its two flavours the one for a single thread, `unsync`, as its documentation recommends for programs that have
//! one. Types derive `Trace`, a field that changes is a [`RefCell`], strings and arrays are `Gc<str>` and `Gc<[T]>`.
//! An object on no cycle is freed at once when the last pointer to it goes. The others are freed when more pointers
//! were dropped since the last collection than there are, which is the default condition. `collect` is called where the
//! workload asks for it, and nowhere else.
//!
//! It traces, and drops, by recursion. The list of `queue` is taken apart link by link, or it would need more stack
//! than threads have by default.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::hash::{Hash, Hasher};
use std::hint::black_box;
use std::mem;

use dumpster::unsync::{Gc, collect};
use dumpster::{Trace, TraceWith, Visitor};
use hashbrown::HashMap;

use super::{Allocator, Peer};
use crate::run::Run;
use crate::workload::{
    TICK, Workload, binary_trees, dropping, gcbench, mark, queue, random, rewire, short_lived, strings,
};

/// Its thread-local flavour, default settings.
pub const PEER: Peer = Peer {
    name: "dumpster",
    note: "2.1, `unsync`, default collection condition",
    allocators: &[Allocator::System],
    rows: &[
        (Workload::BinaryTrees, trees),
        (Workload::Gcbench, gcbench),
        (Workload::Queue, queue),
        (Workload::Rewire, rewire),
        (Workload::ShortLived, short_lived),
        (Workload::MarkInOrder, |run, size| mark(run, size, Workload::MarkInOrder)),
        (Workload::MarkShuffled, |run, size| mark(run, size, Workload::MarkShuffled)),
        (Workload::Strings, strings),
        (Workload::Drop, dropping),
    ],
    cannot: &[],
    remarks: &[
        (Workload::MarkInOrder, PROVOKED),
        (Workload::MarkShuffled, PROVOKED),
        (Workload::ShortLived, ALONE),
        (Workload::Drop, ALONE),
    ],
};

/// A collection starts from the objects that lost a pointer and lived on since the last one. Where there are none it
/// has nothing to do.
const PROVOKED: &str = "a copy of the root is dropped before each collection, or it would look at nothing";

const ALONE: &str =
    "nothing else lives, so by the default condition each drop starts a collection, which finds nothing";

#[derive(Trace)]
struct Tree {
    children: Option<(Gc<Tree>, Gc<Tree>)>,
}

impl Tree {
    fn new(depth: usize) -> Gc<Tree> {
        let children = (depth > 0).then(|| (Tree::new(depth - 1), Tree::new(depth - 1)));
        Gc::new(Tree { children })
    }

    fn count(&self) -> u64 {
        self.children.as_ref().map_or(1, |(left, right)| 1 + left.count() + right.count())
    }
}

fn trees(run: &mut Run, size: usize) -> u64 {
    run.timed(binary_trees::units(size), |_| {
        let mut count = Tree::new(size + 1).count();
        let long_lived = Tree::new(size);
        for depth in binary_trees::depths(size) {
            for _ in 0..binary_trees::trees(size, depth) {
                count += Tree::new(depth).count();
            }
        }
        count + long_lived.count()
    })
}

#[derive(Trace)]
struct Node {
    left: RefCell<Option<Gc<Node>>>,
    right: RefCell<Option<Gc<Node>>>,
    _numbers: [u32; 2],
}

impl Node {
    fn new(left: Option<Gc<Node>>, right: Option<Gc<Node>>) -> Gc<Node> {
        Gc::new(Node { left: RefCell::new(left), right: RefCell::new(right), _numbers: [0; 2] })
    }

    fn bottom_up(depth: usize) -> Gc<Node> {
        if depth == 0 {
            return Node::new(None, None);
        }
        let (left, right) = (Node::bottom_up(depth - 1), Node::bottom_up(depth - 1));
        Node::new(Some(left), Some(right))
    }

    fn populate(&self, depth: usize) {
        if depth > 0 {
            *self.left.borrow_mut() = Some(Node::new(None, None));
            *self.right.borrow_mut() = Some(Node::new(None, None));
            for child in [&self.left, &self.right] {
                child.borrow().as_ref().expect("it was just set").populate(depth - 1);
            }
        }
    }

    fn top_down(depth: usize) -> Gc<Node> {
        let node = Node::new(None, None);
        node.populate(depth);
        node
    }

    fn count(&self) -> u64 {
        let count = |child: &RefCell<Option<Gc<Node>>>| child.borrow().as_ref().map_or(0, |node| node.count());
        1 + count(&self.left) + count(&self.right)
    }
}

fn gcbench(run: &mut Run, size: usize) -> u64 {
    let (long_lived, array) = run.timed(gcbench::units(size), |_| {
        black_box(Node::bottom_up(gcbench::stretch(size)));
        let long_lived = Node::top_down(size);
        let array: Gc<[f64]> = (0..gcbench::DOUBLES).map(gcbench::double).collect();
        for depth in gcbench::depths(size) {
            for _ in 0..gcbench::trees(size, depth) {
                black_box(Node::top_down(depth));
            }
            for _ in 0..gcbench::trees(size, depth) {
                black_box(Node::bottom_up(depth));
            }
        }
        (long_lived, array)
    });
    gcbench::checksum(long_lived.count(), array[1000])
}

#[derive(Trace)]
struct Link {
    number: u64,
    next: RefCell<Option<Gc<Link>>>,
}

impl Link {
    fn new(number: u64, next: Option<Gc<Link>>) -> Gc<Link> {
        Gc::new(Link { number, next: RefCell::new(next) })
    }

    /// The first one of a list.
    fn list(length: u64) -> Option<Gc<Link>> {
        (0..length).rev().fold(None, |next, number| Some(Link::new(number, next)))
    }
}

/// The two ends.
struct Queue {
    oldest: Gc<Link>,
    newest: Gc<Link>,
}

impl Queue {
    fn new() -> Queue {
        let first = Link::new(0, None);
        let mut queue = Queue { oldest: first.clone(), newest: first };
        (1..queue::LENGTH).for_each(|number| queue.push(number));
        queue
    }

    fn push(&mut self, number: u64) {
        let new = Link::new(number, None);
        *self.newest.next.borrow_mut() = Some(new.clone());
        self.newest = new;
    }

    fn pop(&mut self) -> u64 {
        let next = self.oldest.next.take();
        mem::replace(&mut self.oldest, next.expect("it is never empty")).number
    }
}

fn queue(run: &mut Run, size: usize) -> u64 {
    let mut link = Link::list(size as u64);
    let mut queue = Queue::new();
    let mut sum = run.timed(queue::steps(size), |ticks| {
        let mut sum = 0u64;
        for step in 0..queue::steps(size) {
            queue.push(queue::LENGTH + step);
            sum = sum.wrapping_add(queue.pop());
            if step % TICK == 0 {
                ticks.tick();
            }
        }
        sum
    });
    while let Some(at) = link {
        sum = sum.wrapping_add(at.number);
        link = at.next.take();
    }
    sum
}

#[derive(Trace)]
struct Vertex {
    edges: [RefCell<Option<Gc<Vertex>>>; 2],
    number: u64,
}

impl Vertex {
    fn new(edges: [Option<Gc<Vertex>>; 2], number: u64) -> Gc<Vertex> {
        Gc::new(Vertex { edges: edges.map(RefCell::new), number })
    }

    fn several(size: usize) -> Vec<Gc<Vertex>> {
        (0..size as u64).map(|number| Vertex::new([None, None], number)).collect()
    }
}

fn rewire(run: &mut Run, size: usize) -> u64 {
    let mut random = random();
    let mut nodes = Vertex::several(size);
    for node in &nodes {
        for edge in &node.edges {
            *edge.borrow_mut() = Some(nodes[random.usize(0..size)].clone());
        }
    }
    let sum = run.timed(rewire::steps(size), |ticks| {
        let mut sum = 0u64;
        for step in 0..rewire::steps(size) {
            let choice = rewire::Choice::new(&mut random, size);
            let node = &nodes[choice.from];
            node.edges[choice.side].replace(Some(nodes[choice.to].clone()));
            let neighbour = node.edges[1 - choice.side].borrow();
            sum = sum.wrapping_add(neighbour.as_ref().map_or(0, |node| node.number));
            drop(neighbour);
            if step % rewire::REPLACE == 0 {
                let edges = [0, 1].map(|side: usize| node.edges[side].take());
                nodes[choice.from] = Vertex::new(edges, size as u64 + step);
            }
            if step % TICK == 0 {
                ticks.tick();
            }
        }
        sum
    });
    // The peak is not to be that of dropping it, which recurses.
    mem::forget(nodes);
    sum
}

fn mark(run: &mut Run, size: usize, workload: Workload) -> u64 {
    fn walk(node: &Vertex, depth: u64) -> u64 {
        node.edges.iter().fold(mark::checksum(node.number, depth), |sum, edge| {
            sum.wrapping_add(edge.borrow().as_ref().map_or(0, |child| walk(child, depth + 1)))
        })
    }

    let root = {
        let order = mark::order(workload, size);
        let nodes = Vertex::several(size);
        mark::link(&order, &mut |parent, first, second| {
            let parent = &nodes[parent];
            *parent.edges[0].borrow_mut() = Some(nodes[first].clone());
            *parent.edges[1].borrow_mut() = second.map(|second| nodes[second].clone());
        });
        nodes[order[0] as usize].clone()
    };
    collect();
    for _ in 0..mark::COLLECTIONS {
        drop(root.clone());
        run.timed(size as u64, |_| collect());
    }
    walk(&root, 0)
}

fn short_lived(run: &mut Run, size: usize) -> u64 {
    run.timed(size as u64, |_| {
        (0..size as u64).fold(0, |sum, n| sum + short_lived::look_at(&Gc::new(short_lived::contents(n))))
    })
}

/// A key of the cache, which can be looked up by its text. A `Gc` has no `Hash`.
#[derive(PartialEq, Eq)]
struct Key(Gc<str>);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_ref().hash(state);
    }
}

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

fn strings(run: &mut Run, size: usize) -> u64 {
    let mut texts = strings::Texts::new();
    let mut numbers = Vec::with_capacity(size);
    let mut cache: HashMap<Key, Gc<str>> = HashMap::new();
    for _ in 0..size {
        let entry = texts.entry();
        numbers.push(entry.number);
        cache.insert(Key(entry.key.into()), entry.value.into());
    }
    let sum = run.timed(strings::steps(size), |_| {
        let mut sum = 0;
        for _ in 0..strings::steps(size) {
            let place = texts.place(size);
            let entry = texts.entry();
            let number = mem::replace(&mut numbers[place], entry.number);
            let old = cache.remove(strings::key(number, &mut [0; 16])).expect("each key has an entry");
            sum += old.len() as u64;
            cache.insert(Key(entry.key.into()), entry.value.into());
        }
        sum
    });
    cache.iter().fold(sum, |sum, (key, value)| sum.wrapping_add(strings::checksum(key.borrow(), value)))
}

// SAFETY: there is no `Gc` in it that could be visited.
unsafe impl<V: Visitor> TraceWith<V> for dropping::Noted {
    fn accept(&self, _: &mut V) -> Result<(), ()> {
        Ok(())
    }
}

#[derive(Trace)]
struct Object {
    _number: u64,
    noted: dropping::Noted,
}

fn dropping(run: &mut Run, size: usize) -> u64 {
    run.timed(size as u64, |_| {
        for number in 0..size as u64 {
            dropping::look_at(&Gc::new(Object { _number: number, noted: dropping::Noted(1) }).noted);
        }
    });
    dropping::dropped()
}

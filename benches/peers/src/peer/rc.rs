//! `Rc`: std's reference counting. Cycles leak.
//!
//! Fields that change are `RefCell`s.

use std::cell::RefCell;
use std::hint::black_box;
use std::iter::successors;
use std::mem;
use std::rc::Rc;

use hashbrown::HashMap;

use super::{Allocator, Peer};
use crate::run::Run;
use crate::workload::{TICK, Workload, binary_trees, dropping, gcbench, queue, random, rewire, short_lived, strings};

/// Shared objects, freed when their last owner goes.
pub const PEER: Peer = Peer {
    name: "Rc",
    note: "shared owners, `RefCell` where fields change. Cycles leak; of the garbage here none is on one.",
    allocators: &[Allocator::System, Allocator::Mimalloc],
    rows: &[
        (Workload::BinaryTrees, trees),
        (Workload::Gcbench, gcbench),
        (Workload::Queue, queue),
        (Workload::Rewire, rewire),
        (Workload::ShortLived, short_lived),
        (Workload::Strings, strings),
        (Workload::Drop, dropping),
    ],
    cannot: &[(Workload::MarkInOrder, "does not trace"), (Workload::MarkShuffled, "does not trace")],
    remarks: &[],
};

struct Tree {
    children: Option<(Rc<Tree>, Rc<Tree>)>,
}

impl Tree {
    fn new(depth: usize) -> Rc<Tree> {
        let children = (depth > 0).then(|| (Tree::new(depth - 1), Tree::new(depth - 1)));
        Rc::new(Tree { children })
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

#[derive(Default)]
struct Node {
    left: RefCell<Option<Rc<Node>>>,
    right: RefCell<Option<Rc<Node>>>,
    _numbers: [u32; 2],
}

impl Node {
    fn bottom_up(depth: usize) -> Rc<Node> {
        if depth == 0 {
            return Rc::default();
        }
        let (left, right) = (Node::bottom_up(depth - 1), Node::bottom_up(depth - 1));
        Rc::new(Node { left: RefCell::new(Some(left)), right: RefCell::new(Some(right)), _numbers: [0; 2] })
    }

    fn populate(&self, depth: usize) {
        if depth > 0 {
            let (left, right): (Rc<Node>, Rc<Node>) = Default::default();
            self.left.replace(Some(left.clone()));
            self.right.replace(Some(right.clone()));
            left.populate(depth - 1);
            right.populate(depth - 1);
        }
    }

    fn top_down(depth: usize) -> Rc<Node> {
        let node: Rc<Node> = Rc::default();
        node.populate(depth);
        node
    }

    fn count(&self) -> u64 {
        let count = |child: &RefCell<Option<Rc<Node>>>| child.borrow().as_ref().map_or(0, |node| node.count());
        1 + count(&self.left) + count(&self.right)
    }
}

fn gcbench(run: &mut Run, size: usize) -> u64 {
    let (long_lived, array) = run.timed(gcbench::units(size), |_| {
        black_box(Node::bottom_up(gcbench::stretch(size)));
        let long_lived = Node::top_down(size);
        let array: Rc<[f64]> = (0..gcbench::DOUBLES).map(gcbench::double).collect();
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

struct Link {
    number: u64,
    next: RefCell<Option<Rc<Link>>>,
}

impl Link {
    fn new(number: u64) -> Rc<Link> {
        Rc::new(Link { number, next: RefCell::default() })
    }

    /// The first and the last link of a chain.
    fn chain(mut numbers: impl Iterator<Item = u64>) -> (Rc<Link>, Rc<Link>) {
        let first = Link::new(numbers.next().expect("there is one"));
        let last = numbers.map(Link::new).fold(first.clone(), |last, link| {
            last.next.replace(Some(link.clone()));
            link
        });
        (first, last)
    }
}

fn queue(run: &mut Run, size: usize) -> u64 {
    let (list, _) = Link::chain(0..size as u64);
    let (mut oldest, mut newest) = Link::chain(0..queue::LENGTH);
    let sum = run.timed(queue::steps(size), |ticks| {
        let mut sum = 0u64;
        for step in 0..queue::steps(size) {
            let new = Link::new(queue::LENGTH + step);
            newest.next.replace(Some(new.clone()));
            newest = new;
            sum = sum.wrapping_add(oldest.number);
            let next = oldest.next.take().expect("it is never empty");
            oldest = next;
            if step % TICK == 0 {
                ticks.tick();
            }
        }
        sum
    });
    let links = successors(Some(list.clone()), |link| link.next.borrow().clone());
    let sum = links.fold(sum, |sum, link| sum.wrapping_add(link.number));
    // To drop it is a recursion as deep as it is long.
    mem::forget(list);
    sum
}

struct Vertex {
    edges: [RefCell<Option<Rc<Vertex>>>; 2],
    number: u64,
}

fn rewire(run: &mut Run, size: usize) -> u64 {
    let mut random = random();
    let new = |edges: [Option<Rc<Vertex>>; 2], number| Rc::new(Vertex { edges: edges.map(RefCell::new), number });
    let mut nodes: Vec<Rc<Vertex>> = (0..size as u64).map(|number| new([None, None], number)).collect();
    for node in 0..size {
        for side in 0..2 {
            nodes[node].edges[side].replace(Some(nodes[random.usize(0..size)].clone()));
        }
    }
    let sum = run.timed(rewire::steps(size), |ticks| {
        let mut sum = 0u64;
        for step in 0..rewire::steps(size) {
            let choice = rewire::Choice::new(&mut random, size);
            let node = &nodes[choice.from];
            node.edges[choice.side].replace(Some(nodes[choice.to].clone()));
            let neighbour = node.edges[1 - choice.side].borrow().as_ref().map_or(0, |node| node.number);
            sum = sum.wrapping_add(neighbour);
            if step % rewire::REPLACE == 0 {
                let edges = [node.edges[0].take(), node.edges[1].take()];
                nodes[choice.from] = new(edges, size as u64 + step);
            }
            if step % TICK == 0 {
                ticks.tick();
            }
        }
        sum
    });
    // The nodes that are left are on cycles.
    mem::forget(nodes);
    sum
}

fn short_lived(run: &mut Run, size: usize) -> u64 {
    run.timed(size as u64, |_| {
        (0..size as u64).fold(0, |sum, n| sum + short_lived::look_at(&Rc::new(short_lived::contents(n))))
    })
}

fn strings(run: &mut Run, size: usize) -> u64 {
    let mut texts = strings::Texts::new();
    let mut keys: Vec<Rc<str>> = Vec::with_capacity(size);
    let mut cache: HashMap<Rc<str>, Rc<str>> = HashMap::new();
    for _ in 0..size {
        let entry = texts.entry();
        let key: Rc<str> = entry.key.into();
        keys.push(key.clone());
        cache.insert(key, entry.value.into());
    }
    let sum = run.timed(strings::steps(size), |_| {
        let mut sum = 0;
        for _ in 0..strings::steps(size) {
            let place = texts.place(size);
            let entry = texts.entry();
            let key: Rc<str> = entry.key.into();
            let old_key = mem::replace(&mut keys[place], key.clone());
            let old = cache.remove(&old_key).expect("each key has an entry");
            sum += old.len() as u64;
            cache.insert(key, entry.value.into());
        }
        sum
    });
    cache.iter().fold(sum, |sum, (key, value)| sum.wrapping_add(strings::checksum(key, value)))
}

struct Object {
    _number: u64,
    noted: dropping::Noted,
}

fn dropping(run: &mut Run, size: usize) -> u64 {
    run.timed(size as u64, |_| {
        for n in 0..size as u64 {
            dropping::look_at(&Rc::new(Object { _number: n, noted: dropping::Noted(1) }).noted);
        }
    });
    dropping::dropped()
}

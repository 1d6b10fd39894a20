//! bumpalo: no collector, no barrier, nothing is freed: the lower bound.
//!
//! Objects are plain references into a `Bump`; fields that change are `Cell`s.

use std::cell::Cell;
use std::hint::black_box;

use bumpalo::Bump;
use hashbrown::HashMap;

use super::{Allocator, Peer};
use crate::run::Run;
use crate::workload::{TICK, Workload, binary_trees, gcbench, queue, random, rewire, short_lived, strings};

/// One arena, which grows.
pub const PEER: Peer = Peer {
    name: "bumpalo, never frees",
    note: "one arena that grows: the floor of time, not of memory",
    allocators: &[Allocator::System],
    rows: &[
        (Workload::BinaryTrees, |run, size| trees(run, size, false)),
        (Workload::Gcbench, |run, size| gcbench(run, size, false)),
        (Workload::Queue, queue),
        (Workload::Rewire, rewire),
        (Workload::ShortLived, |run, size| short_lived(run, size, false)),
        (Workload::Strings, strings),
    ],
    cannot: &[
        (Workload::MarkInOrder, "does not trace"),
        (Workload::MarkShuffled, "does not trace"),
        (Workload::Drop, "drops nothing"),
    ],
    remarks: &[],
};

/// An arena for what dies together.
pub const RESET: Peer = Peer {
    name: "bumpalo, reset",
    note: "an arena that is reset after each tree or object, and one for what lives long: by hand, where that can be known",
    allocators: &[Allocator::System],
    rows: &[
        (Workload::BinaryTrees, |run, size| trees(run, size, true)),
        (Workload::Gcbench, |run, size| gcbench(run, size, true)),
        (Workload::ShortLived, |run, size| short_lived(run, size, true)),
    ],
    cannot: &[],
    remarks: &[],
};

struct Tree<'b> {
    children: Option<(&'b Tree<'b>, &'b Tree<'b>)>,
}

impl<'b> Tree<'b> {
    fn new(bump: &'b Bump, depth: usize) -> &'b Tree<'b> {
        let children = (depth > 0).then(|| (Tree::new(bump, depth - 1), Tree::new(bump, depth - 1)));
        bump.alloc(Tree { children })
    }

    fn count(&self) -> u64 {
        self.children.map_or(1, |(left, right)| 1 + left.count() + right.count())
    }
}

fn trees(run: &mut Run, size: usize, reset: bool) -> u64 {
    let (long, mut short) = (Bump::new(), Bump::new());
    let freed = |bump: &mut Bump| {
        if reset {
            bump.reset();
        }
    };
    run.timed(binary_trees::units(size), |_| {
        let mut count = Tree::new(&short, size + 1).count();
        freed(&mut short);
        let long_lived = Tree::new(&long, size);
        for depth in binary_trees::depths(size) {
            for _ in 0..binary_trees::trees(size, depth) {
                count += Tree::new(&short, depth).count();
                freed(&mut short);
            }
        }
        count + long_lived.count()
    })
}

#[derive(Default)]
struct Node<'b> {
    left: Cell<Option<&'b Node<'b>>>,
    right: Cell<Option<&'b Node<'b>>>,
    _numbers: [u32; 2],
}

impl<'b> Node<'b> {
    fn new(bump: &'b Bump, children: Option<(&'b Node<'b>, &'b Node<'b>)>) -> &'b Node<'b> {
        let (left, right) = children.unzip();
        bump.alloc(Node { left: Cell::new(left), right: Cell::new(right), _numbers: [0; 2] })
    }

    fn bottom_up(bump: &'b Bump, depth: usize) -> &'b Node<'b> {
        let children = (depth > 0).then(|| (Node::bottom_up(bump, depth - 1), Node::bottom_up(bump, depth - 1)));
        Node::new(bump, children)
    }

    fn populate(&self, bump: &'b Bump, depth: usize) {
        if depth > 0 {
            let (left, right) = (Node::new(bump, None), Node::new(bump, None));
            self.left.set(Some(left));
            self.right.set(Some(right));
            left.populate(bump, depth - 1);
            right.populate(bump, depth - 1);
        }
    }

    fn top_down(bump: &'b Bump, depth: usize) -> &'b Node<'b> {
        let node = Node::new(bump, None);
        node.populate(bump, depth);
        node
    }

    fn count(&self) -> u64 {
        1 + self.left.get().map_or(0, Node::count) + self.right.get().map_or(0, Node::count)
    }
}

fn gcbench(run: &mut Run, size: usize, reset: bool) -> u64 {
    let (long, mut short) = (Bump::new(), Bump::new());
    let freed = |bump: &mut Bump| {
        if reset {
            bump.reset();
        }
    };
    let (long_lived, array) = run.timed(gcbench::units(size), |_| {
        black_box(Node::bottom_up(&short, gcbench::stretch(size)));
        freed(&mut short);
        let long_lived = Node::top_down(&long, size);
        let array = &*long.alloc_slice_fill_with(gcbench::DOUBLES, gcbench::double);
        for depth in gcbench::depths(size) {
            for _ in 0..gcbench::trees(size, depth) {
                black_box(Node::top_down(&short, depth));
                freed(&mut short);
            }
            for _ in 0..gcbench::trees(size, depth) {
                black_box(Node::bottom_up(&short, depth));
                freed(&mut short);
            }
        }
        (long_lived, array)
    });
    gcbench::checksum(long_lived.count(), array[1000])
}

struct Link<'b> {
    number: u64,
    next: Cell<Option<&'b Link<'b>>>,
}

fn chain<'b>(bump: &'b Bump, numbers: impl Iterator<Item = u64>) -> (&'b Link<'b>, &'b Link<'b>) {
    let mut links = numbers.map(|number| &*bump.alloc(Link { number, next: Cell::new(None) }));
    let first = links.next().expect("there is one");
    let last = links.fold(first, |last, link| {
        last.next.set(Some(link));
        link
    });
    (first, last)
}

fn queue(run: &mut Run, size: usize) -> u64 {
    let bump = Bump::new();
    let (list, _) = chain(&bump, 0..size as u64);
    let (mut oldest, mut newest) = chain(&bump, 0..queue::LENGTH);
    let sum = run.timed(queue::steps(size), |ticks| {
        let mut sum = 0u64;
        for step in 0..queue::steps(size) {
            let new = &*bump.alloc(Link { number: queue::LENGTH + step, next: Cell::new(None) });
            newest.next.set(Some(new));
            newest = new;
            sum = sum.wrapping_add(oldest.number);
            oldest = oldest.next.get().expect("it is never empty");
            if step % TICK == 0 {
                ticks.tick();
            }
        }
        sum
    });
    std::iter::successors(Some(list), |link| link.next.get()).fold(sum, |sum, link| sum.wrapping_add(link.number))
}

struct Vertex<'b> {
    edges: [Cell<Option<&'b Vertex<'b>>>; 2],
    number: u64,
}

fn rewire(run: &mut Run, size: usize) -> u64 {
    let mut random = random();
    let bump = Bump::new();
    let mut nodes: Vec<&Vertex<'_>> = Vec::with_capacity(size);
    for number in 0..size as u64 {
        nodes.push(bump.alloc(Vertex { edges: [Cell::new(None), Cell::new(None)], number }));
    }
    for node in 0..size {
        for side in 0..2 {
            nodes[node].edges[side].set(Some(nodes[random.usize(0..size)]));
        }
    }
    run.timed(rewire::steps(size), |ticks| {
        let mut sum = 0u64;
        for step in 0..rewire::steps(size) {
            let choice = rewire::Choice::new(&mut random, size);
            let node = nodes[choice.from];
            node.edges[choice.side].set(Some(nodes[choice.to]));
            let neighbour = node.edges[1 - choice.side].get();
            sum = sum.wrapping_add(neighbour.map_or(0, |node| node.number));
            if step % rewire::REPLACE == 0 {
                let edges = [Cell::new(node.edges[0].take()), Cell::new(node.edges[1].take())];
                nodes[choice.from] = bump.alloc(Vertex { edges, number: size as u64 + step });
            }
            if step % TICK == 0 {
                ticks.tick();
            }
        }
        sum
    })
}

fn short_lived(run: &mut Run, size: usize, reset: bool) -> u64 {
    let mut bump = Bump::new();
    run.timed(size as u64, |_| {
        let mut sum = 0;
        for n in 0..size as u64 {
            sum += short_lived::look_at(bump.alloc(short_lived::contents(n)));
            if reset {
                bump.reset();
            }
        }
        sum
    })
}

fn strings(run: &mut Run, size: usize) -> u64 {
    let mut texts = strings::Texts::new();
    let bump = Bump::new();
    let mut keys: Vec<&str> = Vec::with_capacity(size);
    let mut cache: HashMap<&str, &str> = HashMap::new();
    for _ in 0..size {
        let entry = texts.entry();
        let key = &*bump.alloc_str(entry.key);
        keys.push(key);
        cache.insert(key, bump.alloc_str(entry.value));
    }
    let sum = run.timed(strings::steps(size), |_| {
        let mut sum = 0;
        for _ in 0..strings::steps(size) {
            let place = texts.place(size);
            let entry = texts.entry();
            let old = cache.remove(keys[place]).expect("each key has an entry");
            sum += old.len() as u64;
            let key = &*bump.alloc_str(entry.key);
            keys[place] = key;
            cache.insert(key, bump.alloc_str(entry.value));
        }
        sum
    });
    cache.iter().fold(sum, |sum, (key, value)| sum.wrapping_add(strings::checksum(key, value)))
}

//! safe-gc: mark and sweep without any unsafe code; a pointer is an index into an arena of its type.
//!
//! As its documentation advises: `Trace` is written by hand, objects refer to each other by [`Gc`], whatever is held
//! while something may be allocated is a [`Root`], and objects are changed through the `&mut Heap`. It collects by
//! itself when the arena of a type is full, and doubles it when less than a quarter of it is free then. `Heap::gc` is
//! called where the workload asks for it, and nowhere else.
//!
//! The array of `rewire` is an object, as the vectors in its documentation are. It has no strings: those of `strings`
//! are objects that own one, and their table is one of roots, outside of the heap, since they have to be read to find
//! something in it.

use std::hash::BuildHasher;
use std::hint::black_box;
use std::mem;

use hashbrown::{DefaultHashBuilder, HashTable};
use safe_gc::{Collector, Gc, Heap, Root, Trace};

use super::{Allocator, Peer};
use crate::run::Run;
use crate::workload::{
    TICK, Workload, binary_trees, dropping, gcbench, mark, queue, random, rewire, short_lived, strings,
};

/// Its only settings.
pub const PEER: Peer = Peer {
    name: "safe-gc",
    note: "1.1; it says of itself that it is not made for speed",
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
    remarks: &[],
};

struct Tree {
    children: Option<(Gc<Tree>, Gc<Tree>)>,
}

impl Trace for Tree {
    fn trace(&self, collector: &mut Collector) {
        if let Some((left, right)) = self.children {
            collector.edge(left);
            collector.edge(right);
        }
    }
}

impl Tree {
    fn new(heap: &mut Heap, depth: usize) -> Root<Tree> {
        if depth == 0 {
            return heap.alloc(Tree { children: None });
        }
        let (left, right) = (Tree::new(heap, depth - 1), Tree::new(heap, depth - 1));
        heap.alloc(Tree { children: Some((left.unrooted(), right.unrooted())) })
    }

    fn count(&self, heap: &Heap) -> u64 {
        self.children.map_or(1, |(left, right)| 1 + heap[left].count(heap) + heap[right].count(heap))
    }
}

fn trees(run: &mut Run, size: usize) -> u64 {
    let mut heap = Heap::new();
    run.timed(binary_trees::units(size), |_| {
        let count = |heap: &Heap, tree: Root<Tree>| heap[&tree].count(heap);
        let stretch = Tree::new(&mut heap, size + 1);
        let mut sum = count(&heap, stretch);
        let long_lived = Tree::new(&mut heap, size);
        for depth in binary_trees::depths(size) {
            for _ in 0..binary_trees::trees(size, depth) {
                let tree = Tree::new(&mut heap, depth);
                sum += count(&heap, tree);
            }
        }
        sum + count(&heap, long_lived)
    })
}

#[derive(Default)]
struct Node {
    left: Option<Gc<Node>>,
    right: Option<Gc<Node>>,
    _numbers: [u32; 2],
}

impl Trace for Node {
    fn trace(&self, collector: &mut Collector) {
        [self.left, self.right].into_iter().flatten().for_each(|child| collector.edge(child));
    }
}

impl Node {
    fn bottom_up(heap: &mut Heap, depth: usize) -> Root<Node> {
        if depth == 0 {
            return heap.alloc(Node::default());
        }
        let (left, right) = (Node::bottom_up(heap, depth - 1), Node::bottom_up(heap, depth - 1));
        heap.alloc(Node { left: Some(left.unrooted()), right: Some(right.unrooted()), _numbers: [0; 2] })
    }

    fn populate(heap: &mut Heap, node: &Root<Node>, depth: usize) {
        if depth > 0 {
            let (left, right) = (heap.alloc(Node::default()), heap.alloc(Node::default()));
            let node = &mut heap[node];
            node.left = Some(left.unrooted());
            node.right = Some(right.unrooted());
            Node::populate(heap, &left, depth - 1);
            Node::populate(heap, &right, depth - 1);
        }
    }

    fn top_down(heap: &mut Heap, depth: usize) -> Root<Node> {
        let node = heap.alloc(Node::default());
        Node::populate(heap, &node, depth);
        node
    }

    fn count(&self, heap: &Heap) -> u64 {
        1 + [self.left, self.right].into_iter().flatten().map(|child| heap[child].count(heap)).sum::<u64>()
    }
}

struct Doubles(Box<[f64]>);

impl Trace for Doubles {
    fn trace(&self, _: &mut Collector) {}
}

fn gcbench(run: &mut Run, size: usize) -> u64 {
    let mut heap = Heap::new();
    let (long_lived, array) = run.timed(gcbench::units(size), |_| {
        black_box(Node::bottom_up(&mut heap, gcbench::stretch(size)));
        let long_lived = Node::top_down(&mut heap, size);
        let array = heap.alloc(Doubles((0..gcbench::DOUBLES).map(gcbench::double).collect()));
        for depth in gcbench::depths(size) {
            for _ in 0..gcbench::trees(size, depth) {
                black_box(Node::top_down(&mut heap, depth));
            }
            for _ in 0..gcbench::trees(size, depth) {
                black_box(Node::bottom_up(&mut heap, depth));
            }
        }
        (long_lived, array)
    });
    gcbench::checksum(heap[&long_lived].count(&heap), heap[&array].0[1000])
}

struct Link {
    number: u64,
    next: Option<Gc<Link>>,
}

impl Trace for Link {
    fn trace(&self, collector: &mut Collector) {
        if let Some(next) = self.next {
            collector.edge(next);
        }
    }
}

/// The two ends.
struct Queue {
    oldest: Root<Link>,
    newest: Root<Link>,
}

impl Queue {
    fn new(heap: &mut Heap) -> Queue {
        let first = heap.alloc(Link { number: 0, next: None });
        let mut queue = Queue { oldest: first.clone(), newest: first };
        (1..queue::LENGTH).for_each(|number| queue.push(heap, number));
        queue
    }

    fn push(&mut self, heap: &mut Heap, number: u64) {
        let new = heap.alloc(Link { number, next: None });
        heap[&self.newest].next = Some(new.unrooted());
        self.newest = new;
    }

    fn pop(&mut self, heap: &Heap) -> u64 {
        let oldest = &heap[&self.oldest];
        self.oldest = heap.root(oldest.next.expect("it is never empty"));
        oldest.number
    }
}

fn queue(run: &mut Run, size: usize) -> u64 {
    let mut heap = Heap::new();
    let list = (0..size as u64).rev().fold(None, |next: Option<Root<Link>>, number| {
        Some(heap.alloc(Link { number, next: next.as_ref().map(Root::unrooted) }))
    });
    let mut queue = Queue::new(&mut heap);
    let mut sum = run.timed(queue::steps(size), |ticks| {
        let mut sum = 0u64;
        for step in 0..queue::steps(size) {
            queue.push(&mut heap, queue::LENGTH + step);
            sum = sum.wrapping_add(queue.pop(&heap));
            if step % TICK == 0 {
                ticks.tick();
            }
        }
        sum
    });
    let mut link = list.map(|list| list.unrooted());
    while let Some(at) = link {
        sum = sum.wrapping_add(heap[at].number);
        link = heap[at].next;
    }
    sum
}

struct Vertex {
    edges: [Option<Gc<Vertex>>; 2],
    number: u64,
}

impl Trace for Vertex {
    fn trace(&self, collector: &mut Collector) {
        self.edges.into_iter().flatten().for_each(|edge| collector.edge(edge));
    }
}

struct Vertices(Vec<Gc<Vertex>>);

impl Trace for Vertices {
    fn trace(&self, collector: &mut Collector) {
        self.0.iter().for_each(|node| collector.edge(*node));
    }
}

impl Vertices {
    fn new(heap: &mut Heap, size: usize) -> Root<Vertices> {
        let nodes = heap.alloc(Vertices(Vec::with_capacity(size)));
        for number in 0..size as u64 {
            let node = heap.alloc(Vertex { edges: [None; 2], number });
            heap[&nodes].0.push(node.unrooted());
        }
        nodes
    }
}

fn rewire(run: &mut Run, size: usize) -> u64 {
    let mut random = random();
    let mut heap = Heap::new();
    let nodes = Vertices::new(&mut heap, size);
    for node in 0..size {
        for side in 0..2 {
            let nodes = &heap[&nodes].0;
            let (node, to) = (nodes[node], nodes[random.usize(0..size)]);
            heap[node].edges[side] = Some(to);
        }
    }
    run.timed(rewire::steps(size), |ticks| {
        let mut sum = 0u64;
        for step in 0..rewire::steps(size) {
            let choice = rewire::Choice::new(&mut random, size);
            let array = &heap[&nodes].0;
            let (from, to) = (array[choice.from], array[choice.to]);
            let node = &mut heap[from];
            node.edges[choice.side] = Some(to);
            let edges = node.edges;
            sum = sum.wrapping_add(edges[1 - choice.side].map_or(0, |neighbour| heap[neighbour].number));
            if step % rewire::REPLACE == 0 {
                // The old node keeps what the edges lead to until the new one is made.
                let new = heap.alloc(Vertex { edges, number: size as u64 + step });
                heap[&nodes].0[choice.from] = new.unrooted();
                heap[from].edges = [None; 2];
            }
            if step % TICK == 0 {
                ticks.tick();
            }
        }
        sum
    })
}

fn mark(run: &mut Run, size: usize, workload: Workload) -> u64 {
    fn walk(heap: &Heap, node: &Vertex, depth: u64) -> u64 {
        let edges = node.edges.into_iter().flatten();
        edges.fold(mark::checksum(node.number, depth), |sum, child| {
            sum.wrapping_add(walk(heap, &heap[child], depth + 1))
        })
    }

    let mut heap = Heap::new();
    let root = {
        let order = mark::order(workload, size);
        let nodes = Vertices::new(&mut heap, size);
        // Nothing is allocated from here on, so the array may be taken out.
        let nodes = mem::take(&mut heap[&nodes].0);
        mark::link(&order, &mut |parent, first, second| {
            heap[nodes[parent]].edges = [Some(nodes[first]), second.map(|second| nodes[second])];
        });
        heap.root(nodes[order[0] as usize])
    };
    heap.gc();
    for _ in 0..mark::COLLECTIONS {
        run.timed(size as u64, |_| heap.gc());
    }
    walk(&heap, &heap[&root], 0)
}

struct Four([u64; 4]);

impl Trace for Four {
    fn trace(&self, _: &mut Collector) {}
}

fn short_lived(run: &mut Run, size: usize) -> u64 {
    let mut heap = Heap::new();
    run.timed(size as u64, |_| {
        (0..size as u64).fold(0, |sum, n| {
            let object = heap.alloc(Four(short_lived::contents(n)));
            sum + short_lived::look_at(&heap[&object].0)
        })
    })
}

struct Text(Box<str>);

impl Trace for Text {
    fn trace(&self, _: &mut Collector) {}
}

#[derive(Default)]
struct Cache {
    table: HashTable<(Root<Text>, Root<Text>)>,
    hasher: DefaultHashBuilder,
}

impl Cache {
    fn insert(&mut self, heap: &mut Heap, key: &str, value: &str) {
        let entry = (heap.alloc(Text(key.into())), heap.alloc(Text(value.into())));
        let hash = |key: &str| self.hasher.hash_one(key);
        self.table.insert_unique(hash(key), entry, |(key, _)| hash(&heap[key].0));
    }

    fn remove(&mut self, heap: &Heap, key: &str) -> Option<Root<Text>> {
        let entry = self.table.find_entry(self.hasher.hash_one(key), |(root, _)| *heap[root].0 == *key).ok()?;
        let ((_, value), _) = entry.remove();
        Some(value)
    }
}

fn strings(run: &mut Run, size: usize) -> u64 {
    let mut heap = Heap::new();
    let mut texts = strings::Texts::new();
    let mut numbers = Vec::with_capacity(size);
    let mut cache = Cache::default();
    for _ in 0..size {
        let entry = texts.entry();
        numbers.push(entry.number);
        cache.insert(&mut heap, entry.key, entry.value);
    }
    let sum = run.timed(strings::steps(size), |_| {
        let mut sum = 0;
        for _ in 0..strings::steps(size) {
            let place = texts.place(size);
            let entry = texts.entry();
            let number = mem::replace(&mut numbers[place], entry.number);
            let old = cache.remove(&heap, strings::key(number, &mut [0; 16])).expect("each key has an entry");
            sum += heap[&old].0.len() as u64;
            cache.insert(&mut heap, entry.key, entry.value);
        }
        sum
    });
    cache.table.iter().fold(sum, |sum, (key, value)| sum.wrapping_add(strings::checksum(&heap[key].0, &heap[value].0)))
}

struct Object {
    _number: u64,
    noted: dropping::Noted,
}

impl Trace for Object {
    fn trace(&self, _: &mut Collector) {}
}

fn dropping(run: &mut Run, size: usize) -> u64 {
    let mut heap = Heap::new();
    run.timed(size as u64, |_| {
        for number in 0..size as u64 {
            let object = heap.alloc(Object { _number: number, noted: dropping::Noted(1) });
            dropping::look_at(&heap[&object].noted);
        }
    });
    drop(heap);
    dropping::dropped()
}

//! `Box`.

use std::collections::LinkedList;
use std::hint::black_box;
use std::mem;

use hashbrown::HashMap;

use super::{Allocator, Peer};
use crate::run::Run;
use crate::workload::{TICK, Workload, binary_trees, dropping, gcbench, queue, short_lived, strings};

/// Owned objects, freed when their owner goes.
pub const PEER: Peer = Peer {
    name: "Box",
    note: "one owner an object. The queue and the list are std's `LinkedList`, which is doubly linked.",
    allocators: &[Allocator::System, Allocator::Mimalloc],
    rows: &[
        (Workload::BinaryTrees, trees),
        (Workload::Gcbench, gcbench),
        (Workload::Queue, queue),
        (Workload::ShortLived, short_lived),
        (Workload::Strings, strings),
        (Workload::Drop, dropping),
    ],
    cannot: &[
        (Workload::Rewire, "an object has one owner"),
        (Workload::MarkInOrder, "does not trace"),
        (Workload::MarkShuffled, "does not trace"),
    ],
    remarks: &[],
};

struct Tree {
    children: Option<(Box<Tree>, Box<Tree>)>,
}

impl Tree {
    fn new(depth: usize) -> Box<Tree> {
        let children = (depth > 0).then(|| (Tree::new(depth - 1), Tree::new(depth - 1)));
        Box::new(Tree { children })
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
    left: Option<Box<Node>>,
    right: Option<Box<Node>>,
    _numbers: [u32; 2],
}

impl Node {
    fn bottom_up(depth: usize) -> Box<Node> {
        if depth == 0 {
            return Box::default();
        }
        let (left, right) = (Node::bottom_up(depth - 1), Node::bottom_up(depth - 1));
        Box::new(Node { left: Some(left), right: Some(right), _numbers: [0; 2] })
    }

    fn populate(&mut self, depth: usize) {
        if depth > 0 {
            let (left, right) = (self.left.insert(Box::default()), self.right.insert(Box::default()));
            left.populate(depth - 1);
            right.populate(depth - 1);
        }
    }

    fn top_down(depth: usize) -> Box<Node> {
        let mut node: Box<Node> = Box::default();
        node.populate(depth);
        node
    }

    fn count(&self) -> u64 {
        1 + self.left.as_ref().map_or(0, |node| node.count()) + self.right.as_ref().map_or(0, |node| node.count())
    }
}

fn gcbench(run: &mut Run, size: usize) -> u64 {
    let (long_lived, array) = run.timed(gcbench::units(size), |_| {
        black_box(Node::bottom_up(gcbench::stretch(size)));
        let long_lived = Node::top_down(size);
        let array: Box<[f64]> = (0..gcbench::DOUBLES).map(gcbench::double).collect();
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

fn queue(run: &mut Run, size: usize) -> u64 {
    let list: LinkedList<u64> = (0..size as u64).collect();
    let mut queue: LinkedList<u64> = (0..queue::LENGTH).collect();
    let sum = run.timed(queue::steps(size), |ticks| {
        let mut sum = 0u64;
        for step in 0..queue::steps(size) {
            queue.push_back(queue::LENGTH + step);
            sum = sum.wrapping_add(queue.pop_front().expect("it is never empty"));
            if step % TICK == 0 {
                ticks.tick();
            }
        }
        sum
    });
    list.iter().fold(sum, |sum, number| sum.wrapping_add(*number))
}

fn short_lived(run: &mut Run, size: usize) -> u64 {
    run.timed(size as u64, |_| {
        (0..size as u64).fold(0, |sum, n| sum + short_lived::look_at(&Box::new(short_lived::contents(n))))
    })
}

fn strings(run: &mut Run, size: usize) -> u64 {
    let mut texts = strings::Texts::new();
    let mut numbers = Vec::with_capacity(size);
    let mut cache: HashMap<Box<str>, Box<str>> = HashMap::new();
    for _ in 0..size {
        let entry = texts.entry();
        numbers.push(entry.number);
        cache.insert(entry.key.into(), entry.value.into());
    }
    let sum = run.timed(strings::steps(size), |_| {
        let mut sum = 0;
        for _ in 0..strings::steps(size) {
            let place = texts.place(size);
            let entry = texts.entry();
            let number = mem::replace(&mut numbers[place], entry.number);
            let old = cache.remove(strings::key(number, &mut [0; 16])).expect("each key has an entry");
            sum += old.len() as u64;
            cache.insert(entry.key.into(), entry.value.into());
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
            dropping::look_at(&Box::new(Object { _number: n, noted: dropping::Noted(1) }).noted);
        }
    });
    dropping::dropped()
}

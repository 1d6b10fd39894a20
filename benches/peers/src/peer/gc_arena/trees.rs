//! Trees.

use std::hint::black_box;

use gc_arena::barrier::unlock;
use gc_arena::lock::Lock;
use gc_arena::metrics::Pacing;
use gc_arena::{Collect, Gc, Mutation, Rootable};

use super::{arena, pay};
use crate::run::Run;
use crate::workload::{binary_trees, gcbench};

#[derive(Collect)]
#[collect(no_drop)]
struct Tree<'gc> {
    children: Option<(Gc<'gc, Tree<'gc>>, Gc<'gc, Tree<'gc>>)>,
}

impl<'gc> Tree<'gc> {
    fn new(mc: &Mutation<'gc>, depth: usize) -> Gc<'gc, Tree<'gc>> {
        let children = (depth > 0).then(|| (Tree::new(mc, depth - 1), Tree::new(mc, depth - 1)));
        Gc::new(mc, Tree { children })
    }

    fn count(&self) -> u64 {
        self.children.map_or(1, |(left, right)| 1 + left.count() + right.count())
    }
}

/// The benchmarks game's program.
pub fn binary_trees(run: &mut Run, size: usize, pacing: Pacing) -> u64 {
    let mut arena = arena::<Rootable![Option<Gc<'_, Tree<'_>>>]>(pacing, |_| None);
    run.timed(binary_trees::units(size), |_| {
        let mut count = arena.mutate(|mc, _| Tree::new(mc, size + 1).count());
        pay(&mut arena);
        arena.mutate_root(|mc, long_lived| *long_lived = Some(Tree::new(mc, size)));
        for depth in binary_trees::depths(size) {
            for _ in 0..binary_trees::trees(size, depth) {
                count += arena.mutate(|mc, _| Tree::new(mc, depth).count());
                pay(&mut arena);
            }
        }
        count + arena.mutate(|_, long_lived| long_lived.map_or(0, |tree| tree.count()))
    })
}

type Child<'gc> = Option<Gc<'gc, Node<'gc>>>;

#[derive(Collect)]
#[collect(no_drop)]
struct Node<'gc> {
    left: Lock<Child<'gc>>,
    right: Lock<Child<'gc>>,
    _numbers: [u32; 2],
}

impl<'gc> Node<'gc> {
    fn new(mc: &Mutation<'gc>, left: Child<'gc>, right: Child<'gc>) -> Gc<'gc, Node<'gc>> {
        Gc::new(mc, Node { left: Lock::new(left), right: Lock::new(right), _numbers: [0; 2] })
    }

    fn bottom_up(mc: &Mutation<'gc>, depth: usize) -> Gc<'gc, Node<'gc>> {
        if depth == 0 {
            return Node::new(mc, None, None);
        }
        let (left, right) = (Node::bottom_up(mc, depth - 1), Node::bottom_up(mc, depth - 1));
        Node::new(mc, Some(left), Some(right))
    }

    fn populate(this: Gc<'gc, Node<'gc>>, mc: &Mutation<'gc>, depth: usize) {
        if depth > 0 {
            let (left, right) = (Node::new(mc, None, None), Node::new(mc, None, None));
            let write = Gc::write(mc, this);
            unlock!(write, Node, left).set(Some(left));
            unlock!(write, Node, right).set(Some(right));
            Node::populate(left, mc, depth - 1);
            Node::populate(right, mc, depth - 1);
        }
    }

    fn top_down(mc: &Mutation<'gc>, depth: usize) -> Gc<'gc, Node<'gc>> {
        let node = Node::new(mc, None, None);
        Node::populate(node, mc, depth);
        node
    }

    fn count(&self) -> u64 {
        1 + self.left.get().map_or(0, |node| node.count()) + self.right.get().map_or(0, |node| node.count())
    }
}

fn looked_at(tree: Gc<'_, Node<'_>>) {
    black_box(tree);
}

#[derive(Collect, Default)]
#[collect(no_drop)]
struct Kept<'gc> {
    long_lived: Child<'gc>,
    array: Option<Gc<'gc, Box<[f64]>>>,
}

/// Ellis, Kovac and Boehm's program.
pub fn gcbench(run: &mut Run, size: usize, pacing: Pacing) -> u64 {
    let mut arena = arena::<Rootable![Kept<'_>]>(pacing, |_| Kept::default());
    run.timed(gcbench::units(size), |_| {
        arena.mutate(|mc, _| looked_at(Node::bottom_up(mc, gcbench::stretch(size))));
        pay(&mut arena);
        arena.mutate_root(|mc, kept| kept.long_lived = Some(Node::top_down(mc, size)));
        pay(&mut arena);
        arena.mutate_root(|mc, kept| {
            kept.array = Some(Gc::new(mc, (0..gcbench::DOUBLES).map(gcbench::double).collect()));
        });
        for depth in gcbench::depths(size) {
            for _ in 0..gcbench::trees(size, depth) {
                arena.mutate(|mc, _| looked_at(Node::top_down(mc, depth)));
                pay(&mut arena);
            }
            for _ in 0..gcbench::trees(size, depth) {
                arena.mutate(|mc, _| looked_at(Node::bottom_up(mc, depth)));
                pay(&mut arena);
            }
        }
    });
    arena.mutate(|_, kept| match (kept.long_lived, kept.array) {
        (Some(tree), Some(array)) => gcbench::checksum(tree.count(), array[1000]),
        _ => unreachable!("both were made"),
    })
}

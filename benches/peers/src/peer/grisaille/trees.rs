//! Trees, in two ways.

use std::hint::black_box;

use grisaille::{Gc, Heap, Mutator, Rooted, Slot, Trace};

use crate::run::Run;
use crate::workload::{binary_trees, gcbench};

/// How a tree is made.
pub trait Style {
    /// The largest depth of a subtree that is made without a safepoint, if any is.
    const BURST: Option<usize>;

    /// The heap that they are made in.
    fn heap() -> Heap {
        Heap::new()
    }
}

/// Subtrees of a depth of 10, which are 2047 nodes, are made with plain pointers.
pub enum Bursts {}

impl Style for Bursts {
    const BURST: Option<usize> = Some(10);
}

/// The same in a heap that may grow more.
pub enum Grown {}

impl Style for Grown {
    const BURST: Option<usize> = Bursts::BURST;

    fn heap() -> Heap {
        Heap::builder().growth(3.0).build().expect("a growth that can be had")
    }
}

/// A safepoint, a scope and roots for every node.
pub enum Scopes {}

impl Style for Scopes {
    const BURST: Option<usize> = None;
}

fn is_small<S: Style>(depth: usize) -> bool {
    S::BURST.is_some_and(|burst| depth <= burst)
}

#[derive(Trace)]
struct Tree<'gc> {
    children: Option<(Gc<'gc, Tree<'gc>>, Gc<'gc, Tree<'gc>>)>,
}

fn burst<'a>(cx: &'a Mutator<'_>, depth: usize) -> Gc<'a, Tree<'a>> {
    let children = (depth > 0).then(|| (burst(cx, depth - 1), burst(cx, depth - 1)));
    cx.alloc(Tree { children })
}

fn tree<'s, S: Style>(cx: &mut Mutator<'s>, depth: usize) -> Rooted<'s, Gc<'s, Tree<'s>>> {
    cx.safepoint();
    if is_small::<S>(depth) {
        return cx.root(burst(cx, depth));
    }
    if depth == 0 {
        return cx.root(cx.alloc(Tree { children: None }));
    }
    cx.scope(|cx, out| {
        let (left, right) = (tree::<S>(cx, depth - 1), tree::<S>(cx, depth - 1));
        out.keep(cx, cx.alloc(Tree { children: Some((left.get(cx), right.get(cx))) }))
    })
}

fn count(tree: Gc<'_, Tree<'_>>) -> u64 {
    tree.children.map_or(1, |(left, right)| 1 + count(left) + count(right))
}

/// The benchmarks game's program.
pub fn binary_trees<S: Style>(run: &mut Run, size: usize) -> u64 {
    S::heap().enter(|cx| {
        run.timed(binary_trees::units(size), |_| {
            let mut sum = cx.scope(|cx, _| count(tree::<S>(cx, size + 1).get(cx)));
            let long_lived = tree::<S>(cx, size);
            for depth in binary_trees::depths(size) {
                for _ in 0..binary_trees::trees(size, depth) {
                    sum += cx.scope(|cx, _| count(tree::<S>(cx, depth).get(cx)));
                }
            }
            sum + count(long_lived.get(cx))
        })
    })
}

#[derive(Trace)]
struct Node<'gc> {
    left: Slot<Option<Gc<'gc, Node<'gc>>>>,
    right: Slot<Option<Gc<'gc, Node<'gc>>>>,
    numbers: [u32; 2],
}

fn node<'a>(cx: &'a Mutator<'_>, left: Option<Gc<'a, Node<'a>>>, right: Option<Gc<'a, Node<'a>>>) -> Gc<'a, Node<'a>> {
    cx.alloc(Node { left: Slot::new(left), right: Slot::new(right), numbers: [0; 2] })
}

fn burst_bottom_up<'a>(cx: &'a Mutator<'_>, depth: usize) -> Gc<'a, Node<'a>> {
    if depth == 0 {
        return node(cx, None, None);
    }
    let (left, right) = (burst_bottom_up(cx, depth - 1), burst_bottom_up(cx, depth - 1));
    node(cx, Some(left), Some(right))
}

fn bottom_up<'s, S: Style>(cx: &mut Mutator<'s>, depth: usize) -> Rooted<'s, Gc<'s, Node<'s>>> {
    cx.safepoint();
    if is_small::<S>(depth) {
        return cx.root(burst_bottom_up(cx, depth));
    }
    if depth == 0 {
        return cx.root(node(cx, None, None));
    }
    cx.scope(|cx, out| {
        let (left, right) = (bottom_up::<S>(cx, depth - 1), bottom_up::<S>(cx, depth - 1));
        out.keep(cx, node(cx, Some(left.get(cx)), Some(right.get(cx))))
    })
}

fn burst_populate<'a>(cx: &'a Mutator<'_>, parent: Gc<'a, Node<'a>>, depth: usize) {
    if depth > 0 {
        let (left, right) = (node(cx, None, None), node(cx, None, None));
        parent.left.set(cx, Some(left));
        parent.right.set(cx, Some(right));
        burst_populate(cx, left, depth - 1);
        burst_populate(cx, right, depth - 1);
    }
}

fn populate<S: Style>(cx: &mut Mutator<'_>, parent: Rooted<'_, Gc<'_, Node<'_>>>, depth: usize) {
    cx.safepoint();
    if is_small::<S>(depth) {
        burst_populate(cx, parent.get(cx), depth);
    } else if depth > 0 {
        cx.scope(|cx, _| {
            let (left, right) = (node(cx, None, None), node(cx, None, None));
            parent.get(cx).left.set(cx, Some(left));
            parent.get(cx).right.set(cx, Some(right));
            let (left, right) = (cx.root(left), cx.root(right));
            populate::<S>(cx, left, depth - 1);
            populate::<S>(cx, right, depth - 1);
        });
    }
}

fn top_down<'s, S: Style>(cx: &mut Mutator<'s>, depth: usize) -> Rooted<'s, Gc<'s, Node<'s>>> {
    let root = cx.root(node(cx, None, None));
    populate::<S>(cx, root, depth);
    root
}

fn nodes(node: Gc<'_, Node<'_>>) -> u64 {
    1 + u64::from(node.numbers[0]) + node.left.get().map_or(0, nodes) + node.right.get().map_or(0, nodes)
}

/// Ellis, Kovac and Boehm's program.
pub fn gcbench<S: Style>(run: &mut Run, size: usize) -> u64 {
    S::heap().enter(|cx| {
        let (long_lived, array) = run.timed(gcbench::units(size), |_| {
            cx.scope(|cx, _| black_box(bottom_up::<S>(cx, gcbench::stretch(size)).get(cx)).numbers);
            let long_lived = top_down::<S>(cx, size);
            let array = cx.root(cx.alloc_array(gcbench::DOUBLES, gcbench::double));
            for depth in gcbench::depths(size) {
                for _ in 0..gcbench::trees(size, depth) {
                    cx.scope(|cx, _| black_box(top_down::<S>(cx, depth).get(cx)).numbers);
                }
                for _ in 0..gcbench::trees(size, depth) {
                    cx.scope(|cx, _| black_box(bottom_up::<S>(cx, depth).get(cx)).numbers);
                }
            }
            (long_lived, array)
        });
        gcbench::checksum(nodes(long_lived.get(cx)), array.get(cx).as_slice()[1000])
    })
}

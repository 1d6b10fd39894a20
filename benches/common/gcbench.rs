//! GCBench, after Ellis, Kovac and Boehm: trees built top-down (each edge is a write into an older object) and
//! bottom-up, beside a large tree and a large array that live.

use grisaille::{Barrier, Gc, Mutator, Slot, Trace};

#[derive(Trace)]
pub struct Node<'gc> {
    left: Slot<Option<Gc<'gc, Node<'gc>>>>,
    right: Slot<Option<Gc<'gc, Node<'gc>>>>,
    _i: u32,
    _j: u32,
}

const ARRAY: usize = 500_000;
const SMALLEST: usize = 4;

fn node<'a, B: Barrier>(
    cx: &'a Mutator<'_, B>,
    left: Option<Gc<'a, Node<'a>>>,
    right: Option<Gc<'a, Node<'a>>>,
) -> Gc<'a, Node<'a>> {
    cx.alloc(Node { left: Slot::new(left), right: Slot::new(right), _i: 0, _j: 0 })
}

fn from_below<'a, B: Barrier>(cx: &'a Mutator<'_, B>, depth: usize) -> Gc<'a, Node<'a>> {
    if depth == 0 {
        return node(cx, None, None);
    }
    let (left, right) = (from_below(cx, depth - 1), from_below(cx, depth - 1));
    node(cx, Some(left), Some(right))
}

fn from_above<'a, B: Barrier>(cx: &'a Mutator<'_, B>, depth: usize, tree: Gc<'a, Node<'a>>) {
    if depth == 0 {
        return;
    }
    let (left, right) = (node(cx, None, None), node(cx, None, None));
    tree.left.set(cx, Some(left));
    tree.right.set(cx, Some(right));
    from_above(cx, depth - 1, left);
    from_above(cx, depth - 1, right);
}

fn size(depth: usize) -> usize {
    (2 << depth) - 1
}

fn trees(largest: usize, depth: usize) -> usize {
    2 * size(largest + 2) / size(depth)
}

/// Builds trees of that depth without a safepoint, half of them top-down.
pub fn batch<B: Barrier>(cx: &mut Mutator<'_, B>, depth: usize, trees: usize) {
    let before = cx.stats().objects_allocated();
    for index in 0..trees {
        if index % 2 == 0 {
            from_above(cx, depth, node(cx, None, None));
        } else {
            from_below(cx, depth);
        }
    }
    assert_eq!(cx.stats().objects_allocated() - before, (trees * size(depth)) as u64);
}

/// Runs the whole benchmark, with a safepoint a tree. Returns the number of nodes.
pub fn run<B: Barrier>(cx: &mut Mutator<'_, B>, largest: usize) -> usize {
    let before = cx.stats().objects_allocated();
    cx.scope(|cx, _| {
        from_below(cx, largest + 2);
        cx.safepoint();
        let tree = node(cx, None, None);
        from_above(cx, largest, tree);
        let tree = cx.root(tree);
        let array = cx.root(cx.alloc_array(ARRAY, |i| 1.0 / i as f64));
        for depth in (SMALLEST..=largest).step_by(2) {
            for _ in 0..trees(largest, depth) {
                from_above(cx, depth, node(cx, None, None));
                cx.safepoint();
            }
            for _ in 0..trees(largest, depth) {
                from_below(cx, depth);
                cx.safepoint();
            }
        }
        assert!(tree.get(cx).left.get().is_some() && array.get(cx).as_slice()[1000] == 1.0 / 1000.0);
    });
    let nodes = expected(largest);
    assert_eq!(cx.stats().objects_allocated() - before, nodes as u64 + 1, "the nodes and the array");
    nodes
}

/// Returns the number of nodes of a [`run`].
pub fn expected(largest: usize) -> usize {
    let many: usize = (SMALLEST..=largest).step_by(2).map(|depth| 2 * trees(largest, depth) * size(depth)).sum();
    size(largest + 2) + size(largest) + many
}

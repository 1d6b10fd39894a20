//! Binary trees: many small ones that die at once, beside a large one that lives.

use grisaille::{Barrier, Gc, Mutator, Rooted, Trace};

#[derive(Trace)]
pub struct Tree<'gc> {
    left: Option<Gc<'gc, Tree<'gc>>>,
    right: Option<Gc<'gc, Tree<'gc>>>,
}

/// Builds a tree without a safepoint: its pointers are plain.
pub fn grow<'a, B: Barrier>(cx: &'a Mutator<'_, B>, depth: usize) -> Gc<'a, Tree<'a>> {
    if depth == 0 {
        return cx.alloc(Tree { left: None, right: None });
    }
    let (left, right) = (grow(cx, depth - 1), grow(cx, depth - 1));
    cx.alloc(Tree { left: Some(left), right: Some(right) })
}

/// Builds a tree, with a scope and a safepoint a node: as a recursive evaluator allocates.
pub fn grow_rooted<'s, B: Barrier>(cx: &mut Mutator<'s, B>, depth: usize) -> Rooted<'s, Gc<'s, Tree<'s>>> {
    cx.scope(|cx, out| {
        cx.safepoint();
        if depth == 0 {
            return out.keep(cx, cx.alloc(Tree { left: None, right: None }));
        }
        let (left, right) = (grow_rooted(cx, depth - 1), grow_rooted(cx, depth - 1));
        let tree = cx.alloc(Tree { left: Some(left.get(cx)), right: Some(right.get(cx)) });
        out.keep(cx, tree)
    })
}

pub fn count(tree: Gc<'_, Tree<'_>>) -> usize {
    1 + tree.left.map_or(0, count) + tree.right.map_or(0, count)
}

pub fn nodes(depth: usize) -> usize {
    (2 << depth) - 1
}

/// How the trees are built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Safepoints {
    ATree,
    ANode,
}

/// Runs the whole benchmark: a stretch tree, one that lives to the end, and ever fewer and larger ones that die.
/// Returns the number of nodes, all of which were counted.
pub fn run<B: Barrier>(cx: &mut Mutator<'_, B>, depth: usize, safepoints: Safepoints) -> usize {
    let tree = |cx: &mut Mutator<'_, B>, depth| {
        cx.scope(|cx, _| {
            cx.safepoint();
            match safepoints {
                Safepoints::ATree => count(grow(cx, depth)),
                Safepoints::ANode => {
                    let tree = grow_rooted(cx, depth);
                    count(tree.get(cx))
                }
            }
        })
    };
    let mut all = tree(cx, depth + 1);
    cx.scope(|cx, _| {
        let survivor = match safepoints {
            Safepoints::ATree => cx.root(grow(cx, depth)),
            Safepoints::ANode => grow_rooted(cx, depth),
        };
        for depth_of_these in (4..=depth).step_by(2) {
            for _ in 0..1 << (depth - depth_of_these + 4) {
                all += tree(cx, depth_of_these);
            }
        }
        all += count(survivor.get(cx));
    });
    assert_eq!(all, expected(depth), "nodes were lost");
    all
}

/// Returns the number of nodes of a [`run`].
pub fn expected(depth: usize) -> usize {
    let many: usize = (4..=depth).step_by(2).map(|d| nodes(d) << (depth - d + 4)).sum();
    nodes(depth + 1) + nodes(depth) + many
}

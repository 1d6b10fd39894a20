//! A graph whose edges are rewired at random.
//!
//! The graph has nodes of 32 bytes with two edges each; an array in the heap, which is the only root, names them all.
//! A write makes an edge of one node point to another.

use std::cell::Cell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use grisaille::{Array, Barrier, Color, Gc, Heap, Mutator, Persistent, Phase, RootsFirst, Slot, Trace};

use super::hold::{self, Held};
use super::{Random, size};

/// Nodes of a graph of 512 KiB, which lies in the second-level cache of most machines.
pub fn in_cache() -> usize {
    size(1 << 14, 1 << 12)
}

/// Nodes of a graph of 256 MiB, which lies in no cache.
pub fn in_memory() -> usize {
    size(1 << 23, 1 << 14)
}

#[derive(Trace)]
pub struct Node<'gc> {
    pub edges: [Slot<Option<Gc<'gc, Node<'gc>>>>; 2],
    pub id: usize,
}

type Nodes<'gc> = Array<'gc, Gc<'gc, Node<'gc>>>;

/// The state of the cycle at the timed writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// No cycle is in progress.
    Idle,
    /// The roots are unscanned: the root-scanning window, where the policy has one. Most nodes are white.
    Window,
    /// The roots are scanned. Most nodes are white: the first shade of a node queues it.
    White,
    /// Every node is marked or queued: a shade has nothing to do.
    Marked,
}

/// How the nodes of the timed writes are found.
#[derive(Clone, Copy)]
pub enum Writes {
    /// Picked beforehand, and written many times over: only writes are timed.
    Picked { count: usize, passes: usize },
    /// Picked on the way, by an index into a table of pointers that is as cold as the nodes: as in a program that has
    /// to find its objects first.
    Random { count: usize },
}

impl Writes {
    fn count(self) -> usize {
        let (Writes::Picked { count, .. } | Writes::Random { count }) = self;
        count
    }

    /// The number of timed writes.
    pub fn operations(self) -> usize {
        match self {
            Writes::Picked { count, passes } => count * passes,
            Writes::Random { count } => count,
        }
    }
}

/// A heap with such a graph.
pub struct Graph<B: Barrier> {
    heap: Heap<B>,
    nodes: Persistent<Nodes<'static>>,
    held: Option<Held>,
    state: State,
    /// The number of writes since the cycle started.
    written: usize,
    random: Random,
}

impl<B: Barrier> Graph<B> {
    /// `nodes` is a power of two.
    pub fn new(nodes: usize) -> Self {
        let mut heap = Heap::builder().barrier::<B>().automatic(false).build().expect("a configuration that works");
        let mut random = Random::new();
        let nodes = heap.enter(|cx| {
            let array = cx.alloc_array(nodes, |id| cx.alloc(Node { edges: [Slot::new(None), Slot::new(None)], id }));
            let all = array.as_slice();
            for node in all {
                for edge in &node.edges {
                    edge.set(cx, Some(all[random.below(all.len())]));
                }
            }
            cx.persist(array)
        });
        Graph { heap, nodes, held: None, state: State::Idle, written: 0, random }
    }

    /// Times writes in that state of a cycle.
    pub fn time(&mut self, state: State, writes: Writes) -> Duration {
        let Graph { heap, nodes, held, state: current, written, random } = self;
        heap.enter(|cx| {
            // After one write for each eight nodes a new cycle begins, in the window too, where `Hybrid` shades two a write.
            let is_used_up = |cx: &Mutator<'_, B>| *written + writes.count() > nodes.get(cx).len() / 8;
            let stays_white = matches!(state, State::White | State::Window);
            let starts_anew = state != *current || stays_white && is_used_up(cx);
            if starts_anew {
                if cx.phase() != Phase::Idle {
                    hold::finish(cx);
                }
                *held = None;
                *written = 0;
                *current = state;
                match state {
                    State::Idle => {}
                    State::Window => *held = Some(hold::start(cx)),
                    State::White => *held = Some(hold::start_and_scan_roots(cx)),
                    State::Marked => {
                        *held = Some(hold::start_and_scan_roots(cx));
                        mark_by_writing(cx, nodes.get(cx).as_slice());
                    }
                }
            }
            let nodes = nodes.get(cx).as_slice();
            check_state(cx, nodes, state, random);
            let time = match writes {
                Writes::Picked { count, passes } => {
                    let picks = pick(nodes, count, random);
                    let start = Instant::now();
                    for _ in 0..passes {
                        rewire(cx, black_box(&picks));
                    }
                    start.elapsed()
                }
                Writes::Random { count } => {
                    let start = Instant::now();
                    pick_and_rewire(cx, black_box(nodes), count, random);
                    start.elapsed()
                }
            };
            *written += writes.count();
            check_state(cx, nodes, state, random);
            time
        })
    }
}

/// Shades all nodes by two writes of each edge, whichever value the policy shades: each node is the old value of one
/// and the new value of the other.
fn mark_by_writing<'a, B: Barrier>(cx: &'a Mutator<'_, B>, nodes: &[Gc<'a, Node<'a>>]) {
    for _ in 0..2 {
        for (index, node) in nodes.iter().enumerate() {
            for edge in &node.edges {
                edge.set(cx, Some(nodes[index ^ 1]));
            }
        }
    }
}

/// Checks that the heap is in that state, by a sample of a hundred nodes.
fn check_state<B: Barrier>(cx: &Mutator<'_, B>, nodes: &[Gc<'_, Node<'_>>], state: State, random: &mut Random) {
    let phase = if state == State::Idle { Phase::Idle } else { Phase::Mark };
    assert_eq!(cx.phase(), phase, "a row's name says something else");
    let window = state == State::Window && hold::has_window::<B>();
    assert_eq!(state != State::Idle && hold::window_is_open(cx), window, "the window is open, or it is not");
    let white = (0..100).filter(|_| cx.color(nodes[random.below(nodes.len())]) == Color::White).count();
    match state {
        State::Idle => {}
        State::Window | State::White => assert!(white >= 60, "only {white} of 100 nodes are white"),
        State::Marked => assert_eq!(white, 0, "nodes are white"),
    }
}

type Pick<'a> = (Gc<'a, Node<'a>>, Gc<'a, Node<'a>>);

fn pick<'a>(nodes: &[Gc<'a, Node<'a>>], count: usize, random: &mut Random) -> Vec<Pick<'a>> {
    let mut pick = || nodes[random.below(nodes.len())];
    (0..count).map(|_| (pick(), pick())).collect()
}

#[inline(never)]
fn rewire<'a, B: Barrier>(cx: &Mutator<'_, B>, picks: &[Pick<'a>]) {
    for (index, (from, to)) in picks.iter().enumerate() {
        from.edges[index & 1].set(cx, Some(*to));
    }
}

#[inline(never)]
fn pick_and_rewire<'a, B: Barrier>(
    cx: &Mutator<'_, B>,
    nodes: &[Gc<'a, Node<'a>>],
    writes: usize,
    random: &mut Random,
) {
    for index in 0..writes {
        let (from, to) = (nodes[random.below(nodes.len())], nodes[random.below(nodes.len())]);
        from.edges[index & 1].set(cx, Some(to));
    }
}

/// The lower bound: the same objects in the same heap, whose edges are plain cells that hold addresses.
pub struct Plain {
    heap: Heap<RootsFirst>,
    nodes: Persistent<Array<'static, Gc<'static, PlainNode>>>,
    random: Random,
}

#[derive(Trace)]
pub struct PlainNode {
    #[trace(skip)]
    edges: [Cell<usize>; 2],
    _id: usize,
}

impl Plain {
    pub fn new(nodes: usize) -> Self {
        let mut heap = Heap::builder().automatic(false).build().expect("a configuration that works");
        let nodes = heap.enter(|cx| {
            cx.persist(cx.alloc_array(nodes, |_id| cx.alloc(PlainNode { edges: Default::default(), _id })))
        });
        Plain { heap, nodes, random: Random::new() }
    }

    pub fn time(&mut self, writes: Writes) -> Duration {
        let Plain { heap, nodes, random } = self;
        heap.enter(|cx| {
            let nodes = nodes.get(cx).as_slice();
            match writes {
                Writes::Picked { count, passes } => {
                    let mut pick = || nodes[random.below(nodes.len())];
                    let picks: Vec<_> = (0..count).map(|_| (pick(), pick())).collect();
                    let start = Instant::now();
                    for _ in 0..passes {
                        rewire_plain(black_box(&picks));
                    }
                    start.elapsed()
                }
                Writes::Random { count } => {
                    let start = Instant::now();
                    pick_and_rewire_plain(black_box(nodes), count, random);
                    start.elapsed()
                }
            }
        })
    }
}

#[inline(never)]
fn pick_and_rewire_plain(nodes: &[Gc<'_, PlainNode>], writes: usize, random: &mut Random) {
    for index in 0..writes {
        let (from, to) = (nodes[random.below(nodes.len())], nodes[random.below(nodes.len())]);
        from.edges[index & 1].set(Gc::addr(to));
    }
}

#[inline(never)]
fn rewire_plain<'a>(picks: &[(Gc<'a, PlainNode>, Gc<'a, PlainNode>)]) {
    for (index, (from, to)) in picks.iter().enumerate() {
        from.edges[index & 1].set(Gc::addr(*to));
    }
}

/// A graph whose nodes are replaced, on a heap that collects by itself.
pub struct Replaced<B: Barrier> {
    heap: Heap<B>,
    nodes: Persistent<Array<'static, Slot<Gc<'static, Node<'static>>>>>,
    random: Random,
    replaced: u64,
}

impl<B: Barrier> Replaced<B> {
    pub fn new(nodes: usize) -> Self {
        let mut heap = Heap::builder().barrier::<B>().build().expect("a configuration that works");
        let mut random = Random::new();
        let nodes = heap.enter(|cx| {
            let array =
                cx.alloc_array(nodes, |id| Slot::new(cx.alloc(Node { edges: [Slot::new(None), Slot::new(None)], id })));
            let all = array.as_slice();
            for node in all {
                for edge in &node.get().edges {
                    edge.set(cx, Some(all[random.below(all.len())].get()));
                }
            }
            cx.persist(array)
        });
        // Building the graph made a cycle due, which is not part of a row.
        heap.enter(|cx| cx.collect());
        Replaced { heap, nodes, random, replaced: 0 }
    }

    /// Makes a node that takes another's place and edges, and makes some edge of the graph point to it. The old node
    /// loses its edges, so what is garbage stays garbage.
    pub fn run(&mut self, operations: usize) {
        let Replaced { heap, nodes, random, replaced } = self;
        *replaced += operations as u64;
        heap.enter(|cx| {
            for index in 0..operations {
                let all = nodes.get(cx).as_slice();
                let place = &all[random.below(all.len())];
                let old = place.get();
                let new = cx.alloc(Node { edges: [0, 1].map(|side| Slot::new(old.edges[side].get())), id: old.id });
                old.edges[0].set(cx, None);
                old.edges[1].set(cx, None);
                place.set(cx, new);
                all[random.below(all.len())].get().edges[index & 1].set(cx, Some(new));
                cx.safepoint();
            }
        });
    }

    /// Checks that the heap collected meanwhile, and freed the replaced nodes (but for floating garbage).
    pub fn check(&self) {
        let stats = self.heap.stats();
        let bytes = self.replaced * 32;
        if bytes > 2 * stats.bytes_live() {
            assert!(stats.cycles() > 1 && stats.bytes_freed() > bytes / 4, "the heap did not collect:\n{stats}");
        }
    }
}

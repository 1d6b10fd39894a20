//! [`Heap::verify`](crate::Heap::verify): walks the heap at any moment between two steps and compares all that it stores.
//!
//! What is an object is decided by the bitmaps alone; a header is read only where they say that one stands. So an
//! object that was freed while something still pointed to it is reported, and not touched. The verifier shares no code
//! with the marker: it lists pointers, and keeps its own bits.
//!
//! What is checked, in this order:
//!
//! * the flags agree with the phase;
//! * every block: what is allocated parses without a gap (I3, I4), unused holes are unallocated and marked ahead as a
//!   whole or not at all (I1, I2), marks cover whole objects and nothing else, and are gone outside of marking;
//! * the lists of blocks: each block is in the list for its sweep state, once, and taken in the arena's map;
//! * the accounts agree with a recount: blocks, bytes, objects (I5);
//! * roots, weak cells and interned strings name allocated objects;
//! * each grey object is queued once (or lost to mark-stack overflow in a block that records it);
//! * every pointer in an allocated object leads to an allocated object;
//! * while marking, the policy's invariant. *Found* is what marking would find if the mutator stopped now: what is
//!   marked, and what grey objects and roots still to be scanned lead to through white objects. Black objects and roots
//!   must point to what is found (the weak tri-colour invariant); under a policy that shades what is stored, black
//!   objects must point to what is marked (the strong one); in the root-scanning window nothing that has pointers is
//!   black;
//! * once liveness is decided, whatever lives points to what lives, and a second mark reaches nothing that the first
//!   did not (under stop-the-world marking, both reach the same objects).
//!
//! [`HeapBuilder::check`](crate::HeapBuilder::check) makes a heap verify itself at each step.

mod blocks;
mod edges;
mod graph;
mod grey;
mod path;
mod roots;
mod second_mark;

use core::cell::Cell;
use core::fmt;
use core::ops::Range;

use hashbrown::HashMap;

use crate::barrier::Barrier;
use crate::barrier::rules::Rules;
use crate::context::Mutator;
use crate::cycle::collector::{Collector, Inspector};
use crate::cycle::phase::Phase;
use crate::observe::snapshot::Snapshot;
use crate::space::header::ObjectPtr;
use blocks::Walked;
use edges::Ephemeron;
use roots::RootSeen;

/// How closely a heap checks itself while it works: for tests, and for finding a bug. Whatever is wrong is a panic that
/// names it, with the path from a root. The times of [`Stats`](crate::Stats) leave out what the check takes.
///
/// A check is long work, and Cargo does not optimize the dependencies of a test unless it is told to. In the manifest of
/// the program under test:
///
/// ```toml
/// [profile.dev.package.grisaille]
/// opt-level = 2
/// ```
///
/// ```
/// use grisaille::{Check, Heap};
///
/// let mut heap = Heap::builder().stress(true).check(Check::EveryStep).build().unwrap();
/// heap.enter(|cx| {
///     let kept = cx.root(cx.alloc(1));
///     cx.safepoint(); // under stress a step, after which the heap verifies itself
///     assert_eq!(*kept.get(cx), 1);
/// });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Check {
    /// No check.
    #[default]
    Off,
    /// When liveness is decided, marks everything that the roots reach a second time, by other code and with other
    /// bits; all of it must have been marked. At least doubles the time of marking, in one pause a cycle.
    SecondMark,
    /// `SecondMark`, and after each step all that [`Heap::verify`](crate::Heap::verify) checks: each step takes time in
    /// proportion to the heap.
    EveryStep,
    /// `EveryStep` after every so many steps only, which is cheaper by that factor: what is wrong is found some steps
    /// later. 1 is [`EveryStep`](Check::EveryStep), and 0 is [`SecondMark`](Check::SecondMark).
    ///
    /// ```
    /// use grisaille::{Check, Heap};
    ///
    /// let mut heap = Heap::builder().stress(true).check(Check::EverySteps(100)).build().unwrap();
    /// heap.enter(|cx| {
    ///     for i in 0..1000 {
    ///         cx.alloc(i);
    ///         cx.safepoint(); // checked ten times
    ///     }
    /// });
    /// ```
    EverySteps(u32),
}

/// What [`Heap::verify`](crate::Heap::verify) found wrong: a bug in the collector, or in `unsafe` code beside it.
///
/// Its text says what is wrong and the path to it from a root: each line is a root or an object, by its type, with the
/// number of the pointer that leads on.
///
/// ```
/// use grisaille::{Heap, VerifyError};
///
/// fn report(heap: &Heap) -> Result<(), VerifyError> {
///     heap.verify().inspect_err(|error| eprintln!("{}, at the end of {:?}", error.what(), error.path()))
/// }
/// assert_eq!(report(&Heap::new()), Ok(()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyError {
    what: String,
    path: Vec<String>,
}

impl VerifyError {
    /// Returns what is wrong, without the path.
    ///
    /// ```
    /// let what = grisaille::Heap::new().verify().map_err(|error| error.what().to_string());
    /// assert_eq!(what, Ok(()));
    /// ```
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Returns the path from a root to what is wrong, where that is an object which a root leads to.
    ///
    /// ```
    /// let path = grisaille::Heap::new().verify().map_err(|error| error.path().to_vec());
    /// assert_eq!(path, Ok(()));
    /// ```
    pub fn path(&self) -> &[String] {
        &self.path
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if !self.path.is_empty() {
            write!(f, "\n  path: {}", self.path.join(" -> "))?;
        }
        Ok(())
    }
}

impl core::error::Error for VerifyError {}

impl<B: Barrier> Mutator<'_, B> {
    /// Checks the whole heap against itself, as [`Heap::verify`](crate::Heap::verify) does and at the same cost. Takes
    /// `&mut` although nothing changes: every object is read, so no [`RefMut`](crate::RefMut) may live.
    ///
    /// ```
    /// # use grisaille::{Budget, Heap};
    /// Heap::new().enter(|cx| {
    ///     let _kept = cx.root(cx.alloc(1));
    ///     while !cx.step(Budget::work(1)).cycle_ended {
    ///         cx.verify().unwrap();
    ///     }
    /// });
    /// ```
    ///
    /// # Errors
    /// Returns the first thing that is wrong, with the path that leads there.
    pub fn verify(&mut self) -> Result<(), VerifyError> {
        Verifier::new(self.collector(), &B::RULES).run()
    }
}

impl<B: Barrier> Mutator<'_, B> {
    /// Copies the shape of the heap, as [`Heap::snapshot`](crate::Heap::snapshot) does and at the same cost. Takes `&mut`
    /// although nothing changes: every object is read, so no [`RefMut`](crate::RefMut) may live.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// Heap::new().enter(|cx| {
    ///     let _kept = cx.root(cx.alloc(1));
    ///     assert_eq!(cx.snapshot().reachable(), 1);
    /// });
    /// ```
    ///
    /// # Panics
    /// When the heap is broken: see [`verify`](Mutator::verify).
    pub fn snapshot(&mut self) -> Snapshot {
        Verifier::new(self.collector(), &B::RULES).snapshot()
    }
}

/// Returns what checks a heap of this policy at each step, and when liveness is decided.
pub(crate) fn inspector<B: Barrier>(check: Check) -> Option<Inspector> {
    fn expect(verdict: Verdict, when: &str) {
        if let Err(error) = verdict {
            panic!("the heap is broken, {when}: {error}");
        }
    }
    let every = match check {
        Check::Off => return None,
        Check::SecondMark => 0,
        Check::EveryStep => 1,
        Check::EverySteps(steps) => steps.into(),
    };
    Some(Inspector {
        decided: |c| expect(Verifier::new(c, &B::RULES).run_second_mark(), "says the second mark"),
        stepped: |c| expect(Verifier::new(c, &B::RULES).run(), "after a step"),
        every,
    })
}

type Verdict<T = ()> = Result<T, VerifyError>;

/// Where an object's header stands: the block's number, and the granule.
#[derive(Clone, Copy, PartialEq, Eq)]
struct At {
    block: usize,
    granule: usize,
}

pub(crate) struct Verifier<'h> {
    c: &'h Collector,
    rules: &'static Rules,
    blocks: Vec<Walked>,
    /// The number of a block by its address.
    numbers: HashMap<usize, usize>,
    /// The addresses among which all blocks lie.
    range: Range<usize>,
    /// The number of the block that a lookup found last.
    nearest: Cell<usize>,
    roots: Vec<RootSeen>,
    /// Grey objects that are scanned in part, with the next piece: the pieces before it count as black.
    in_pieces: HashMap<ObjectPtr, usize>,
    ephemerons: Vec<Ephemeron>,
}

impl<'h> Verifier<'h> {
    pub(crate) fn new(c: &'h Collector, rules: &'static Rules) -> Self {
        c.marker.flush_barrier_buffer();
        c.note_grey_births();
        let (blocks, roots, ephemerons) = (Vec::new(), Vec::new(), Vec::new());
        let (numbers, in_pieces) = (HashMap::new(), HashMap::new());
        let (range, nearest) = (0..0, Cell::new(0));
        Verifier { c, rules, blocks, numbers, range, nearest, roots, in_pieces, ephemerons }
    }

    pub(crate) fn run(mut self) -> Verdict {
        self.flags()?;
        self.walk()?;
        self.list_roots();
        for root in &self.roots {
            // The roots of dropped handles too: the next scan reads them once more.
            if self.locate(root.object).is_none() {
                let place = root.place.to_string();
                return Err(VerifyError { path: vec![place.clone()], ..self.is_gone(root.object, &place) });
            }
        }
        self.weak_tables()?;
        self.queue()?;
        self.edges()?;
        if self.is_marking() {
            self.find();
            self.nothing_is_lost()?;
        }
        if self.is_condemned() {
            self.nothing_reachable_is_condemned()?;
            self.second_mark()?;
        }
        Ok(())
    }

    /// Runs the second mark alone, with what it needs: where objects are, and the roots.
    fn run_second_mark(mut self) -> Verdict {
        self.walk()?;
        self.list_roots();
        self.second_mark()
    }

    /// Returns whether marks are being made: some objects are black, some may be grey.
    fn is_marking(&self) -> bool {
        matches!(self.c.phase.get(), Phase::Mark | Phase::MarkTermination)
    }

    /// Returns whether liveness is decided: what is unmarked dies.
    fn is_condemned(&self) -> bool {
        self.c.phase.get() == Phase::Weak
    }

    fn flags(&self) -> Verdict {
        let (c, phase) = (self.c, self.c.phase.get());
        if c.marking.get()
            != (self.is_marking() && self.rules.incremental && !(c.window.get() && self.rules.traces_after_window()))
        {
            return fail(format!("in phase {phase} barriers are {}", if c.marking.get() { "on" } else { "off" }));
        }
        if c.liveness_decided.get() != self.is_condemned() {
            return fail(format!(
                "in phase {phase} objects are {}liveness_decided",
                if c.liveness_decided.get() { "" } else { "not " }
            ));
        }
        if c.window.get() && phase != Phase::Mark {
            return fail(format!("the window is open in phase {phase}"));
        }
        Ok(())
    }
}

fn fail<T>(what: String) -> Verdict<T> {
    Err(VerifyError { what, path: Vec::new() })
}

#[cfg(test)]
mod tests;

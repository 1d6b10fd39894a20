//! The interpreter of programs, and the oracle.
//!
//! The interpreter keeps a shadow graph beside the heap. After every operation it walks both in step: what the shadow
//! reaches must be in the heap, of its type, with its canary, and with the slots it should have. Nothing is
//! dereferenced that might have been freed: before each walk after a step, the watchman (a detector) says whether the
//! heap has lost anything.
//!
//! | file | what it holds |
//! |---|---|
//! | `control` | scopes, open stacks, regions, panics, and what the collector may run in |
//! | `objects`, `holders`, `kit` | the operations in which it does not: on objects; on roots, stacks and weak pointers; on lists, maps, ephemerons and guardians |
//! | `native`, `tables` | calls of natives; weak tables, and maps whose keys are derived |
//! | `oracle` | what must be there, and what must be gone |
//! | `probe` | programs that go on from others, for searches |
//! | `frame` | what a scope has on the Rust stack |
//! | `forked` | the sweeper's thread, where the program plays it, and the child of a fork |
//! | `other` | the second heap |
//! | `quiet` | panics that are part of a program |
#![allow(clippy::collapsible_match, clippy::needless_lifetimes, reason = "an operation an arm")]

mod control;
mod forked;
mod frame;
mod holders;
mod kit;
mod list;
mod native;
mod objects;
mod oracle;
mod other;
pub(crate) mod probe;
pub(crate) mod quiet;
mod tables;
mod text;

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use grisaille::{
    Barrier, Check, ConfigError, Guardian, Heap, HeapBuilder, Mutator, Persistent, RootsFirst, Stack, Sweep, played,
};

use self::frame::Frame;
use self::other::Other;
use self::probe::Probe;
use self::quiet::{Bang, Leave};
use crate::object::{Guarded, Log, Value};
use crate::op::Op;
use crate::program::{Config, Program};
use crate::shadow::{Shade, Shadow};

/// The detector that finds whether something was lost, before anything is dereferenced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// `Mutator::verify`, before and after each step.
    Verifier,
    /// The second mark, whenever it is decided what dies.
    SecondMark,
    /// The drops of what is reachable, after each step. All objects are of kinds that are dropped on the mutator's
    /// thread, but for the cells of weak pointers: those are born black or between two cycles, and rooted for good,
    /// which every policy respects.
    Drops,
}

impl Watch {
    /// All detectors.
    pub const ALL: [Watch; 3] = [Watch::Verifier, Watch::SecondMark, Watch::Drops];
}

/// The detector that found the failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The shadow graph, by what the program sees: drops, canaries, slots, weak pointers, numbers.
    Shadow,
    /// The verifier.
    Verifier,
    /// The second mark.
    SecondMark,
    /// An assertion in the collector, or another panic.
    Panic,
}

/// The beginning of the verifier's complaints.
const VERIFIER: &str = "the verifier: ";
/// The beginning of panics.
const PANIC: &str = "panic: ";

/// The failure of a program.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The operation, by number; the number of operations stands for the end.
    pub at: usize,
    /// A description of the failure.
    pub what: String,
}

impl Failure {
    /// The detector that found the failure.
    pub fn by(&self) -> By {
        match self.what.strip_prefix(PANIC) {
            Some(text) if text.contains("says the second mark") => By::SecondMark,
            Some(_) => By::Panic,
            None if self.what.starts_with(VERIFIER) => By::Verifier,
            None => By::Shadow,
        }
    }
}

/// Runs a program. A panic is a failure too.
pub fn run<B: Barrier>(program: &Program, watch: Watch) -> Result<(), Failure> {
    start::<B>(program, watch, false).0
}

/// Runs a program, and tells what each operation did.
pub fn replay<B: Barrier>(program: &Program, watch: Watch) -> String {
    let name = <B as Barrier>::NAME;
    let (outcome, notes) = start::<B>(program, watch, true);
    let mut text = format!("under the policy {name:?}, watched by {watch:?}:\n{}\n", program.to_test(name, watch));
    for note in notes {
        text += &format!("  {note}\n");
    }
    match outcome {
        Ok(()) => text + "  (it runs well)",
        Err(failure) => text + &format!("  operation {}: {}", failure.at, failure.what),
    }
}

fn start<B: Barrier>(program: &Program, watch: Watch, notes: bool) -> (Result<(), Failure>, Vec<String>) {
    let mut machine = Machine::new(program, watch, notes);
    let outcome = machine.run_caught::<B>(program.config);
    (outcome, machine.notes.unwrap_or_default())
}

type Outcome = Result<(), String>;

/// Objects that an operation makes, at most.
const MOST_MADE: usize = 16;

/// A guardian, and what is registered with it.
struct Guard {
    handle: Guardian<Guarded<'static>>,
    entries: Vec<Entry>,
}

struct Entry {
    id: u32,
    /// Whether at some safepoint since the registration nothing but guardians led to the object.
    unreachable: bool,
}

/// Handles that were forgotten: kept until the heap is dropped, and never used. To the heap this is
/// `mem::forget`; the memory is freed in the end, so that detectors of leaks stay of use.
#[derive(Default)]
struct Forgotten {
    roots: Vec<Persistent<Value<'static>>>,
    stacks: Vec<Stack<Value<'static>>>,
    guards: Vec<Guard>,
    /// The values of roots and stacks.
    shades: Vec<Shade>,
}

struct Machine<'p> {
    ops: &'p [Op],
    at: usize,
    watch: Watch,
    notes: Option<Vec<String>>,
    shadow: Shadow,
    log: Arc<Log>,
    roots: Vec<(Persistent<Value<'static>>, Shade)>,
    stacks: Vec<(Stack<Value<'static>>, Vec<Shade>)>,
    /// Roots of weak pointers and ephemerons, which are never written.
    cells: Vec<(Persistent<Value<'static>>, Shade)>,
    guards: Vec<Guard>,
    forgotten: Forgotten,
    /// The shadows of locals, of all scopes, of what leaves each open scope, and of each open stack.
    locals: Vec<Shade>,
    kept: Vec<Vec<Shade>>,
    opened: Vec<Vec<Shade>>,
    /// Scopes and open stacks.
    depth: usize,
    /// Objects of the four strings that are interned.
    interned: [Option<u32>; 4],
    /// The mode of sweeping for the next region, while a region is being left.
    leaving: Option<u8>,
    sweep: u8,
    /// Bytes outside the heap that were reported to the heap.
    external: usize,
    /// The weak tables that the last walk came by, and their entries: each is an object.
    weak_tables: Vec<(u32, usize)>,
    /// Panics of drops that came out of a step.
    bangs: usize,
    other: Option<Other>,
    /// Returns whether the program plays the sweeper's thread.
    plays: bool,
    /// Objects of the background that the thread had not dropped when it was lost: they are never dropped.
    lost: usize,
    /// The probe of the state that the program comes to.
    probe: Option<&'p mut Probe<'p>>,
    /// The oracle does not look: all operations of a probed program but the last were checked before, and the state
    /// that they come to may be known.
    blind: bool,
}

impl<'p> Machine<'p> {
    fn new(program: &'p Program, watch: Watch, notes: bool) -> Self {
        Machine {
            ops: &program.ops,
            at: 0,
            watch,
            notes: notes.then(Vec::new),
            shadow: Shadow::default(),
            log: Log::new(MOST_MADE * program.ops.len()),
            roots: Vec::new(),
            stacks: Vec::new(),
            cells: Vec::new(),
            guards: Vec::new(),
            forgotten: Forgotten::default(),
            locals: Vec::new(),
            kept: Vec::new(),
            opened: Vec::new(),
            depth: 0,
            interned: [None; 4],
            leaving: None,
            sweep: 0,
            external: 0,
            weak_tables: Vec::new(),
            bangs: 0,
            other: None,
            plays: program.plays_the_sweeper(),
            lost: 0,
            probe: None,
            blind: false,
        }
    }

    fn run_caught<B: Barrier>(&mut self, config: Config) -> Result<(), Failure> {
        let run = |machine: &mut Self| catch_unwind(AssertUnwindSafe(|| machine.run::<B>(config)));
        let outcome = if self.plays { played::with(|| run(self)) } else { run(self) };
        let outcome = outcome.unwrap_or_else(|payload| Err(PANIC.to_string() + &quiet::text_of(&*payload)));
        outcome.map_err(|what| Failure { at: self.at, what })
    }

    fn run<B: Barrier>(&mut self, config: Config) -> Outcome {
        // What is to be swept has to be handed over, also where it is little.
        let mode = (config.mode % 4) | u8::from(self.plays);
        self.sweep = if self.plays { CONCURRENT } else { config.sweep };
        let heap = Heap::builder()
            .barrier::<B>()
            .sweep(sweep(self.sweep))
            .stress(mode == 1 || mode == 3)
            .automatic(mode >= 2)
            .floor(0)
            .growth(0.05)
            .limit(limit(config.limit))
            .check(if self.watch == Watch::SecondMark { Check::SecondMark } else { Check::Off })
            .build();
        // A system without memory for the heap is no fault of the heap's: the program does not begin.
        let heap = match heap {
            Ok(heap) => heap,
            Err(ConfigError::NoMemory) => return Ok(()),
            Err(error) => return Err(error.to_string()),
        };
        // A heap that has gone wrong is not dropped: it would look at every object once more.
        let mut heap = ManuallyDrop::new(heap);
        if let cap @ 1..4 = config.queue % 8 {
            heap.set_mark_stack_cap(cap.into());
        }
        loop {
            let region = quiet::catch::<_, Leave>(|| {
                self.session(&mut heap, |machine, cx| machine.scope(cx, &mut Frame::outermost(), &mut |_, _| true))
            });
            match region {
                Ok(outcome) => outcome?,
                Err(_) => self.leaving = Some(self.sweep),
            }
            self.locals.clear();
            if self.blind {
                drop(ManuallyDrop::into_inner(heap));
                return Ok(());
            }
            if self.watch == Watch::Verifier {
                heap.verify().map_err(|error| format!("{VERIFIER}between two regions: {error}"))?;
            }
            match self.leaving.take() {
                Some(number) => {
                    self.sweep = number;
                    heap.set_sweep(sweep(number));
                }
                None => break,
            }
        }
        if config.ending % 4 != 3 {
            self.session(&mut heap, |machine, cx| machine.end(cx))?;
        }
        if self.bangs != self.log.bangs() {
            return Err(format!("{} drops panicked, and {} panics came out", self.log.bangs(), self.bangs));
        }
        // The handles go first or last: neither may matter.
        if config.ending.is_multiple_of(2) {
            self.roots.clear();
            self.stacks.clear();
            self.cells.clear();
            self.guards.clear();
        }
        drop(ManuallyDrop::into_inner(heap));
        self.parent_ends()?;
        self.everything_is_dropped()?;
        self.other.take().map_or(Ok(()), Other::end)
    }

    /// Enters the heap. A session may begin with a cycle, and a drop that panics there does so out of `enter`, before `f` is
    /// called: the heap is entered once more.
    fn session<B: Barrier, R>(
        &mut self,
        heap: &mut Heap<B>,
        mut f: impl FnMut(&mut Self, &mut Mutator<'_, B>) -> R,
    ) -> R {
        self.note_unreachable();
        let mut began = false;
        loop {
            let session = quiet::catch::<_, Bang>(|| {
                heap.enter(|cx| {
                    began = true;
                    f(self, cx)
                })
            });
            match session {
                Ok(result) => return result,
                Err(bang) if began => quiet::raise(bang),
                Err(_) => {
                    self.bangs += 1;
                    self.note(|_| "a drop panics as a session begins".into());
                }
            }
        }
    }

    fn note(&mut self, text: impl FnOnce(&Self) -> String) {
        if self.notes.is_some() {
            let text = format!("{}: {}", self.at, text(self));
            self.notes.iter_mut().for_each(|notes| notes.push(text.clone()));
        }
    }
}

/// The number that means concurrent sweeping.
const CONCURRENT: u8 = 2;

fn sweep(number: u8) -> Sweep {
    [Sweep::Lazy, Sweep::Eager, Sweep::Concurrent][number as usize % 3]
}

/// Two numbers in eight set a limit.
fn limit(number: u8) -> usize {
    match number % 8 {
        1 => HeapBuilder::<RootsFirst>::MIN_LIMIT,
        2 => 1 << 20,
        _ => usize::MAX,
    }
}

fn index(number: u8, len: usize) -> Option<usize> {
    (number as usize).checked_rem(len)
}

fn pick<T>(all: &[T], number: u8) -> Option<&T> {
    index(number, all.len()).map(|at| &all[at])
}

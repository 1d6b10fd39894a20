//! The interpreter of programs, and the oracle.
//!
//! It keeps a shadow graph beside the heap. After every operation it walks both in step: what the shadow reaches must
//! be there, of its type, with its canary, and with the slots it should have. Nothing is dereferenced that might have
//! been freed: before each walk after a step, one of two watchmen says whether the heap has lost anything.
#![allow(clippy::collapsible_match, clippy::needless_lifetimes, reason = "an operation an arm")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use grisaille::barrier::rules::Birth;
use grisaille::{Barrier, Budget, Heap, Local, Mutator, Out, Phase, Root, Slot, Stack, Sweep};

use crate::object::{Log, Value};
use crate::op::{Config, Op, Program};
use crate::shadow::{Kind, SLOTS, Shade, Shadow};

/// Who looks whether something was lost, before anything is dereferenced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// `Mutator::verify`, before and after each step.
    Verifier,
    /// The drops of what is reachable, after each step. All objects are of kinds that are dropped, but for the cells
    /// of weak pointers: those are born black or between two cycles, and rooted for good, which every policy respects.
    Drops,
}

/// A program went wrong.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The operation, by number; the number of operations stands for the end.
    pub at: usize,
    /// What went wrong.
    pub what: String,
}

/// Values that an operand may name are not more than this many of each sort: a program that holds on to everything
/// loses nothing.
const MAX_LOCALS: usize = 3;
const MAX_ROOTS: usize = 2;
const MAX_STACKS: usize = 2;
const MAX_DEPTH: usize = 3;
const MAX_SCOPES: usize = 4;
const MAX_CELLS: usize = 3;
const REGISTERS: usize = 4;

/// Runs a program. A panic is a failure too.
pub fn run<B: Barrier>(program: &Program, watch: Watch) -> Result<(), Failure> {
    start::<B>(program, watch, false).0
}

/// Runs a program, and tells what each operation did.
pub fn replay<B: Barrier>(program: &Program, watch: Watch) -> String {
    let (outcome, notes) = start::<B>(program, watch, true);
    let mut text = format!("under the policy {:?}, watched by {watch:?}:\n{program}\n", <B as Barrier>::NAME);
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

/// Runs a program whose operations but the last are known to run well, and shows the probe what it comes to. While that
/// is new, it is checked, and the collector is stepped by one unit of work, which is shown too. At last, if anything
/// was new, a full collection must free what is unreachable, and nothing else.
pub(crate) fn probe<B: Barrier>(program: &Program, probe: &mut Probe<'_>) -> Result<(), Failure> {
    let mut machine = Machine::new(program, Watch::Verifier, false);
    machine.probe = Some(probe);
    machine.blind = true;
    machine.run_caught::<B>(program.config)
}

type Outcome = Result<(), String>;

/// What leaves a scope, through its `Out`.
type Keep<'k, 's, B> = &'k mut dyn FnMut(&Mutator<'s, B>, Value<'_>);

/// A value and what it should be.
type Both<'a> = (Shade, Value<'a>);

/// The locals of a scope and of those around it, whose lifetimes differ.
trait Locals<B: Barrier> {
    fn get<'a>(&self, cx: &'a Mutator<'_, B>, index: usize) -> Value<'a>;
}

struct Frame<'p, 's, B: Barrier> {
    outer: Option<&'p dyn Locals<B>>,
    /// Locals of the scopes around this one.
    base: usize,
    locals: Vec<Local<'s, Value<'s>>>,
}

impl<B: Barrier> Locals<B> for Frame<'_, '_, B> {
    fn get<'a>(&self, cx: &'a Mutator<'_, B>, index: usize) -> Value<'a> {
        match self.outer {
            Some(outer) if index < self.base => outer.get(cx, index),
            _ => self.locals[index - self.base].get(cx),
        }
    }
}

/// Unrooted pointers, the newest last. An object is in one of them at the most, so few objects are never forgotten.
struct Registers<'a> {
    values: [Both<'a>; REGISTERS],
}

impl<'a> Registers<'a> {
    const EMPTY: Registers<'a> = Registers { values: [(None, Value::Nil); REGISTERS] };

    fn newest(&self) -> Both<'a> {
        self.values[REGISTERS - 1]
    }

    fn put(&mut self, value: Both<'a>) {
        if value.0.is_none() {
            return;
        }
        let holds = |shade: Shade| self.values.iter().position(|value| value.0 == shade);
        let at = holds(value.0).or(holds(None)).unwrap_or(0);
        self.values[at..].rotate_left(1);
        self.values[REGISTERS - 1] = value;
    }
}

/// What a program has come to, for those who go on from there.
pub(crate) struct View<'v> {
    /// The heap's digest, and where the objects in `registers` lie.
    pub digest: &'v [u64],
    pub shadow: &'v Shadow,
    /// Objects in the heap, dead ones that are not swept yet included, but for the cells of weak pointers.
    pub objects: usize,
    /// In the order of their addresses.
    pub registers: [Shade; REGISTERS],
    /// The values at hand, in the order in which operands name them.
    pub operands: Vec<Shade>,
    pub locals: &'v [Shade],
    /// How many of them are of the scopes around the innermost one.
    pub outer_locals: usize,
    /// What leaves each open scope.
    pub kept: &'v [Vec<Shade>],
    pub roots: Vec<Shade>,
    pub stacks: Vec<&'v [Shade]>,
    pub cells: Vec<Shade>,
}

/// Looks at what a program has come to. False: this state is known, and need not be looked at again.
pub(crate) type Probe<'p> = dyn FnMut(&View<'_>) -> bool + 'p;

struct Machine<'p> {
    ops: &'p [Op],
    at: usize,
    watch: Watch,
    notes: Option<Vec<String>>,
    shadow: Shadow,
    log: Arc<Log>,
    roots: Vec<(Root<Value<'static>>, Shade)>,
    stacks: Vec<(Stack<Value<'static>>, Vec<Shade>)>,
    /// Roots of weak pointers, which are never written.
    cells: Vec<(Root<Value<'static>>, Shade)>,
    /// The shadows of locals, of all scopes, and of what leaves each open scope.
    locals: Vec<Shade>,
    kept: Vec<Vec<Shade>>,
    /// Objects of the four strings that are interned.
    interned: [Option<u32>; 4],
    /// A region is being left, and with which mode of sweeping the next one goes on.
    leaving: Option<u8>,
    /// Who looks at the state that the program comes to.
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
            // No operation makes more than two objects.
            log: Log::new(2 * program.ops.len()),
            roots: Vec::new(),
            stacks: Vec::new(),
            cells: Vec::new(),
            locals: Vec::new(),
            kept: Vec::new(),
            interned: [None; 4],
            leaving: None,
            probe: None,
            blind: false,
        }
    }

    fn run_caught<B: Barrier>(&mut self, config: Config) -> Result<(), Failure> {
        let outcome = catch_unwind(AssertUnwindSafe(|| self.run::<B>(config))).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
            Err(format!("panic: {}", text.unwrap_or_default()))
        });
        outcome.map_err(|what| Failure { at: self.at, what })
    }

    fn run<B: Barrier>(&mut self, config: Config) -> Outcome {
        let mode = config.mode % 4;
        let mut heap = Heap::builder()
            .barrier::<B>()
            .sweep(sweep(config.sweep))
            .stress(mode == 1 || mode == 3)
            .automatic(mode >= 2)
            .floor(0)
            .growth(0.05)
            .build()
            .map_err(|error| error.to_string())?;
        if let cap @ 1..4 = config.queue % 8 {
            heap.set_mark_stack_cap(cap.into());
        }
        loop {
            heap.enter(|cx| {
                let mut frame = Frame { outer: None, base: 0, locals: Vec::new() };
                self.scope(cx, &mut frame, &mut |_, _| {})
            })?;
            self.locals.clear();
            if self.blind {
                return Ok(());
            }
            if self.watch == Watch::Verifier {
                heap.verify().map_err(|error| format!("between two regions: {error}"))?;
            }
            match self.leaving.take() {
                Some(number) => heap.set_sweep(sweep(number)),
                None => break,
            }
        }
        if config.ending % 4 != 3 {
            heap.enter(|cx| self.end(cx))?;
        }
        // The handles go first or last: neither may matter.
        if config.ending.is_multiple_of(2) {
            self.roots.clear();
            self.stacks.clear();
            self.cells.clear();
        }
        drop(heap);
        self.everything_is_dropped()
    }

    // ---- control

    /// Runs operations until a scope, the region or the program ends.
    fn scope<'s, B: Barrier>(
        &mut self,
        cx: &mut Mutator<'s, B>,
        frame: &mut Frame<'_, 's, B>,
        keep: Keep<'_, 's, B>,
    ) -> Outcome {
        loop {
            self.straight(cx, frame, keep)?;
            let Some(&op) = self.ops.get(self.at) else { return self.conclude(cx, frame) };
            match op {
                Op::Scope if self.kept.len() < MAX_SCOPES => {
                    self.at += 1;
                    self.note(|_| "a scope opens".into());
                    self.inner_scope(cx, frame)?;
                    self.audit(cx, frame, true)?;
                }
                Op::EndScope if !self.kept.is_empty() => {
                    self.at += 1;
                    self.note(|_| "the scope ends".into());
                    return Ok(());
                }
                Op::Region { sweep } => {
                    self.at += 1;
                    self.leaving = Some(sweep);
                    self.note(|_| "the region ends".into());
                    return Ok(());
                }
                op => {
                    self.collecting(cx, frame, op)?;
                    self.at += 1;
                }
            }
            if self.leaving.is_some() {
                return Ok(());
            }
        }
    }

    fn inner_scope<'s, B: Barrier>(&mut self, cx: &mut Mutator<'s, B>, frame: &mut Frame<'_, 's, B>) -> Outcome {
        let base = self.locals.len();
        self.kept.push(Vec::new());
        let mut kept = Vec::new();
        let outer: &Frame<'_, 's, B> = frame;
        cx.scope(|cx, out: Out<'_, 's, B>| {
            let mut inner = Frame { outer: Some(outer), base, locals: Vec::new() };
            self.scope(cx, &mut inner, &mut |cx, value| kept.push(out.keep(cx, value)))
        })?;
        self.locals.truncate(base);
        self.locals.extend(self.kept.pop().into_iter().flatten());
        frame.locals.extend(kept);
        Ok(())
    }

    fn collecting<B: Barrier>(&mut self, cx: &mut Mutator<'_, B>, frame: &dyn Locals<B>, op: Op) -> Outcome {
        self.audit(cx, frame, true)?;
        match op {
            Op::Step { work } => {
                // Mostly one elementary piece: that is where mutator and collector interleave.
                let work = [1, 1, 1, 1, 1, 1, 1, 1, 40, 80, 120, 160, 200, 240, 640, 1 << 16][work as usize % 16];
                cx.step(Budget::work(work));
            }
            Op::Safepoint => cx.safepoint(),
            Op::Begin => {
                // A stopped world is never seen while it is marked.
                for _ in 0..64 {
                    if matches!(cx.phase(), Phase::Mark | Phase::MarkTermination) {
                        break;
                    }
                    cx.step(Budget::work(1));
                    self.audit(cx, frame, true)?;
                }
            }
            Op::Finish => self.finish(cx),
            Op::Collect => self.collect(cx, frame)?,
            Op::Suspend => cx.suspend(|| {
                Heap::new().enter(|cx| {
                    let kept = cx.root(cx.alloc(7));
                    cx.collect();
                    assert_eq!(*kept.get(cx), 7);
                });
            }),
            _ => return Ok(()),
        }
        let phase = cx.phase();
        self.note(|_| format!("{op:?}: phase {phase}"));
        self.audit(cx, frame, true)
    }

    fn finish<B: Barrier>(&self, cx: &mut Mutator<'_, B>) {
        while !cx.step(Budget::unlimited()).cycle_ended {
            std::thread::yield_now();
        }
    }

    fn collect<B: Barrier>(&mut self, cx: &mut Mutator<'_, B>, frame: &dyn Locals<B>) -> Outcome {
        if self.watch == Watch::Drops {
            // Nobody looks between the two cycles of `collect`.
            if cx.phase() != Phase::Idle {
                self.finish(cx);
                self.audit(cx, frame, true)?;
            }
            self.finish(cx);
            self.audit(cx, frame, true)?;
        }
        cx.collect();
        Ok(())
    }

    // ---- operations that do not collect

    /// Runs operations up to the next one in which the collector may run. Registers live as long.
    fn straight<'a, 's, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        frame: &mut Frame<'_, 's, B>,
        keep: Keep<'_, 's, B>,
    ) -> Outcome {
        let mut registers = Registers::EMPTY;
        while let Some(&op) = self.ops.get(self.at)
            && !op.collects()
        {
            self.straight_op(cx, frame, keep, &mut registers, op)?;
            self.walk(cx, frame, &registers.values, false)?;
            self.at += 1;
        }
        if self.at == self.ops.len() && self.blind && self.show(cx, frame, &registers) {
            self.blind = false;
            // After a step the verifier looks first.
            if self.ops.last().is_some_and(|op| !op.collects()) {
                self.walk(cx, frame, &registers.values, false)?;
            }
        }
        Ok(())
    }

    /// Shows the probe where the program stands. True: that is new. Nothing in the heap is dereferenced but by its own
    /// digest.
    fn show<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        frame: &Frame<'_, '_, B>,
        registers: &Registers<'a>,
    ) -> bool {
        let Some(probe) = self.probe.take() else { return false };
        // Which register it is in decides nothing.
        let mut ordered = registers.values.map(|(shade, value)| (value.addr().unwrap_or(0), shade));
        ordered.sort_unstable();
        let mut digest = Vec::with_capacity(512);
        cx.digest(&ordered.map(|(address, _)| address), &mut digest);
        let operands = self.operands(cx, frame, registers, |_, shade| shade.is_some());
        let stats = cx.stats();
        let new = probe(&View {
            digest: &digest,
            shadow: &self.shadow,
            objects: (stats.objects_allocated - stats.objects_freed) as usize - self.cells.len(),
            registers: ordered.map(|(_, shade)| shade),
            operands: operands.into_iter().map(|(shade, _)| shade).collect(),
            locals: &self.locals,
            outer_locals: frame.base,
            kept: &self.kept,
            roots: self.roots.iter().map(|(_, shade)| *shade).collect(),
            stacks: self.stacks.iter().map(|(_, shades)| shades.as_slice()).collect(),
            cells: self.cells.iter().map(|(_, shade)| *shade).collect(),
        });
        // What scopes do when they end is not shown.
        self.probe = new.then_some(probe);
        new
    }

    /// What comes after a program that was probed and came to a new state. The verifier judges each state; the
    /// collection at the end is judged by the drops and the canaries.
    fn conclude<B: Barrier>(&mut self, cx: &mut Mutator<'_, B>, frame: &Frame<'_, '_, B>) -> Outcome {
        if self.blind || self.probe.is_none() {
            return Ok(());
        }
        loop {
            self.audit(cx, frame, true)?;
            cx.step(Budget::work(1));
            if !self.show(cx, frame, &Registers::EMPTY) {
                break;
            }
        }
        self.probe = None;
        self.watch = Watch::Drops;
        self.collect(cx, frame)?;
        self.exact(cx, frame)
    }

    #[allow(clippy::too_many_lines, reason = "a table of operations")]
    fn straight_op<'a, 's, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        frame: &mut Frame<'_, 's, B>,
        keep: Keep<'_, 's, B>,
        registers: &mut Registers<'a>,
        op: Op,
    ) -> Outcome {
        let operand = |machine: &mut Self, number: u8| machine.operand(cx, &*frame, registers, number);
        match op {
            Op::Forget => *registers = Registers::EMPTY,
            Op::Alloc { kind, a, b } => {
                let items = [operand(self, a), (None, Value::Nil), operand(self, b)];
                let new = self.alloc(cx, kind, items);
                registers.put(new);
            }
            Op::Grow { kind, to, slot } => {
                let (to, object) = operand(self, to);
                let slot = slot as usize % SLOTS;
                match (to, object.get(slot)) {
                    (Some(to), Some(inner)) => {
                        let inner = (self.shadow.get(to, slot), inner);
                        let (new, value) = self.alloc(cx, kind, [inner, (None, Value::Nil), (None, Value::Nil)]);
                        self.note(|_| format!("#{to}[{slot}] = {new:?}"));
                        self.shadow.set(to, slot, new);
                        object.set(cx, slot, value);
                    }
                    _ => {
                        let new = self.alloc(cx, kind, [(None, Value::Nil); SLOTS]);
                        self.root(cx, frame, new);
                    }
                }
            }
            Op::Get { from, slot } => {
                let (shade, value) = operand(self, from);
                let slot = slot as usize % SLOTS;
                if let (Some(id), Some(value)) = (shade, value.get(slot)) {
                    let shade = self.shadow.get(id, slot);
                    self.note(|_| format!("register = #{id}[{slot}], {shade:?}"));
                    registers.put((shade, value));
                }
            }
            Op::Take { from, slot } => {
                let (shade, value) = operand(self, from);
                let slot = slot as usize % SLOTS;
                if let (Some(id), Some(taken)) = (shade, value.get(slot)) {
                    let shade = self.shadow.get(id, slot);
                    self.note(|_| format!("register = #{id}[{slot}], {shade:?}, which is cleared"));
                    self.shadow.set(id, slot, None);
                    value.set(cx, slot, Value::Nil);
                    registers.put((shade, taken));
                }
            }
            Op::Set { to, slot, value } => {
                let (to, value) = (operand(self, to), operand(self, value));
                self.set(cx, to, slot, value);
            }
            Op::Whole { nth, value } => {
                let wholes = self.operands(cx, frame, registers, |shadow, shade| {
                    matches!(shadow.kind(shade), Some(Kind::Bag | Kind::Tuple))
                });
                let (shade, value) = operand(self, value);
                if let Some(&(Some(id), object)) = pick(&wholes, nth) {
                    self.note(|_| format!("#{id} is rotated, with {shade:?} at its end"));
                    let [_, b, c] = self.shadow.objects[id as usize].slots;
                    self.shadow.objects[id as usize].slots = [b, c, shade];
                    object.rotate(cx, value);
                }
            }
            Op::Root { value } => {
                let value = operand(self, value);
                self.root(cx, frame, value);
            }
            Op::Keep { value } => {
                let (shade, value) = operand(self, value);
                if self.locals.len() + self.kept.iter().map(Vec::len).sum::<usize>() < MAX_LOCALS
                    && let Some(kept) = self.kept.last_mut()
                {
                    kept.push(shade);
                    keep(cx, value);
                    self.note(|_| format!("{shade:?} is to leave the scope"));
                }
            }
            Op::Persist { value } => {
                let (shade, value) = operand(self, value);
                if shade.is_some() && self.roots.len() < MAX_ROOTS {
                    self.note(|m| format!("root {} = {shade:?}, a new one", m.roots.len()));
                    self.roots.push((cx.persist(value), shade));
                }
            }
            Op::SetRoot { root, value } => {
                let (shade, value) = operand(self, value);
                if let Some(at) = index(root, self.roots.len()) {
                    self.note(|_| format!("root {at} = {shade:?}"));
                    self.roots[at].0.set(cx, value);
                    self.roots[at].1 = shade;
                }
            }
            Op::DropRoot { root } => {
                if let Some(at) = index(root, self.roots.len())
                    && self.may_drop_handles(cx)
                {
                    let (root, shade) = self.roots.swap_remove(at);
                    self.note(|_| format!("root {at}, {shade:?}, is dropped"));
                    registers.put((shade, root.get(cx)));
                }
            }
            Op::NewStack => {
                if self.stacks.len() < MAX_STACKS {
                    self.note(|m| format!("stack {} is made", m.stacks.len()));
                    self.stacks.push((Stack::new(cx), Vec::new()));
                }
            }
            Op::Push { stack, value } => {
                let (shade, value) = operand(self, value);
                self.push(cx, stack, (shade, value));
            }
            Op::Pop { stack } => {
                if let Some(value) = self.pop(cx, stack)? {
                    registers.put(value);
                }
            }
            Op::SetStack { stack, index: element, value } => {
                let (shade, value) = operand(self, value);
                if let Some(at) = index(stack, self.stacks.len())
                    && let Some(element) = index(element, self.stacks[at].1.len())
                {
                    self.note(|_| format!("stack {at}[{element}] = {shade:?}"));
                    self.stacks[at].0.open(cx).set(cx, element, value);
                    self.stacks[at].1[element] = shade;
                }
            }
            Op::Truncate { stack, len } => {
                if let Some(at) = index(stack, self.stacks.len())
                    && let Some(len) = index(len, self.stacks[at].1.len())
                {
                    self.note(|_| format!("stack {at} is cut to {len}"));
                    self.stacks[at].0.open(cx).truncate(cx, len);
                    self.stacks[at].1.truncate(len);
                }
            }
            Op::Window { stack, from, value } => {
                let (shade, value) = operand(self, value);
                if let Some(at) = index(stack, self.stacks.len())
                    && let Some(from) = index(from, self.stacks[at].1.len())
                {
                    let (stack, shades) = &mut self.stacks[at];
                    let view = stack.open(cx);
                    let window = view.window(cx, from..shades.len());
                    let last = window.len() - 1;
                    window[0].set(cx.adopt(value));
                    window[0].swap(&window[last]);
                    shades[from] = shade;
                    shades.swap(from, from + last);
                    self.note(|_| {
                        format!("stack {at}: a window from {from} on, {shade:?} in its first, swapped with its last")
                    });
                }
            }
            Op::Move { from, to } => match self.pop(cx, from)? {
                Some(value) if to % 2 == 0 => self.push(cx, to / 2, value),
                Some(value) => self.root(cx, frame, value),
                None => {}
            },
            Op::DropStack { stack } => {
                if let Some(at) = index(stack, self.stacks.len())
                    && self.may_drop_handles(cx)
                {
                    self.note(|_| format!("stack {at} is dropped"));
                    self.stacks.swap_remove(at);
                }
            }
            Op::Weaken { from } => {
                // Where cells are born white while marking, a broken policy may lose them; after it, what they point to.
                let safe = match cx.phase() {
                    Phase::Idle => true,
                    Phase::Mark | Phase::MarkTermination => B::RULES.birth != Birth::White,
                    _ => false,
                };
                if self.watch == Watch::Drops && !safe {
                    return Ok(());
                }
                let mut target = operand(self, from);
                if target.0.is_none() {
                    target = self.alloc(cx, 0, [(None, Value::Nil); SLOTS]);
                }
                if let (Some(id), Some(weak)) = (target.0, target.1.weaken(cx)) {
                    let cell = self.shadow.add(Kind::Weak, [None; SLOTS], id);
                    self.note(|_| format!("#{cell} = a weak pointer to #{id}"));
                    if self.cells.len() < MAX_CELLS || self.may_drop_handles(cx) {
                        if self.cells.len() == MAX_CELLS {
                            self.cells.remove(0);
                        }
                        self.cells.push((cx.persist(weak), Some(cell)));
                    }
                    if self.watch == Watch::Verifier {
                        registers.put((Some(cell), weak));
                    }
                }
            }
            Op::Upgrade { nth, to, slot } => {
                let mut weaks =
                    self.operands(cx, frame, registers, |shadow, shade| shadow.kind(shade) == Some(Kind::Weak));
                weaks.extend(self.cells.iter().map(|(root, shade)| (*shade, root.get(cx))));
                if let Some(&(Some(cell), weak)) = pick(&weaks, nth) {
                    let to = operand(self, to);
                    let live = self.upgrade(cx, registers, cell, weak)?;
                    self.set(cx, to, slot, live);
                    registers.put(live);
                }
            }
            Op::Intern { text } => {
                let text = text as usize % self.interned.len();
                if self.watch == Watch::Verifier {
                    let id =
                        *self.interned[text].get_or_insert_with(|| self.shadow.add(Kind::Interned, [None; SLOTS], 0));
                    self.note(|_| format!("#{id} is interned"));
                    registers.put((Some(id), Value::Str(cx.intern(["a", "b", "c", "d"][text]))));
                }
            }
            Op::Churn { blocks } => {
                for _ in 0..blocks % 32 {
                    cx.alloc_array(600, |_| Slot::new(0u64));
                    cx.alloc_array(600, |_| Slot::new(Value::Nil));
                }
                self.note(|_| "garbage".into());
            }
            _ => {}
        }
        Ok(())
    }

    /// A handle that is dropped while marking may be looked at once more in the next cycle. What it held is nothing to
    /// the shadow graph by then, so the drops do not tell whether a broken policy has lost it.
    fn may_drop_handles<B: Barrier>(&self, cx: &Mutator<'_, B>) -> bool {
        self.watch == Watch::Verifier || cx.phase() == Phase::Idle
    }

    fn alloc<'a, B: Barrier>(&mut self, cx: &'a Mutator<'_, B>, kind: u8, items: [Both<'a>; SLOTS]) -> Both<'a> {
        let kind = match self.watch {
            Watch::Drops => Kind::with_witness(kind),
            Watch::Verifier => Kind::new(kind),
        };
        let mut slots = if kind.has_slots() { items.map(|item| item.0) } else { [None; SLOTS] };
        if kind.is_word(SLOTS - 1) {
            slots[SLOTS - 1] = self.shadow.cons_only(slots[SLOTS - 1]);
        }
        let id = self.shadow.add(kind, slots, 0);
        self.note(|_| format!("#{id} = a new {kind:?} with {slots:?}"));
        (Some(id), Value::alloc(cx, kind, id, items.map(|item| item.1), &self.log))
    }

    fn set<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        (to, object): Both<'a>,
        slot: u8,
        (shade, value): Both<'a>,
    ) {
        let slot = slot as usize % SLOTS;
        if let Some(id) = to
            && self.shadow.objects[id as usize].kind.has_slots()
        {
            self.note(|_| format!("#{id}[{slot}] = {shade:?}"));
            self.shadow.set(id, slot, shade);
            object.set(cx, slot, value);
        }
    }

    /// Roots a value in the current scope. Roots that hold nothing are of no interest.
    fn root<'s, B: Barrier>(&mut self, cx: &Mutator<'s, B>, frame: &mut Frame<'_, 's, B>, (shade, value): Both<'_>) {
        if shade.is_some() && self.locals.len() < MAX_LOCALS {
            self.note(|m| format!("local {} = {shade:?}", m.locals.len()));
            frame.locals.push(cx.root(value));
            self.locals.push(shade);
        }
    }

    fn push<'a, B: Barrier>(&mut self, cx: &'a Mutator<'_, B>, stack: u8, (shade, value): Both<'a>) {
        if let Some(at) = index(stack, self.stacks.len()) {
            let (stack, shades) = &mut self.stacks[at];
            if shade.is_some() && shades.len() < MAX_DEPTH {
                stack.open(cx).push(cx, value);
                shades.push(shade);
                self.note(|_| format!("stack {at}: push {shade:?}"));
            }
        }
    }

    fn pop<'a, B: Barrier>(&mut self, cx: &'a Mutator<'_, B>, stack: u8) -> Result<Option<Both<'a>>, String> {
        let Some(at) = index(stack, self.stacks.len()) else { return Ok(None) };
        let (stack, shades) = &mut self.stacks[at];
        let popped = (shades.pop(), stack.open(cx).pop(cx));
        self.note(|_| format!("stack {at}: pop {:?}", popped.0));
        match popped {
            (Some(shade), Some(value)) => Ok(Some((shade, value))),
            (None, None) => Ok(None),
            _ => Err(format!("stack {at} has not as many values as it should")),
        }
    }

    fn upgrade<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        registers: &Registers<'a>,
        cell: u32,
        weak: Value<'a>,
    ) -> Result<Both<'a>, String> {
        let target = self.shadow.objects[cell as usize].target;
        let reachable = self.reach(&registers.values)[target as usize];
        match weak.upgrade(cx) {
            Some(_) if self.shadow.objects[target as usize].gone => {
                Err(format!("#{target} was upgraded, and had been gone already"))
            }
            Some(value) => {
                self.note(|_| format!("register = the weak pointer #{cell} upgraded, #{target}"));
                Ok((Some(target), value))
            }
            None if reachable => Err(format!("#{target} is reachable, and a weak pointer says that it is gone")),
            None => {
                self.note(|_| format!("the weak pointer #{cell} to #{target} is empty"));
                self.shadow.objects[target as usize].gone = true;
                Ok((None, Value::Nil))
            }
        }
    }

    /// The value that an operand names.
    fn operand<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        frame: &dyn Locals<B>,
        registers: &Registers<'a>,
        number: u8,
    ) -> Both<'a> {
        let all = self.operands(cx, frame, registers, |_, shade| shade.is_some());
        match number % 5 {
            0 => (None, Value::Nil),
            1 if registers.newest().0.is_some() => registers.newest(),
            deep => {
                let mut found = pick(&all, number / 5).copied().unwrap_or((None, Value::Nil));
                // A root, or what lies deeper: that is where collector and mutator have not met yet.
                for step in 2..deep as usize {
                    let inner = (0..SLOTS).map(|slot| (slot + step + number as usize) % SLOTS).find_map(|slot| {
                        let id = found.0?;
                        Some((Some(self.shadow.get(id, slot)?), found.1.get(slot)?))
                    });
                    found = inner.unwrap_or(found);
                }
                found
            }
        }
    }

    /// The values that are at hand and of which something holds, each as often as it is there.
    fn operands<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        frame: &dyn Locals<B>,
        registers: &Registers<'a>,
        holds: impl Fn(&Shadow, Shade) -> bool,
    ) -> Vec<Both<'a>> {
        let mut all = self.rooted(cx, frame);
        all.splice(0..0, registers.values);
        all.retain(|(shade, _)| holds(&self.shadow, *shade));
        all
    }

    /// Whatever is rooted.
    fn rooted<'a, B: Barrier>(&mut self, cx: &'a Mutator<'_, B>, frame: &dyn Locals<B>) -> Vec<Both<'a>> {
        let locals = self.locals.iter().enumerate();
        let mut all: Vec<Both<'a>> = locals.map(|(at, shade)| (*shade, frame.get(cx, at))).collect();
        all.extend(self.roots.iter().map(|(root, shade)| (*shade, root.get(cx))));
        for (stack, shades) in &mut self.stacks {
            let view = stack.open(cx);
            all.extend(shades.iter().enumerate().map(|(at, shade)| (*shade, view.get(cx, at))));
        }
        all
    }

    // ---- the oracle

    /// What the shadow graph reaches.
    fn reach(&self, registers: &[Both<'_>]) -> Vec<bool> {
        let roots =
            self.locals.iter().chain(self.kept.iter().flatten()).chain(self.roots.iter().map(|(_, shade)| shade));
        let roots = roots
            .chain(self.cells.iter().map(|(_, shade)| shade))
            .chain(self.stacks.iter().flat_map(|(_, shades)| shades));
        self.shadow.reach(roots.chain(registers.iter().map(|(shade, _)| shade)).copied())
    }

    /// Looks whether something was lost, then at everything. `stopped`: no registers live.
    fn audit<B: Barrier>(&mut self, cx: &mut Mutator<'_, B>, frame: &dyn Locals<B>, stopped: bool) -> Outcome {
        if self.blind {
            return Ok(());
        }
        if self.watch == Watch::Verifier && stopped {
            cx.verify().map_err(|error| error.to_string())?;
        }
        self.walk(cx, frame, &[], false)
    }

    /// Walks heap and shadow in step. `exact`: weak pointers must know of each death too.
    fn walk<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        frame: &dyn Locals<B>,
        registers: &[Both<'a>],
        exact: bool,
    ) -> Outcome {
        if self.blind {
            return Ok(());
        }
        let reached = self.reach(registers);
        for (id, object) in self.shadow.objects.iter().enumerate() {
            let drops = if object.kind.has_witness() { self.log.drops(id as u32) } else { 0 };
            if reached[id] && drops != 0 {
                return Err(format!("#{id} is reachable, and was dropped"));
            }
            if drops > 1 {
                return Err(format!("#{id} was dropped {drops} times"));
            }
        }
        let mut work = self.rooted(cx, frame);
        work.extend(self.cells.iter().map(|(root, shade)| (*shade, root.get(cx))));
        work.extend(registers);
        let mut addresses: Vec<Option<usize>> = vec![None; self.shadow.objects.len()];
        let mut seen = vec![false; self.shadow.objects.len()];
        while let Some((shade, value)) = work.pop() {
            let Some(id) = shade else {
                if !matches!(value, Value::Nil) {
                    return Err(format!("{} where nil should be", value.noun()));
                }
                continue;
            };
            let addr = value.addr();
            if std::mem::replace(&mut seen[id as usize], true) {
                if addresses[id as usize] != addr {
                    return Err(format!("#{id} is two objects"));
                }
                continue;
            }
            addresses[id as usize] = addr;
            let object = &self.shadow.objects[id as usize];
            if let Some(complaint) = value.complaint(object.kind, id) {
                return Err(format!("#{id} is not intact: {complaint}"));
            }
            if exact && object.kind == Kind::Weak && value.upgrade(cx).is_some() != reached[object.target as usize] {
                let target = object.target;
                let state = if reached[target as usize] { "reachable" } else { "unreachable" };
                return Err(format!("#{target} is {state}, and the weak pointer #{id} does not know it"));
            }
            for slot in 0..SLOTS {
                if let Some(child) = value.get(slot) {
                    work.push((object.slots[slot], child));
                }
            }
        }
        addresses.retain(Option::is_some);
        addresses.sort_unstable();
        if addresses.windows(2).any(|two| two[0] == two[1]) {
            return Err("two objects lie at one address".into());
        }
        Ok(())
    }

    /// Two cycles later, what is unreachable is gone.
    fn end<B: Barrier>(&mut self, cx: &mut Mutator<'_, B>) -> Outcome {
        let frame = Frame { outer: None, base: 0, locals: Vec::new() };
        self.audit(cx, &frame, true)?;
        self.collect(cx, &frame)?;
        self.audit(cx, &frame, true)?;
        self.exact(cx, &frame)
    }

    /// A whole cycle has run since the mutator did: what is unreachable is gone.
    fn exact<B: Barrier>(&mut self, cx: &Mutator<'_, B>, frame: &dyn Locals<B>) -> Outcome {
        self.walk(cx, frame, &[], true)?;
        let reached = self.reach(&[]);
        for (id, object) in self.shadow.objects.iter().enumerate() {
            if object.kind.has_witness() && !reached[id] && self.log.drops(id as u32) != 1 {
                return Err(format!("#{id} is unreachable, and was not dropped by a full collection"));
            }
        }
        let stats = cx.stats();
        let (live, expected) = (stats.objects_allocated - stats.objects_freed, reached.iter().filter(|r| **r).count());
        if live != expected as u64 {
            return Err(format!("after a full collection {live} objects live, and {expected} are reachable"));
        }
        let interned = self.interned.iter().flatten().filter(|id| reached[**id as usize]).count();
        if cx.interned() != interned {
            return Err(format!("{} strings are interned, and {interned} reachable", cx.interned()));
        }
        Ok(())
    }

    /// The heap is gone: everything was dropped once.
    fn everything_is_dropped(&self) -> Outcome {
        for (id, object) in self.shadow.objects.iter().enumerate() {
            // The sweeper may have the last objects in its hands.
            let mut patience = if object.kind == Kind::Background { 5000 } else { 0 };
            while object.kind.has_witness() && self.log.drops(id as u32) != 1 {
                if patience == 0 {
                    return Err(format!("the heap is gone, and #{id} was dropped {} times", self.log.drops(id as u32)));
                }
                patience -= 1;
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        }
        Ok(())
    }

    fn note(&mut self, text: impl FnOnce(&Self) -> String) {
        if self.notes.is_some() {
            let text = format!("{}: {}", self.at, text(self));
            self.notes.iter_mut().for_each(|notes| notes.push(text.clone()));
        }
    }
}

fn sweep(number: u8) -> Sweep {
    [Sweep::Lazy, Sweep::Eager, Sweep::Concurrent][number as usize % 3]
}

fn index(number: u8, len: usize) -> Option<usize> {
    (number as usize).checked_rem(len)
}

fn pick<T>(all: &[T], number: u8) -> Option<&T> {
    index(number, all.len()).map(|at| &all[at])
}

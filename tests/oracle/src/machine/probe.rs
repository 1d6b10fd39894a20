//! Programs of which all but the last operation are known to run well: their end states are shown to a [`Probe`].

use grisaille::{Barrier, Budget, Mutator};

use super::frame::{Frame, Locals, REGISTERS, Registers};
use super::{Failure, Machine, Outcome, Watch};
use crate::program::Program;
use crate::shadow::{Shade, Shadow};

/// The state that a program has come to, for programs that go on from there.
pub(crate) struct View<'v> {
    /// The heap's digest, and where the objects in `registers` lie.
    pub digest: &'v [u64],
    pub shadow: &'v Shadow,
    /// Objects in the heap, dead ones that are not swept yet included, but for the cells of weak pointers.
    pub objects: usize,
    /// The objects in the order of their addresses.
    pub registers: [Shade; REGISTERS],
    /// The values at hand, in the order in which operands name them.
    pub operands: Vec<Shade>,
    pub locals: &'v [Shade],
    /// For each of these values, whether it can be set.
    pub can_be_set: Vec<bool>,
    /// Number of these values in scopes around the innermost one.
    pub outer_locals: usize,
    /// The values that leave each open scope.
    pub kept: &'v [Vec<Shade>],
    pub roots: Vec<Shade>,
    pub stacks: Vec<&'v [Shade]>,
    pub cells: Vec<Shade>,
}

/// Receives the state that a program has come to. Returns false when the state is known, and need not be checked again.
pub(crate) type Probe<'p> = dyn FnMut(&View<'_>) -> bool + 'p;

/// Runs a program whose operations but the last are known to run well, and shows the probe what it comes to. While that
/// is new, it is checked, and the collector is stepped by one unit of work, which is shown too. At last, if anything
/// was new, a full collection must free what is unreachable, and nothing else.
pub(crate) fn probe<B: Barrier>(program: &Program, probe: &mut Probe<'_>) -> Result<(), Failure> {
    let mut machine = Machine::new(program, Watch::Verifier, false);
    machine.probe = Some(probe);
    machine.blind = true;
    machine.run_caught::<B>(program.config)
}

impl Machine<'_> {
    /// Shows the probe the state of the program. Returns whether it is new. Nothing in the heap is dereferenced but by
    /// its own digest.
    pub(super) fn show<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        frame: &Frame<'_, '_, B>,
        registers: &Registers<'a>,
    ) -> bool {
        let Some(probe) = self.probe.take() else { return false };
        // Which register it is in decides nothing.
        let address = |(shade, value): super::frame::Both<'a>| (value.addr(cx).map_or(0, |addr| addr.0), shade);
        let mut ordered = registers.values.map(address);
        ordered.sort_unstable();
        let mut digest = Vec::with_capacity(512);
        cx.digest(&ordered.map(|(address, _)| address), &mut digest);
        let operands = self.operands(cx, frame, registers, |_, shade| shade.is_some());
        let stats = cx.stats();
        let mut can_be_set = Vec::with_capacity(4);
        frame.can_be_set(&mut can_be_set);
        let new = probe(&View {
            digest: &digest,
            shadow: &self.shadow,
            objects: (stats.objects_allocated() - stats.objects_freed()) as usize - self.cells.len(),
            registers: ordered.map(|(_, shade)| shade),
            operands: operands.into_iter().map(|(shade, _)| shade).collect(),
            locals: &self.locals,
            can_be_set,
            outer_locals: self.locals.len() - frame.locals.len(),
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
    pub(super) fn conclude<B: Barrier>(&mut self, cx: &mut Mutator<'_, B>, frame: &Frame<'_, '_, B>) -> Outcome {
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
}

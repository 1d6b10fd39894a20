//! Scopes, open stacks and regions, panics out of them, and the operations in which the collector may run.

use std::time::Duration;

use grisaille::fault::{self, Fault};
use grisaille::{Barrier, Budget, Heap, Mutator, Out, Phase, Rooted};

use super::frame::{Frame, Keep, Local, Locals, Registers};
use super::other::Other;
use super::quiet::{self, Bang, Leave};
use super::{Machine, Outcome, Watch, index};
use crate::object::Value;
use crate::op::Op;

/// Scopes and open stacks, at most.
const MAX_DEPTH: usize = 4;

/// Runs code for another heap, to which the system refuses nothing.
fn with_all_memory<R>(f: impl FnOnce() -> R) -> R {
    fault::with_memory(0, 0, f).0
}

impl Machine<'_> {
    /// Runs operations until a scope, an open stack, the region or the program ends.
    pub(super) fn scope<'s, B: Barrier>(
        &mut self,
        cx: &mut Mutator<'s, B>,
        frame: &mut Frame<'_, 's, B>,
        keep: Keep<'_, 's, B>,
    ) -> Outcome {
        loop {
            self.straight(cx, frame, keep)?;
            let Some(&op) = self.ops.get(self.at) else { return self.conclude(cx, frame) };
            match op {
                Op::Scope if self.depth < MAX_DEPTH => {
                    self.at += 1;
                    self.note(|_| "a scope opens".into());
                    self.inner_scope(cx, frame)?;
                    self.audit(cx, frame, true)?;
                }
                Op::ScopeValue if self.depth < MAX_DEPTH => {
                    self.at += 1;
                    self.note(|_| "a scope with a result opens".into());
                    self.scope_with_result(cx, frame)?;
                    self.audit(cx, frame, true)?;
                }
                Op::Open { stack } if self.depth < MAX_DEPTH && !self.stacks.is_empty() => {
                    self.at += 1;
                    self.open(cx, frame, keep, stack)?;
                    self.audit(cx, frame, true)?;
                }
                Op::Call { nth, how } if self.depth < MAX_DEPTH => {
                    self.at += 1;
                    self.call(cx, frame, keep, nth, how)?;
                    self.audit(cx, frame, true)?;
                }
                Op::EndScope if self.depth > 0 => {
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
                // An open stack goes down with it: a handle that is dropped.
                Op::Panic { levels } if self.opened.is_empty() || self.may_drop_handles(cx) => {
                    self.at += 1;
                    let scopes = levels as usize % (self.depth + 1);
                    self.note(|m| format!("a panic that is caught {} of {} levels out", scopes + 1, m.depth + 1));
                    quiet::raise(Leave { scopes });
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
        let (depth, base) = (self.depth, self.locals.len());
        self.depth += 1;
        self.kept.push(Vec::new());
        let mut kept = Vec::new();
        let outer: &Frame<'_, 's, B> = frame;
        let scope = quiet::catch::<_, Leave>(|| {
            cx.scope(|cx, out: Out<'_, 's, B>| {
                let mut inner = Frame { outer: Some(outer), ..Frame::outermost() };
                self.scope(cx, &mut inner, &mut |cx, value| {
                    out.try_keep(cx, value).map(|local| kept.push(local)).is_ok()
                })
            })
        });
        self.depth = depth;
        self.locals.truncate(base);
        let shades = self.kept.pop().unwrap_or_default();
        match scope {
            Ok(outcome) => outcome?,
            Err(Leave { scopes: 0 }) => {}
            Err(Leave { scopes }) => quiet::raise(Leave { scopes: scopes - 1 }),
        }
        // What was kept is there also where the scope ended in a panic.
        self.locals.extend(shades);
        frame.locals.extend(kept.into_iter().map(Local::Rooted));
        Ok(())
    }

    /// Runs a scope that nothing leaves but its result: the newest of its locals.
    fn scope_with_result<'s, B: Barrier>(&mut self, cx: &mut Mutator<'s, B>, frame: &mut Frame<'_, 's, B>) -> Outcome {
        type Ran<'s> = (Result<(), String>, Option<Rooted<'s, Value<'s>>>);
        let (depth, base) = (self.depth, self.locals.len());
        self.depth += 1;
        self.kept.push(Vec::new());
        let mut result = None;
        let outer: &Frame<'_, 's, B> = frame;
        let scope = quiet::catch::<_, Leave>(|| {
            cx.try_scope_value::<Ran<'s>>(|cx| {
                let mut inner = Frame { outer: Some(outer), ..Frame::outermost() };
                let outcome = self.scope(cx, &mut inner, &mut |_, _| false);
                let newest = inner.locals.last();
                result = self.locals.last().copied().filter(|_| newest.is_some());
                (outcome, newest.map(|local| local.get(cx)))
            })
        });
        self.depth = depth;
        self.locals.truncate(base);
        self.kept.pop();
        match scope {
            Ok(Ok((outcome, rooted))) => {
                outcome?;
                self.locals.extend(result);
                frame.locals.extend(rooted.map(Local::Rooted));
            }
            Ok(Err(_)) => self.note(|_| "no room for the scope's result".into()),
            Err(Leave { scopes: 0 }) => {}
            Err(Leave { scopes }) => quiet::raise(Leave { scopes: scopes - 1 }),
        }
        Ok(())
    }

    /// Opens a stack. The view lives through what the collector does meanwhile.
    fn open<'s, B: Barrier>(
        &mut self,
        cx: &mut Mutator<'s, B>,
        frame: &mut Frame<'_, 's, B>,
        keep: Keep<'_, 's, B>,
        stack: u8,
    ) -> Outcome {
        let Some(at) = index(stack, self.stacks.len()) else { return Ok(()) };
        self.note(|_| format!("stack {at} is opened"));
        let (mut stack, shades) = self.stacks.swap_remove(at);
        let depth = self.depth;
        self.depth += 1;
        self.opened.push(shades);
        let outer: &Frame<'_, 's, B> = frame;
        let view = stack.open(cx);
        let mut inner = Frame { outer: Some(outer), locals: Vec::new(), view: Some(view) };
        let scope = quiet::catch::<_, Leave>(|| self.scope(cx, &mut inner, keep));
        let locals = inner.locals;
        self.depth = depth;
        let shades = self.opened.pop().unwrap_or_default();
        match scope {
            Ok(outcome) => outcome?,
            Err(Leave { scopes: 0 }) => {}
            Err(Leave { scopes }) => {
                self.locals.truncate(self.locals.len() - locals.len());
                quiet::raise(Leave { scopes: scopes - 1 });
            }
        }
        frame.locals.extend(locals);
        self.stacks.push((stack, shades));
        self.note(|_| "the view ends".into());
        Ok(())
    }

    /// Runs an operation in which the collector may run.
    fn collecting<B: Barrier>(&mut self, cx: &mut Mutator<'_, B>, frame: &dyn Locals<B>, op: Op) -> Outcome {
        self.audit(cx, frame, true)?;
        match op {
            Op::Step { work } => {
                // Mostly one elementary piece: that is where mutator and collector interleave.
                let work = [1, 1, 1, 1, 1, 1, 1, 1, 40, 80, 120, 160, 200, 240, 640, 1 << 16][work as usize % 16];
                self.step(cx, Budget::work(work));
            }
            Op::Timed { amount } => {
                // No time at all is some pieces of work, an hour is a cycle: such a program does the same each time.
                let (none, hour) = (Duration::ZERO, Duration::from_secs(3600));
                let budgets = [
                    Budget::time(none),
                    Budget::work(1 << 16).within(none),
                    Budget::work(64).within(hour),
                    Budget::time(hour),
                ];
                self.step(cx, budgets[amount as usize % budgets.len()]);
            }
            Op::Safepoint => {
                let (due, before) = (cx.safepoint_due(), cx.stats().steps());
                self.bang(|| cx.safepoint());
                if !due && cx.stats().steps() != before {
                    return Err("a safepoint did a step, and had said that none was due".into());
                }
            }
            Op::Begin => {
                // A stopped world is never seen while it is marked.
                for _ in 0..64 {
                    if matches!(cx.phase(), Phase::Mark | Phase::MarkTermination) {
                        break;
                    }
                    self.step(cx, Budget::work(1));
                    self.audit(cx, frame, true)?;
                }
            }
            Op::Finish => self.finish(cx)?,
            Op::Fork { blocks, how } => self.fork(cx, frame, blocks, how)?,
            Op::Collect => self.collect(cx, frame)?,
            Op::Suspend => {
                let number = cx.suspend(|| {
                    with_all_memory(|| {
                        Heap::new().enter(|cx| {
                            let kept = cx.root(cx.alloc(7));
                            cx.collect();
                            *kept.get(cx)
                        })
                    })
                });
                if number != 7 {
                    return Err("another heap has lost an object".into());
                }
                if quiet::catch::<(), Bang>(|| cx.suspend(|| quiet::raise(Bang))).is_ok() {
                    return Err("a panic did not come out of `suspend`".into());
                }
            }
            Op::Visit { links, work } => {
                let other = self.other.take();
                let (other, outcome) = cx.suspend(move || {
                    let mut other = other.unwrap_or_else(|| with_all_memory(Other::default));
                    let outcome = with_all_memory(|| other.visit(links, work));
                    (other, outcome)
                });
                self.other = Some(other);
                outcome?;
            }
            _ => return Ok(()),
        }
        self.settle(cx)?;
        let phase = cx.phase();
        self.note(|_| format!("{op:?}: phase {phase}"));
        self.audit(cx, frame, true)
    }

    /// Runs what may drop objects. A drop that panics does so out of whatever the mutator has asked for. True: one did.
    fn bang(&mut self, f: impl FnOnce()) -> bool {
        let banged = quiet::catch::<_, Bang>(f).is_err();
        if banged {
            self.bangs += 1;
            self.note(|_| "a drop panics".into());
        }
        banged
    }

    pub(super) fn step<B: Barrier>(&mut self, cx: &mut Mutator<'_, B>, budget: Budget) -> bool {
        let mut ended = false;
        self.bang(|| ended = cx.step(budget).cycle_ended);
        ended
    }

    fn finish<B: Barrier>(&mut self, cx: &mut Mutator<'_, B>) -> Outcome {
        // Each step goes as far as it can, but for a panic of a drop, of which there are few.
        for _ in 0..if self.plays { 1000 } else { usize::MAX } {
            if self.step(cx, Budget::unlimited()) {
                return Ok(());
            }
            std::thread::yield_now();
        }
        Err("a step waits for a thread that is gone".into())
    }

    pub(super) fn collect<B: Barrier>(&mut self, cx: &mut Mutator<'_, B>, frame: &dyn Locals<B>) -> Outcome {
        loop {
            // A collection that waits in vain takes a second, a step that does some yields.
            let waits = fault::current() == Some(Fault::LostSweepersAreWaitedFor);
            if self.watch == Watch::Drops || waits {
                // Nobody looks between the two cycles of `collect`.
                if cx.phase() != Phase::Idle {
                    self.finish(cx)?;
                    self.audit(cx, frame, true)?;
                }
                self.finish(cx)?;
                self.audit(cx, frame, true)?;
            }
            if !self.bang(|| cx.collect()) {
                return self.waits_for_nobody(cx);
            }
            self.audit(cx, frame, true)?;
        }
    }

    /// Tells the heap which bytes outside it were freed.
    pub(super) fn settle<B: Barrier>(&mut self, cx: &Mutator<'_, B>) -> Outcome {
        let freed = self.log.take_freed();
        cx.adjust_external(-(freed as isize));
        self.external -= freed;
        let told = cx.stats().bytes_external();
        if told < self.external as u64 {
            return Err(format!("the heap knows of {told} bytes outside it, and was told of {}", self.external));
        }
        Ok(())
    }

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
            self.on_objects(cx, frame, &mut registers, op)?;
            self.on_holders(cx, frame, keep, &mut registers, op)?;
            self.on_kit(cx, frame, &mut registers, op)?;
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
}

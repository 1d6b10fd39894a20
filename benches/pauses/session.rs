//! One heap under measurement.

use std::time::{Duration, Instant};

use grisaille::{Barrier, Heap, Mutator, Phase, Stack, StackView, Stats};

use crate::cache::{Cache, UNIT, Value};
use crate::clock::Moment;
use crate::sample::Sample;
use crate::timeline::Run;

/// How long, how often, and in which steps.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Bytes that live.
    pub live: usize,
    /// A run takes at least so long, and goes on until a cycle ends.
    pub time: Duration,
    /// Runs of each depth of the stack.
    pub runs: usize,
    /// Units of work in a batch.
    pub batch: usize,
    /// Shorter interruptions are none, in nanoseconds.
    pub least: u64,
    /// Look after the runs whether all that should live does. This takes long where much lives.
    pub check: bool,
}

/// A run ends after so many batches, whatever it waits for. They take 128 MiB.
const MOST_BATCHES: usize = 4 << 20;
/// Bytes that the control may allocate in its runs, at the least: its heap has them before.
const CONTROL_ROOM: usize = 256 << 20;

/// Runs the program under policy `B` with a stack of each of the depths; passes on what was seen.
pub fn collected<B: Barrier>(
    plan: &Plan,
    depths: &[usize],
    samples: &mut Samples,
    mut seen: impl FnMut(usize, Vec<Run>),
) {
    let mut heap = Heap::builder().barrier::<B>().build().expect("a configuration that works");
    heap.enter(|cx| {
        let mut stack = Stack::new(cx);
        let mut stack = stack.open(cx);
        let mut cache = Cache::new(cx, plan.live);
        cache.fill(cx, &mut stack, depths[0]);
        cx.collect();
        // The heap grows to its usual size, which takes memory from the system. The second cycle's goal counts what
        // the first one let float.
        for _ in 0..2 {
            samples.record(cx, &mut cache, &mut stack, &Plan { time: Duration::ZERO, ..*plan }, Until::CycleEnds);
        }
        for &depth in depths {
            cache.fill(cx, &mut stack, depth);
            let mut runs = Vec::new();
            for _ in 0..plan.runs {
                runs.push(samples.record(cx, &mut cache, &mut stack, plan, Until::CycleEnds));
            }
            if plan.check {
                assert!(cache.is_whole(cx, &stack), "the collector has lost something");
            }
            seen(depth, runs);
        }
    });
}

/// The same without a collector: the heap has memory for all runs before the first one begins, in whole blocks, and
/// does no step. What interrupts this is the machine, and the slow path of allocation. Each depth has a heap of its own,
/// since the runs leave holes.
pub fn control(plan: &Plan, depths: &[usize], samples: &mut Samples, mut seen: impl FnMut(usize, Vec<Run>)) {
    for &depth in depths {
        let mut heap = Heap::builder().automatic(false).build().expect("a configuration that works");
        heap.enter(|cx| {
            let mut stack = Stack::new(cx);
            let mut stack = stack.open(cx);
            let mut cache = Cache::new(cx, plan.live);
            cache.fill(cx, &mut stack, depth);
            let room = plan.live.max(CONTROL_ROOM);
            Cache::waste(cx, room);
            cx.collect();
            let mut runs = Vec::new();
            for _ in 0..plan.runs {
                let until = Until::Allocated((room / plan.runs) as u64);
                runs.push(samples.record(cx, &mut cache, &mut stack, plan, until));
            }
            seen(depth, runs);
        });
    }
}

/// The units of work that take about so long, by a short trial on a heap that does not collect.
pub fn units_in(time: Duration, live: usize, depth: usize) -> usize {
    let mut heap = Heap::builder().automatic(false).build().expect("a configuration that works");
    heap.enter(|cx| {
        const TRIAL: u32 = 4096;
        let mut stack = Stack::new(cx);
        let mut stack = stack.open(cx);
        let mut cache = Cache::new(cx, live);
        cache.fill(cx, &mut stack, depth);
        Cache::waste(cx, 2 * TRIAL as usize * UNIT);
        cx.collect();
        let mut unit = Duration::MAX;
        for _ in 0..2 {
            let start = Instant::now();
            for _ in 0..TRIAL {
                cache.work(cx, &mut stack);
            }
            unit = unit.min(start.elapsed() / TRIAL);
        }
        (time.as_nanos() / unit.as_nanos().max(1)).max(1) as usize
    })
}

/// When a run ends.
#[derive(Clone, Copy)]
enum Until {
    /// When its time is over and a cycle has just ended.
    CycleEnds,
    /// When its time is over, or so many bytes have been allocated.
    Allocated(u64),
}

/// Room for the batches of a run: touched before, so that noting one takes no memory from the system.
pub struct Samples(Vec<Sample>);

impl Samples {
    /// Takes the memory.
    pub fn new() -> Samples {
        Samples(vec![Sample::NONE; MOST_BATCHES])
    }

    /// One run.
    fn record<'s, B: Barrier>(
        &mut self,
        cx: &mut Mutator<'s, B>,
        cache: &mut Cache<'s>,
        stack: &mut StackView<'_, '_, Value>,
        plan: &Plan,
        until: Until,
    ) -> Run {
        let samples = &mut self.0;
        samples.clear();
        let start = (Moment::now(), cx.stats());
        let mut last = start;
        while samples.len() < MOST_BATCHES {
            for _ in 0..plan.batch {
                cache.work(cx, stack);
            }
            let now = (Moment::now(), cx.stats());
            samples.push(Sample::between(&last, &now, cx.phase()));
            let in_time = now.0.wall - start.0.wall < plan.time;
            let is_over = match until {
                Until::CycleEnds => !in_time && now.1.cycles() > last.1.cycles(),
                Until::Allocated(bytes) => {
                    !in_time || now.1.bytes_allocated() - start.1.bytes_allocated() > bytes - bytes / 16
                }
            };
            last = now;
            if is_over {
                break;
            }
        }
        let swept = |stats: &Stats| stats.time_in(Phase::Sweep) + stats.time_in(Phase::SweepTermination);
        let swept = (swept(&last.1) - swept(&start.1)).as_nanos() as u64;
        Run::new(samples, plan.least, swept, last.1.cycles() - start.1.cycles())
    }
}

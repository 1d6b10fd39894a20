//! The longest step with a million of something: steps of 50 microseconds, measured in the thread's processor time.
//!
//! `cargo bench --bench steps` prints a row for each kind of thing: the longest step, the share of the steps that took over
//! 100 microseconds, and the longest operation of the mutator (a handle made, a string interned). Nothing is asserted: the
//! bound that the crate promises is 500 microseconds a step.

use std::hint::black_box;
use std::time::Duration;

use grisaille::{Budget, Ephemeron, Gc, Guardian, Heap, Mutator, Persistent, Stack, Str, Sweep, Weak};
use rustix::time::{ClockId, clock_gettime};

const MILLION: usize = 1_000_000;
const STEP: Duration = Duration::from_micros(50);

/// Returns the processor time of this thread.
fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The figures of one kind of thing.
#[derive(Default)]
struct Row {
    steps: u64,
    long_steps: u64,
    longest_step: Duration,
    longest_operation: Duration,
    total: Duration,
}

impl Row {
    /// Measures an operation of the mutator.
    fn operation<R>(&mut self, f: impl FnOnce() -> R) -> R {
        let start = now();
        let result = f();
        self.longest_operation = self.longest_operation.max(now() - start);
        result
    }

    /// Runs cycles of short steps.
    fn cycles(&mut self, cx: &mut Mutator<'_>, cycles: usize) {
        for _ in 0..cycles {
            loop {
                let start = now();
                let progress = cx.step(Budget::time(STEP));
                let took = now() - start;
                self.steps += 1;
                self.long_steps += u64::from(took > 2 * STEP);
                self.longest_step = self.longest_step.max(took);
                self.total += took;
                if progress.cycle_ended {
                    break;
                }
            }
        }
    }
}

/// Returns the numbers below `n` in an order that is the same each time.
fn shuffled(n: usize) -> Vec<u32> {
    let mut numbers: Vec<u32> = (0..n as u32).collect();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for at in (1..n).rev() {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        numbers.swap(at, (seed % (at as u64 + 1)) as usize);
    }
    numbers
}

/// Drops the things in random order; the heap frees what their handles leave behind.
fn drop_shuffled<T>(things: Vec<T>) {
    let mut things: Vec<Option<T>> = things.into_iter().map(Some).collect();
    for at in shuffled(things.len()) {
        things[at as usize] = None;
    }
}

fn heap() -> Heap {
    Heap::builder().automatic(false).sweep(Sweep::Lazy).build().expect("the configuration is sound")
}

fn measure(name: &str, f: impl FnOnce(&mut Mutator<'_>, &mut Row)) {
    let mut row = Row::default();
    heap().enter(|cx| f(cx, &mut row));
    let micros = |time: Duration| time.as_nanos() as f64 / 1000.0;
    println!(
        "{name:<44}{:>12.1}{:>12.1}{:>10}{:>10.4}{:>12.1}",
        micros(row.longest_step),
        micros(row.longest_operation),
        row.steps,
        row.long_steps as f64 / row.steps.max(1) as f64,
        row.total.as_secs_f64() * 1000.0,
    );
}

fn main() {
    println!("{:<44}{:>12}{:>12}{:>10}{:>10}{:>12}", "", "step, us", "op., us", "steps", ">100 us", "steps, ms");
    measure("a million roots, live, then dropped", |cx, row| {
        let mut roots: Vec<Persistent<Gc<'static, usize>>> = Vec::with_capacity(MILLION);
        for n in 0..MILLION {
            let object = cx.alloc(n);
            roots.push(row.operation(|| cx.persist(object)));
        }
        row.cycles(cx, 2);
        drop_shuffled(roots);
        row.cycles(cx, 2);
    });
    measure("roots made while a million are dead", |cx, row| {
        let roots: Vec<Persistent<Gc<'static, usize>>> = (0..MILLION).map(|n| cx.persist(cx.alloc(n))).collect();
        drop_shuffled(roots);
        for n in 0..MILLION {
            let object = cx.alloc(n);
            row.operation(|| _ = black_box(cx.persist(object)));
        }
        row.cycles(cx, 2);
    });
    measure("a million locals", |cx, row| {
        for n in 0..MILLION {
            _ = cx.root(cx.alloc(n));
        }
        row.cycles(cx, 2);
    });
    measure("a stack of a million", |cx, row| {
        let mut stack: Stack<Gc<'static, usize>> = Stack::new(cx);
        let mut view = stack.open(cx);
        for n in 0..MILLION {
            view.push(cx, cx.alloc(n));
        }
        row.cycles(cx, 2);
        drop(stack);
        row.cycles(cx, 2);
    });
    measure("100,000 stacks, live, then dropped", |cx, row| {
        let stacks: Vec<Stack<Gc<'static, usize>>> = (0..MILLION / 10)
            .map(|n| {
                row.operation(|| {
                    let mut stack = Stack::new(cx);
                    stack.open(cx).push(cx, cx.alloc(n));
                    stack
                })
            })
            .collect();
        row.cycles(cx, 2);
        drop_shuffled(stacks);
        row.cycles(cx, 2);
    });
    measure("100,000 guardians, live, then dropped", |cx, row| {
        let guardians: Vec<Guardian<usize>> = (0..MILLION / 10)
            .map(|n| {
                row.operation(|| {
                    let guardian = Guardian::new(cx);
                    guardian.register(cx, cx.alloc(n));
                    guardian
                })
            })
            .collect();
        row.cycles(cx, 2);
        drop_shuffled(guardians);
        row.cycles(cx, 2);
    });
    measure("a guardian of a million that die", |cx, row| {
        let guardian: Guardian<usize> = Guardian::new(cx);
        for n in 0..MILLION {
            let object = cx.alloc(n);
            row.operation(|| guardian.register(cx, object));
        }
        row.cycles(cx, 2);
        while row.operation(|| guardian.next(cx)).is_some() {}
        row.cycles(cx, 2);
    });
    measure("a million weak pointers whose targets die", |cx, row| {
        let mut stack: Stack<Weak<'static, usize>> = Stack::new(cx);
        let mut view = stack.open(cx);
        for n in 0..MILLION {
            view.push(cx, Gc::downgrade(cx.alloc(n), cx));
        }
        row.cycles(cx, 3);
    });
    for (name, keys, live) in [
        ("a million ephemerons, keys live", MILLION, true),
        ("a million ephemerons, keys die", MILLION, false),
        ("a million ephemerons of one key, which lives", 1, true),
        ("a million ephemerons of one key, which dies", 1, false),
    ] {
        measure(name, |cx, row| {
            let mut kept: Stack<Gc<'static, usize>> = Stack::new(cx);
            let mut kept = kept.open(cx);
            for n in 0..keys {
                kept.push(cx, cx.alloc(n));
            }
            let mut stack: Stack<Ephemeron<'static, usize, Gc<'static, usize>>> = Stack::new(cx);
            let mut view = stack.open(cx);
            for at in shuffled(MILLION) {
                let key = kept.at(cx, at as usize % keys);
                view.push(cx, cx.alloc_ephemeron(key, key));
            }
            if !live {
                kept.truncate(cx, 0);
            }
            row.cycles(cx, 3);
        });
    }
    measure("a million ephemerons that wait for their keys", |cx, row| {
        // Roots are scanned from the last to the first, and the grey set is a stack: the keys come last.
        let mut keys: Stack<Gc<'static, usize>> = Stack::new(cx);
        let mut keys = keys.open(cx);
        (0..MILLION).for_each(|n| keys.push(cx, cx.alloc(n)));
        let order = shuffled(MILLION);
        let _first = cx.root(cx.alloc_array(MILLION, |at| {
            let key = keys.at(cx, order[at] as usize);
            cx.alloc_ephemeron(key, key)
        }));
        let _last = cx.root(cx.alloc_array(MILLION, |at| keys.at(cx, at)));
        keys.truncate(cx, 0);
        row.cycles(cx, 2);
    });
    measure("two million interned strings that die", |cx, row| {
        for n in 0..2 * MILLION {
            let text = format!("name {n}");
            row.operation(|| black_box(cx.intern(&text)));
        }
        row.cycles(cx, 3);
    });
    measure("a million interned strings that live", |cx, row| {
        let mut stack: Stack<Str<'static>> = Stack::new(cx);
        let mut view = stack.open(cx);
        for n in 0..MILLION {
            let text = format!("name {n}");
            view.push(cx, row.operation(|| cx.intern(&text)));
        }
        row.cycles(cx, 3);
    });
}

//! A run of a program, in this process.

use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use ::lox::machine::Machine;
use grisaille::{Barrier, Event, Heap, Moment, Mutator};
use lisp::STACK_PER_CALL;
use lisp::lisp::Lisp;
use lisp::port::Input;

use super::common::lox::PROGRAMS;
use super::common::utilisation::{Interruption, utilisation};

/// Windows, in nanoseconds, over which utilisation is told.
pub const WINDOWS: [u64; 3] = [1_000_000, 5_000_000, 20_000_000];
/// Calls that a program of Lisp may nest.
const DEPTH: usize = 100_000;
/// The stack of the interpreter's thread, besides nested calls.
const STACK: usize = 256 << 20;

/// The language of a program.
#[derive(Clone, Copy, Debug)]
pub enum Language {
    /// `examples/lox`.
    Lox,
    /// `examples/lisp`.
    Lisp,
}

use Language::{Lisp as Scheme, Lox};

impl Language {
    /// Returns the language of files with that ending.
    fn of_ending(ending: &str) -> Option<Language> {
        match ending {
            "lox" => Some(Language::Lox),
            "scm" => Some(Language::Lisp),
            _ => None,
        }
    }
}

/// A program to run.
#[derive(Clone, Debug)]
pub struct Program {
    pub name: String,
    pub language: Language,
    pub source: String,
}

/// Returns the programs that are here.
pub fn programs() -> Vec<Program> {
    const MEANT: [&str; 4] = ["binary_trees", "trees_small", "queue", "graph"];
    let of_lox = PROGRAMS.iter().filter(|program| MEANT.contains(&program.name));
    let of_lox = of_lox.map(|program| (format!("{}.lox", program.name), Lox, program.source));
    macro_rules! schemes {
        ($($name:literal),*) => {
            [$((concat!($name, ".scm").to_owned(), Scheme, include_str!(concat!("scheme/", $name, ".scm")))),*]
        };
    }
    let of_lisp = schemes!("trees", "cache", "memo", "streams", "queue", "rewrite", "grow");
    let program =
        |(name, language, source): (String, Language, &str)| Program { name, language, source: source.into() };
    of_lox.chain(of_lisp).map(program).collect()
}

impl Program {
    /// Reads a program; the ending of the file's name tells the language.
    pub fn read(file: &Path) -> Result<Program, Box<dyn Error>> {
        let language = file.extension().and_then(|ending| Language::of_ending(ending.to_str()?));
        let language = language.ok_or_else(|| format!("{}: neither .lox nor .scm", file.display()))?;
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Program { name, language, source: std::fs::read_to_string(file)? })
    }

    fn interpret<B: Barrier>(&self, cx: &mut Mutator<'_, B>) {
        match self.language {
            Lox => {
                let machine = Machine::new(cx, Box::new(io::sink()), Box::new(io::stderr()));
                let mut machine = machine.expect("a new heap has room");
                machine.interpret(cx, self.source.as_bytes()).expect("the program runs to its end");
            }
            Scheme => {
                let Ok(lisp) = Lisp::new(cx, Box::new(io::sink()), DEPTH) else { panic!("a new heap has no room") };
                if let Err(error) = lisp.run(cx, &mut Input::new(&self.source)) {
                    panic!("{}", lisp.report(cx, &error));
                }
            }
        }
    }
}

/// What a run took: times in nanoseconds of processor time, sizes in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    pub processor: u64,
    /// Of the mutator's thread, and what steps took of that.
    pub thread: u64,
    pub steps: u64,
    pub cycles: u64,
    pub marked: u64,
    /// Most resident memory; 0 where the system does not tell.
    pub peak: u64,
    pub heap: u64,
    pub longest: u64,
    /// Minimum mutator utilisation over [`WINDOWS`].
    pub utilisation: [f64; WINDOWS.len()],
}

impl Figures {
    /// Writes all figures in a line.
    pub fn to_line(self) -> String {
        let Figures { processor, thread, steps, cycles, marked, peak, heap, longest, utilisation: [one, five, twenty] } =
            self;
        format!("{processor} {thread} {steps} {cycles} {marked} {peak} {heap} {longest} {one} {five} {twenty}")
    }

    /// Reads what [`to_line`](Figures::to_line) has written.
    pub fn of_line(line: &str) -> Option<Figures> {
        let figures: Vec<f64> = line.split(' ').map(|figure| figure.parse().ok()).collect::<Option<_>>()?;
        let &[processor, thread, steps, cycles, marked, peak, heap, longest, one, five, twenty] = figures.as_slice()
        else {
            return None;
        };
        let [processor, thread, steps, cycles, marked, peak, heap, longest] =
            [processor, thread, steps, cycles, marked, peak, heap, longest].map(|figure| figure as u64);
        let utilisation = [one, five, twenty];
        Some(Figures { processor, thread, steps, cycles, marked, peak, heap, longest, utilisation })
    }
}

/// The steps of a run.
#[derive(Default)]
struct Steps {
    began: u64,
    all: Vec<Interruption>,
    heap: usize,
}

impl Steps {
    fn event(&mut self, moment: &Moment, event: Event) {
        match event {
            Event::StepBegins => {
                self.began = time_of_thread();
                self.heap = self.heap.max(moment.bytes);
            }
            Event::StepEnds { .. } => {
                let end = time_of_thread();
                self.all.push(Interruption { end, time: end - self.began });
            }
            _ => {}
        }
    }
}

/// Runs the program on a thread with a deep stack.
pub fn run<B: Barrier>(program: &Program) -> Figures {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK + DEPTH * STACK_PER_CALL);
        let thread = thread.spawn_scoped(scope, || run_here::<B>(program)).expect("a thread can be had");
        thread.join().expect("the program runs to its end")
    })
}

fn run_here<B: Barrier>(program: &Program) -> Figures {
    let steps = Arc::new(Mutex::new(Steps::default()));
    let mut heap = Heap::builder().barrier::<B>().build().expect("a configuration that works");
    let told = Arc::clone(&steps);
    heap.observe(move |moment: &Moment, event: Event| told.lock().expect("nobody panics").event(moment, event));
    heap.enter(|cx| program.interpret(cx));
    let (thread, stats) = (time_of_thread(), heap.stats());
    let steps = steps.lock().expect("nobody panics");
    Figures {
        processor: time_of_process(),
        thread,
        steps: steps.all.iter().map(|step| step.time).sum(),
        cycles: stats.cycles(),
        marked: stats.bytes_marked(),
        peak: resident_peak(),
        heap: steps.heap as u64,
        longest: stats.longest_pause_processor().unwrap_or_default().as_nanos() as u64,
        utilisation: WINDOWS.map(|window| utilisation(&steps.all, thread, window)),
    }
}

#[cfg(unix)]
fn nanoseconds(clock: rustix::time::ClockId) -> u64 {
    let time = rustix::time::clock_gettime(clock);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(unix)]
fn time_of_thread() -> u64 {
    nanoseconds(rustix::time::ClockId::ThreadCPUTime)
}

#[cfg(unix)]
fn time_of_process() -> u64 {
    nanoseconds(rustix::time::ClockId::ProcessCPUTime)
}

/// Returns wall-clock time, where there is no clock of processor time.
#[cfg(not(unix))]
fn time_of_thread() -> u64 {
    use std::sync::LazyLock;
    static START: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);
    START.elapsed().as_nanos() as u64
}

#[cfg(not(unix))]
fn time_of_process() -> u64 {
    time_of_thread()
}

/// Returns the most memory that was resident, where the system tells.
fn resident_peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse().ok());
    peak.unwrap_or(0u64) * 1024
}

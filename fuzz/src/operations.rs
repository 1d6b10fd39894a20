//! Programs of heap operations, run beside the oracle.

use std::fmt;
use std::sync::OnceLock;
use std::{panic, process, thread};

use arbitrary::{Arbitrary, Unstructured};
use grisaille_oracle::{Op, Program, Subject, Watch, subject};

/// Bytes in front of those of the operations: one for subject and watchman, five for the heap's configuration.
pub const HEAD: usize = 6;
/// Operations of a program, at most: the oracle walks the heap after each.
const OPS: usize = 300;
/// `Config::sweep`: concurrent.
const CONCURRENT: u8 = 2;
/// `Config::mode`: this bit stands for stress, or freed memory overwritten; then every sweep is handed over, however small.
const HANDED_OVER: u8 = 1;
/// Times that a program runs where the schedule counts.
const SCHEDULES: usize = 2;
/// The same for a program that has failed, while it is made shorter.
const SCHEDULES_TO_FAIL: usize = 50;

/// A program, on what it runs, and who watches it.
pub struct Trial {
    subject: Subject,
    watch: Watch,
    program: Program,
}

impl Trial {
    fn from_bytes(bytes: &[u8]) -> Trial {
        let (&select, rest) = bytes.split_first().unwrap_or((&0, &[]));
        let (subject, watch) = select_subject(select);
        let mut program = Program::from_bytes(rest);
        program.ops.truncate(OPS);
        Trial { subject, watch, program }
    }

    /// Runs the program. If it fails, prints the shortest one that does, and ends the process.
    pub fn run(self) {
        if let Err(failure) = self.subject.run(&self.program, self.watch) {
            be_quiet();
            eprintln!("operation {}: {}", failure.at, failure.what);
            eprintln!("{}", self.subject.shortest(self.program, self.watch));
            process::abort();
        }
    }
}

impl<'a> Arbitrary<'a> for Trial {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> arbitrary::Result<Trial> {
        Ok(Trial::from_bytes(bytes.bytes(bytes.len())?))
    }
}

/// What `cargo fuzz fmt` prints: Rust, to be pasted into a test.
impl fmt::Debug for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "under the policy {:?}, watched by {:?}:\n{}", self.subject.name, self.watch, self.program)
    }
}

/// A program that runs on two heaps at once. Both share the sweeper's thread, which gets every sweep.
pub struct Pair {
    first: Trial,
    second: Trial,
}

impl Pair {
    /// Runs both programs at the same time, more than once: no two schedules are the same.
    pub fn run(self) {
        for _ in 0..SCHEDULES {
            thread::scope(|scope| {
                scope.spawn(|| self.second.run_handed_over());
                self.first.run_handed_over();
            });
        }
    }
}

impl Trial {
    fn hand_over(mut self) -> Trial {
        self.program.config.sweep = CONCURRENT;
        self.program.config.mode |= HANDED_OVER;
        for op in &mut self.program.ops {
            if let Op::Region { sweep } = op {
                *sweep = CONCURRENT;
            }
        }
        self
    }

    /// As [`Trial::run`], where a program that fails need not do so every time.
    fn run_handed_over(&self) {
        if let Err(failure) = self.subject.run(&self.program, self.watch) {
            be_quiet();
            eprintln!("operation {}: {}\n{self:?}", failure.at, failure.what);
            let fails =
                |program: &Program| (0..SCHEDULES_TO_FAIL).any(|_| self.subject.run(program, self.watch).is_err());
            eprintln!("shorter, as far as it fails on one thread: {}", self.program.clone().minimize(fails));
            process::abort();
        }
    }
}

impl<'a> Arbitrary<'a> for Pair {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> arbitrary::Result<Pair> {
        let other = bytes.bytes(1.min(bytes.len()))?.first().copied().unwrap_or(0);
        let first = Trial::arbitrary(bytes)?.hand_over();
        let (subject, watch) = select_subject(other);
        let second = Trial { subject, watch, program: first.program.clone() };
        Ok(Pair { first, second })
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?}\nand on another thread under {:?}, watched by {:?}",
            self.first, self.second.subject.name, self.second.watch
        )
    }
}

/// The subject that a byte selects, with its watchman. The environment variable `GRISAILLE_SUBJECT` overrules it: so
/// the fuzzer can be seen to find what is broken on purpose.
fn select_subject(byte: u8) -> (Subject, Watch) {
    static CHOSEN: OnceLock<Option<Subject>> = OnceLock::new();
    let chosen = CHOSEN.get_or_init(|| {
        let name = std::env::var("GRISAILLE_SUBJECT").ok()?;
        let subject = Subject::by_name(&name);
        if subject.is_none() {
            let all = subject::SOUND.iter().chain(subject::SOUND_VARIANTS).chain(subject::broken());
            let names = all.map(|subject| subject.name);
            panic!("{name:?} is none of these: {}", names.collect::<Vec<_>>().join(", "));
        }
        subject
    });
    let number = byte as usize;
    let watch = Watch::ALL[number / subject::SOUND.len() % Watch::ALL.len()];
    (chosen.unwrap_or(subject::SOUND[number % subject::SOUND.len()]), watch)
}

/// Makes panics failures of the program, which the oracle catches. libFuzzer's bindings would end the process at once.
/// A panic that nobody catches still does: the sweeper's thread runs no program.
pub fn catch_panics() {
    drop(panic::take_hook());
    let tell = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        tell(panic);
        if thread::current().name() == Some("grisaille-sweeper") {
            process::abort();
        }
    }));
}

/// The first panic is told; the many of a program that is being made shorter are not.
fn be_quiet() {
    panic::set_hook(Box::new(|_| {}));
}

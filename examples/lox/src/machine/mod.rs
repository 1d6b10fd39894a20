//! The machine, and how it works with the collector:
//!
//! * **Roots.** All that lives is reached from five [`Stack`]s: the values, the frames, the open upvalues, the
//!   constants and the globals. Between two safepoints nothing else needs rooting.
//! * **Safepoints.** There is one, in [`Machine::run`]. The interpreter proper runs in *bursts* ([`burst`]): a burst
//!   borrows the mutator shared, so that every pointer in it is plain, and ends when a safepoint is due, which calls
//!   and the ends of loops check.
//! * **Barriers** need no code here: fields are slots and roots are stacks, which have them.
//! * **Memory running out** ends a burst as well: the heap is collected, the instruction is run again, and if it fails
//!   again the program gets a runtime error.

mod burst;
mod call;
mod fiber;
mod native;
mod property;
mod rare;
mod running;
mod slots;

use std::borrow::Cow;
use std::collections::TryReserveError;
use std::fmt;
use std::io::{self, Write};

use grisaille::{Barrier, Gc, HeapFull, Mutator, Stack, Trace};

use crate::code::{Constant, NoMemory, Program};
use crate::compile::compile;
use crate::object::{Closure, FiberMark, Native, NativeFunction, Upvalue};
use crate::value::{Stored, Value};
use burst::Burst;

/// The most calls under way at once, and the most values on the stack.
const FRAMES_MAX: usize = 64;
const VALUES_MAX: usize = FRAMES_MAX * 256;
/// The values by which the stack is made longer at a time, so that few calls have to.
const SLACK: usize = 64;
/// The constant `init`.
const INIT: u32 = 0;

/// Why a program did not run to its end.
#[derive(Debug)]
pub enum Failure {
    Compile,
    /// A runtime error, with the error of writing the program's output, if there was one.
    Runtime {
        unwritten: Option<io::Error>,
    },
    /// The program's output could not be written.
    Output(io::Error),
}

/// Why a burst ended.
enum Stop {
    /// The program is at its end.
    Done,
    /// The collector wants to run.
    Safepoint,
    /// The running frame needs more of the value stack.
    Stack,
    /// The heap is full, or the system has no memory; the instruction has done nothing yet.
    Full,
    /// The program is in error.
    Error(Cow<'static, str>),
    Output(io::Error),
    /// Another fiber is to run.
    Switch(Switch),
}

/// What the running fiber does.
#[derive(Clone, Copy, Debug)]
enum Switch {
    /// It resumes another.
    Resume,
    /// It yields to the one that resumed it.
    Yield,
    /// It has come to its end.
    End,
}

/// The heap is full, or the system has no memory.
#[derive(Debug)]
pub struct Full;

impl<T> From<HeapFull<T>> for Full {
    fn from(_: HeapFull<T>) -> Self {
        Full
    }
}

impl<T> From<HeapFull<T>> for Stop {
    fn from(_: HeapFull<T>) -> Self {
        Stop::Full
    }
}

impl From<TryReserveError> for Full {
    fn from(_: TryReserveError) -> Self {
        Full
    }
}

impl From<NoMemory> for Full {
    fn from(_: NoMemory) -> Self {
        Full
    }
}

impl From<TryReserveError> for Stop {
    fn from(_: TryReserveError) -> Self {
        Stop::Full
    }
}

impl From<Full> for Stop {
    fn from(_: Full) -> Self {
        Stop::Full
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Output(error)
    }
}

/// A call under way, while another one runs.
#[derive(Clone, Copy, Trace)]
pub(crate) struct Frame<'gc> {
    closure: Gc<'gc, Closure<'gc>>,
    /// The instruction to go on with.
    ip: u32,
    /// The frame's first slot in the value stack; of a fiber that does not run, where it was then.
    base: u32,
}

/// An interpreter: it lives as long as its heap is entered, and remembers globals from one program to the next.
pub struct Machine {
    program: Program,
    values: Stack<Stored<'static>>,
    frames: Stack<Frame<'static>>,
    /// The open upvalues, those of higher slots above.
    open: Stack<Gc<'static, Upvalue<'static>>>,
    constants: Stack<Stored<'static>>,
    globals: Stack<Stored<'static>>,
    /// The fibers that were resumed and have not yielded since, the running one on top.
    fibers: Stack<FiberMark<'static>>,
    /// The instruction that a fiber comes to at its end.
    end_of_fibers: u32,
    /// The number of the newest class.
    classes: u32,
    out: Box<dyn Write>,
    errors: Box<dyn Write>,
}

impl Machine {
    /// Makes a machine that prints to `out`, and its errors to `errors`. Fails without memory.
    pub fn new<B: Barrier>(
        cx: &Mutator<'_, B>,
        out: Box<dyn Write>,
        mut errors: Box<dyn Write>,
    ) -> Result<Machine, Failure> {
        match Machine::silent(cx) {
            Ok(machine) => Ok(Machine { out, errors, ..machine }),
            Err(Full) => {
                // A failure to write the error cannot be reported.
                let _ = writeln!(errors, "{OUT_OF_MEMORY}");
                Err(Failure::Runtime { unwritten: None })
            }
        }
    }

    /// Makes a machine that prints nothing.
    fn silent<B: Barrier>(cx: &Mutator<'_, B>) -> Result<Machine, Full> {
        let mut program = Program::default();
        let init = program.string("init")?;
        debug_assert_eq!(init, INIT);
        let mut machine = Machine {
            program,
            values: Stack::try_new(cx)?,
            // Room for all the frames that there may be, so that no call asks for memory.
            frames: Stack::try_with_capacity(cx, FRAMES_MAX)?,
            open: Stack::try_new(cx)?,
            constants: Stack::try_new(cx)?,
            globals: Stack::try_new(cx)?,
            fibers: Stack::try_new(cx)?,
            end_of_fibers: 0,
            classes: 0,
            out: Box::new(io::sink()),
            errors: Box::new(io::sink()),
        };
        for (name, function) in NativeFunction::ALWAYS {
            machine.define_native(cx, name, function)?;
        }
        Ok(machine)
    }

    /// Defines what Lox does not have: fibers, lists and maps. Fails without memory.
    pub fn extend<B: Barrier>(&mut self, cx: &Mutator<'_, B>) -> Result<(), Failure> {
        self.define_extensions(cx).map_err(|Full| {
            // A failure to write the error cannot be reported.
            let _ = writeln!(self.errors, "{OUT_OF_MEMORY}");
            Failure::Compile
        })
    }

    fn define_extensions<B: Barrier>(&mut self, cx: &Mutator<'_, B>) -> Result<(), Full> {
        self.end_of_fibers = self.program.emit_end_of_fibers()?;
        for (name, function) in NativeFunction::EXTENSIONS {
            self.define_native(cx, name, function)?;
        }
        Ok(())
    }

    /// Defines a global function.
    fn define_native<B: Barrier>(
        &mut self,
        cx: &Mutator<'_, B>,
        name: &str,
        function: NativeFunction,
    ) -> Result<(), Full> {
        let global = self.program.global(name)? as usize;
        let mut globals = self.globals.open(cx);
        while globals.len() <= global {
            globals.try_push(cx, Value::Absent.pack())?;
        }
        globals.set(cx, global, Value::Native(cx.try_alloc(Native { function })?).pack());
        Ok(())
    }

    /// Compiles a program and runs it.
    pub fn interpret<B: Barrier>(&mut self, cx: &mut Mutator<'_, B>, source: &[u8]) -> Result<(), Failure> {
        let script = compile(source, &mut self.program, &mut *self.errors).ok_or(Failure::Compile)?;
        let mut started = self.start(cx, script);
        if started.is_err() {
            cx.collect();
            started = self.start(cx, script);
        }
        let stop = match started {
            Ok(()) => self.run(cx),
            Err(Full) => out_of_memory(),
        };
        // The output is flushed before the error is reported; the error is reported even if that fails.
        let flushed = self.out.flush();
        match stop {
            Stop::Done => flushed.map_err(Failure::Output),
            Stop::Output(error) => {
                self.reset(cx);
                Err(Failure::Output(error))
            }
            Stop::Error(message) => {
                self.report(cx, &message);
                self.reset(cx);
                Err(Failure::Runtime { unwritten: flushed.err() })
            }
            Stop::Safepoint | Stop::Stack | Stop::Full | Stop::Switch(_) => {
                unreachable!("`run` goes on after these")
            }
        }
    }

    /// Links what was compiled into the heap, and makes a frame for the program. Where there is no room for all of it, the
    /// next attempt goes on with the rest.
    fn start<B: Barrier>(&mut self, cx: &Mutator<'_, B>, script: u32) -> Result<(), Full> {
        let mut constants = self.constants.open(cx);
        while let Some(constant) = self.program.unlinked.front() {
            match constant {
                Constant::Number(bits) => constants.try_push(cx, Value::from(f64::from_bits(*bits)).pack())?,
                Constant::String(string) => constants.try_push(cx, Value::Str(cx.try_intern(string)?).pack())?,
            }
            self.program.unlinked.pop_front();
        }
        let mut globals = self.globals.open(cx);
        while globals.len() < self.program.globals.len() {
            globals.try_push(cx, Value::Absent.pack())?;
        }

        let function = &self.program.functions[script as usize];
        let closure = Closure {
            function: script,
            entry: function.entry,
            slots: function.slots,
            arity: u32::from(function.arity),
            upvalues: None,
        };
        let closure = cx.try_alloc(closure)?;
        self.values.open(cx).try_push(cx, Value::Closure(closure).pack())?;
        self.frames.open(cx).push(cx, Frame { closure, ip: closure.entry, base: 0 });
        Ok(())
    }

    /// Runs the top frame to the end of the program.
    fn run<B: Barrier>(&mut self, cx: &mut Mutator<'_, B>) -> Stop {
        let mut values = self.values.open(cx);
        let mut burst = Burst {
            code: &self.program.code,
            functions: &self.program.functions,
            sites: &mut self.program.sites,
            global_names: &self.program.globals,
            frames: self.frames.open(cx),
            open: self.open.open(cx),
            constants: self.constants.open(cx),
            globals: self.globals.open(cx),
            fibers: self.fibers.open(cx),
            end_of_fibers: self.end_of_fibers,
            classes: &mut self.classes,
            text: String::new(),
            out: &mut *self.out,
        };
        // The bytes that had been allocated when the heap was last collected because it was full.
        let mut full_at = None;
        let mut top = values.len();
        // A switch for which there was no memory.
        let mut switch = None;
        loop {
            let mut stop;
            (stop, top) = match switch.take() {
                Some(switch) => (Stop::Switch(switch), top),
                None => match burst.make_room(cx, &mut values) {
                    Ok(()) => burst.run(cx, &values, top),
                    Err(full) => (full, top),
                },
            };
            // What lies above the running frame's values is left over from calls that returned, and must not count as
            // roots.
            values.truncate(cx, top);
            if let Stop::Switch(which) = stop {
                stop = match burst.switch(cx, &mut values, which) {
                    // A program of nothing but switches has its safepoints here.
                    Ok(()) => Stop::Safepoint,
                    Err(stop) => stop,
                };
                top = values.len();
                switch = matches!(stop, Stop::Full).then_some(which);
            }
            match stop {
                Stop::Stack => {}
                Stop::Safepoint => cx.safepoint(),
                Stop::Full => {
                    // This memory is outside the heap and can be freed at no cost.
                    burst.text = String::new();
                    let stats = cx.stats();
                    let since = full_at.map(|before| stats.bytes_allocated() - before);
                    // Collecting again and again for little memory would be no better than an error.
                    if since.is_some_and(|bytes| bytes <= stats.bytes_live() / 64) {
                        return out_of_memory();
                    }
                    full_at = Some(stats.bytes_allocated());
                    cx.collect();
                }
                stop => return stop,
            }
        }
    }

    /// Reports a runtime error, and where each call under way is.
    fn report<B: Barrier>(&mut self, cx: &Mutator<'_, B>, message: &str) {
        // A failure to write the error cannot be reported. The report is written line by line, since without memory
        // there is none for a report either.
        let _ = writeln!(self.errors, "{message}");
        let frames = self.frames.open(cx);
        for distance in 0..frames.len() {
            let frame = frames.top(cx, distance);
            if frame.closure.function == Closure::END_OF_FIBER {
                // Below it is the call that resumed the fiber.
                continue;
            }
            // A call for which there was no room has run no instruction.
            let line = self.program.lines[frame.ip.max(frame.closure.entry + 1) as usize - 1];
            let _ = match &self.program.functions[frame.closure.function as usize].name {
                Some(name) => writeln!(self.errors, "[line {line}] in {name}()"),
                None => writeln!(self.errors, "[line {line}] in script"),
            };
        }
    }

    /// Unwinds all calls. Closures that outlive their calls keep the variables that they captured.
    fn reset<B: Barrier>(&mut self, cx: &Mutator<'_, B>) {
        self.fibers.open(cx).truncate(cx, 0);
        let mut values = self.values.open(cx);
        call::close_upvalues(cx, &mut self.open.open(cx), &values, 0);
        values.truncate(cx, 0);
        self.frames.open(cx).truncate(cx, 0);
    }
}

/// Makes an error, out of line, so that it takes no room in the code around it.
#[cold]
#[inline(never)]
fn cold(message: &'static str) -> Stop {
    Stop::Error(Cow::Borrowed(message))
}

/// Makes an error with a formatted message, or without memory [`Stop::Full`].
#[cold]
#[inline(never)]
fn error(message: fmt::Arguments<'_>) -> Stop {
    struct Text(String);
    impl fmt::Write for Text {
        fn write_str(&mut self, part: &str) -> fmt::Result {
            self.0.try_reserve(part.len()).map_err(|_| fmt::Error)?;
            self.0.push_str(part);
            Ok(())
        }
    }
    let mut text = Text(String::new());
    match fmt::Write::write_fmt(&mut text, message) {
        Ok(()) => Stop::Error(text.0.into()),
        Err(fmt::Error) => out_of_memory(),
    }
}

const OUT_OF_MEMORY: &str = "Out of memory.";

#[cold]
fn out_of_memory() -> Stop {
    cold(OUT_OF_MEMORY)
}

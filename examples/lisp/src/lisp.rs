//! The interpreter: its globals, and how a program is run.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

use elsa::FrozenVec;
use grisaille::{Barrier, Gc, List, Mutator, Rooted, RootedCell};

use crate::code::{Lambda, Primitive};
use crate::compile::{Compiler, SPECIALS, Top};
use crate::error::{Error, Result, Thrown};
use crate::port::{Input, PortState};
use crate::primitives;
use crate::print;
use crate::read;
use crate::value::{Condition, Frame, Kind, Parameter, Port, Rare, Stored, Value, ValueSlot, new_index};

/// A Scheme interpreter on an entered heap.
pub struct Lisp<'h, B: Barrier> {
    /// The code of all procedures, by number.
    pub lambdas: FrozenVec<Box<Lambda<B>>>,
    pub primitives: Vec<Primitive<B>>,
    /// The values of global variables, by index.
    globals: Rooted<'h, Gc<'h, List<'h, Stored<'h>>>>,
    names: RefCell<HashMap<String, usize>>,
    /// Where expressions stand: a file and a line. The first one is not known.
    places: RefCell<Vec<(Arc<str>, usize)>>,
    /// The globals that compiled code takes for what they held when it was compiled.
    assumed: RefCell<Vec<bool>>,
    /// Counts how often a global has changed that was assumed not to. Code that was compiled before is evaluated
    /// without assumptions.
    pub epoch: Cell<u32>,
    /// How many evaluations may be nested, and how many are.
    pub depth_max: usize,
    pub depth: Cell<usize>,
    /// The call that is to be made next: its procedure and its frame. See [`Lisp::begin`].
    pub next_lambda: Cell<usize>,
    pub next_frame: RootedCell<'h, Frame<'h>>,
    /// A list of the handlers; false stands for a `guard`.
    pub handlers: RootedCell<'h, Value<'h>>,
    pub continuations: Cell<u64>,
    /// The parameters `current-output-port` and `current-input-port`.
    pub output: Rooted<'h, Value<'h>>,
    pub input: Rooted<'h, Value<'h>>,
    /// The port that is the standard output, whatever `current-output-port` is.
    console: Rooted<'h, Value<'h>>,
}

/// Returns the port that a parameter holds.
pub fn current(parameter: Value<'_>) -> Value<'_> {
    match parameter.rare() {
        Some(Rare::Parameter(parameter)) => parameter.value.get(),
        _ => unreachable!("it is a parameter"),
    }
}

/// The part of the language that is written in itself.
const PRELUDE: &str = include_str!("prelude.scm");

impl<'h, B: Barrier> Lisp<'h, B> {
    /// Makes an interpreter that writes to `output`, and in which at most `depth_max` calls are nested that are not tail
    /// calls. A thread needs [`STACK_PER_CALL`](crate::STACK_PER_CALL) bytes of stack for each.
    ///
    /// # Errors
    /// An error where the heap has no room for the language.
    pub fn new(cx: &mut Mutator<'h, B>, output: Box<dyn Write + Send>, depth_max: usize) -> Result<Self> {
        let port = |cx: &Mutator<'h, B>, state| -> Result<Rooted<'h, Value<'h>>> {
            let port = Value::Port(cx.try_alloc(Port(RefCell::new(state)))?);
            let parameter = Parameter { value: ValueSlot::new(port), converter: Value::False };
            Ok(cx.root(Value::Rare(cx.try_alloc(Rare::Parameter(parameter))?)))
        };
        let output = port(cx, PortState::Output(output))?;
        let lisp = Lisp {
            lambdas: FrozenVec::new(),
            primitives: primitives::all(),
            globals: cx.root(cx.try_alloc(List::<Stored<'_>>::new())?),
            names: RefCell::default(),
            places: RefCell::new(vec![("".into(), 0)]),
            assumed: RefCell::default(),
            epoch: Cell::new(1),
            depth_max,
            depth: Cell::new(0),
            next_lambda: Cell::new(0),
            next_frame: cx.root_cell(Frame(cx.try_alloc_array(0, |_| ValueSlot::new(Value::Nil))?)),
            handlers: cx.root_cell(Value::Nil),
            continuations: Cell::new(0),
            console: cx.root(current(output.get(cx))),
            output,
            input: port(cx, PortState::Input(Input::console()))?,
        };
        for (index, primitive) in lisp.primitives.iter().enumerate() {
            lisp.set_global(cx, lisp.global(cx, primitive.name)?, Value::Primitive(new_index(index)));
        }
        for (index, name) in SPECIALS.iter().enumerate() {
            lisp.set_global(cx, lisp.global(cx, name)?, Value::Special(new_index(index)));
        }
        lisp.set_global(cx, lisp.global(cx, "current-output-port")?, lisp.output.get(cx));
        lisp.set_global(cx, lisp.global(cx, "current-input-port")?, lisp.input.get(cx));
        lisp.run(cx, &mut Input::new(PRELUDE))?;
        Ok(lisp)
    }

    /// Returns the index of a global variable.
    pub fn global(&self, cx: &Mutator<'_, B>, name: &str) -> Result<usize> {
        if let Some(&index) = self.names.borrow().get(name) {
            return Ok(index);
        }
        let globals = self.globals.get(cx);
        globals.try_push(cx, Value::Unbound.pack())?;
        self.assumed.borrow_mut().push(false);
        self.names.borrow_mut().insert(name.to_string(), globals.len() - 1);
        Ok(globals.len() - 1)
    }

    #[inline(always)]
    pub fn global_value<'a>(&self, cx: &'a Mutator<'_, B>, index: usize) -> Value<'a> {
        self.globals.get(cx).as_slice()[index].get().unpack()
    }

    pub fn set_global<'a>(&self, cx: &'a Mutator<'_, B>, index: usize, value: Value<'a>) {
        if std::mem::take(&mut self.assumed.borrow_mut()[index]) {
            self.epoch.set(self.epoch.get() + 1);
        }
        self.globals.get(cx).as_slice()[index].set(cx, value.pack());
    }

    /// Remembers that code was compiled for what the global holds now.
    pub fn assume(&self, index: usize) {
        self.assumed.borrow_mut()[index] = true;
    }

    pub fn global_name(&self, index: usize) -> String {
        let names = self.names.borrow();
        names.iter().find(|(_, known)| **known == index).map(|(name, _)| name.clone()).unwrap_or_default()
    }

    /// Evaluates all that the text has.
    ///
    /// # Errors
    /// The first error, or [`Thrown::Exit`].
    pub fn run(&self, cx: &mut Mutator<'_, B>, text: &mut Input) -> Result<()> {
        while self.step(cx, text)?.is_some() {}
        Ok(())
    }

    /// Evaluates the next form of the text. Returns its value as `write` writes it, if it has one, or nothing at the
    /// end of the text.
    ///
    /// # Errors
    /// As [`run`](Lisp::run).
    pub fn step(&self, cx: &mut Mutator<'_, B>, text: &mut Input) -> Result<Option<Option<String>>> {
        cx.scope_value(|cx| {
            let form = match read::read(cx, text) {
                Ok(Some(form)) => cx.root(form),
                Ok(None) => return Ok(None),
                Err(error) => {
                    let is_unfinished = matches!(error.thrown(), Thrown::Unfinished);
                    let line = if is_unfinished { text.start } else { text.line };
                    return Err(error.at(self.place(&text.file, line)));
                }
            };
            let value = self.evaluate(cx, form, text)?;
            Ok(Some(match value.get(cx) {
                Value::Unspecified => None,
                value => Some(print::written(value)),
            }))
        })
    }

    /// Evaluates a form with the globals. The parts of a `begin` are compiled one after the other, since a part may
    /// define what the next one needs.
    pub fn evaluate<'s>(
        &self,
        cx: &mut Mutator<'s, B>,
        form: Rooted<'_, Value<'_>>,
        text: &Input,
    ) -> Result<Rooted<'s, Value<'s>>> {
        cx.scope_value(|cx| {
            let result = cx.root_cell(Value::Unspecified);
            let rest = cx.root_cell(read::list(cx, &[form.get(cx)])?);
            while !matches!(rest.get(cx), Value::Nil) {
                cx.scope_value::<Result<()>>(|cx| {
                    let Value::Pair(pair) = rest.get(cx) else { return Err(Error::wrong("a list", rest.get(cx))) };
                    rest.set(cx, pair.cdr.get());
                    let (code, size) = match Compiler::new(self, cx, text).top(pair.car.get())? {
                        Top::Code(code, size) => (code, size),
                        Top::Forms(forms) => {
                            let forms: Vec<_> = forms.iter().collect();
                            rest.set(cx, read::list_with_tail(cx, &forms, rest.get(cx))?);
                            return Ok(());
                        }
                    };
                    let env = cx.root(Frame(cx.try_alloc_array(size, |_| ValueSlot::new(Value::Unspecified))?));
                    let value = self.eval(cx, &code, env)?;
                    result.set(cx, value.get(cx));
                    Ok(())
                })?;
            }
            Ok(result.get(cx))
        })
    }

    /// Adds the code of a procedure, and returns its number.
    pub fn add(&self, lambda: Lambda<B>) -> usize {
        self.lambdas.push(Box::new(lambda));
        self.lambdas.len() - 1
    }

    /// Returns the index of a place in a program: 0 where it has no file.
    pub fn place(&self, file: &Arc<str>, line: usize) -> u32 {
        let mut places = self.places.borrow_mut();
        if file.is_empty() {
            return 0;
        }
        if places.last().is_none_or(|last| *last != (file.clone(), line)) {
            places.push((file.clone(), line));
        }
        places.len() as u32 - 1
    }

    /// Reads the next number of a continuation.
    pub fn next_continuation(&self) -> u64 {
        self.continuations.replace(self.continuations.get() + 1)
    }

    /// Returns the object that a handler is called with, or the error itself where no handler may see it.
    pub fn raised<'a>(&self, cx: &'a Mutator<'_, B>, error: Error) -> Result<Value<'a>> {
        match error.into_thrown() {
            Thrown::Raised(value) => Ok(value.get(cx)),
            Thrown::Message(kind, text) => self.condition(cx, kind, &text),
            Thrown::Unfinished => self.condition(cx, Kind::Read, "the text ends within a datum"),
            thrown @ (Thrown::Escape(..) | Thrown::Exit(_)) => Err(thrown.into()),
        }
    }

    fn condition<'a>(&self, cx: &'a Mutator<'_, B>, kind: Kind, text: &str) -> Result<Value<'a>> {
        let message = primitives::text(cx, text.chars())?;
        Ok(Value::Rare(cx.try_alloc(Rare::Condition(Condition { message, irritants: Value::Nil, kind }))?))
    }

    /// Returns what is to be said of an error that no handler took.
    pub fn report(&self, cx: &Mutator<'_, B>, error: &Error) -> String {
        let text = match error.thrown() {
            Thrown::Message(_, text) => text.clone(),
            Thrown::Unfinished => "the text ends within a datum".into(),
            Thrown::Escape(..) => "a continuation was called that has ended".into(),
            Thrown::Exit(code) => format!("exit {code}"),
            Thrown::Raised(value) => match value.get(cx).rare() {
                Some(Rare::Condition(condition)) => {
                    let mut text = print::text(condition.message, false);
                    for irritant in condition.irritants.iter() {
                        text.push(' ');
                        text.push_str(&print::written(irritant));
                    }
                    text
                }
                _ => format!("this was raised: {}", print::written(value.get(cx))),
            },
        };
        match &self.places.borrow()[error.place() as usize] {
            (file, _) if file.is_empty() => text,
            (file, line) => format!("{text} ({file}:{line})"),
        }
    }

    /// Writes to the standard output.
    ///
    /// # Errors
    /// An error where it cannot be written.
    pub fn print(&self, cx: &Mutator<'_, B>, text: &str) -> Result<()> {
        if let Value::Port(port) = self.console.get(cx) {
            port.0.borrow_mut().write(text)?;
        }
        self.flush(cx)
    }

    /// Writes what is left in the standard output's buffer.
    ///
    /// # Errors
    /// An error where it cannot be written.
    pub fn flush(&self, cx: &Mutator<'_, B>) -> Result<()> {
        match self.console.get(cx) {
            Value::Port(port) => port.0.borrow_mut().flush(),
            _ => Ok(()),
        }
    }
}

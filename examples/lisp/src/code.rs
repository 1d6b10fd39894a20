//! What the compiler makes of a program: a tree. It lies outside of the heap, and needs no rooting.

use grisaille::{Barrier, Mutator, Persistent, Rooted};

use crate::error::{Error, Result};
use crate::lisp::Lisp;
use crate::value::{Small, Value};

/// An expression.
pub struct Code<B: Barrier> {
    /// The state of the globals in which the expression calls no closure, and so cannot collect; 0 where there is none.
    /// See [`Lisp::epoch`].
    pub simple: u32,
    /// Where the expression stands: see [`Lisp::place`].
    pub place: u32,
    pub op: Op<B>,
}

pub enum Op<B: Barrier> {
    Int(Small),
    Constant(Persistent<Value<'static>>),
    /// A variable of the running call.
    Local(usize),
    /// A variable of the call that many closures further out.
    Outer(usize, usize),
    Global(usize),
    Lambda(usize),
    SetLocal(usize, Box<Code<B>>),
    SetOuter(usize, usize, Box<Code<B>>),
    SetGlobal(usize, Box<Code<B>>),
    Define(usize, Box<Code<B>>),
    If(Box<[Code<B>; 3]>),
    And(Box<[Code<B>]>),
    Or(Box<[Code<B>]>),
    Seq(Box<[Code<B>]>),
    Call(Box<Call<B>>),
    /// The call of what a global variable held when this was compiled.
    Known(Box<Known<B>>),
}

/// The call of a procedure.
pub struct Call<B: Barrier> {
    /// As [`Code::simple`], of all parts together.
    pub simple: u32,
    /// The operator, and the operands.
    pub parts: Box<[Code<B>]>,
}

/// The call of a primitive, or of a record's procedure.
pub struct Known<B: Barrier> {
    /// The global variable that holds it, if the program names it.
    pub global: Option<usize>,
    /// What it held.
    pub value: Persistent<Value<'static>>,
    /// A primitive's function; a record's procedure has none.
    pub function: Option<Function<B>>,
    pub operands: Box<[Code<B>]>,
}

/// A procedure's code.
pub struct Lambda<B: Barrier> {
    pub name: String,
    pub required: usize,
    pub rest: bool,
    /// The number of variables in a frame, its first field included.
    pub size: usize,
    pub body: Code<B>,
}

/// A procedure that is written in Rust.
pub struct Primitive<B: Barrier> {
    pub name: &'static str,
    pub least: usize,
    /// `usize::MAX` where there is no bound.
    pub most: usize,
    pub function: Function<B>,
}

/// A primitive's function. Only those that may call back into the interpreter may collect, and take what is rooted;
/// they return no value where they leave a call to the evaluator: see [`Lisp::begin`].
pub enum Function<B: Barrier> {
    One(One<B>),
    Two(Two<B>),
    Many(Many<B>),
    /// One for two arguments, and one for any number.
    TwoOrMany(Two<B>, Many<B>),
    Calling(CallBack<B>),
}

pub type One<B> = for<'a> fn(&Lisp<'_, B>, &'a Mutator<'_, B>, Value<'a>) -> Result<Value<'a>>;
pub type Two<B> = for<'a> fn(&Lisp<'_, B>, &'a Mutator<'_, B>, Value<'a>, Value<'a>) -> Result<Value<'a>>;
pub type Many<B> = for<'a> fn(&Lisp<'_, B>, &'a Mutator<'_, B>, &[Value<'a>]) -> Result<Value<'a>>;
pub type CallBack<B> = for<'s> fn(&Lisp<'_, B>, &mut Mutator<'s, B>, &[Rooted<'s, Value<'s>>]) -> Result<Answer<'s>>;

/// What a primitive that calls back returns.
pub type Answer<'s> = Option<Rooted<'s, Value<'s>>>;

impl<B: Barrier> Clone for Function<B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B: Barrier> Copy for Function<B> {}

impl<B: Barrier> Code<B> {
    pub fn is_variable(&self) -> bool {
        matches!(self.op, Op::Local(_) | Op::Outer(..) | Op::Global(_))
    }
}

impl<B: Barrier> Known<B> {
    /// Returns whether a value is what is known.
    pub fn holds(&self, value: Value<'_>, cx: &Mutator<'_, B>) -> bool {
        cx.adopt(value).same(self.value.get(cx))
    }
}

impl<B: Barrier> Lambda<B> {
    pub fn wrong_count(&self, given: usize) -> Error {
        let (name, more) =
            (if self.name.is_empty() { "a procedure" } else { &self.name }, if self.rest { " or more" } else { "" });
        Error::new(format!("{name} takes {}{more} arguments, and was called with {given}", self.required))
    }
}

impl<B: Barrier> Primitive<B> {
    pub fn check_count(&self, given: usize) -> Result<()> {
        if (self.least..=self.most).contains(&given) {
            return Ok(());
        }
        Err(Error::new(format!("{} was called with {given} arguments", self.name)))
    }
}

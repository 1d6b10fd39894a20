//! What the heap holds: the types that derive `Trace`.

use std::cell::{Cell, RefCell};

use grisaille::{Array, External, Gc, Owned, Slot, Str, Trace};
use num_bigint::BigInt;

use crate::port::PortState;

/// A value: two words, copied freely, and traced by the derive.
///
/// Every variant that carries something carries one word, so that a value is passed in two registers.
#[derive(Clone, Copy, Trace)]
#[repr(u32)]
pub enum Value<'gc> {
    Nil,
    Unspecified,
    Eof,
    False,
    True,
    Int(i64),
    Float(Float),
    /// An integer that does not fit an `Int`.
    Big(Gc<'gc, Big>),
    Char(Letter),
    /// Interned: the same name is the same object.
    Symbol(Str<'gc>),
    /// A name that a macro introduced.
    Alias(Gc<'gc, Alias<'gc>>),
    Pair(Gc<'gc, Pair<'gc>>),
    Text(Array<'gc, Slot<char>>),
    Vector(Array<'gc, Slot<Value<'gc>>>),
    Bytes(Array<'gc, Slot<u8>>),
    /// A primitive, by its index in the interpreter's table.
    Primitive(usize),
    Closure(Gc<'gc, Closure<'gc>>),
    RecordProcedure(Gc<'gc, RecordProcedure<'gc>>),
    Parameter(Gc<'gc, Parameter<'gc>>),
    Continuation(Gc<'gc, Continuation>),
    Record(Gc<'gc, Record<'gc>>),
    RecordType(Gc<'gc, RecordType<'gc>>),
    Condition(Gc<'gc, Condition<'gc>>),
    /// Several values of one expression.
    Values(Array<'gc, Slot<Value<'gc>>>),
    Port(Gc<'gc, Port>),
    /// The frame that a frame's variables are nested in.
    Frame(Frame<'gc>),
    /// A special form, by its index in the compiler's table.
    Special(usize),
    Macro(Gc<'gc, Macro<'gc>>),
    /// A global variable that is not defined.
    Unbound,
}

/// The bits of a floating-point number.
#[derive(Clone, Copy, Trace)]
pub struct Float(u64);

impl Float {
    pub fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

/// A character, in a word.
#[derive(Clone, Copy, Trace)]
pub struct Letter(u64);

impl Letter {
    pub fn get(self) -> char {
        char::from_u32(self.0 as u32).expect("it was made from a character")
    }
}

/// An integer of any size. What it holds outside the heap is counted.
#[derive(Trace)]
#[trace(drop = "background")]
pub struct Big(#[trace(skip)] pub Owned<Digits>);

pub struct Digits(pub BigInt);

impl External for Digits {
    fn bytes_external(&self) -> usize {
        self.0.bits() as usize / 8
    }
}

#[derive(Trace)]
pub struct Pair<'gc> {
    pub car: Slot<Value<'gc>>,
    pub cdr: Slot<Value<'gc>>,
}

/// A name that a macro introduced stands for its original where nothing binds the alias itself.
#[derive(Trace)]
pub struct Alias<'gc> {
    pub name: Value<'gc>,
}

/// A procedure: code by its number, and the variables around it.
#[derive(Trace)]
pub struct Closure<'gc> {
    pub lambda: usize,
    pub env: Frame<'gc>,
}

/// The variables of a call: the frame around it, then its arguments and other variables.
#[derive(Clone, Copy, Trace)]
pub struct Frame<'gc>(pub Array<'gc, Slot<Value<'gc>>>);

impl<'gc> Frame<'gc> {
    /// Returns the frame that many calls further out.
    #[inline(always)]
    pub fn outer(self, depth: usize) -> Frame<'gc> {
        let mut frame = self;
        for _ in 0..depth {
            let Value::Frame(outer) = frame.0.as_slice()[0].get() else { unreachable!("a frame begins with a frame") };
            frame = outer;
        }
        frame
    }

    #[inline(always)]
    pub fn slot(self, index: usize) -> &'gc Slot<Value<'gc>> {
        &self.0.as_slice()[index]
    }
}

#[derive(Trace)]
pub struct RecordType<'gc> {
    pub name: Value<'gc>,
    /// A list of the fields' names, and their number.
    pub names: Value<'gc>,
    pub fields: usize,
}

#[derive(Trace)]
pub struct Record<'gc> {
    pub kind: Gc<'gc, RecordType<'gc>>,
    pub fields: Array<'gc, Slot<Value<'gc>>>,
}

/// A procedure that makes, recognizes, reads or writes records of a type.
#[derive(Trace)]
pub struct RecordProcedure<'gc> {
    pub kind: Gc<'gc, RecordType<'gc>>,
    #[trace(skip)]
    pub does: RecordWork,
}

#[derive(Clone)]
pub enum RecordWork {
    /// The fields that the arguments initialize.
    Make(Vec<usize>),
    Test,
    Get(usize),
    Set(usize),
}

#[derive(Trace)]
pub struct Parameter<'gc> {
    pub value: Slot<Value<'gc>>,
    pub converter: Value<'gc>,
}

/// Where `call/cc` was called, while that call lasts.
#[derive(Trace)]
pub struct Continuation {
    pub id: u64,
    #[trace(skip)]
    pub ended: Cell<bool>,
}

/// What `error` raises.
#[derive(Trace)]
pub struct Condition<'gc> {
    pub message: Value<'gc>,
    pub irritants: Value<'gc>,
    #[trace(skip)]
    pub kind: Kind,
}

/// What an error is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Other,
    /// Too many calls are nested.
    Depth,
    File,
    Read,
}

#[derive(Trace)]
pub struct Port(#[trace(skip)] pub RefCell<PortState>);

/// What `syntax-rules` makes: a list of the literals, and a list of rules.
#[derive(Trace)]
pub struct Macro<'gc> {
    pub ellipsis: Value<'gc>,
    pub literals: Value<'gc>,
    pub rules: Value<'gc>,
}

impl From<bool> for Value<'_> {
    fn from(truth: bool) -> Self {
        if truth { Value::True } else { Value::False }
    }
}

impl From<f64> for Value<'_> {
    fn from(number: f64) -> Self {
        Value::Float(Float(number.to_bits()))
    }
}

impl From<char> for Value<'_> {
    fn from(letter: char) -> Self {
        Value::Char(Letter(u64::from(u32::from(letter))))
    }
}

impl<'gc> Value<'gc> {
    #[inline(always)]
    pub fn is_true(self) -> bool {
        !matches!(self, Value::False)
    }

    pub fn is_name(self) -> bool {
        matches!(self, Value::Symbol(_) | Value::Alias(_))
    }

    /// Returns the symbol that a name stands for where no macro has anything to do with it.
    pub fn original(self) -> Value<'gc> {
        let mut name = self;
        while let Value::Alias(alias) = name {
            name = alias.name;
        }
        name
    }

    /// Returns the text of a symbol.
    pub fn name(self) -> Option<&'gc str> {
        match self.original() {
            Value::Symbol(name) => Some(name.as_str()),
            _ => None,
        }
    }

    pub fn is_procedure(self) -> bool {
        use Value::{Closure, Continuation, Parameter, Primitive, RecordProcedure};
        matches!(self, Closure(_) | Primitive(_) | RecordProcedure(_) | Parameter(_) | Continuation(_))
    }

    /// Returns the elements of a list, up to where it ends. A circular list has no end.
    pub fn iter(self) -> ListIter<'gc> {
        ListIter(self)
    }

    /// Returns whether the two are the same object, or the same number or character: `eqv?`.
    pub fn same(self, other: Self) -> bool {
        use Value::*;
        match (self, other) {
            (Int(a), Int(b)) => a == b,
            (Float(a), Float(b)) => a.0 == b.0,
            (Big(a), Big(b)) => a.0.0 == b.0.0,
            (Char(a), Char(b)) => a.0 == b.0,
            (Symbol(a), Symbol(b)) => Str::ptr_eq(a, b),
            (Primitive(a), Primitive(b)) | (Special(a), Special(b)) => a == b,
            _ => std::mem::discriminant(&self) == std::mem::discriminant(&other) && self.address() == other.address(),
        }
    }

    /// Returns the address of the object, or 0.
    pub fn address(self) -> usize {
        use Value::*;
        match self {
            Nil | Unspecified | Eof | False | True | Unbound => 0,
            Int(_) | Float(_) | Char(_) | Primitive(_) | Special(_) => 0,
            Big(object) => Gc::addr(object),
            Symbol(object) => Str::addr(object),
            Alias(object) => Gc::addr(object),
            Pair(object) => Gc::addr(object),
            Text(object) => Array::addr(object),
            Vector(object) | Values(object) | Frame(self::Frame(object)) => Array::addr(object),
            Bytes(object) => Array::addr(object),
            Closure(object) => Gc::addr(object),
            RecordProcedure(object) => Gc::addr(object),
            Parameter(object) => Gc::addr(object),
            Continuation(object) => Gc::addr(object),
            Record(object) => Gc::addr(object),
            RecordType(object) => Gc::addr(object),
            Condition(object) => Gc::addr(object),
            Port(object) => Gc::addr(object),
            Macro(object) => Gc::addr(object),
        }
    }
}

/// The elements of a list.
pub struct ListIter<'gc>(Value<'gc>);

impl<'gc> ListIter<'gc> {
    /// Returns what is left of the list.
    pub fn rest(&self) -> Value<'gc> {
        self.0
    }
}

impl<'gc> Iterator for ListIter<'gc> {
    type Item = Value<'gc>;

    fn next(&mut self) -> Option<Value<'gc>> {
        let Value::Pair(pair) = self.0 else { return None };
        self.0 = pair.cdr.get();
        Some(pair.car.get())
    }
}

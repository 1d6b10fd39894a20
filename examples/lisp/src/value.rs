//! What the heap holds: the types that derive `Trace`.

use std::cell::{Cell, RefCell};

use grisaille::{Array, External, Gc, Owned, Slot, Str, Trace};
use num_bigint::BigInt;

use crate::port::PortState;

#[cfg_attr(feature = "packed", path = "value/one_word.rs")]
#[cfg_attr(not(feature = "packed"), path = "value/two_words.rs")]
mod form;

pub use form::{Float, Index, Letter, Small, Stored, ValueSlot, float, index, letter, new_index};
use form::{new_float, new_letter};

/// A value: two words, copied freely, and traced by the derive.
///
/// Every variant that carries something carries one word, so that a value is passed in two registers.
///
/// A [`ValueSlot`] holds a value as it is or, with the feature `packed`, in one word, which tells objects of 15 types
/// apart: of what programs have few, more types than one share the variant `Rare`.
#[derive(Clone, Copy, Trace)]
#[cfg_attr(feature = "packed", derive(grisaille::Pack))]
#[repr(u32)]
pub enum Value<'gc> {
    Nil,
    Unspecified,
    Eof,
    False,
    True,
    Int(Small),
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
    Vector(Array<'gc, ValueSlot<'gc>>),
    Bytes(Array<'gc, Slot<u8>>),
    /// A primitive, by its index in the interpreter's table.
    Primitive(Index),
    Closure(Gc<'gc, Closure<'gc>>),
    RecordProcedure(Gc<'gc, RecordProcedure<'gc>>),
    Record(Gc<'gc, Record<'gc>>),
    RecordType(Gc<'gc, RecordType<'gc>>),
    Rare(Gc<'gc, Rare<'gc>>),
    /// Several values of one expression.
    Values(Array<'gc, ValueSlot<'gc>>),
    Port(Gc<'gc, Port>),
    /// The frame that a frame's variables are nested in.
    Frame(Array<'gc, ValueSlot<'gc>>),
    /// A special form, by its index in the compiler's table.
    Special(Index),
    /// A global variable that is not defined.
    Unbound,
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
    pub car: ValueSlot<'gc>,
    pub cdr: ValueSlot<'gc>,
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
pub struct Frame<'gc>(pub Array<'gc, ValueSlot<'gc>>);

impl<'gc> Frame<'gc> {
    /// Returns the frame that many calls further out.
    #[inline(always)]
    pub fn outer(self, depth: usize) -> Frame<'gc> {
        let mut frame = self;
        for _ in 0..depth {
            let Value::Frame(outer) = frame.0.as_slice()[0].get() else { unreachable!("a frame begins with a frame") };
            frame = Frame(outer);
        }
        frame
    }

    #[inline(always)]
    pub fn slot(self, index: usize) -> &'gc ValueSlot<'gc> {
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
    pub fields: Array<'gc, ValueSlot<'gc>>,
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

/// What programs have few of.
#[derive(Trace)]
pub enum Rare<'gc> {
    Parameter(Parameter<'gc>),
    Continuation(Continuation),
    Condition(Condition<'gc>),
    Macro(Macro<'gc>),
}

#[derive(Trace)]
pub struct Parameter<'gc> {
    pub value: ValueSlot<'gc>,
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
        Value::Float(new_float(number))
    }
}

impl From<char> for Value<'_> {
    fn from(letter: char) -> Self {
        Value::Char(new_letter(letter))
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
        use Value::{Closure, Primitive, RecordProcedure};
        matches!(self, Closure(_) | Primitive(_) | RecordProcedure(_))
            || matches!(self.rare(), Some(Rare::Parameter(_) | Rare::Continuation(_)))
    }

    /// Returns whether a form that begins with the value is special, or to be expanded.
    pub fn is_syntax(self) -> bool {
        matches!(self, Value::Special(_)) || matches!(self.rare(), Some(Rare::Macro(_)))
    }

    /// Returns the object of a value that shares its variant with others.
    pub fn rare(self) -> Option<&'gc Rare<'gc>> {
        if let Value::Rare(rare) = self { Some(Gc::as_ref(rare)) } else { None }
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
            (Float(a), Float(b)) => float(a).to_bits() == float(b).to_bits(),
            (Big(a), Big(b)) => a.0.0 == b.0.0,
            (Char(a), Char(b)) => letter(a) == letter(b),
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
            Vector(object) | Values(object) | Frame(object) => Array::addr(object),
            Bytes(object) => Array::addr(object),
            Closure(object) => Gc::addr(object),
            RecordProcedure(object) => Gc::addr(object),
            Record(object) => Gc::addr(object),
            RecordType(object) => Gc::addr(object),
            Rare(object) => Gc::addr(object),
            Port(object) => Gc::addr(object),
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

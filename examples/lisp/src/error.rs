//! Why an evaluation ended without a value.

use std::fmt;

use grisaille::{HeapFull, Persistent};

use crate::value::{Kind, Value};

pub type Result<T> = std::result::Result<T, Error>;

/// An error, an escape or an exit, on its way outwards through the evaluator. What it carries of the heap is in a
/// [`Persistent`], so that it passes through any number of scopes.
#[derive(Debug)]
pub struct Error(Box<(Thrown, u32)>);

#[derive(Debug)]
pub enum Thrown {
    /// An error that the interpreter found, and that is not an object yet.
    Message(Kind, String),
    /// What a program raised.
    Raised(Persistent<Value<'static>>),
    /// The call of a continuation by its number, with its value.
    Escape(u64, Persistent<Value<'static>>),
    /// The call of `exit`.
    Exit(u8),
    /// A text that ends within a datum.
    Unfinished,
}

impl Error {
    pub fn thrown(&self) -> &Thrown {
        &self.0.0
    }

    pub fn into_thrown(self) -> Thrown {
        self.0.0
    }

    /// Returns where the error arose, as an index of the interpreter's places; 0 where that is not known.
    pub fn place(&self) -> u32 {
        self.0.1
    }

    /// Notes where the error arose, unless a place further in is known.
    #[cold]
    pub fn at(mut self, place: u32) -> Error {
        if self.0.1 == 0 {
            self.0.1 = place;
        }
        self
    }

    pub fn new(message: impl Into<String>) -> Error {
        Error::of_kind(Kind::Other, message)
    }

    pub fn of_kind(kind: Kind, message: impl Into<String>) -> Error {
        Thrown::Message(kind, message.into()).into()
    }

    /// Makes the error of a value that is not what it should be.
    pub fn wrong(expected: &str, value: Value<'_>) -> Error {
        Error::new(format!("{expected} was expected, not {}", crate::print::written(value)))
    }
}

impl From<Thrown> for Error {
    fn from(thrown: Thrown) -> Error {
        Error(Box::new((thrown, 0)))
    }
}

impl<T> From<HeapFull<T>> for Error {
    fn from(full: HeapFull<T>) -> Error {
        Error::new(format!("out of memory: {full}"))
    }
}

impl From<fmt::Error> for Error {
    fn from(_: fmt::Error) -> Error {
        Error::new("this value cannot be written")
    }
}

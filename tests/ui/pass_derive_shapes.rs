//! Every shape of type, in a crate that forbids `unsafe` and warns of everything.
#![forbid(
    unsafe_code,
    unused,
    deprecated,
    missing_docs,
    unused_qualifications,
    unreachable_code
)]

use grisaille::{Gc, Slot, Trace};

/// A type that means nothing to the heap.
#[derive(Trace)]
pub struct Unit;

/// Braces, and nothing in them.
#[derive(Trace)]
pub struct Empty {}

/// Parentheses, and nothing in them.
#[derive(Trace)]
pub struct EmptyTuple();

/// No value of it exists.
#[derive(Trace)]
pub enum Never {}

/// Lifetime and nothing else that lives.
#[derive(Clone, Copy, Trace)]
pub enum Value<'gc> {
    /// Nothing.
    Nil,
    /// A leaf.
    Num(f64),
    /// A pointer.
    Pair(Gc<'gc, Pair<'gc>>),
    /// Named fields.
    Both {
        /// A keyword for a name.
        r#type: Gc<'gc, Pair<'gc>>,
        /// A bool.
        flag: bool,
    },
}

/// Mutually recursive with the above.
#[derive(Trace)]
pub struct Pair<'gc> {
    /// Mutable.
    pub car: Slot<Value<'gc>>,
    /// Fixed.
    pub cdr: Value<'gc>,
}

/// Skipped fields between others, in a tuple.
#[derive(Trace)]
pub struct Mixed<'gc>(
    /// Traced.
    pub Gc<'gc, Pair<'gc>>,
    /// Skipped: a callback.
    #[trace(skip)]
    pub Box<dyn Fn(f64) -> f64 + Send>,
    /// Traced.
    pub Vec<Value<'gc>>,
    /// Skipped: foreign.
    #[trace(skip)]
    pub std::time::Duration,
);

/// Skipped fields in an enum.
#[derive(Trace)]
pub enum Code<'gc> {
    /// A function of the host.
    Native(#[trace(skip)] fn(f64) -> f64),
    /// One that takes values of any lifetime, which is the same function at all of them.
    Builtin(
        #[trace(skip)] for<'x> fn(Value<'x>, &str) -> Value<'x>,
        #[trace(skip)] Box<dyn Fn(Value<'_>) -> f64 + Send>,
    ),
    /// A function of the program.
    Closure {
        /// What it closed over.
        captured: Gc<'gc, Pair<'gc>>,
        /// Where it stands.
        #[trace(skip)]
        line: u32,
    },
}

/// Discriminants and a representation.
#[derive(Trace)]
#[repr(u8)]
pub enum Op {
    /// One.
    Add = 1,
    /// Seven.
    Sub = 3 + 4,
}

/// Other representations are none of the derive's business.
#[derive(Trace)]
#[repr(C, align(16))]
pub struct Aligned<'gc> {
    /// An array whose length is an expression.
    pub four: [Value<'gc>; 2 + size_of::<u16>()],
    /// A unit.
    pub unit: (),
}

/// Deprecated, and derived without a warning.
#[derive(Trace)]
#[deprecated = "an example"]
pub struct Old {
    /// Deprecated too.
    #[deprecated = "an example"]
    pub field: u64,
}

/// Nothing but a lifetime: no field mentions it for the collector.
#[derive(Trace)]
pub struct Bytes {
    /// Text.
    pub text: String,
}

/// Types made by a macro, lifetime and all.
macro_rules! object {
    ($name:ident<$lt:lifetime> { $($field:ident: $ty:ty),* }) => {
        /// Made by a macro.
        #[derive(Trace)]
        pub struct $name<$lt> { $(#[doc = "A field."] pub $field: $ty),* }
    };
}
object!(Made<'heap> { left: Gc<'heap, Pair<'heap>>, right: Option<Gc<'heap, Made<'heap>>> });

/// The same where the macro brings the names.
macro_rules! hygienic {
    ($name:ident, $ty:ident) => {
        /// Made by a macro.
        #[derive(Trace)]
        pub struct $name<'inner> {
            /// A field.
            pub f: Gc<'inner, $ty<'inner>>,
        }
    };
}
hygienic!(Hygienic, Pair);

fn main() {
    /// In a function.
    #[derive(Trace)]
    struct Inner<'a>(Option<Gc<'a, Inner<'a>>>);
    let inner = Inner(None);
    assert!(inner.0.is_none());

    const {
        assert!(!Unit::NEEDS_TRACE && !Empty::NEEDS_TRACE && !EmptyTuple::NEEDS_TRACE && !Never::NEEDS_TRACE);
        assert!(!Op::NEEDS_TRACE && !Bytes::NEEDS_TRACE);
        assert!(Value::NEEDS_TRACE && Pair::NEEDS_TRACE && Mixed::NEEDS_TRACE && Code::NEEDS_TRACE);
        assert!(Aligned::NEEDS_TRACE && Made::NEEDS_TRACE && Hygienic::NEEDS_TRACE && Inner::NEEDS_TRACE);
    }
}

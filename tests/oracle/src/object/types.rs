//! The types of objects: one for each way to hold pointers, each with a canary.

use std::cell::RefCell;

use grisaille::{Array, Gc, List, Lock, Map, Owned, Pack, Packed, RefLock, Slot, Str, StrBuf, Tagged, Trace, Weak};

use super::{Value, Witness};
use crate::shadow::SLOTS;

/// An object with two wide slots, and one of a single word.
#[derive(Trace)]
pub struct Cons<'gc> {
    pub canary: u64,
    pub wide: [Slot<Value<'gc>>; SLOTS - 1],
    pub word: Slot<Option<Gc<'gc, Cons<'gc>>>>,
}

/// An object with drop glue that runs on the mutator's thread.
#[derive(Trace)]
pub struct Guarded<'gc> {
    pub canary: u64,
    pub slots: [Slot<Value<'gc>>; SLOTS],
    #[trace(skip)]
    pub witness: Witness,
}

/// An object with drop glue that may run on the sweeper's thread, aligned to 16.
#[derive(Trace)]
#[trace(drop = "background")]
#[repr(align(16))]
pub struct Background<'gc> {
    pub canary: u64,
    pub slots: [Slot<Value<'gc>>; SLOTS],
    #[trace(skip)]
    pub freight: RefCell<Owned<Vec<u64>>>,
    #[trace(skip)]
    pub witness: Witness,
}

/// An object that is mutated as a whole, through a guard.
#[derive(Trace)]
pub struct Bag<'gc> {
    pub canary: u64,
    pub items: Owned<Vec<Value<'gc>>>,
    #[trace(skip)]
    pub witness: Witness,
}

/// An object that is mutated as a whole, by replacement.
#[derive(Clone, Copy, Trace)]
pub struct Tuple<'gc> {
    pub canary: u64,
    pub items: [Value<'gc>; SLOTS],
}

/// An element of an array that has drop glue, aligned to 16. One element of each array tells the log.
#[derive(Trace)]
#[repr(align(16))]
pub struct Item<'gc> {
    pub slot: Slot<Value<'gc>>,
    #[trace(skip)]
    pub witness: Option<Witness>,
}

/// An object with a number that is aligned to 16, on either side of its slots.
#[derive(Trace)]
pub struct Wide<'gc> {
    pub canary: u128,
    pub slots: [Slot<Value<'gc>>; SLOTS],
    pub last: u128,
}

/// A tagged word: a cons, or nothing as a constant.
pub type Word<'gc> = Tagged<'gc, Cons<'gc>>;

/// An object made of tagged words.
#[derive(Trace)]
pub struct Words<'gc> {
    pub canary: u64,
    pub slots: [Slot<Word<'gc>>; SLOTS],
}

/// A value as a packed word holds it: all but ephemerons and wide objects, as many pointers as there are tags.
#[derive(Clone, Copy, Trace, Pack)]
pub enum Short<'gc> {
    Nil,
    Int(u32),
    Cons(Gc<'gc, Cons<'gc>>),
    Guarded(Gc<'gc, Guarded<'gc>>),
    Background(Gc<'gc, Background<'gc>>),
    Bag(Gc<'gc, RefLock<Bag<'gc>>>),
    Tuple(Gc<'gc, Lock<Tuple<'gc>>>),
    Array(Array<'gc, Slot<Value<'gc>>>),
    Shelf(Array<'gc, Item<'gc>>),
    Numbers(Array<'gc, u128>),
    Words(Gc<'gc, Words<'gc>>),
    Packs(Gc<'gc, Packs<'gc>>),
    List(Gc<'gc, Row<'gc>>),
    Map(Gc<'gc, Map<'gc, Word<'gc>, Value<'gc>>>),
    Str(Str<'gc>),
    Weak(Weak<'gc, Cons<'gc>>),
    WeakGuarded(Weak<'gc, Guarded<'gc>>),
    /// A number that no slot holds: it must not be taken for a pointer.
    Double(f64),
}

/// An object made of packed words.
#[derive(Trace)]
pub struct Packs<'gc> {
    pub canary: u64,
    pub slots: [Slot<Packed<Short<'gc>>>; SLOTS],
}

/// An object that grows.
#[derive(Trace)]
pub struct Row<'gc> {
    pub canary: u64,
    pub items: List<'gc, Value<'gc>>,
    pub text: StrBuf<'gc>,
}

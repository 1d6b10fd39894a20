//! The types of objects: one for each way to hold pointers, each with a canary.

use std::cell::RefCell;
use std::sync::Arc;

use grisaille::{
    AnyGc, AnyObject, Array, DynGc, Gc, Identity, Key, List, Lock, Map, Owned, Pack, Packed, RefLock, Slot, Str,
    StrBuf, Tagged, Trace, Weak, WeakMap, WeakSet, dyn_trait,
};

use super::{Log, Value, Witness};
use crate::shadow::{Kind, SLOTS};

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

/// A value as a packed word holds it: all but ephemerons, as many pointers as there are tags. The types that have no
/// variant of their own are held as any.
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
    Any(AnyGc<'gc>),
    Seen(Dyn<'gc>),
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

/// What programs see objects of several types as.
pub trait Seen<'gc> {
    fn canary(&self) -> u64;
    fn slot(&self, at: usize) -> &Slot<Value<'gc>>;
    fn witness(&self) -> Option<&Witness>;
}
dyn_trait!(for<'gc> Seen<'gc>);

/// A trait that no object was allocated for.
pub trait Unseen {}
dyn_trait!(Unseen);

/// A pointer to an object that is seen by the trait.
pub type Dyn<'gc> = DynGc<'gc, dyn Seen<'static>>;

/// An object that is seen by a trait.
#[derive(Trace)]
pub struct Thin<'gc> {
    pub canary: u64,
    pub slots: [Slot<Value<'gc>>; SLOTS],
}

impl<'gc> Seen<'gc> for Thin<'gc> {
    fn canary(&self) -> u64 {
        self.canary
    }
    fn slot(&self, at: usize) -> &Slot<Value<'gc>> {
        &self.slots[at]
    }
    fn witness(&self) -> Option<&Witness> {
        None
    }
}

/// Another such object, laid out in another way.
#[derive(Trace)]
pub struct Thick<'gc> {
    #[trace(skip)]
    pub witness: Witness,
    pub slots: [Slot<Value<'gc>>; SLOTS],
    pub canary: u64,
}

impl<'gc> Seen<'gc> for Thick<'gc> {
    fn canary(&self) -> u64 {
        self.canary
    }
    fn slot(&self, at: usize) -> &Slot<Value<'gc>> {
        &self.slots[SLOTS - 1 - at]
    }
    fn witness(&self) -> Option<&Witness> {
        Some(&self.witness)
    }
}

/// An object with pointers to objects of any type, and with one to an object that is seen by a trait.
#[derive(Trace)]
pub struct Holder<'gc> {
    pub canary: u64,
    pub any: [Slot<Option<AnyGc<'gc>>>; SLOTS - 1],
    pub seen: Slot<Option<Dyn<'gc>>>,
}

/// What natives are: a function that runs operations of the program, by what it is given, and says at its end whether
/// it was told to fail, or what has happened to it meanwhile.
pub type Function = dyn Fn(&mut dyn FnMut() -> bool) -> Result<u64, String> + Send;

/// The error of a native that is told to fail.
pub const FAILS: &str = "it was told to fail";

/// Returns the function of a native.
pub fn function(log: &Arc<Log>, kind: Kind, id: u32) -> Box<Function> {
    let (log, witness) = (log.clone(), Witness::new(log, kind, id));
    Box::new(move |host| {
        let goes_well = host();
        if log.drops(id) != 0 {
            return Err("it was dropped while it was called".into());
        }
        if let Some(complaint) = witness.complaint(kind) {
            return Err(complaint);
        }
        if goes_well { Ok(Value::canary_of(id)) } else { Err(FAILS.into()) }
    })
}

/// Captures that can be written.
#[derive(Trace)]
pub struct Held<'gc> {
    pub canary: u64,
    pub slots: [Slot<Value<'gc>>; SLOTS],
}

/// Captures that stay as they are, so that they can be had as a handle.
#[derive(Clone, Copy, Trace)]
pub struct Captures<'gc> {
    pub canary: u64,
    pub items: [Value<'gc>; SLOTS],
}

pub type Native<'gc> = grisaille::Native<Function, Held<'gc>>;
pub type Closure<'gc> = grisaille::Native<Function, Captures<'gc>>;

/// A weak map whose keys are of several types.
#[derive(Trace)]
pub struct Registry<'gc> {
    pub canary: u64,
    pub map: WeakMap<'gc, AnyObject, Value<'gc>>,
}

/// A weak set of objects of several types.
#[derive(Trace)]
pub struct Club<'gc> {
    pub canary: u64,
    pub set: WeakSet<'gc, AnyObject>,
}

/// A key that is derived: numbers and texts by structure, objects by identity.
#[derive(Clone, Copy, Trace, Key)]
pub enum Term<'gc> {
    Number(u8),
    Text(Str<'gc>),
    Cons(Identity<'gc, Cons<'gc>>),
    Other { object: Identity<'gc, AnyObject>, number: u8 },
}

/// A map with such keys.
#[derive(Trace)]
pub struct Ledger<'gc> {
    pub canary: u64,
    pub map: Map<'gc, Term<'gc>, Value<'gc>>,
}

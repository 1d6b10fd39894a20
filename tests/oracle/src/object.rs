//! What lies in the heap: one type of object for each way to hold pointers, each with a canary.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use grisaille::{Array, Barrier, Gc, Lock, Mutator, RefLock, Slot, Str, Trace, Weak};

use crate::shadow::{Kind, SLOTS};

/// What a canary is xored with: an id alone is too likely to be found by chance.
const CANARY: u64 = 0xca11_ab1e_5afe_0000;

/// A value: an enum of 16 bytes, as interpreters have them.
#[derive(Clone, Copy, Trace)]
pub enum Value<'gc> {
    Nil,
    /// A number that is its own canary.
    Int(u32),
    Cons(Gc<'gc, Cons<'gc>>),
    Guarded(Gc<'gc, Guarded<'gc>>),
    Background(Gc<'gc, Background<'gc>>),
    Bag(Gc<'gc, RefLock<Bag<'gc>>>),
    Tuple(Gc<'gc, Lock<Tuple<'gc>>>),
    Array(Gc<'gc, Array<Slot<Value<'gc>>>>),
    Str(Gc<'gc, Str>),
    Weak(Weak<'gc, Cons<'gc>>),
    WeakGuarded(Weak<'gc, Guarded<'gc>>),
}

/// Plain: two wide slots, and one of a single word.
#[derive(Trace)]
pub struct Cons<'gc> {
    canary: u64,
    wide: [Slot<Value<'gc>>; SLOTS - 1],
    word: Slot<Option<Gc<'gc, Cons<'gc>>>>,
}

/// With drop glue that runs on the mutator's thread.
#[derive(Trace)]
pub struct Guarded<'gc> {
    canary: u64,
    slots: [Slot<Value<'gc>>; SLOTS],
    #[trace(skip)]
    _witness: Witness,
}

/// With drop glue that may run on the sweeper's thread.
#[derive(Trace)]
#[trace(drop = "background")]
pub struct Background<'gc> {
    canary: u64,
    slots: [Slot<Value<'gc>>; SLOTS],
    #[trace(skip)]
    _witness: Witness,
}

/// Mutated as a whole, through a guard.
#[derive(Trace)]
pub struct Bag<'gc> {
    canary: u64,
    items: Vec<Value<'gc>>,
    #[trace(skip)]
    _witness: Witness,
}

/// Mutated as a whole, by replacement.
#[derive(Clone, Copy, Trace)]
pub struct Tuple<'gc> {
    canary: u64,
    items: [Value<'gc>; SLOTS],
}

/// Counts the drops of each object.
pub struct Log {
    drops: Box<[AtomicU8]>,
}

impl Log {
    pub fn new(objects: usize) -> Arc<Log> {
        Arc::new(Log { drops: (0..objects).map(|_| AtomicU8::new(0)).collect() })
    }

    pub fn drops(&self, id: u32) -> u8 {
        self.drops[id as usize].load(Ordering::Acquire)
    }
}

/// Tells the log when it is dropped.
pub struct Witness {
    log: Arc<Log>,
    id: u32,
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.log.drops[self.id as usize].fetch_add(1, Ordering::Release);
    }
}

fn canary(id: u32) -> u64 {
    CANARY ^ u64::from(id)
}

/// The elements of an array that stand for its slots: the first holds the canary.
fn elements(len: usize) -> [usize; SLOTS] {
    [1, len / 2, len - 1]
}

impl<'gc> Value<'gc> {
    /// Allocates an object of the kind.
    pub fn alloc<B: Barrier>(
        cx: &'gc Mutator<'_, B>,
        kind: Kind,
        id: u32,
        items: [Value<'gc>; SLOTS],
        log: &Arc<Log>,
    ) -> Value<'gc> {
        let canary = canary(id);
        let witness = || Witness { log: log.clone(), id };
        match kind {
            Kind::Cons => {
                let wide = [Slot::new(items[0]), Slot::new(items[1])];
                Value::Cons(cx.alloc(Cons { canary, wide, word: Slot::new(items[2].as_cons()) }))
            }
            Kind::Guarded => {
                Value::Guarded(cx.alloc(Guarded { canary, slots: items.map(Slot::new), _witness: witness() }))
            }
            Kind::Background => {
                Value::Background(cx.alloc(Background { canary, slots: items.map(Slot::new), _witness: witness() }))
            }
            Kind::Bag => Value::Bag(cx.alloc(RefLock::new(Bag { canary, items: items.to_vec(), _witness: witness() }))),
            Kind::Tuple => Value::Tuple(cx.alloc(Lock::new(Tuple { canary, items }))),
            Kind::Array(len) => {
                let at = elements(len as usize);
                Value::Array(cx.alloc_array(len as usize, |index| {
                    let slot = at.iter().position(|&element| element == index);
                    Slot::new(slot.map_or(Value::Int(id), |slot| items[slot]))
                }))
            }
            Kind::Str => Value::Str(cx.alloc_str(&text_of(id))),
            Kind::Interned | Kind::Weak => unreachable!("made by operations of their own"),
        }
    }

    fn as_cons(self) -> Option<Gc<'gc, Cons<'gc>>> {
        if let Value::Cons(cons) = self { Some(cons) } else { None }
    }

    /// Whether this is an object of the kind, with the canary of `id`. `None`: it is.
    pub fn complaint(self, kind: Kind, id: u32) -> Option<String> {
        let found = match (self, kind) {
            (Value::Cons(o), Kind::Cons) => o.canary,
            (Value::Guarded(o), Kind::Guarded) => o.canary,
            (Value::Background(o), Kind::Background) => o.canary,
            (Value::Bag(o), Kind::Bag) => o.borrow().canary,
            (Value::Tuple(o), Kind::Tuple) => o.get().canary,
            (Value::Array(o), Kind::Array(len)) => {
                let Some(Value::Int(found)) = o.as_slice().first().map(Slot::get) else {
                    return Some("the array's first element is not its canary".into());
                };
                if o.len() != len as usize {
                    return Some(format!("the array has {} elements, not {len}", o.len()));
                }
                canary(found)
            }
            (Value::Str(o), Kind::Str) => {
                return (o.as_str() != text_of(id)).then(|| format!("the string is {:?}", o.as_str()));
            }
            (Value::Str(_), Kind::Interned) | (Value::Weak(_) | Value::WeakGuarded(_), Kind::Weak) => return None,
            (value, kind) => return Some(format!("it is {}, not {kind:?}", value.noun())),
        };
        (found != canary(id)).then(|| format!("its canary is {found:#x}"))
    }

    /// The address of a strong pointer's object.
    pub fn addr(self) -> Option<usize> {
        match self {
            Value::Nil | Value::Int(_) | Value::Weak(_) | Value::WeakGuarded(_) => None,
            Value::Cons(o) => Some(o.addr()),
            Value::Guarded(o) => Some(o.addr()),
            Value::Background(o) => Some(o.addr()),
            Value::Bag(o) => Some(o.addr()),
            Value::Tuple(o) => Some(o.addr()),
            Value::Array(o) => Some(o.addr()),
            Value::Str(o) => Some(o.addr()),
        }
    }

    /// What a slot holds; `None` where the value has no slots.
    pub fn get(self, slot: usize) -> Option<Value<'gc>> {
        Some(match self {
            Value::Cons(o) if slot < SLOTS - 1 => o.as_ref().wide[slot].get(),
            Value::Cons(o) => o.as_ref().word.get().map_or(Value::Nil, Value::Cons),
            Value::Guarded(o) => o.as_ref().slots[slot].get(),
            Value::Background(o) => o.as_ref().slots[slot].get(),
            Value::Bag(o) => o.borrow().items[slot],
            Value::Tuple(o) => o.get().items[slot],
            Value::Array(o) => o.as_slice()[elements(o.len())[slot]].get(),
            _ => return None,
        })
    }

    /// Writes a slot.
    pub fn set<B: Barrier>(self, cx: &'gc Mutator<'_, B>, slot: usize, value: Value<'gc>) {
        match self {
            Value::Cons(o) if slot < SLOTS - 1 => o.wide[slot].set(cx, value),
            Value::Cons(o) => o.word.set(cx, value.as_cons()),
            Value::Guarded(o) => o.slots[slot].set(cx, value),
            Value::Background(o) => o.slots[slot].set(cx, value),
            Value::Bag(o) => o.borrow_mut(cx).items[slot] = value,
            Value::Tuple(o) => {
                let mut tuple = o.get();
                tuple.items[slot] = value;
                o.set(cx, tuple);
            }
            Value::Array(o) => o.as_slice()[elements(o.len())[slot]].set(cx, value),
            _ => {}
        }
    }

    /// Rotates the slots of an object that is mutated as a whole, and puts a value in the last.
    pub fn rotate<B: Barrier>(self, cx: &'gc Mutator<'_, B>, value: Value<'gc>) {
        match self {
            Value::Bag(o) => {
                let mut bag = o.borrow_mut(cx);
                bag.items.remove(0);
                bag.items.push(value);
            }
            Value::Tuple(o) => {
                let Tuple { canary, items: [_, b, c] } = o.get();
                o.set(cx, Tuple { canary, items: [b, c, value] });
            }
            _ => {}
        }
    }

    /// A weak pointer to the object, where its type has one.
    pub fn weaken<B: Barrier>(self, cx: &'gc Mutator<'_, B>) -> Option<Value<'gc>> {
        match self {
            Value::Cons(o) => Some(Value::Weak(o.downgrade(cx))),
            Value::Guarded(o) => Some(Value::WeakGuarded(o.downgrade(cx))),
            _ => None,
        }
    }

    /// What a weak pointer points to.
    pub fn upgrade<B: Barrier>(self, cx: &'gc Mutator<'_, B>) -> Option<Value<'gc>> {
        match self {
            Value::Weak(weak) => weak.upgrade(cx).map(Value::Cons),
            Value::WeakGuarded(weak) => weak.upgrade(cx).map(Value::Guarded),
            _ => None,
        }
    }

    pub fn noun(self) -> &'static str {
        match self {
            Value::Nil => "nil",
            Value::Int(_) => "a number",
            Value::Cons(_) => "a cons",
            Value::Guarded(_) => "a guarded object",
            Value::Background(_) => "an object of the background",
            Value::Bag(_) => "a bag",
            Value::Tuple(_) => "a tuple",
            Value::Array(_) => "an array",
            Value::Str(_) => "a string",
            Value::Weak(_) | Value::WeakGuarded(_) => "a weak pointer",
        }
    }
}

fn text_of(id: u32) -> String {
    format!("string {id}")
}

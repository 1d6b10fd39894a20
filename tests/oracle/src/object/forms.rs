//! What a [`Value`] is called, and the forms in which it is held elsewhere: as a pointer to any object, by a trait, as a tagged and as a packed word.

use grisaille::{AnyGc, Gc, Tagged};

use super::{Cons, Dyn, Short, Unseen, Value, Word};

/// The constant that stands for nothing in a word.
const NOTHING: u32 = 7;

impl<'gc> Value<'gc> {
    /// Returns the value with a pointer of its own type in the place of one to any.
    ///
    /// # Panics
    /// When the object says that it is of no type, or of two.
    pub fn plain(self) -> Value<'gc> {
        if let Value::Any(any) = self { Value::of_any(any).expect("an object of none of the types") } else { self }
    }

    /// Returns a pointer to any as one of its own type, or `None` where it is to a key that is a [`STRANGER`](super::STRANGER).
    pub fn of_any(any: AnyGc<'gc>) -> Option<Value<'gc>> {
        assert!(any.downcast_dyn::<dyn Unseen>().is_none(), "no object was allocated for this trait");
        let candidates = [
            any.downcast().map(Value::Cons),
            any.downcast().map(Value::Guarded),
            any.downcast().map(Value::Background),
            any.downcast().map(Value::Bag),
            any.downcast().map(Value::Tuple),
            any.downcast_array().map(Value::Array),
            any.downcast_array().map(Value::Shelf),
            any.downcast_array().map(Value::Numbers),
            any.downcast().map(Value::Words),
            any.downcast().map(Value::Packs),
            any.downcast().map(Value::Wide),
            any.downcast().map(Value::List),
            any.downcast().map(Value::Map),
            any.downcast_str().map(Value::Str),
            any.downcast_dyn().map(Value::Seen),
            any.downcast().map(Value::Holder),
            any.downcast().map(Value::Native),
            any.downcast().map(Value::Closure),
            any.downcast().map(Value::Registry),
            any.downcast().map(Value::Club),
            any.downcast().map(Value::Ledger),
            any.downcast::<u64>().map(|_| Value::Nil),
        ];
        let mut found = candidates.into_iter().flatten();
        match (found.next(), found.next()) {
            (Some(Value::Nil), None) => None,
            (Some(value), None) => Some(value),
            (None, _) => panic!("an object of none of the types: {}", any.type_name()),
            (Some(_), Some(_)) => panic!("an object of two types: {}", any.type_name()),
        }
    }

    /// Returns the value as a pointer to any object, or `None` where it is none.
    pub fn as_any(self) -> Option<AnyGc<'gc>> {
        macro_rules! as_any {
            ($($variant:ident)*) => {
                match self {
                    Value::Any(any) => Some(any),
                    $(Value::$variant(o) => Some(AnyGc::from(o)),)*
                    _ => None,
                }
            };
        }
        as_any! {
            Cons Guarded Background Bag Tuple Array Shelf Numbers Words Packs Wide List Map Str Seen Holder Native Closure
            Registry Club Ledger
        }
    }

    /// Returns what kind of pointer it is, for notes.
    pub fn pointer(self) -> &'static str {
        if let Value::Any(_) = self { "a pointer to any" } else { "a pointer of its own type" }
    }

    pub fn as_seen(self) -> Option<Dyn<'gc>> {
        if let Value::Seen(seen) = self.plain() { Some(seen) } else { None }
    }

    pub fn as_cons(self) -> Option<Gc<'gc, Cons<'gc>>> {
        if let Value::Cons(cons) = self.plain() { Some(cons) } else { None }
    }

    pub fn as_word(self) -> Word<'gc> {
        self.as_cons().map_or(Tagged::constant(NOTHING), Tagged::object)
    }

    /// Returns the part of the value that a packed word holds. Nothing is a double, minus infinity: the one nearest to the pointers.
    pub fn as_short(self) -> Short<'gc> {
        match self {
            Value::Nil | Value::Ephemeron(_) | Value::EphemeronGuarded(_) => Short::Double(f64::NEG_INFINITY),
            Value::Int(n) => Short::Int(n),
            Value::Cons(o) => Short::Cons(o),
            Value::Guarded(o) => Short::Guarded(o),
            Value::Background(o) => Short::Background(o),
            Value::Bag(o) => Short::Bag(o),
            Value::Tuple(o) => Short::Tuple(o),
            Value::Array(o) => Short::Array(o),
            Value::Any(o) => Short::Any(o),
            Value::Seen(o) => Short::Seen(o),
            Value::Shelf(o) => Short::Any(o.into()),
            Value::Numbers(o) => Short::Any(o.into()),
            Value::Wide(o) => Short::Any(o.into()),
            Value::Holder(o) => Short::Any(o.into()),
            Value::Native(o) => Short::Any(o.into()),
            Value::Closure(o) => Short::Any(o.into()),
            Value::Registry(o) => Short::Any(o.into()),
            Value::Club(o) => Short::Any(o.into()),
            Value::Ledger(o) => Short::Any(o.into()),
            Value::Words(o) => Short::Words(o),
            Value::Packs(o) => Short::Packs(o),
            Value::List(o) => Short::List(o),
            Value::Map(o) => Short::Map(o),
            Value::Str(o) => Short::Str(o),
            Value::Weak(o) => Short::Weak(o),
            Value::WeakGuarded(o) => Short::WeakGuarded(o),
        }
    }

    pub fn of_short(short: Short<'gc>) -> Value<'gc> {
        match short {
            Short::Double(f64::NEG_INFINITY) => Value::Nil,
            Short::Nil | Short::Double(_) => unreachable!("nobody packed this"),
            Short::Int(n) => Value::Int(n),
            Short::Cons(o) => Value::Cons(o),
            Short::Guarded(o) => Value::Guarded(o),
            Short::Background(o) => Value::Background(o),
            Short::Bag(o) => Value::Bag(o),
            Short::Tuple(o) => Value::Tuple(o),
            Short::Array(o) => Value::Array(o),
            Short::Any(o) => Value::Any(o),
            Short::Seen(o) => Value::Seen(o),
            Short::Words(o) => Value::Words(o),
            Short::Packs(o) => Value::Packs(o),
            Short::List(o) => Value::List(o),
            Short::Map(o) => Value::Map(o),
            Short::Str(o) => Value::Str(o),
            Short::Weak(o) => Value::Weak(o),
            Short::WeakGuarded(o) => Value::WeakGuarded(o),
        }
    }

    /// Returns what the value is called in complaints.
    pub fn noun(self) -> &'static str {
        match self.plain() {
            Value::Nil => "nil",
            Value::Int(_) => "a number",
            Value::Cons(_) => "a cons",
            Value::Guarded(_) => "a guarded object",
            Value::Background(_) => "an object of the background",
            Value::Bag(_) => "a bag",
            Value::Tuple(_) => "a tuple",
            Value::Array(_) => "an array",
            Value::Shelf(_) => "a shelf",
            Value::Numbers(_) => "an array of numbers",
            Value::Words(_) => "an object of words",
            Value::Packs(_) => "an object of packed words",
            Value::Wide(_) => "a wide object",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
            Value::Str(_) => "a string",
            Value::Weak(_) | Value::WeakGuarded(_) => "a weak pointer",
            Value::Ephemeron(_) | Value::EphemeronGuarded(_) => "an ephemeron",
            Value::Any(_) => "an object of some type",
            Value::Seen(_) => "an object that is seen",
            Value::Holder(_) => "a holder",
            Value::Native(_) => "a native",
            Value::Closure(_) => "a closure",
            Value::Registry(_) => "a weak map",
            Value::Club(_) => "a weak set",
            Value::Ledger(_) => "a ledger",
        }
    }
}

//! [`Packed`]: an enum of numbers and pointers, in one word.

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;

use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::fault::{self, Fault};
use crate::kit::key::{Key, hash_word};
use crate::mark::tracer::Tracer;
use crate::pointer::slot::Slot;
use crate::trace::Trace;
use crate::trace::private::Only;

mod word;

use word::{Field, Fields, Nth, Place, Word, object_of};

/// A value of the enum `V`, packed into one word of 64 bits: what is called NaN-boxing. Absent on targets of 32 bits.
///
/// `V` is an enum that derives [`Pack`]. It is made and matched as any enum is, and packed where it is stored:
/// [`Packed::new`] (or `From`) packs a value, [`unpack`](Packed::unpack) returns it, and [`Slot`] has both in one step.
/// A `Slot<Packed<V>>` is one atomic word, and is marked as fast as a pointer: the collector looks at the word, and not
/// at the variants. An `Option<Packed<V>>` is one word too.
///
/// ```
/// use grisaille::{Gc, Heap, Pack, Packed, Slot, Str, Trace};
///
/// #[derive(Clone, Copy, Trace, Pack)]
/// enum Value<'gc> {
///     Number(f64),
///     Pair(Gc<'gc, Pair<'gc>>),
///     Symbol(Str<'gc>),
///     Fixnum(i32),
///     Boolean(bool),
///     Nil,
/// }
///
/// #[derive(Trace)]
/// struct Pair<'gc> {
///     car: Slot<Packed<Value<'gc>>>,
///     cdr: Slot<Packed<Value<'gc>>>,
/// }
///
/// fn cons<'gc>(car: Value<'gc>, cdr: Value<'gc>) -> Pair<'gc> {
///     Pair { car: Slot::new(car.into()), cdr: Slot::new(cdr.into()) }
/// }
///
/// fn sum(mut list: Value<'_>) -> f64 {
///     let mut sum = 0.0;
///     while let Value::Pair(pair) = list {
///         sum += match pair.car.unpack() {
///             Value::Number(number) => number,
///             Value::Fixnum(number) => number.into(),
///             _ => f64::NAN,
///         };
///         list = pair.cdr.unpack();
///     }
///     sum
/// }
///
/// Heap::new().enter(|cx| {
///     let one = cx.alloc(cons(Value::Number(0.5), Value::Nil));
///     let two = cx.alloc(cons(Value::Fixnum(-2), Value::Pair(one)));
///     assert_eq!(sum(Value::Pair(two)), -1.5);
///     two.cdr.pack(cx, Value::Nil); // with the write barrier
///     assert_eq!(sum(Value::Pair(two)), -2.0);
///     assert_eq!(size_of::<Pair<'_>>(), 16);
/// });
/// ```
///
/// # What comes back
///
/// The value that was packed, bit by bit, with one exception: each NaN comes back as the same quiet NaN, positive and
/// without payload. (Negative zero stays negative.)
///
/// # Costs
///
/// Packing and unpacking are a few instructions without memory access. Unpacking compares the word with one variant
/// after the other, where the code that follows asks for them: first the one of type `f64`, then those that hold
/// something, then those that hold nothing, each in the order of their declaration. A match with an arm for one variant
/// costs one comparison where that variant is declared first. Code that only moves a value should move the packed one: the
/// compiler does not see that a value unpacked and packed again is the same word. What an interpreter gains and loses by
/// words is in `docs/experiments.md`.
///
/// # As a key
///
/// A packed word is a [`Key`](crate::Key) of a [`Map`](crate::Map) by its bits: an object by identity (a [`Str`](crate::Str)
/// too, so that texts are found where they are [interned](Mutator::intern)), a number by its variant and its bits, so that 1.0
/// is not the integer 1 and 0.0 not -0.0, and any NaN is any other. This is `eqv?` of a Lisp. For texts by their contents,
/// derive `Key` for an enum of one's own.
///
/// ```
/// use grisaille::{Heap, Map, Pack, Packed, Str, Trace};
///
/// #[derive(Clone, Copy, Trace, Pack)]
/// enum Value<'gc> {
///     Number(f64),
///     Symbol(Str<'gc>),
///     Fixnum(i32),
/// }
///
/// Heap::new().enter(|cx| {
///     let table: grisaille::Gc<'_, Map<'_, Packed<Value<'_>>, u32>> = cx.alloc(Map::new());
///     table.insert(cx, Value::Symbol(cx.intern("name")).into(), 1);
///     table.insert(cx, Value::Number(f64::NAN).into(), 2);
///     table.insert(cx, Value::Fixnum(1).into(), 3);
///     assert_eq!(table.get(Value::Symbol(cx.intern("name")).into()), Some(1));
///     assert_eq!(table.get(Value::Symbol(cx.alloc_str("name")).into()), None);
///     assert_eq!(table.get(Value::Number(-f64::NAN).into()), Some(2));
///     assert_eq!(table.get(Value::Number(1.0).into()), None);
/// });
/// ```
///
/// # Variance and threads
///
/// As `V`: a `Packed<V>` may be used where one of a shorter lifetime is required, and does not leave its thread.
#[repr(transparent)]
pub struct Packed<V> {
    word: Word,
    _value: PhantomData<V>,
}

/// An enum that has a form of one word, [`Packed`]. Derive it.
///
/// ```
/// use grisaille::{Array, Gc, Pack, Packed, Slot, Str, Trace, Weak};
///
/// #[derive(Clone, Copy, Trace, Pack)]
/// enum Value<'gc> {
///     Number(f64),
///     List(Array<'gc, Slot<Packed<Value<'gc>>>>),
///     Text(Str<'gc>),
///     Counter(Gc<'gc, Slot<i64>>),
///     Observed { by: Weak<'gc, Slot<i64>> },
///     Integer(i32),
///     Letter(char),
///     Truth(bool),
///     Nil,
///     Absent,
/// }
/// assert_eq!(size_of::<Packed<Value<'_>>>(), 8);
/// # let _ = [Value::Nil, Value::Absent];
/// ```
///
/// # The enum
///
/// * Each variant holds nothing, or one field of these types: a **pointer** to an object ([`Gc`](crate::Gc),
///   [`AnyGc`](crate::AnyGc), [`DynGc`](crate::DynGc), [`Str`](crate::Str), [`Array`](crate::Array),
///   [`Weak`](crate::Weak)), an **`f64`**, or a value of **at most 32 bits**: `bool`, `char`, `i8`, `i16`, `i32`,
///   `u8`, `u16`, `u32`.
/// * At most 15 variants hold a pointer, at most one an `f64`, and there are at most 64 variants in all. Objects of more
///   types than 15 share a variant: by a pointer to an enum.
/// * It is `Copy` and [`Trace`], has no type parameters, and its lifetime is the heap's.
///
/// The compiler refuses what does not keep to these.
///
/// # Addresses
///
/// Of an address 48 bits are kept, which is what programs are given on x86-64 and AArch64 unless they ask the system for
/// more. Packing a pointer to an address with more bits panics: so it does where the system's allocator or a
/// sanitizer puts tags into the upper bits.
///
/// # Safety
///
/// An impl by hand must consist of what the derive emits. `__Fields` is the list of the variants' types; in
/// `At<'a>` it is the same list with the heap's lifetime replaced, and where a value of the enum may be used as one of
/// a shorter lifetime, so may each type of the list. `__unpack` asks [`Packed`] for each variant.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no packed form",
    label = "the trait `Pack` is not derived for this",
    note = "derive it for an enum: `#[derive(Clone, Copy, Trace, Pack)]`"
)]
#[allow(private_bounds, private_interfaces, reason = "only types that this crate knows fit a word")]
pub unsafe trait Pack: Trace + Copy {
    // The derive's output calls functions of this trait only, by the path to the trait: in the program that derives, any
    // other name may mean something else, and whoever redefines the trait's name does not implement this trait. What it
    // calls is safe but for one function, and numbers are computed here, from the types.

    /// The list of the types that the variants hold.
    #[doc(hidden)]
    type __Fields: Fields;

    /// Packs a value: calls `__make` with the position of its variant.
    #[doc(hidden)]
    fn __pack(self) -> Packed<Self>;

    /// Unpacks a value: asks `__is` for each position and returns the variant with its `__field`.
    #[doc(hidden)]
    fn __unpack(packed: Packed<Self>) -> Self;

    /// Fails to compile where a word would not tell the variants apart.
    #[doc(hidden)]
    const __CHECK: () = <Self::__Fields as Fields>::CHECK;

    /// Packs what the variant at `P` holds.
    #[doc(hidden)]
    #[inline(always)]
    #[track_caller]
    fn __make<P>(field: <Self::__Fields as Nth<P>>::Field) -> Packed<Self>
    where
        Self::__Fields: Nth<P, Field: Field>,
    {
        Packed { word: field.into_word(Self::__place::<P>()), _value: PhantomData }
    }

    /// Returns whether a packed value is the variant at `P`.
    #[doc(hidden)]
    #[inline(always)]
    fn __is<P>(packed: Packed<Self>) -> bool
    where
        Self::__Fields: Nth<P>,
    {
        Self::__place::<P>().is_of(packed.word)
    }

    /// Returns what a packed value holds that is the variant at `P`.
    #[doc(hidden)]
    #[inline(always)]
    fn __field<P>(packed: Packed<Self>) -> <Self::__Fields as Nth<P>>::Field
    where
        Self::__Fields: Nth<P, Field: Field>,
    {
        // The caller has asked, so this costs nothing.
        assert!(Self::__is::<P>(packed), "another variant was packed");
        // SAFETY: words are made by `__make` only, and that of another place would not have passed the assertion: so this
        // one was made from a field of this type, at this place. The lifetime in it was replaced together with that of
        // the enum (`Pack`'s contract), whose pointers are as live as the enum says.
        unsafe { Field::from_word(packed.word, Self::__place::<P>()) }
    }

    #[doc(hidden)]
    #[inline(always)]
    fn __place<P>() -> Place
    where
        Self::__Fields: Nth<P>,
    {
        const { Place::of::<Self::__Fields>(<Self::__Fields as Nth<P>>::VARIANT) }
    }

    /// # Safety
    /// `__is` must have returned false at each position.
    #[doc(hidden)]
    #[inline(always)]
    unsafe fn __never(packed: Packed<Self>) -> Self {
        if cfg!(debug_assertions) {
            unreachable!("{:#x} is no variant", packed.word.as_ptr().addr());
        }
        // SAFETY: the caller's promise, and words are made by `__make` only, at one of the positions.
        unsafe { core::hint::unreachable_unchecked() }
    }
}

impl<V: Pack> Packed<V> {
    /// Packs a value.
    ///
    /// ```
    /// use grisaille::{Pack, Packed, Trace};
    ///
    /// #[derive(Clone, Copy, PartialEq, Debug, Trace, Pack)]
    /// enum Number { Float(f64), Integer(i32) }
    ///
    /// let packed = Packed::new(Number::Integer(-7));
    /// assert_eq!(packed.unpack(), Number::Integer(-7));
    /// assert_eq!(packed, Number::Integer(-7).into());
    /// assert_ne!(packed, Packed::new(Number::Float(-7.0)));
    /// ```
    ///
    /// # Panics
    /// When the value is a pointer to an address of [more than 48 bits](Pack#addresses).
    #[inline(always)]
    #[track_caller]
    pub fn new(value: V) -> Self {
        value.__pack()
    }

    /// Returns the value.
    ///
    /// ```
    /// # use grisaille::{Pack, Packed, Trace};
    /// # #[derive(Clone, Copy, PartialEq, Debug, Trace, Pack)]
    /// # enum Number { Float(f64), Integer(i32) }
    /// assert_eq!(Packed::new(Number::Float(1.5)).unpack(), Number::Float(1.5));
    /// # let _ = Number::Integer(1);
    /// ```
    #[inline(always)]
    pub fn unpack(self) -> V {
        V::__unpack(self)
    }
}

impl<V> Packed<V> {
    /// Returns whether two words are the same: the same variant, and the same object, the same number bit by bit, or any two
    /// NaNs. Costs one comparison. (`==` unpacks both and compares as `V` does.) So a [`Map`](crate::Map) compares packed words
    /// that are its keys.
    ///
    /// ```
    /// use grisaille::{Heap, Pack, Packed, Str, Trace};
    ///
    /// #[derive(Clone, Copy, PartialEq, Trace, Pack)]
    /// enum Value<'gc> { Number(f64), Text(Str<'gc>) }
    ///
    /// Heap::new().enter(|cx| {
    ///     let [one, other] = ["a", "a"].map(|text| Packed::new(Value::Text(cx.alloc_str(text))));
    ///     assert!(one == other && !Packed::ptr_eq(one, other));
    ///     let [zero, negative] = [0.0, -0.0].map(|zero| Packed::new(Value::Number(zero)));
    ///     assert!(zero == negative && !Packed::ptr_eq(zero, negative));
    /// });
    /// ```
    #[inline(always)]
    pub fn ptr_eq(a: Self, b: Self) -> bool {
        a.word == b.word
    }
}

impl<V: Pack> Slot<Packed<V>>
where
    for<'a> V::At<'a>: Pack,
{
    /// Returns the value of the field, unpacked.
    ///
    /// ```
    /// # use grisaille::{Pack, Packed, Slot, Trace};
    /// # #[derive(Clone, Copy, PartialEq, Debug, Trace, Pack)]
    /// # enum Number { Float(f64), Integer(i32) }
    /// let slot = Slot::new(Packed::new(Number::Integer(3)));
    /// assert_eq!(slot.unpack(), Number::Integer(3));
    /// # let _ = Number::Float(1.0);
    /// ```
    #[inline(always)]
    pub fn unpack(&self) -> V {
        self.get().unpack()
    }

    /// Packs `value` and stores it, as [`set`](Slot::set) does.
    ///
    /// ```
    /// # use grisaille::{Heap, Pack, Packed, Slot, Trace};
    /// # #[derive(Clone, Copy, PartialEq, Debug, Trace, Pack)]
    /// # enum Number { Float(f64), Integer(i32) }
    /// Heap::new().enter(|cx| {
    ///     let slot = cx.alloc(Slot::new(Packed::new(Number::Integer(3))));
    ///     slot.pack(cx, Number::Float(0.5));
    ///     assert_eq!(slot.unpack(), Number::Float(0.5));
    /// });
    /// ```
    ///
    /// # Panics
    /// As [`Packed::new`]; nothing is stored then.
    #[inline(always)]
    #[track_caller]
    pub fn pack<B: Barrier>(&self, cx: &Mutator<'_, B>, value: V) {
        self.set(cx, Packed::new(value));
    }
}

/// Words are the same key where they are the same word: see [`Packed::ptr_eq`].
// SAFETY: computes with the word itself. The objects of keys that are alive keep their addresses, and no two have one.
unsafe impl<V: Pack> Key for Packed<V>
where
    for<'a> V::At<'a>: Pack,
{
    #[inline(always)]
    fn hash_key(&self) -> u64 {
        hash_word(self.word.as_ptr().addr() as u64)
    }
    #[inline(always)]
    fn is_same(&self, other: &Self) -> bool {
        Packed::ptr_eq(*self, *other)
    }
}

// SAFETY: passes the pointer on, where the word is one, as the `trace` of its type would. `At` replaces the lifetime in the
// enum, whose variants keep their places (`Pack`'s contract). One word without padding, which is always initialized.
unsafe impl<V: Pack> Trace for Packed<V>
where
    for<'a> V::At<'a>: Pack,
{
    type At<'a> = Packed<V::At<'a>>;
    const NEEDS_TRACE: bool = <V::__Fields as Fields>::POINTERS != 0;
    const ATOMIC_WORD: bool = true;
    const MAX_POINTERS: usize = Self::NEEDS_TRACE as usize;
    const AT_MOST_ONE: bool = true;
    #[inline(always)]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        // A branch, as for an `Option` of a pointer.
        if let Some(object) = self.__only().0 {
            tracer.visit(object);
        }
    }
    #[inline(always)]
    fn __only(&self) -> Only {
        if fault::is(Fault::PackedWordsAreNotTraced) {
            return Only::NONE;
        }
        // SAFETY: words are made by `Field::into_word` only, and whoever traces a value promises that its pointers are
        // live.
        Only(unsafe { object_of(self.word) })
    }
}

impl<V> Clone for Packed<V> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Packed<V> {}

impl<V: Pack> From<V> for Packed<V> {
    #[inline(always)]
    #[track_caller]
    fn from(value: V) -> Self {
        Packed::new(value)
    }
}

impl<V: Pack + Default> Default for Packed<V> {
    fn default() -> Self {
        Packed::new(V::default())
    }
}

/// Compares the values.
impl<V: Pack + PartialEq> PartialEq for Packed<V> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.unpack() == other.unpack()
    }
}

impl<V: Pack + Eq> Eq for Packed<V> {}

/// Compares the values.
impl<V: Pack + PartialOrd> PartialOrd for Packed<V> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.unpack().partial_cmp(&other.unpack())
    }
}

/// Compares the values.
impl<V: Pack + Ord> Ord for Packed<V> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.unpack().cmp(&other.unpack())
    }
}

/// Hashes the value.
impl<V: Pack + Hash> Hash for Packed<V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.unpack().hash(state);
    }
}

/// Prints the value.
impl<V: Pack + fmt::Debug> fmt::Debug for Packed<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.unpack().fmt(f)
    }
}

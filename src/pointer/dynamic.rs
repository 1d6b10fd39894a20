//! [`DynGc`]: a pointer to an object of any type that implements a trait.
//!
//! A `Gc<'gc, dyn Shape>` would take two words: the object, and the table of the trait's methods for the object's type.
//! A [`DynGc`] has the object alone. The object's header names a [`TypeInfo`] made for its type and the trait, and that
//! holds a function which returns the `&dyn Shape` (the `view`).
//!
//! # Why this is sound
//!
//! Nothing here relies on the code that [`dyn_trait!`](crate::dyn_trait) emits. That code is two impls of two safe
//! traits, [`DynTrait`] and [`Coerce`], which a program may as well write by hand, and write differently:
//!
//! * The view of an object of type `T` as a `D` is the safe function `<D as Coerce<'x, T::At<'x>>>::coerce`, from `&'x
//!   T::At<'x>` to `&'x D::At<'x>`, whatever it does. Allocation requires it *for every* `'x`: a trait that is
//!   implemented for `T<'static>` alone is refused. (A subtrait of `Any` is refused where it is declared: there is no
//!   `dyn Trait + 'a` that is not `'static`.)
//! * It is called with the object, seen at the lifetime of the pointer. The object lives until that ends, and so does
//!   what it leads to, as after [`Mutator::adopt`]. (So a `DynGc` may be covariant where a `Gc` to the same object is
//!   invariant: no safepoint comes before the end of the longest of the lifetimes at which an object is seen, and so
//!   every pointer that is stored through one of the views is valid in the others.)
//! * The function in the header is called as that of `D` only: a `DynGc<D>` is made by an allocation for `D`, or after the
//!   header has said that the object was allocated for `D`. `D` is `'static` and invariant, so that no subtyping makes a
//!   pointer for one trait a pointer for another.
//! * The reference that comes out does not outlive the pointer, so it can be kept nowhere.

use core::any::{TypeId, type_name};
use core::fmt;
use core::marker::PhantomData;
use core::mem::{transmute, transmute_copy};
use core::ops::Deref;

use super::any::AnyGc;
use super::dyn_trait::{Coerce, DynTrait};
use super::gc::Gc;
use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::fault::{self, Fault};
use crate::full::HeapFull;
use crate::mark::tracer::Tracer;
use crate::space::header::{About, TypeInfo, object_bytes};
use crate::trace::Trace;
use crate::trace::layout::{InfoOf, about, kind_of};
use crate::trace::private::Only;

/// A pointer to an object of any type that implements a trait of yours: one word, `Copy`, and `Deref` to `dyn Trait`.
///
/// Declare the trait with [`dyn_trait!`](crate::dyn_trait), and allocate with
/// [`alloc_dyn`](Mutator::alloc_dyn). `D` names the trait: `dyn Shape`.
///
/// ```
/// use grisaille::{DynGc, Gc, Heap, Trace, dyn_trait};
///
/// trait Shape {
///     fn area(&self) -> f64;
/// }
/// dyn_trait!(Shape);
///
/// #[derive(Trace)]
/// struct Circle(f64);
/// #[derive(Trace)]
/// struct Both<'gc>(DynGc<'gc, dyn Shape>, DynGc<'gc, dyn Shape>);
///
/// impl Shape for Circle {
///     fn area(&self) -> f64 {
///         3.0 * self.0 * self.0
///     }
/// }
/// impl Shape for Both<'_> {
///     fn area(&self) -> f64 {
///         self.0.area() + self.1.area()
///     }
/// }
///
/// Heap::new().enter(|cx| {
///     let circle: DynGc<'_, dyn Shape> = cx.alloc_dyn(Circle(1.0));
///     let both = cx.root(cx.alloc_dyn::<dyn Shape, _>(Both(circle, circle)));
///     cx.collect();
///     let both = both.get(cx);
///     assert_eq!(both.area(), 6.0);
///     assert_eq!(size_of_val(&both), 8);
///     // And back to the type.
///     let Both(circle, _) = *DynGc::downcast::<Both<'_>>(both).unwrap();
///     assert_eq!(DynGc::downcast::<Circle>(circle).unwrap().0, 1.0);
/// });
/// ```
///
/// Like a [`Gc`], a `DynGc` is valid until the next safepoint. Its own functions are associated functions
/// (`DynGc::addr(this)`), so that they hide no method of the trait. An operation that takes a [`Gc`] (of a
/// [`Weak`](crate::Weak), an [`Ephemeron`](crate::Ephemeron), a [`Guardian`](crate::Guardian), an
/// [`Identity`](crate::Identity)) takes [`DynGc::as_gc`] too; [`From`] converts the `Gc` back. Any object may be asked
/// whether it was allocated for a trait, by [`AnyGc::downcast_dyn`].
///
/// # Traits that name the heap's lifetime
///
/// A method that takes pointers and stores them needs the heap's lifetime in the trait. `D` is then the trait at
/// `'static`, while the methods that are called are those at the lifetime of the pointer:
///
/// ```
/// use grisaille::{DynGc, Gc, Heap, Mutator, Slot, Str, Trace, dyn_trait};
///
/// trait Methods<'gc> {
///     fn set(&self, cx: &'gc Mutator<'_>, name: Str<'gc>, value: Object<'gc>) -> Result<(), String>;
///     fn get(&self, name: Str<'gc>) -> Option<Object<'gc>>;
/// }
/// dyn_trait!(for<'gc> Methods<'gc>);
///
/// type Object<'gc> = DynGc<'gc, dyn Methods<'static>>;
///
/// #[derive(Trace)]
/// struct Holder<'gc>(Slot<Option<Object<'gc>>>);
///
/// impl<'gc> Methods<'gc> for Holder<'gc> {
///     fn set(&self, cx: &'gc Mutator<'_>, name: Str<'gc>, value: Object<'gc>) -> Result<(), String> {
///         if name != "it" {
///             return Err(format!("no field {name}"));
///         }
///         self.0.set(cx, Some(value));
///         Ok(())
///     }
///     fn get(&self, name: Str<'gc>) -> Option<Object<'gc>> {
///         self.0.get().filter(|_| name == "it")
///     }
/// }
///
/// Heap::new().enter(|cx| {
///     let holder: Object<'_> = cx.alloc_dyn(Holder(Slot::new(None)));
///     let it = cx.alloc_str("it");
///     holder.set(cx, it, holder).unwrap();
///     assert!(DynGc::ptr_eq(holder.get(it).unwrap(), holder));
/// });
/// ```
///
/// # What is refused
///
/// * A type that implements the trait at some lifetimes only (`impl Shape for Text<'static>`): an object is seen at
///   many.
/// * A trait that requires `'static`, as subtraits of [`Any`](core::any::Any) do (the compiler says *lifetime bound not
///   satisfied*): [`DynGc::downcast`] takes the place of `Any`'s.
/// * A trait that is not [dyn compatible](https://doc.rust-lang.org/reference/items/traits.html#dyn-compatibility),
///   and a trait of another crate: declare a subtrait of it.
///
/// # Cost
///
/// The object is as large as any other. A call is that of a `dyn Trait`, after two loads and an indirect call for the
/// reference, which a program that calls several methods keeps: `let shape = DynGc::as_ref(this);`.
pub struct DynGc<'gc, D: ?Sized>(Gc<'gc, DynObject<D>>);

/// The object behind a [`DynGc`], for operations that work on every object by its [`Gc`]. It has no public fields.
///
/// ```
/// use grisaille::{DynGc, DynObject, Gc, Heap, Weak, dyn_trait};
///
/// trait Shape {}
/// dyn_trait!(Shape);
/// impl Shape for u64 {}
///
/// Heap::new().enter(|cx| {
///     let shape: DynGc<'_, dyn Shape> = cx.alloc_dyn(7u64);
///     let weak: Weak<'_, DynObject<dyn Shape>> = Gc::downgrade(DynGc::as_gc(shape), cx);
///     assert!(DynGc::ptr_eq(weak.upgrade(cx).unwrap().into(), shape));
/// });
/// ```
pub struct DynObject<D: ?Sized> {
    /// Invariant: `dyn for<'a> Trait<'a>` is a subtype of `dyn Trait<'static>`, and the two have other views.
    _dyn_trait: PhantomData<fn(PhantomData<D>) -> PhantomData<D>>,
}

/// The function that a header holds for objects that were allocated for `D`.
///
/// # Safety
/// It must be the function of the object's own header.
type View<D> = for<'x> unsafe fn(Gc<'x, DynObject<D>>) -> &'x <D as DynTrait>::At<'x>;

/// Returns the view of an object.
///
/// # Safety
/// The object must have been allocated as a `T`.
unsafe fn view<'x, T: Trace, D>(object: Gc<'x, DynObject<D>>) -> &'x D::At<'x>
where
    D: ?Sized + for<'y> Coerce<'y, T::At<'y>>,
{
    // SAFETY: passed on: a live `T`, which nobody has `&mut` to.
    let object: &T = unsafe { object.object().payload().cast::<T>().as_ref() };
    const { assert!(size_of::<&T>() == size_of::<&T::At<'static>>()) };
    // SAFETY: the same type but for its lifetime (`Trace`'s contract). What it leads to lives for `'x`, as the object
    // itself, since no safepoint comes before the end.
    let object = unsafe { transmute_copy::<&T, &'x T::At<'x>>(&object) };
    <D as Coerce<'x, T::At<'x>>>::coerce(object)
}

/// Describes an object that was allocated for a trait.
fn about_dyn<T: Trace, D: ?Sized + 'static>() -> About {
    About { dyn_trait: Some(TypeId::of::<D>()), ..about::<T>() }
}

/// Carries the `TypeInfo` of objects that are a `T`, and are seen as a `D`.
struct InfoOfDyn<T, D: ?Sized>(PhantomData<T>, PhantomData<D>);

impl<T: Trace, D> InfoOfDyn<T, D>
where
    D: ?Sized + for<'x> Coerce<'x, T::At<'x>>,
{
    const INFO: TypeInfo = TypeInfo {
        about: about_dyn::<T, D>,
        // SAFETY: function pointers all have one size. The view is called only after it was changed back, where the
        // object was allocated for a `D`: see `as_ref`.
        view: unsafe { transmute::<View<D>, unsafe fn()>(view::<T, D>) },
        ..InfoOf::<T>::INFO
    };
}

impl<B: Barrier> Mutator<'_, B> {
    /// Allocates an object that is seen as a `dyn Trait`: see [`DynGc`]. Costs what [`alloc`](Mutator::alloc) does.
    ///
    /// ```
    /// # use grisaille::{DynGc, Heap, dyn_trait};
    /// trait Shape {
    ///     fn area(&self) -> f64;
    /// }
    /// dyn_trait!(Shape);
    /// # impl Shape for f64 { fn area(&self) -> f64 { *self } }
    /// # Heap::new().enter(|cx| {
    /// let shape: DynGc<'_, dyn Shape> = cx.alloc_dyn(1.5);
    /// let other = cx.alloc_dyn::<dyn Shape, _>(2.5);
    /// assert_eq!(shape.area() + other.area(), 4.0);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the heap is full, as for [`alloc`](Mutator::alloc): [`try_alloc_dyn`](Mutator::try_alloc_dyn) returns an
    /// error instead.
    #[inline]
    #[track_caller]
    pub fn alloc_dyn<D, T: Trace>(&self, value: T) -> DynGc<'_, D>
    where
        D: ?Sized + for<'x> Coerce<'x, T::At<'x>>,
    {
        self.try_alloc_dyn(value).unwrap_or_else(|full| full.panic())
    }

    /// Allocates an object that is seen as a `dyn Trait`, or gives the value back when the heap is full.
    ///
    /// ```
    /// # use grisaille::{DynGc, Heap, dyn_trait};
    /// trait Shape {}
    /// dyn_trait!(Shape);
    /// impl Shape for u64 {}
    ///
    /// let mut heap = Heap::builder().limit(1 << 20).build().unwrap();
    /// heap.enter(|cx| {
    ///     let full = loop {
    ///         if let Err(full) = cx.try_alloc_dyn::<dyn Shape, _>(7u64) {
    ///             break full;
    ///         }
    ///     };
    ///     assert_eq!(full.0, 7);
    /// });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`], with the value, when the heap is full.
    #[inline]
    pub fn try_alloc_dyn<D, T: Trace>(&self, value: T) -> Result<DynGc<'_, D>, HeapFull<T>>
    where
        D: ?Sized + for<'x> Coerce<'x, T::At<'x>>,
    {
        match self.place(value, const { &InfoOfDyn::<T, D>::INFO }, const { kind_of::<T>() }) {
            // SAFETY: just allocated for `D`, as a `T` that is usable now; no safepoint before the borrow ends.
            Ok(object) => Ok(DynGc(unsafe { Gc::from_object(object) })),
            Err(value) => Err(self.full(value, const { object_bytes::<T>() })),
        }
    }
}

impl<'gc, D: ?Sized + DynTrait> DynGc<'gc, D> {
    /// Returns the object, for as long as the pointer is valid. (`Deref` returns it for the borrow of the pointer
    /// itself.)
    ///
    /// ```
    /// # use grisaille::{DynGc, Heap, dyn_trait};
    /// # trait Shape { fn name(&self) -> &str; }
    /// # dyn_trait!(Shape);
    /// # impl Shape for String { fn name(&self) -> &str { self } }
    /// fn name<'gc>(shape: DynGc<'gc, dyn Shape>) -> &'gc str {
    ///     DynGc::as_ref(shape).name()
    /// }
    /// # Heap::new().enter(|cx| assert_eq!(name(cx.alloc_dyn("x".to_string())), "x"));
    /// ```
    #[allow(clippy::should_implement_trait, reason = "`Deref`, which is implemented, gives the shorter lifetime")]
    #[inline]
    pub fn as_ref(this: Self) -> &'gc D::At<'gc> {
        let view = this.0.object().info().view;
        // SAFETY: a `DynGc<D>` points to an object that was allocated for `D`, whose header holds a `View<D>`.
        let view = unsafe { transmute::<unsafe fn(), View<D>>(view) };
        // SAFETY: the function of the object's own header. The object is live until the next safepoint.
        unsafe { view(this.0) }
    }

    /// Returns the object as what it was allocated as, or `None` where that is not a `T`: see [`AnyGc::downcast`].
    ///
    /// ```
    /// # use grisaille::{DynGc, Heap, dyn_trait};
    /// # trait Shape {}
    /// # dyn_trait!(Shape);
    /// # impl Shape for u64 {}
    /// # Heap::new().enter(|cx| {
    /// let shape: DynGc<'_, dyn Shape> = cx.alloc_dyn(7u64);
    /// assert_eq!(DynGc::downcast::<u64>(shape).map(|number| *number), Some(7));
    /// assert!(DynGc::downcast::<i64>(shape).is_none());
    /// # });
    /// ```
    #[inline]
    pub fn downcast<T: Trace<At<'gc> = T>>(this: Self) -> Option<Gc<'gc, T>> {
        AnyGc::from(this).downcast()
    }
}

impl<'gc, D: ?Sized> DynGc<'gc, D> {
    /// Returns the name of the type that the object was allocated as, for reports.
    ///
    /// ```
    /// # use grisaille::{DynGc, Heap, dyn_trait};
    /// # trait Shape {}
    /// # dyn_trait!(Shape);
    /// # impl Shape for u64 {}
    /// # Heap::new().enter(|cx| {
    /// assert_eq!(DynGc::type_name(cx.alloc_dyn::<dyn Shape, _>(7u64)), "u64");
    /// # });
    /// ```
    pub fn type_name(this: Self) -> &'static str {
        Gc::type_name(this.0)
    }

    /// Returns the object's address: see [`Gc::addr`].
    ///
    /// ```
    /// # use grisaille::{AnyGc, DynGc, Heap, dyn_trait};
    /// # trait Shape {}
    /// # dyn_trait!(Shape);
    /// # impl Shape for u64 {}
    /// # Heap::new().enter(|cx| {
    /// let shape: DynGc<'_, dyn Shape> = cx.alloc_dyn(7u64);
    /// assert_eq!(DynGc::addr(shape), AnyGc::from(shape).addr());
    /// # });
    /// ```
    #[inline(always)]
    pub fn addr(this: Self) -> usize {
        Gc::addr(this.0)
    }

    /// Returns whether two pointers point to the same object.
    ///
    /// ```
    /// # use grisaille::{DynGc, Heap, dyn_trait};
    /// # trait Shape {}
    /// # dyn_trait!(Shape);
    /// # impl Shape for u64 {}
    /// # Heap::new().enter(|cx| {
    /// let [a, b] = [7u64, 7].map(|number| cx.alloc_dyn::<dyn Shape, _>(number));
    /// assert!(DynGc::ptr_eq(a, a) && !DynGc::ptr_eq(a, b));
    /// # });
    /// ```
    #[inline(always)]
    pub fn ptr_eq(a: Self, b: Self) -> bool {
        Gc::ptr_eq(a.0, b.0)
    }

    /// Returns a [`Gc`] to the same object, for operations that work on every object.
    ///
    /// ```
    /// # use grisaille::{DynGc, Gc, Heap, dyn_trait};
    /// # trait Shape {}
    /// # dyn_trait!(Shape);
    /// # impl Shape for u64 {}
    /// # Heap::new().enter(|cx| {
    /// let shape: DynGc<'_, dyn Shape> = cx.alloc_dyn(7u64);
    /// let weak = Gc::downgrade(DynGc::as_gc(shape), cx);
    /// assert!(DynGc::ptr_eq(weak.upgrade(cx).unwrap().into(), shape));
    /// # });
    /// ```
    #[inline(always)]
    pub fn as_gc(this: Self) -> Gc<'gc, DynObject<D>> {
        this.0
    }
}

impl<'gc> AnyGc<'gc> {
    /// Returns the object as a `dyn Trait`, or `None` where it was not [allocated](Mutator::alloc_dyn) for that trait.
    ///
    /// ```
    /// # use grisaille::{AnyGc, Heap, dyn_trait};
    /// # trait Shape { fn area(&self) -> f64; }
    /// # dyn_trait!(Shape);
    /// # impl Shape for f64 { fn area(&self) -> f64 { *self } }
    /// # Heap::new().enter(|cx| {
    /// let shape = AnyGc::from(cx.alloc_dyn::<dyn Shape, _>(1.5));
    /// assert_eq!(shape.downcast_dyn::<dyn Shape>().unwrap().area(), 1.5);
    /// assert!(AnyGc::from(cx.alloc(1.5)).downcast_dyn::<dyn Shape>().is_none());
    /// # });
    /// ```
    pub fn downcast_dyn<D: ?Sized + DynTrait>(self) -> Option<DynGc<'gc, D>> {
        let object = self.as_gc().object();
        let was_for = (object.info().about)().dyn_trait;
        // SAFETY: allocated for `D`, and live for `'gc`.
        (was_for == Some(TypeId::of::<D>())).then(|| DynGc(unsafe { Gc::from_object(object) }))
    }
}

impl<D: ?Sized> Clone for DynGc<'_, D> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<D: ?Sized> Copy for DynGc<'_, D> {}

impl<'gc, D: ?Sized + DynTrait> Deref for DynGc<'gc, D> {
    type Target = D::At<'gc>;
    #[inline]
    fn deref(&self) -> &D::At<'gc> {
        DynGc::as_ref(*self)
    }
}

impl<'gc, D: ?Sized> From<DynGc<'gc, D>> for AnyGc<'gc> {
    #[inline(always)]
    fn from(object: DynGc<'gc, D>) -> Self {
        object.0.into()
    }
}

impl<'gc, D: ?Sized> From<Gc<'gc, DynObject<D>>> for DynGc<'gc, D> {
    #[inline(always)]
    fn from(object: Gc<'gc, DynObject<D>>) -> Self {
        DynGc(object)
    }
}

impl<'gc, D: ?Sized> From<DynGc<'gc, D>> for Gc<'gc, DynObject<D>> {
    #[inline(always)]
    fn from(object: DynGc<'gc, D>) -> Self {
        object.0
    }
}

/// Displays the object.
impl<'gc, D: ?Sized + DynTrait> fmt::Display for DynGc<'gc, D>
where
    D::At<'gc>: fmt::Display,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        DynGc::as_ref(*self).fmt(f)
    }
}

/// Prints the address and the name of the type: following pointers would recurse, and might not end.
impl<D: ?Sized> fmt::Debug for DynGc<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DynGc({:#x}, {})", DynGc::addr(*self), DynGc::type_name(*self))
    }
}

impl<D: ?Sized> fmt::Pointer for DynGc<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Pointer::fmt(&self.0, f)
    }
}

// SAFETY: passes its one pointer on; `At` replaces its lifetime, and `D` has none of the heap. One word without padding,
// which is always initialized.
unsafe impl<D: ?Sized + 'static> Trace for DynGc<'_, D> {
    type At<'a> = DynGc<'a, D>;
    const ATOMIC_WORD: bool = true;
    const MAX_POINTERS: usize = 1;
    const AT_MOST_ONE: bool = true;
    #[inline(always)]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        if !fault::is(Fault::DynPointersAreNotTraced) {
            self.0.trace(tracer);
        }
    }
    #[inline(always)]
    fn __only(&self) -> Only {
        if fault::is(Fault::DynPointersAreNotTraced) { Only::NONE } else { self.0.__only() }
    }
}

// SAFETY: there is no value of this type but behind a pointer to an object of another type, whose header names that
// type's trace. `D` has no lifetime of the heap.
unsafe impl<D: ?Sized + 'static> Trace for DynObject<D> {
    type At<'a> = DynObject<D>;
    fn trace(&self, _: &mut Tracer<'_>) {
        unreachable!("objects are traced through their header")
    }
}

impl<D: ?Sized> fmt::Debug for DynObject<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DynObject<{}>", type_name::<D>())
    }
}

//! [`DynTrait`] and [`Coerce`]: the traits that [`DynGc`](super::dynamic::DynGc) can be made for, and the types that have them.

/// A type that names what objects of several types are seen as: `dyn Shape`. Implemented by
/// [`dyn_trait!`](crate::dyn_trait).
///
/// ```
/// use grisaille::{DynGc, DynTrait, dyn_trait};
///
/// trait Shape {
///     fn area(&self) -> f64;
/// }
/// dyn_trait!(Shape);
///
/// fn view<'gc, D: ?Sized + DynTrait>(object: DynGc<'gc, D>) -> &'gc D::At<'gc> {
///     DynGc::as_ref(object)
/// }
/// fn area(shape: DynGc<'_, dyn Shape>) -> f64 {
///     view(shape).area()
/// }
/// # impl Shape for f64 { fn area(&self) -> f64 { *self } }
/// # grisaille::Heap::new().enter(|cx| assert_eq!(area(cx.alloc_dyn(1.5)), 1.5));
/// ```
#[diagnostic::on_unimplemented(
    message = "no object can be seen as a `{Self}`: the trait is not declared for that",
    label = "not declared by `grisaille::dyn_trait!`",
    note = "write `grisaille::dyn_trait!(Trait);` beside the trait, or `dyn_trait!(for<'gc> Trait<'gc>);` where it names the heap's lifetime",
    note = "a trait of another crate cannot be declared: declare a subtrait of it"
)]
pub trait DynTrait: 'static {
    /// What an object is seen as, by a pointer with the lifetime `'a`: `dyn Shape + 'a`.
    type At<'a>: ?Sized + 'a;
}

/// A `&'a T` coerces to a `&'a dyn Trait`. Implemented by [`dyn_trait!`](crate::dyn_trait) for all types with the trait.
///
/// [`Mutator::alloc_dyn`](crate::Mutator::alloc_dyn) requires this for every lifetime, since an object is seen at many.
///
/// ```
/// use grisaille::{Coerce, DynGc, Mutator, Trace, dyn_trait};
///
/// trait Shape {}
/// dyn_trait!(Shape);
///
/// /// Allocates an object of any type that is a `Shape`.
/// fn alloc<'a, T: Trace>(cx: &'a Mutator<'_>, value: T) -> DynGc<'a, dyn Shape>
/// where
///     dyn Shape: for<'x> Coerce<'x, T::At<'x>>,
/// {
///     cx.alloc_dyn(value)
/// }
/// # impl Shape for u64 {}
/// # grisaille::Heap::new().enter(|cx| _ = alloc(cx, 1u64));
/// ```
#[diagnostic::on_unimplemented(
    message = "no object of type `{T}` can be seen as a `{Self}`",
    label = "not declared by `grisaille::dyn_trait!`, or the type does not have the trait at every lifetime",
    note = "write `grisaille::dyn_trait!(Trait);` beside the trait, or `dyn_trait!(for<'gc> Trait<'gc>);` where it names the heap's lifetime"
)]
pub trait Coerce<'a, T: ?Sized>: DynTrait {
    /// Returns the same object as a trait object.
    fn coerce(object: &'a T) -> &'a Self::At<'a>;
}

/// Declares a trait of yours, so that [`DynGc<'gc, dyn Trait>`](crate::DynGc) points to objects of any type with it.
///
/// ```
/// use grisaille::{DynGc, Heap, dyn_trait};
///
/// trait Shape {
///     fn area(&self) -> f64;
/// }
/// dyn_trait!(Shape);
///
/// trait Method<'gc> {}
/// dyn_trait!(for<'gc> Method<'gc>);
///
/// trait Visitor<V> {}
/// dyn_trait!(Visitor<u64>);
///
/// impl Shape for f64 {
///     fn area(&self) -> f64 {
///         *self
///     }
/// }
///
/// Heap::new().enter(|cx| {
///     let square: DynGc<'_, dyn Shape> = cx.alloc_dyn(2.0);
///     assert_eq!(square.area(), 2.0);
/// });
/// ```
///
/// The trait's module is the place for it. A trait's name is followed by what its parameters are; `for<'gc>` names one
/// lifetime, which is the heap's. The macro emits two impls, of [`DynTrait`](crate::DynTrait) and
/// [`Coerce`](crate::Coerce), and nothing unsafe.
#[macro_export]
macro_rules! dyn_trait {
    (for<$gc:lifetime> $($path:tt)+) => {
        const _: () = {
            type __Dyn<$gc, '__object> = dyn $($path)+ + '__object;
            impl $crate::DynTrait for __Dyn<'static, 'static> {
                type At<'__at> = __Dyn<'__at, '__at>;
            }
            impl<$gc, __Object: $($path)+> $crate::Coerce<$gc, __Object> for __Dyn<'static, 'static> {
                fn coerce(object: &$gc __Object) -> &$gc __Dyn<$gc, $gc> {
                    object
                }
            }
        };
    };
    ($($path:tt)+) => {
        impl $crate::DynTrait for dyn $($path)+ {
            type At<'__at> = dyn $($path)+ + '__at;
        }
        impl<'__at, __Object: $($path)+> $crate::Coerce<'__at, __Object> for dyn $($path)+ {
            fn coerce(object: &'__at __Object) -> &'__at (dyn $($path)+ + '__at) {
                object
            }
        }
    };
}

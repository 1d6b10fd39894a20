//! [`Native`]: a function of the host as an object of the heap.

use core::fmt;

use crate::fault::{self, Fault};
use crate::handles::rooted::Rooted;
use crate::mark::tracer::Tracer;
use crate::pointer::gc::Gc;
use crate::trace::{DropOn, Trace};

/// A function of the host that lives in the heap: a closure of yours, with the values that it captures. An interpreter
/// gives its programs such objects to call.
///
/// `F` is a function type that your interpreter chooses once, most often a `dyn Fn` whose first argument is the
/// mutator, so that the function may allocate, call back into the interpreter, and collect. `C` is the type of the
/// captured value: `()`, a value, an [`Array`](crate::Array) of values. The function itself is `'static`, and can hold
/// no pointer of the heap: what it captures goes into `C`, where the collector finds it.
///
/// Root the object, and call it through the handle: [`function`](Rooted::function) lends the function for as long as
/// the object is rooted, across every safepoint of the call, since the heap does not move objects. (A plain `Gc` ends at
/// the first safepoint, so that a function in it cannot be called with `&mut Mutator`.)
///
/// ```
/// use grisaille::{Gc, Heap, Mutator, Native, Rooted, Trace};
///
/// /// What a program's values are.
/// #[derive(Clone, Copy, Trace)]
/// enum Value<'gc> { Number(f64), Function(Gc<'gc, Native<Function, Captured<'gc>>>) }
///
/// /// What each function of the host is given: the mutator, what it has captured, and the arguments.
/// type Function = dyn for<'s, 'a> Fn(
///     &mut Mutator<'s>,
///     Rooted<'a, Captured<'a>>,
///     &[Rooted<'a, Value<'a>>],
/// ) -> Result<Rooted<'s, Value<'s>>, String> + Send;
///
/// #[derive(Clone, Copy, Trace)]
/// struct Captured<'gc>(Option<Gc<'gc, Value<'gc>>>);
///
/// fn call<'s>(
///     cx: &mut Mutator<'s>,
///     callee: Rooted<'_, Value<'_>>,
///     arguments: &[Rooted<'_, Value<'_>>],
/// ) -> Result<Rooted<'s, Value<'s>>, String> {
///     let Value::Function(native) = callee.get(cx) else { return Err("not a function".into()) };
///     let native = cx.root(native);
///     let arguments: Vec<_> = arguments.iter().map(|argument| argument.here(cx)).collect();
///     (native.function())(cx, native.captured(), &arguments)
/// }
///
/// Heap::new().enter(|cx| {
///     // `twice(f, x)` calls back: it applies `f` to `x`, collects, and applies `f` to the result.
///     let twice: Box<Function> = Box::new(|cx, _, arguments| {
///         let [f, x] = arguments else { return Err("two arguments, please".into()) };
///         let once = call(cx, *f, &[*x])?;
///         cx.collect();
///         call(cx, f.here(cx), &[once])
///     });
///     let add: Box<Function> = Box::new(|cx, captured, arguments| {
///         let (Some(step), Value::Number(number)) = (captured.get(cx).0, arguments[0].get(cx)) else { return Err("no numbers".into()) };
///         let Value::Number(step) = *step else { return Err("no number".into()) };
///         Ok(cx.root(Value::Number(number + step)))
///     });
///     let step = Captured(Some(cx.alloc(Value::Number(20.0))));
///     let add = cx.root(Value::Function(cx.alloc(Native::new(add, step))));
///     let twice = cx.root(Value::Function(cx.alloc(Native::new(twice, Captured(None)))));
///     let two = cx.root(Value::Number(2.0));
///     let result = call(cx, twice, &[add, two]).unwrap();
///     assert!(matches!(result.get(cx), Value::Number(42.0)));
///     assert_eq!(call(cx, twice, &[]).unwrap_err(), "two arguments, please");
/// });
/// ```
///
/// A plain function pointer (`fn(..)`) needs no `Native`: it is `Copy`, and may lie in a
/// [skipped field](derive@crate::Trace), from which it is copied out before it is called.
///
/// # Cost
/// An object of two words and what is captured, and the closure's box, which the heap's counts do not include. A call
/// is that of the `dyn Fn`. The closure is dropped on the mutator's thread.
pub struct Native<F: ?Sized, C = ()> {
    function: Box<F>,
    captured: C,
}

impl<F: ?Sized + Send + 'static, C> Native<F, C> {
    /// Makes a native function of a closure and the value that it captures.
    ///
    /// ```
    /// use grisaille::{Heap, Mutator, Native};
    ///
    /// type Function = dyn Fn(&mut Mutator<'_>) -> u64 + Send;
    ///
    /// Heap::new().enter(|cx| {
    ///     let function: Box<Function> = Box::new(|cx| {
    ///         cx.collect();
    ///         cx.stats().cycles()
    ///     });
    ///     let native = cx.root(cx.alloc(Native::new(function, ())));
    ///     assert_eq!((native.function())(cx), 1);
    /// });
    /// ```
    pub fn new(function: Box<F>, captured: C) -> Native<F, C> {
        Native { function, captured }
    }

    /// Returns the captured value.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// let function: Box<dyn Fn() + Send> = Box::new(|| ());
    /// let native = cx.alloc(grisaille::Native::new(function, 7u64));
    /// assert_eq!(*native.captured(), 7);
    /// # });
    /// ```
    pub fn captured(&self) -> &C {
        &self.captured
    }
}

impl<'s, F: ?Sized + Send + 'static, C: Trace> Rooted<'s, Gc<'_, Native<F, C>>>
where
    for<'a> C::At<'a>: Sized,
{
    /// Returns the function of a rooted [`Native`], for as long as the object is rooted: through every safepoint.
    ///
    /// ```
    /// use grisaille::{Gc, Heap, Mutator, Native, Rooted};
    ///
    /// type Function = dyn for<'s> Fn(&mut Mutator<'s>, u64) -> Rooted<'s, Gc<'s, u64>> + Send;
    ///
    /// Heap::new().enter(|cx| {
    ///     let double: Box<Function> = Box::new(|cx, number| {
    ///         cx.collect();
    ///         cx.root(cx.alloc(2 * number))
    ///     });
    ///     let double = cx.root(cx.alloc(Native::new(double, ())));
    ///     assert_eq!(*(double.function())(cx, 21).get(cx), 42);
    /// });
    /// ```
    #[inline]
    pub fn function(self) -> &'s F {
        // SAFETY: the object is rooted for `'s`, and does not move. The function has no part that a mutator or the
        // collector writes: nothing lends a `Native` that is an object mutably.
        unsafe { &Gc::as_ref(self.value_for_scope()).function }
    }
}

impl<'s, F: ?Sized + Send + 'static, C: Trace + Copy> Rooted<'s, Gc<'_, Native<F, C>>>
where
    for<'a> C::At<'a>: Copy,
{
    /// Returns the captured value of a rooted [`Native`] as a handle of its own. Adds no root: a `Native` does not
    /// change, so the value lives for as long as the object is rooted.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// let function: Box<dyn Fn() + Send> = Box::new(|| ());
    /// let native = cx.root(cx.alloc(grisaille::Native::new(function, cx.alloc(7u64))));
    /// let captured = native.captured();
    /// cx.collect();
    /// assert_eq!(*captured.get(cx), 7);
    /// assert_eq!(cx.stats().rooted(), 1);
    /// # });
    /// ```
    #[inline]
    pub fn captured(self) -> Rooted<'s, C::At<'s>> {
        // SAFETY: the object is rooted for `'s`, and leads to what the value points to for as long: it is not written.
        unsafe { Rooted::new(Gc::as_ref(self.value_for_scope()).captured) }
    }
}

/// Prints no closure, which has no `Debug`.
impl<F: ?Sized, C: fmt::Debug> fmt::Debug for Native<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Native").field("captured", &self.captured).finish_non_exhaustive()
    }
}

// SAFETY: `trace` traces the captured value, which is all that can hold pointers: the function is `'static`, and no
// pointer of a heap is, since no `Mutator<'static>` can be had. `At` replaces the lifetime in the captured value, and
// nothing in the function, whose type is the same. The function is `Send`. No `Drop`.
unsafe impl<F: ?Sized + Send + 'static, C: Trace> Trace for Native<F, C>
where
    for<'a> C::At<'a>: Sized,
{
    type At<'a> = Native<F, C::At<'a>>;
    const NEEDS_TRACE: bool = C::NEEDS_TRACE;
    const MAX_POINTERS: usize = C::MAX_POINTERS;
    const DROP: DropOn = DropOn::Mutator;

    #[inline]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        if !fault::is(Fault::NativesForgetCaptures) {
            self.captured.trace(tracer);
        }
    }
}

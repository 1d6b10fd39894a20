//! Type and const parameters, bounds, and what becomes of them in `At`.
#![forbid(unsafe_code)]

use std::fmt::Debug;
use std::marker::PhantomData;

use grisaille::{Gc, Slot, Trace};

#[derive(Trace)]
struct Node<'gc, T> {
    value: T,
    next: Option<Gc<'gc, Node<'gc, T>>>,
}

/// No lifetime of its own: `T` brings it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Trace)]
struct Wrapper<T>(T);

/// What the type asks of `T` is asked of `T::At` too.
#[derive(Trace)]
struct Bounded<'gc, T: Copy + Debug, U>
where
    U: PartialEq<T>,
    Option<T>: PartialEq<Option<T>>,
{
    t: T,
    u: Gc<'gc, U>,
}

trait Visit<'gc> {}
impl<'gc> Visit<'gc> for Gc<'gc, u64> {}

/// A bound that mentions the lifetime.
#[derive(Trace)]
struct Visited<'gc, T: Visit<'gc> + Copy>
where
    for<'x> Option<&'x T>: Copy,
{
    t: Option<T>,
    marker: Gc<'gc, u64>,
}

/// Bounds that outlive.
#[derive(Trace)]
struct Outlives<'gc, T: 'gc, U: 'static> {
    t: Gc<'gc, T>,
    u: U,
}

#[derive(Trace)]
struct Unsized<'gc, T: ?Sized>(Gc<'gc, T>);

#[derive(Trace)]
struct UnsizedWhere<'gc, T>
where
    T: ?Sized + 'gc,
{
    behind: Gc<'gc, T>,
}

#[derive(Trace)]
struct Defaults<'gc, T = f64, const N: usize = 3> {
    array: [T; N],
    one: Slot<Option<Gc<'gc, u64>>>,
}

/// No traced field mentions `F`: it stays what it is, and need not be `Trace`.
#[derive(Trace)]
struct Native<'gc, F: Fn(f64) -> f64> {
    #[trace(skip)]
    f: F,
    next: Option<Gc<'gc, Self>>,
}

#[derive(Trace)]
struct Tag<'gc, T> {
    #[trace(skip)]
    tag: PhantomData<T>,
    value: Gc<'gc, u64>,
}

/// Bounds that bring a `for` of their own.
#[derive(Trace)]
struct Quantified<'gc, T: for<'x> PartialEq<Option<&'x u8>> + ?Sized>
where
    for<'y> Option<&'y T>: Copy + Default,
{
    t: Gc<'gc, T>,
}

/// An associated type, where the bounds say enough of it.
trait Language {
    type Constant;
}
struct Lox;
impl Language for Lox {
    type Constant = f64;
}
#[derive(Trace)]
struct Chunk<'gc, L: Language>
where
    L::Constant: Send + Unpin + 'static,
{
    #[trace(skip)]
    constants: Vec<L::Constant>,
    next: Option<Gc<'gc, Self>>,
}

/// A skipped field may mention a traced parameter where it does not change with the parameter.
#[derive(Trace)]
struct Unit<'gc, L: Language<Constant = C>, C: Send + Unpin + 'static> {
    now: Gc<'gc, L>,
    #[trace(skip)]
    constants: Vec<<L as Language>::Constant>,
}

#[derive(Trace)]
enum Either<'gc, A, B> {
    Left(A),
    Right(B),
    Both(Gc<'gc, A>, Gc<'gc, B>),
    Neither,
}

/// Bounds that name the trait, its path or `Self`.
#[derive(Trace)]
struct Explicit<'gc, T: Trace + Clone>(Gc<'gc, T>)
where
    T: grisaille::Trace,
    Self: Sized;

fn is_trace<T: Trace>() {}

/// `'a: 'a` lets a caller name the lifetime.
fn at_is<'a: 'a, T: Trace<At<'a> = U>, U>() {}

fn generic<'gc: 'gc, 'a: 'a, T: Trace + 'gc>()
where
    for<'x> T::At<'x>: Sized,
{
    is_trace::<Node<'gc, Wrapper<T>>>();
    at_is::<'a, Node<'gc, T>, Node<'a, T::At<'a>>>();
}

fn concrete<'gc, 'a>() {
    type Leaf<'x> = Gc<'x, u64>;
    at_is::<'a, Node<'gc, Leaf<'gc>>, Node<'a, Leaf<'a>>>();
    at_is::<'a, Wrapper<Leaf<'gc>>, Wrapper<Leaf<'a>>>();
    at_is::<'a, Bounded<'gc, f64, f64>, Bounded<'a, f64, f64>>();
    at_is::<'a, Visited<'gc, Leaf<'gc>>, Visited<'a, Leaf<'a>>>();
    at_is::<'a, Outlives<'gc, Leaf<'gc>, f64>, Outlives<'a, Leaf<'a>, f64>>();
    at_is::<'a, Unsized<'gc, Leaf<'gc>>, Unsized<'a, Leaf<'a>>>();
    at_is::<'a, UnsizedWhere<'gc, Leaf<'gc>>, UnsizedWhere<'a, Leaf<'a>>>();
    at_is::<'a, Defaults<'gc, Leaf<'gc>, 7>, Defaults<'a, Leaf<'a>, 7>>();
    at_is::<'a, Native<'gc, fn(f64) -> f64>, Native<'a, fn(f64) -> f64>>();
    at_is::<'a, Tag<'gc, Lox>, Tag<'a, Lox>>();
    at_is::<'a, Chunk<'gc, Lox>, Chunk<'a, Lox>>();
    at_is::<'a, Either<'gc, Leaf<'gc>, f64>, Either<'a, Leaf<'a>, f64>>();
    at_is::<'a, Explicit<'gc, Leaf<'gc>>, Explicit<'a, Leaf<'a>>>();
    generic::<'gc, 'a, Leaf<'gc>>();
}

fn main() {
    concrete();
}

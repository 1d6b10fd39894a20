//! A garbage-collected heap to embed: objects are marked a little at a time while the program runs, guarded by a write
//! barrier that you choose, and swept on another thread.
//!
//! **Between two safepoints a [`Gc`] is a plain pointer; a safepoint takes `&mut` [`Mutator`], so the borrow checker
//! makes sure that what you keep across it is rooted.**
//!
//! ```
//! use grisaille::{Gc, Heap, Slot, Trace};
//!
//! #[derive(Clone, Copy, Trace)]
//! enum Value<'gc> { Nil, Number(f64), Pair(Gc<'gc, Pair<'gc>>) }
//!
//! #[derive(Trace)]
//! struct Pair<'gc> { car: Slot<Value<'gc>>, cdr: Slot<Value<'gc>> }
//!
//! let mut heap = Heap::new();
//! heap.enter(|cx| {
//!     let one = cx.alloc(Pair { car: Slot::new(Value::Number(1.0)), cdr: Slot::new(Value::Nil) });
//!     let two = cx.alloc(Pair { car: Slot::new(Value::Nil), cdr: Slot::new(Value::Pair(one)) });
//!     two.car.set(cx, Value::Pair(two)); // a write barrier: a load and a branch when idle
//!     let keep = cx.root(two);           // a `Rooted`: lives as long as the scope
//!     cx.safepoint();                    // `one` and `two` may not be used after it
//!     let two = keep.get(cx);            // free: the heap does not move objects
//!     assert!(matches!(two.cdr.get(), Value::Pair(_)));
//! });
//! ```
//!
//! # What there is
//!
//! | to | use |
//! |---|---|
//! | make a heap and configure it | [`Heap`], [`HeapBuilder`], [`ConfigError`]; when memory is swept: [`Sweep`] |
//! | choose the write barrier | [`barrier`] (which to choose), [`Barrier`]; [`Hybrid`], [`Insertion`], [`Deletion`], [`Watermark`], [`StopTheWorld`] |
//! | allocate, root and collect | [`Mutator`], lent by [`Heap::enter`]; [`ScopeResult`] and [`Out`], the ways out of a [scope](Mutator::scope_value) |
//! | pay for a step by hand | [`Mutator::step`], [`Mutator::idle`]; [`Budget`], [`Progress`] |
//! | go on when memory is short | the `try_` twins, which return [`HeapFull`] |
//! | say what objects are made of | [`Trace`] and its derive ([`Tracer`] for an impl by hand); [types of other crates](Trace#types-of-other-crates), by features |
//! | point to an object | [`Gc`]; [`Str`] and [`Array`], whose objects have variable length ([`StrObject`], [`ArrayObject`]) |
//! | have a field that changes | [`Slot`]; [`List`] ([`ListIter`]) and [`Map`] ([`MapIter`], [`Key`], [`Identity`]) |
//! | change an object as a whole | [`Lock`]; [`RefLock`] with its guards [`Ref`] and [`RefMut`], [`BorrowError`], [`BorrowMutError`] |
//! | keep a value across safepoints | [`Rooted`] until a scope ends, [`RootedCell`] where the value changes, [`Persistent`] until the handle is dropped, [`Stack`] ([`StackView`]); several at once: [`Handles`], [`RootedIter`] |
//! | have a value in a word | [`Packed`], the form of an enum that derives [`Pack`]; [`Tagged`], [`Untagged`] |
//! | learn of deaths, keep by a key | [`Weak`], [`Ephemeron`], [`Guardian`] |
//! | let programs call functions of the host | [`Native`] |
//! | own memory outside the heap, counted | [`Owned`], [`Edit`], [`External`] |
//! | observe and check a heap | [`Stats`], [`Phase`], [`Color`]; [`Check`], [`Heap::verify`], [`VerifyError`] |
//!
//! Three rules hold for all of these. A type of variable length is a pointer type of its own, and a type that is
//! mutable in place is a field type. An object is allocated by a method of [`Mutator`], a field is made by its type's
//! `new()`, and a handle by its type's `new(cx)` or by the method that it is named after. An operation that takes
//! memory panics when the heap is full, and has a `try_` twin that returns an error instead.
//!
//! A helper that takes `Gc`s takes `&Mutator`; a helper that may collect takes `&mut Mutator` and [`Rooted`]s. The
//! README says what follows from that and what the limits are; `examples/` has three short programs and a whole
//! interpreter, and `ARCHITECTURE.md` is a tour of the code.
//!
//! # Lifetimes, and what the compiler says of them
//!
//! A [`Gc`] is *covariant*: a pointer that is valid for long may be used where a shorter lifetime is required. A type
//! that contains a [`Slot`], a [`List`], a [`Map`], a [`Lock`] or a [`RefLock`] is *invariant* in its lifetime, as a
//! type with a `Cell` is: through a view with a shorter lifetime a pointer could be stored, and read through the other
//! view when it is no longer valid. So two values of such a type fit one variable, one slice, or one lifetime of a
//! signature only where their lifetimes are the same, and two [`Rooted`]s of different scopes do not mix.
//!
//! ```
//! use grisaille::{Gc, Heap, Mutator, Rooted, Slot, Trace};
//!
//! #[derive(Trace)]
//! struct Env<'gc> { parent: Slot<Option<Gc<'gc, Env<'gc>>>> } // invariant
//!
//! // One lifetime for values that meet,
//! fn is_child<'gc>(a: Gc<'gc, Env<'gc>>, b: Gc<'gc, Env<'gc>>) -> bool {
//!     a.parent.get().is_some_and(|parent| Gc::ptr_eq(parent, b))
//! }
//! // and `'_` for each value that does not: a caller's `Rooted` may be of any scope.
//! fn innermost<'s>(
//!     cx: &mut Mutator<'s>,
//!     env: Rooted<'_, Gc<'_, Env<'_>>>,
//! ) -> Rooted<'s, Gc<'s, Env<'s>>> {
//!     // A root of this scope that can be set.
//!     let at = cx.root_cell(env.get(cx));
//!     for _ in 0..3 {
//!         at.set(cx, cx.alloc(Env { parent: Slot::new(Some(at.get(cx))) }));
//!         cx.safepoint();
//!     }
//!     cx.root(at.get(cx))
//! }
//! Heap::new().enter(|cx| {
//!     let outer = cx.root(cx.alloc(Env { parent: Slot::new(None) }));
//!     let inner = innermost(cx, outer);
//!     assert!(!is_child(inner.get(cx), outer.get(cx)));
//! });
//! ```
//!
//! | the compiler says | it means | write |
//! |---|---|---|
//! | *lifetime may not live long enough*, with *`Value<'_>` is invariant over the parameter* or *mutable references are invariant* | two invariant values with different lifetimes meet | one named lifetime for both, or [`cx.adopt(value)`](Mutator::adopt) |
//! | E0621, *explicit lifetime required in the type of `env`* (the lifetime that it proposes does not help) | a parameter, rooted in the caller's scope, is assigned a value rooted in this scope | `let mut env = env.here(cx);`, or in a loop `let env = cx.root_cell(env.get(cx));` |
//! | E0521, *borrowed data escapes outside of closure*, *must outlive `'static`* | `Rooted`s of two scopes are in one slice or `Vec` | [`outer.here(cx)`](Rooted::here) |
//! | E0502 or E0499 at the use of a result, *`*cx` .. also borrowed as mutable* | `fn f<'a>(cx: &'a mut Mutator<'_>) -> Gc<'a, T>` keeps `cx` borrowed | return a `Rooted<'s, Gc<'s, T>>` |
//! | E0502 or E0505 at a safepoint | a plain pointer, a guard or a `&` into an object is used after the safepoint | root the pointer before the safepoint, and `get` it afterwards |
//! | E0502 in one arm of a `match` on `x.get(cx)`, with *returning this value requires that `*cx` is borrowed* in another | a plain value that one arm returns from [`scope_value`](Mutator::scope_value) borrows `cx` in all arms | return `cx.adopt(part)`, or use [`scope_rooted`](Mutator::scope_rooted) |
//! | E0283 or E0284, *type annotations needed*, of `cx.root(x.into())` | the type of a `Rooted` does not determine the type of the rooted value | `let value: Value<'_> = x.into();` first |
//! | *the size for values of type `<{integer} as Trace>::At<'a>` cannot be known* | the type of a number is not determined yet | `1i64` |
//!
//! A value that a loop carries across safepoints needs a root that is set, a [`RootedCell`]: a `cx.root` in each turn
//! adds a root in each turn, and what those point to stays alive until the scope ends. Under
//! [`stress`](HeapBuilder::stress) a scope that adds roots without end panics and names the place.
//!
//! # How long a step takes
//!
//! The heap's goal is the number of bytes that the last cycle marked times 1 + [growth](HeapBuilder::growth), and at
//! least the [floor](HeapBuilder::floor). A cycle starts when an eighth of the headroom below the goal is left, or
//! sooner where the last marking took long. From then on each allocated byte owes marking work (the debt), which
//! [`Mutator::safepoint`] does in steps. Work has the unit of [`Budget::work`]: an object counts its bytes and 16.
//!
//! | condition | work of a step | time of a step | the next one is due |
//! |---|---|---|---|
//! | below the goal | the debt | 40 µs | 16 KiB allocated later; down to 8 KiB near the goal, where debt is left |
//! | barriers shaded some hundred pointers, or that many writes to watched roots | the debt | 40 µs | 40 µs later at the earliest |
//! | past the goal | at least half of the bytes allocated since the last step, and as much again for each eighth by which the goal is exceeded, up to 4 MiB | until that work is done | as above |
//! | 48 KiB or more allocated between two safepoints | the debt | half of the mutator's time since the last step, up to 500 µs; all of the debt where the next safepoint would find the goal exceeded | at the next safepoint |
//! | the goal exceeded by as much as is allocated between two safepoints | the rest of the cycle | one pause | |
//! | near the [limit](HeapBuilder::limit) | the debt | 500 µs | as above |
//! | too little free below the limit | the rest of the cycle | one pause | |
//! | [`Mutator::step`], [`Mutator::idle`] | as the [`Budget`] says | as the [`Budget`] says | |
//! | [`Mutator::collect`] | a cycle | one pause | |
//!
//! So the heap's peak is its goal and twice the bytes that are allocated between two safepoints. A step reads the clock
//! once in 8 to 32 KiB of work. The smallest piece of a step is an object: an object that owns a `Vec` or a `HashMap`
//! is scanned in one piece, while an [`Array`], a [`List`] and a [`Map`] are scanned in several. Longer pauses are
//! named in the [policies' table](barrier#which-to-choose): the end of a cycle under [`Insertion`], its start under
//! [`Deletion`], all marking under [`StopTheWorld`]. [`Sweep::Eager`] sweeps in one pause.
//!
//! The share of a span of time that is left to the mutator is its *utilisation* (Cheng and Blelloch, "A parallel,
//! real-time garbage collector", PLDI 2001).

#![deny(unreachable_pub)]

// The derive's output names the crate.
extern crate self as grisaille;

/// Whether parts of the collector can be broken on purpose, for tests. Programs that measure the library refuse to be
/// built so.
#[doc(hidden)]
pub const HAS_FAULTS: bool = cfg!(grisaille_faults);

// Ahead of the others: rustdoc lists the methods of a type in the order of the modules, and the page of `Mutator` begins
// with these.
mod mutator;

mod active;
pub mod barrier;
mod context;
mod cycle;
#[cfg(not(grisaille_faults))]
#[allow(unreachable_pub, reason = "public in the build that can be broken")]
mod fault;
#[cfg(grisaille_faults)]
pub mod fault;
mod full;
mod handles;
mod heap;
mod kit;
mod mark;
mod memory;
mod observe;
mod pointer;
mod roots;
mod space;
mod sync;
mod trace;

pub use barrier::{Barrier, Deletion, Hybrid, Insertion, StopTheWorld, Watermark};
pub use context::Mutator;
pub use cycle::phase::Phase;
pub use cycle::sweep::Sweep;
#[cfg(grisaille_faults)]
#[doc(hidden)]
pub use cycle::sweeper::played;
pub use full::HeapFull;
pub use grisaille_derive::{Key, Pack, Trace};
pub use handles::guardian::Guardian;
pub use handles::persistent::Persistent;
pub use handles::rooted::Rooted;
pub use handles::rooted_cell::RootedCell;
pub use handles::several::{Handles, RootedIter};
pub use handles::stack::Stack;
pub use handles::stack_view::StackView;
pub use heap::{ConfigError, Heap, HeapBuilder};
pub use kit::array::{Array, ArrayObject};
pub use kit::ephemeron::Ephemeron;
pub use kit::external::External;
pub use kit::key::{Identity, Key};
pub use kit::list::{List, ListIter};
pub use kit::map::{Map, MapIter};
pub use kit::native::Native;
pub use kit::owned::{Edit, Owned};
pub use kit::packed::{Pack, Packed};
pub use kit::string::{Str, StrObject};
pub use kit::tagged::{Tagged, Untagged};
pub use mark::budget::Budget;
pub use mark::tracer::Tracer;
pub use mutator::{Color, Out, Progress, ScopeResult};
pub use observe::stats::Stats;
pub use observe::verify::{Check, VerifyError};
pub use pointer::gc::Gc;
pub use pointer::lock::{BorrowError, BorrowMutError, Lock, Ref, RefLock, RefMut};
pub use pointer::slot::Slot;
pub use pointer::weak::Weak;
pub use trace::Trace;

#[doc(hidden)]
pub use trace::private as __private;

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadMe;

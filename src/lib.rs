//! A garbage-collected heap to embed: objects are marked a little at a time while the program runs, guarded by a write
//! barrier that you choose, and swept on another thread.
//!
//! **Between two safepoints a [`Gc`] is a plain pointer; a safepoint takes `&mut` [`Mutator`], so the borrow checker
//! makes sure that what you keep across it is rooted.**
//!
//! The [guide] leads from there to a whole interpreter: a [recursive evaluator](guide::evaluator), a [virtual
//! machine](guide::machine), [what the compiler says](guide::lifetimes), [testing](guide::testing), moving from
//! [`Rc`](guide::from_rc), [`gc-arena`](guide::from_gc_arena) or [`gc`](guide::from_gc), and a [table of
//! features](guide::features).
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
//! | choose the write barrier | [`barrier`] (which to choose), [`Barrier`]; [`RootsFirst`], [`Hybrid`], [`Insertion`], [`Deletion`], [`Watermark`], [`StopTheWorld`] |
//! | allocate, root and collect | [`Mutator`], lent by [`Heap::enter`]; [`ScopeResult`] and [`Out`], the ways out of a [scope](Mutator::scope_value) |
//! | pay for a step by hand | [`Mutator::step`], [`Mutator::idle`]; [`Budget`], [`Progress`] |
//! | go on when memory is short | the `try_` twins, which return [`HeapFull`] |
//! | say what objects are made of | [`Trace`] and its derive ([`Tracer`] for an impl by hand); [types of other crates](Trace#types-of-other-crates), by features |
//! | point to an object | [`Gc`]; [`Str`] and [`Array`], whose objects have variable length ([`StrObject`], [`ArrayObject`]) |
//! | point to an object of any type | [`AnyGc`] ([`AnyObject`]), which tells the type and leads back to it |
//! | point to an object of any type with a trait | [`DynGc`] ([`DynObject`]), after [`dyn_trait!`] ([`DynTrait`], [`Coerce`]) |
//! | have a field that changes | [`Slot`]; [`List`] ([`ListIter`]) and [`Map`] ([`MapIter`], [`Key`], [`Identity`]); a text that changes: [`StrBuf`] |
//! | change an object as a whole | [`Lock`]; [`RefLock`] with its guards [`Ref`] and [`RefMut`], [`BorrowError`], [`BorrowMutError`] |
//! | keep a value across safepoints | [`Rooted`] until a scope ends, [`RootedCell`] where the value changes, [`Persistent`] until the handle is dropped, [`Stack`] ([`StackView`]); several at once: [`Handles`], [`RootedIter`] |
//! | have a value in a word | [`Packed`], the form of an enum that derives [`Pack`]; [`Tagged`], [`Untagged`] |
//! | learn of deaths, keep by a key | [`Weak`], [`WeakMap`], [`WeakSet`], [`Ephemeron`], [`Guardian`] |
//! | let programs call functions of the host | [`Native`] |
//! | suspend coroutines | [`Fiber`], the stack of one that does not run |
//! | own memory outside the heap, counted | [`Owned`], [`Edit`], [`External`] |
//! | observe a heap | [`Stats`], [`Phase`], [`Color`]; [`Heap::observe`] with an [`Observer`] of [`Event`]s ([`Moment`]): [`CycleLog`], [`Timeline`] |
//! | ask why an object is alive | [`Heap::snapshot`], [`Mutator::snapshot`]: [`Snapshot`], [`Path`], [`Census`], [`Growth`] |
//! | check a heap | [`Check`], [`Heap::verify`], [`VerifyError`] |
//!
//! Three rules hold for all of these. A type of variable length is a pointer type of its own, and a type that is
//! mutable in place is a field type. An object is allocated by a method of [`Mutator`], a field is made by its type's
//! `new()`, and a handle by its type's `new(cx)` or by the method that it is named after. An operation that takes
//! memory panics when the heap is full, and has a `try_` twin that returns an error instead.
//!
//! A helper that takes `Gc`s takes `&Mutator`; a helper that may collect takes `&mut Mutator` and [`Rooted`]s. A value
//! that a loop carries across safepoints needs a root that is set, a [`RootedCell`]: a `cx.root` in each turn adds a root
//! in each turn. [What the compiler says](guide::lifetimes) of lifetimes is in the guide. The README has the limits of the
//! crate, `examples/` three short programs and a whole interpreter, and `ARCHITECTURE.md` is a tour of the code.
//!
//! # How long a step takes
//!
//! The heap's goal is the number of bytes that the last cycle marked times 1 + [growth](HeapBuilder::growth), and at
//! least the [floor](HeapBuilder::floor). A cycle starts when as much is left below the goal as the mutator will allocate
//! in its [share](HeapBuilder::collector_share) of the time while the heap is marked, by the last marking, and a
//! sixteenth of the headroom. From then on each allocated byte owes marking work (the debt), which
//! [`Mutator::safepoint`] does in steps. Work has the unit of [`Budget::work`]: an object counts its bytes and 16.
//!
//! | condition | work of a step | time of a step | the next one is due |
//! |---|---|---|---|
//! | below the goal | the debt | 40 µs | when the mutator has had its [share](HeapBuilder::collector_share) of the time, which is 21 µs or, where marking takes long, 49 µs; half of that near the goal, where debt is left |
//! | barriers shaded some hundred pointers, or that many writes to watched roots | the debt | 40 µs | when the mutator has had its share |
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
mod clock;
mod context;
mod cycle;
#[cfg(not(grisaille_faults))]
#[allow(unreachable_pub, reason = "public in the build that can be broken")]
mod fault;
#[cfg(grisaille_faults)]
pub mod fault;
mod full;
#[cfg(any(doc, doctest))]
pub mod guide;
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

pub use barrier::{Barrier, Deletion, Hybrid, Insertion, RootsFirst, StopTheWorld, Watermark};
pub use context::Mutator;
pub use cycle::event::{Event, Moment, Observer};
pub use cycle::phase::Phase;
pub use cycle::sweep::Sweep;
#[cfg(grisaille_faults)]
#[doc(hidden)]
pub use cycle::sweeper::played;
pub use full::HeapFull;
#[cfg(target_pointer_width = "64")]
pub use grisaille_derive::Pack;
pub use grisaille_derive::{Key, Trace};
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
pub use kit::fiber::Fiber;
pub use kit::key::{Identity, Key};
pub use kit::list::{List, ListIter};
pub use kit::map::{Map, MapIter};
pub use kit::native::Native;
pub use kit::owned::{Edit, Owned};
#[cfg(target_pointer_width = "64")]
pub use kit::packed::{Pack, Packed};
pub use kit::str_buf::StrBuf;
pub use kit::string::{Str, StrObject};
pub use kit::tagged::{Tagged, Untagged};
pub use kit::weak_map::WeakMap;
pub use kit::weak_set::WeakSet;
pub use mark::budget::{Budget, NoClock};
pub use mark::color::Color;
pub use mark::tracer::Tracer;
pub use mutator::{Out, Progress, ScopeResult};
pub use observe::cycle_log::CycleLog;
pub use observe::snapshot::{Census, Growth, Path, Snapshot};
#[cfg(feature = "tracing-0_1")]
pub use observe::spans::Spans;
pub use observe::stats::Stats;
pub use observe::timeline::Timeline;
pub use observe::verify::{Check, VerifyError};
pub use pointer::any::{AnyGc, AnyObject};
pub use pointer::dyn_trait::{Coerce, DynTrait};
pub use pointer::dynamic::{DynGc, DynObject};
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

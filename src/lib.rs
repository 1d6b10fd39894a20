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
//! # For those who use it
//!
//! | to | there is |
//! |---|---|
//! | make a heap, and choose its barrier and its limits | [`Heap`], [`HeapBuilder`], [`barrier`], [`Sweep`] |
//! | allocate, root, and collect | [`Mutator`], lent by [`Heap::enter`]; [`Budget`] and [`Progress`] of a step; [`HeapFull`] |
//! | say what objects are made of | [`Trace`] and its derive; [`Gc`], [`Slot`], [`Weak`], [`Lock`], [`RefLock`] |
//! | keep values across safepoints | [`Rooted`] and [`Mutator::scope`], [`Stack`], [`Persistent`] |
//! | have strings, sequences and tables | [`Str`], [`Mutator::intern`], [`Array`], [`List`], [`Map`] and its [`Key`]s ([`Identity`]) |
//! | have a value in a word | [`Tagged`], [`Untagged`] |
//! | learn of deaths | [`Weak`], [`Ephemeron`], [`Guardian`] |
//! | own memory outside the heap, counted | [`Owned`], [`External`] |
//! | see what goes on, and check it | [`Stats`], [`Phase`], [`Color`], [`Check`] |
//!
//! A helper that takes `Gc`s takes `&Mutator`; one that may collect takes `&mut Mutator` and [`Rooted`]s. The README
//! says what follows from that, which policy to choose, and what the limits are; `examples/lox` is a whole interpreter.
//!
//! ## How long a step takes
//!
//! The heap's goal is what the last cycle marked times 1 + [growth](HeapBuilder::growth), with a
//! [floor](HeapBuilder::floor). A cycle starts when an eighth of the headroom up to it is left, or sooner where the last
//! marking took so long that its steps would not fit (a gigabyte of small objects that lie at random). From then on each
//! allocated byte owes marking work, so that the cycle ends before the goal is reached, and [`Mutator::safepoint`] pays
//! in steps.
//!
//! A step ends when 40 microseconds have passed or its debt is paid, and the next one follows when 16 KiB more have
//! been allocated; where debt is left, sooner and sooner as the goal comes nearer, but after 8 KiB at the least until
//! it is reached. Barriers owe steps too: some hundred pointers that they shade, or writes to roots while those are
//! watched, 40 microseconds or more after the last step, make the next one due, whatever was allocated. The clock is read
//! once in 8 to 32 KiB of work, in the unit of [`Budget::work`] (an object traced counts its bytes and 16). Past the goal
//! a byte owes more and more, and whatever the clock says a step does half as much work as bytes were allocated since the
//! last one, and as much again for each eighth of the goal by which it was missed, up to 4 MiB.
//!
//! A mutator that allocates 64 KiB and more between two safepoints has steps of up to half of the time that it took for
//! that, and of up to 500 microseconds where debt is left. A step whose like would find the goal passed pays all of its
//! debt, and where the goal was passed by as much as is allocated between two safepoints, the cycle is finished in one
//! pause: so the heap's peak is its goal and twice what is allocated between two safepoints. [`Mutator::step`] does what its
//! [`Budget`] says, in work or in time.
//!
//! Near a [limit](HeapBuilder::limit), where the goal lies below what the growth would make it, steps take up to 500
//! microseconds, and a safepoint that finds too little free finishes the cycle in one pause.
//!
//! The smallest piece of a step is an object: one that owns a `Vec` or a `HashMap` is scanned in one go, while an
//! [`Array`], a [`List`] and a [`Map`] are scanned in pieces. What else takes longer is named in the [policies' table](barrier#which-to-choose):
//! [`Insertion`]'s pause at the end, [`Deletion`]'s at the start, [`StopTheWorld`]'s marking. [`Sweep::Eager`] sweeps in
//! one pause, and [`Mutator::collect`] is one pause by definition.
//!
//! # For those who read the code
//!
//! Rooms, those that programs name first, and memory last. Most of what a room uses lies below it; what it uses above is
//! listed under the table.
//!
//! ```text
//! heap.rs              Heap: built, configured, entered, dropped
//! kit/                 what interpreters need at once, as heap objects: string  intern  array  list  map (key)  tagged
//!                      ephemeron  guardian  owned (external)
//! mutator.rs           Mutator: allocation, roots, scopes, safepoints. What the types below ask the collector for
//! pointer/             what objects are made of: gc  slot  weak  lock
//! roots/               what keeps them alive, and how it is scanned: local  root  stack  table (of handles)
//! trace.rs             Trace and Tracer; trace/impls.rs: the standard library's types; trace/alike.rs: the mark loop
//!                      among objects of one type
//! cycle/               the collector: mod (the phase machine)  collector (its state, and the barriers)  mark (the grey
//!                      set)  drain (the mark loop)  edges  weak  sweep  sweeper (the thread)  blocks (who has which)
//!                      pace  meter (a step's budget)  phase  times (what it took of the mutator's)
//! barrier.rs           the policies: one table, as data. Uses nobody
//! space/               memory: arena  chunk  system (advice to it)  block  bitmap  holes  header (with what the
//!                      collector asks of a type)  poison (for sanitizers). Uses none of the rooms above
//!
//! active.rs            which heap is entered on this thread
//! memory.rs            the memory of the collector's own lists and tables, each request for which may be refused;
//!                      memory/: a vector in pieces, a hash table that grows a little at a time
//! fault.rs             parts that tests break on purpose
//! sync.rs              what threads share: std's types, or loom's where every order of events is tried
//! observe/             what can be seen from outside: stats  verify (walks the heap and says what is wrong)
//! ```
//!
//! Typed code is above `trace`, untyped below it: the collector knows objects as a header whose word leads to a table of
//! functions (`space/header.rs`).
//!
//! What is used upward, since a thing lies where its subject is and not below all that use it:
//!
//! * `cycle` scans the root areas of `roots` and of `kit/guardian.rs`, passes objects to the `Tracer` of `trace.rs`, clears
//!   the cells of `pointer/weak.rs` and the ephemerons of `kit/ephemeron.rs`, and fills in the `Stats` of `observe`;
//! * `trace.rs` traces a [`Gc`], and a tracer may write to the area of locals, in `roots/local.rs`;
//! * `pointer` and `roots` add to [`Mutator`], which they name;
//! * `heap.rs` calls `observe/verify`, which adds to [`Heap`] and [`Mutator`];
//! * in tests alone, every room that has a state tells `observe/digest.rs` of it.
//!
//! `unsafe` lives where types are erased or memory is taken: in `space`, `cycle` (not in `pace`, `meter`, `phase`),
//! `pointer`, `roots`, `trace`, `kit`, and at the seams of `mutator` and `heap`. Each block says on which invariant it
//! stands; I1 to I7 are listed in `space/mod.rs`. What makes the API sound is in the bounds of [`Mutator`]'s methods and
//! in [`Trace`]'s contract, which the derive proves field by field (`derive/src/proofs.rs`).
//!
//! ## How a cycle goes
//!
//! The phase machine is `Collector::advance` in `cycle/mod.rs`: one elementary piece of work of the current [`Phase`] at
//! a time, called at safepoints only. So no unrooted pointer lives inside a step, and the mutator never sees a phase
//! change between two.
//!
//! 1. **Idle.** Objects are bumped into holes of swept blocks (`space/holes.rs`). Barriers are off.
//! 2. **Sweep termination.** What the last cycle left unswept is swept. A block in the sweeper's hands is not waited for:
//!    the start is postponed.
//! 3. **Mark.** Barriers go on, by one flag that every write looks at ([`Hybrid`]'s when the roots are scanned). The roots
//!    are scanned, then the grey set is emptied (`cycle/mark.rs`). What writes, root writes and allocations do meanwhile
//!    is the policy's column of the table in [`barrier`], read in `cycle/collector.rs` and `roots`.
//! 4. **Mark termination.** The grey set is empty: the policy's last act. In the same step it is decided what dies, and
//!    barriers go off.
//! 5. **Weak.** Weak pointers and interned strings forget what dies (`cycle/weak.rs`).
//! 6. **Sweep.** The two bitmaps of every block change roles, so what was marked is what is occupied. Blocks are then
//!    swept one by one, by the sweeper's thread or by the mutator, whoever comes first (`cycle/sweeper.rs`); drop glue
//!    runs on the mutator's thread in small batches, unless its type says otherwise.
//! 7. **Release.** Free blocks of chunks that were mostly empty for some cycles go back to the system (`space/arena.rs`).

// The derive's output names the crate.
extern crate self as grisaille;

/// Whether parts of the collector can be broken on purpose. What measures the library refuses to be built with that.
#[doc(hidden)]
pub const HAS_FAULTS: bool = cfg!(grisaille_faults);

mod active;
pub mod barrier;
mod context;
mod cycle;
#[cfg(not(grisaille_faults))]
mod fault;
#[cfg(grisaille_faults)]
pub mod fault;
mod full;
mod handles;
mod heap;
mod kit;
mod mark;
mod memory;
mod mutator;
mod observe;
mod pointer;
mod roots;
mod space;
mod sync;
mod trace;

pub use barrier::{Barrier, Deletion, Hybrid, Insertion, StopTheWorld, Watermark};
pub use context::Mutator;
pub use cycle::blocks::Sweep;
pub use cycle::phase::Phase;
pub use full::HeapFull;
pub use grisaille_derive::Trace;
pub use handles::guardian::Guardian;
pub use handles::persistent::Persistent;
pub use handles::rooted::Rooted;
pub use handles::stack::{Stack, StackView};
pub use heap::{ConfigError, Heap, HeapBuilder};
pub use kit::array::Array;
pub use kit::ephemeron::Ephemeron;
pub use kit::external::External;
pub use kit::key::{Identity, Key};
pub use kit::list::List;
pub use kit::map::{Map, MapIter};
pub use kit::owned::{Edit, Owned};
pub use kit::string::Str;
pub use kit::tagged::{Tagged, Untagged};
pub use mark::budget::Budget;
pub use mark::tracer::Tracer;
pub use mutator::{Color, Out, Progress};
pub use observe::stats::Stats;
pub use observe::verify::{Check, VerifyError};
pub use pointer::gc::Gc;
pub use pointer::lock::{Lock, Ref, RefLock, RefMut};
pub use pointer::slot::Slot;
pub use pointer::weak::Weak;
pub use trace::Trace;

#[doc(hidden)]
pub use trace::private as __private;

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadMe;

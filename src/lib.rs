//! A garbage-collected heap to embed.
#![warn(clippy::pedantic)]
#![allow(
    clippy::module_name_repetitions,
    clippy::must_use_candidate,
    clippy::missing_errors_doc,
    clippy::cast_possible_truncation
)]

// The derive's output names the crate.
extern crate self as grisaille;

mod active;
pub mod barrier;
mod cycle;
mod heap;
mod kit;
mod mutator;
mod observe;
mod pointer;
mod roots;
mod space;
mod trace;

pub use barrier::{Barrier, Deletion, Hybrid, Insertion, StopTheWorld, Watermark};
pub use cycle::blocks::Sweep;
pub use cycle::meter::Budget;
pub use cycle::phase::Phase;
pub use grisaille_derive::Trace;
pub use heap::{ConfigError, Heap, HeapBuilder};
pub use kit::array::Array;
pub use kit::string::Str;
pub use mutator::{Color, HeapFull, Mutator, Out, Progress};
pub use observe::stats::Stats;
pub use pointer::gc::Gc;
pub use pointer::lock::{Lock, Ref, RefLock, RefMut};
pub use pointer::slot::Slot;
pub use pointer::weak::Weak;
pub use roots::local::Local;
pub use roots::root::Root;
pub use roots::stack::{Stack, StackView};
pub use trace::{Trace, Tracer};

#[doc(hidden)]
pub use trace::private as __private;

//! The same workloads on grisaille and on the crates that a Rust program would use instead.
//!
//! ```text
//! cargo run --release                               # all of it, 5 repetitions; prints Markdown
//! cargo run --release -- --workload queue --peer grisaille --peer gc-arena
//! cargo run --release -- --quick --repetitions 1    # small sizes: does it work?
//! ```
//!
//! # What is measured
//!
//! [`Workload`](workload::Workload) lists the workloads, and the modules below [`workload`] say exactly what each does
//! and what its unit is. [`Peer`](peer::Peer) lists the peers, a file each below [`peer`].
//!
//! * **Time**: nanoseconds of wall time a unit, of the timed part only ([`Run::timed`](run::Run::timed)).
//! * **Peak memory**: what the process had resident at most (`VmHWM`), code and all, set-up included.
//! * **Longest stall**: in runs of their own, the longest time between two ticks, 100 steps apart, in wall-clock time
//!   and in processor time of the thread. A stall of the machine is in the first only, so the second is the
//!   collector's; peers without a collector (bumpalo, `Box`) show what the machine adds.
//!
//! # How
//!
//! Each measurement is a process of its own, so that no peer inherits another's heap. The repetition is the outermost
//! loop, so that a machine that becomes slower for a minute does so for all. Every number is the median over the
//! repetitions; slow measurements have fewer, and the report says so. `--json` keeps the raw results, also of several
//! runs, and `--from` makes the tables of them.
//!
//! Workloads run on a thread that has more stack than any peer needs: some trace, or drop, by recursion. All peers are
//! compiled in one crate, with link-time optimization, by the same compiler. Collectors that have helper threads of
//! their own may use them: wall time counts.
//!
//! # What makes it fair
//!
//! * Each peer is used as its documentation advises, with its default settings; its file says what that is. Where that leaves
//!   a choice that matters, both are shown as two peers.
//! * Each makes the same objects: as many, with the same fields, and with pointers of the peer's own kind.
//! * All return the same checksum, or the run is an error.
//! * A workload that a peer cannot do is shown with the reason, and one that takes too long as such. Nothing is left out
//!   silently.

#![deny(unsafe_code)]

// What is measured is what is published.
const _: () = assert!(!grisaille::HAS_FAULTS, "the library was built with parts that can be broken");

pub mod child;
pub mod column;
pub mod fragmentation;
pub mod machine;
pub mod measurement;
pub mod peer;
pub mod report;
pub mod run;
pub mod runner;
pub mod sample;
pub mod workload;

//! The memory: chunks cut into blocks, blocks into granules, side bitmaps, headers, and bump allocation through holes.
//! This room imports from none above it. What it stores for marking: whether a hole is premarked, so that objects born
//! in it are black; whether a block lost grey objects to mark-stack overflow; the functions by which a type is marked.
//!
//! ```text
//! chunk (a bumpalo allocation, multiples of 2 MiB after the first small ones; it knows which pages of its blocks are held)
//! +----------------+----------------+----------------+- - -
//! | block          | block          | block          |          32 KiB each, aligned to their size
//! +----------------+----------------+----------------+- - -
//!  |
//!  +--> | kind, run   | bitmap 0 | bitmap 1 | header payload | header payload | hole . . . | header payload |
//! ```
//!
//! | an object of | lies |
//! |---|---|
//! | up to 4 KiB | in a block |
//! | up to a block's room | with others in a run of two blocks: all headers are in the first one, and the last object may end in the second |
//! | more | in a run of its own |
//!
//! A header is aligned to 8, and so is a payload; a payload whose type asks for 16 is aligned to 16 ([`alignment`]).
//!
//! A header's block is found by its address, so no object may cross a place where a block has its front. In a run only
//! the first block has a front, and only the pages that objects reach are used: memory is counted in pages of 4 KiB.
//!
//! The invariants that the rest of the crate and the SAFETY comments refer to:
//!
//! * **I1** Retiring a hole ORs what was allocated in it into `occupied`; every abandonment of a hole retires it
//!   and, if it was premarked, whitens its unused tail.
//! * **I2** Only `[cursor, end)` of the current holes is ever premarked; before the first block becomes
//!   unswept, all holes are retired.
//! * **I3** Every run in `occupied` starts at a header and parses without a gap; walks stop at the live cursor. The bits of
//!   an object that ends behind its block end with the block.
//! * **I4** An object's size follows from header and length word alone, also when it is dead.
//! * **I5** Popcounts are bytes (granules); object counts are kept by counters.
//! * **I6** A dead object with `Drop` is dropped once: a resume position in its block moves past it first.
//! * **I7** A block is touched by one thread at a time: by the mutator while it is in no sweep's job or is `Swept` in
//!   it, otherwise by the thread that moved it from `Unswept` to `Sweeping`, until that thread publishes it. (The fields of
//!   its front that do not change while it is taken, as its kind, may be read by all who keep its memory.)

pub(crate) mod alignment;
pub(crate) mod arena;
pub(crate) mod bitmap;
pub(crate) mod block;
mod chunk;
#[cfg(grisaille_faults)]
pub(crate) mod digest;
pub(crate) mod geometry;
pub(crate) mod header;
pub(crate) mod holes;
pub(crate) mod poison;
mod system;
pub(crate) mod tally;

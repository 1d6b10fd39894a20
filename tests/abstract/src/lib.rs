//! The write barriers of grisaille as an abstract model, explored exhaustively.
//!
//! A [state](state::State) is a heap of at most three objects, up to three roots in up to two areas, and what the
//! collector knows of them. The [mutator] and the [collector] make moves in any order, one elementary move at a time:
//! every interleaving, from [every initial heap](initial) within a [bound](bound::Bound). The moves follow a
//! [column](column::Column) of the table in `grisaille::barrier`, the data that the real collector runs on. At the end
//! of marking [nothing reachable](invariant) may be white. The [search] is breadth first, so the first lost object that
//! it finds is lost in the fewest moves.
//!
//! The model is more general than a collector has to be:
//!
//! * between two moves of the collector the mutator holds, in unrooted registers, all that it could reach after the
//!   last one and all that it has made or upgraded since; the collector's next move takes the registers away;
//! * roots come and go in any order, and are scanned in any order;
//! * any grey object is traced next; before all roots are scanned, too, unless the column says otherwise.
//!
//! The model leaves out sweeping, and with it a second cycle; ephemerons, guardians and interned strings; budgets.
//!
//! `cargo run --release -p grisaille-abstract` explores the table at its full bound; `-- traces` prints how an object
//! is lost without each rule (`src/barrier/lost.md`, part of the documentation of `grisaille::barrier`).

pub mod bound;
pub mod collector;
pub mod column;
pub mod initial;
pub mod invariant;
pub mod mutator;
pub mod search;
pub mod state;
pub mod symmetry;
pub mod trace;

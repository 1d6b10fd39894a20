//! The policies: the write barrier that a heap runs, and the rules that go with it.
//!
//! A policy is a type, chosen when the heap is built: `Heap<Insertion>`, `Heap<Deletion>`, `Heap<RootsFirst>` (the
//! default), `Heap<Hybrid>`, `Heap<Watermark>`, `Heap<StopTheWorld>`. Everything in this table happens only while marking:
//!
//! | while marking | [`Insertion`] | [`Deletion`] | [`RootsFirst`] | [`Hybrid`] | [`Watermark`] | [`StopTheWorld`] |
//! |---|---|---|---|---|---|---|
//! | after | Dijkstra | Yuasa | Yuasa, roots as Go 1.8 | Go 1.8 | Yuasa, lazy roots as HotSpot's stack watermarks | Go 1.3 |
//! | roots | in steps | all in one pause at the start | in steps; *the root-scanning window* is open until all are scanned | in steps; *the window* is open until all are scanned | in steps | one pause |
//! | tracing | after the roots | after the roots | after the window | from the start, in turn with the roots | after the roots | after the roots |
//! | `slot.set(new)` | shade `new` | shade old | in the window –, then shade old | shade old; in the window shade `new` too | shade old | – |
//! | new object | white | black | in the window white, then black | black; in the window its initial pointers are followed | black | – |
//! | root written, popped or destroyed | recorded as dirty | – | in the window the new value is shaded | in the window the new value is shaded | an unscanned root's old value is shaded | – |
//! | new root area | dirty | black | scanned in the window | scanned in the window | black | – |
//! | whole-object mutation | greyed again | scanned before the first | in the window –, then scanned before the first | in the window greyed again, then scanned before the first | scanned before the first | – |
//! | weak upgrade | – | shade | in the window –, then shade | shade | shade | – |
//! | end | dirty roots rescanned to a fixed point, one pause | – | – | – | – | – |
//!
//! Each cell prevents a lost object: one that is white while a black object (or a scanned root) holds the only pointer
//! to it. `Insertion` keeps the strong tri-colour invariant (no black object points to a white one), and so does
//! `Hybrid` in its window; else they keep the weak one (a white object that a black one points to is reachable from a grey
//! one as well). Sources: Dijkstra et al.,
//! "On-the-fly garbage collection", CACM 1978; Yuasa, "Real-time garbage collection on general-purpose machines", JSS
//! 1990; Pirinen, "Barrier techniques for incremental tracing", ISMM 1998; Clements and Hudson, Go proposal 17503,
//! "Eliminate STW stack re-scanning"; OpenJDK's JEP 376 (concurrent thread-stack processing).
//!
//! # Why `RootsFirst`'s window has no barrier on the heap
//!
//! Go's collector traces objects while stacks are still to be scanned. So there are black objects by then, and its
//! hybrid barrier must shade both the new and the old value of a store until the last stack is scanned. `RootsFirst`
//! traces nothing before all roots are scanned. While the window is open no object that has pointers is black, so none
//! can hide another; the mutator's stores to the heap and its new objects are seen when they are traced. Only a root
//! that was scanned could hide an object, so a value written to a root is shaded. The window closes within a step, when
//! no unrooted pointer lives: then each root's target is marked, nothing was traced, and every reachable object is
//! reachable from a grey one. That is the snapshot from which Yuasa's rules take over, as `Deletion` takes one in its
//! pause. The snapshot is younger: objects born or dead since the scan of the roots began need not be marked.
//!
//! # Go's barrier, and how `Hybrid` differs from it
//!
//! In Go a stack is scanned at once, its goroutine stopped, and is black from then on; writes to stacks have no barrier. A
//! store to the heap shades the old value, so that what a black stack has loaded is not hidden by a deletion, and while the
//! current stack is grey it shades the new value, so that what a grey stack holds is not hidden by a move to the heap. New
//! objects are black; what is written to them first passes the barrier like any store. No stack is scanned twice.
//!
//! `Hybrid` is that, with these differences:
//!
//! * **Roots are many areas, scanned in parts.** A mutator may move a pointer from an unscanned root to a scanned one with no
//!   store to the heap in between, which in Go no goroutine can. So in the window a value written to a root is shaded, and
//!   "while any stack is grey" means: until all roots are scanned, and with them the cells that were lent meanwhile. The
//!   window is a flag that closes in a step: derived from "some root is unscanned" it would close with the pop of the last
//!   unscanned root, whose value is in a register then.
//! * **In the window the old half is not what saves an object**, since every other place to which a pointer could be moved
//!   shades it: the model finds the policy sound with old values shaded only after the window. The old value is shaded from
//!   the start all the same, as in Go: the barrier needs no branch for it. (For the mutation of a whole object, which Go does
//!   not have, that is not so cheap: in the window the object is greyed again, and its old values are left alone.)
//! * **Initial pointers are not passed through the barrier**, one by one: a new object is born grey, by marks made ahead and
//!   a flag in its header, and the collector follows its pointers in a later step, before marking ends. (In the model white
//!   birth in the window is sound too, and lets what is born in it die in the same cycle.)
//!
//! When the window closes no unrooted pointer lives, the target of each root is marked and no black object points to a white
//! one. So every object that is reachable then is marked, or reachable from a grey one: a snapshot, which the old half keeps
//! from there on. Whatever the mutator can put into a new object after that is of the snapshot, was born since, or was shaded
//! when a weak pointer gave it out: black birth needs nothing more.
//!
//! # Which to choose
//!
//! `RootsFirst` unless a measurement says otherwise: a cycle starts in constant time and never rescans. `Insertion`
//! has the least floating garbage, and a pause at the end that grows with the roots that were written. `Deletion` has
//! the cheapest rules and a pause at the start that grows with the roots. `Watermark` checks pops instead of pushes,
//! and its heap has a barrier from the start of a cycle. `Hybrid` has that too, shades both values of a store while
//! roots are scanned, and traces meanwhile: its window is longer by that. `StopTheWorld` has no barrier and the
//! longest pause: the baseline.
//!
#![doc = include_str!("lost.md")]

/// The rules that make a policy, which seal [`Barrier`].
#[cfg(not(grisaille_faults))]
pub(crate) mod rules {
    pub(crate) use crate::barrier::policy::*;
}

/// The rules that make a policy, for policies that exist in tests only. A policy with other rules than the six above
/// may lose objects: implementing [`Policy`](rules::Policy) is `unsafe`.
#[cfg(grisaille_faults)]
pub mod rules {
    pub use crate::barrier::policy::*;
}

pub(crate) mod policy;

use policy::{Birth, OnlyInTests, Policy, RootWrite, Roots, Rules, ShadeNew, WholeObject, Window};

/// A write barrier and the rules that go with it: one of [`Insertion`], [`Deletion`], [`RootsFirst`], [`Hybrid`],
/// [`Watermark`] and [`StopTheWorld`]. Sealed: other rules may lose objects.
///
/// ```
/// use grisaille::{Barrier, Heap, Insertion, Mutator};
///
/// fn name<B: Barrier>(_: &Mutator<'_, B>) -> &'static str {
///     B::NAME
/// }
/// let mut heap = Heap::builder().barrier::<Insertion>().build().unwrap();
/// assert_eq!(heap.enter(|cx| name(cx)), "insertion");
/// ```
#[allow(private_bounds, reason = "the seal")]
pub trait Barrier: Policy {
    /// The policy's name, in lower case.
    ///
    /// ```
    /// # use grisaille::{Barrier, StopTheWorld};
    /// assert_eq!(StopTheWorld::NAME, "stop-the-world");
    /// ```
    const NAME: &'static str;
}

macro_rules! policies {
    ($($(#[$doc:meta])* $name:ident $text:literal { $($rule:ident: $value:expr),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {}

        // SAFETY: a column of the table that was explored exhaustively and found sound (`tests/abstract`).
        unsafe impl Policy for $name {
            const RULES: Rules = Rules { $($rule: $value,)* only_in_tests: OnlyInTests::NONE };
        }

        impl Barrier for $name {
            const NAME: &'static str = $text;
        }
    )*};
}

policies! {
    /// Dijkstra's barrier: shades the new value of a store, and rescans written roots in one pause at the end.
    /// Incremental update: Dijkstra et al., 1978; Steele, 1975.
    ///
    /// ```
    /// use grisaille::{Heap, Insertion};
    ///
    /// let mut heap: Heap<Insertion> = Heap::builder().barrier().build().unwrap();
    /// heap.enter(|cx| cx.collect());
    /// ```
    Insertion "insertion" {
        incremental: true,
        roots: Roots::BitByBit,
        window: Window::Never,
        shade_old: false,
        shade_new: ShadeNew::Always,
        birth: Birth::White,
        root_write: RootWrite::NoteDirty,
        whole_object: WholeObject::GreyAgain,
        upgrade_shades: false,
        rescan_dirty_roots: true,
    }

    /// Yuasa's barrier: shades the old value of a store. The roots are scanned in one pause at the start.
    /// Snapshot at the beginning: Yuasa, 1990.
    ///
    /// ```
    /// use grisaille::{Deletion, Heap};
    ///
    /// let mut heap: Heap<Deletion> = Heap::builder().barrier().build().unwrap();
    /// heap.enter(|cx| cx.collect());
    /// ```
    Deletion "deletion" {
        incremental: true,
        roots: Roots::InOnePauseAtTheStart,
        window: Window::Never,
        shade_old: true,
        shade_new: ShadeNew::Never,
        birth: Birth::Black,
        root_write: RootWrite::Nothing,
        whole_object: WholeObject::ScanBefore,
        upgrade_shades: true,
        rescan_dirty_roots: false,
    }

    /// Yuasa's barrier once all roots are scanned. Until then the heap has no barrier, and values written to roots are
    /// shaded. No pause grows with the roots. The default.
    /// Snapshot at the beginning, taken when the roots are scanned; after Go's hybrid barrier.
    ///
    /// ```
    /// use grisaille::{Heap, RootsFirst};
    ///
    /// let mut heap: Heap<RootsFirst> = Heap::builder().barrier().build().unwrap();
    /// heap.enter(|cx| cx.collect());
    /// ```
    RootsFirst "roots-first" {
        incremental: true,
        roots: Roots::BitByBit,
        window: Window::BeforeTracing,
        shade_old: true,
        shade_new: ShadeNew::Never,
        birth: Birth::Black,
        root_write: RootWrite::ShadeNewInWindow,
        whole_object: WholeObject::ScanBefore,
        upgrade_shades: true,
        rescan_dirty_roots: false,
    }

    /// Go's barrier: shades the old value of a store, and while any root is unscanned the new value too. Objects are
    /// traced while roots are still to be scanned; no pause grows with the roots, and none is rescanned.
    /// After Clements and Hudson, Go proposal 17503, 2016 (Go 1.8).
    ///
    /// ```
    /// use grisaille::{Heap, Hybrid};
    ///
    /// let mut heap: Heap<Hybrid> = Heap::builder().barrier().build().unwrap();
    /// heap.enter(|cx| cx.collect());
    /// ```
    Hybrid "hybrid" {
        incremental: true,
        roots: Roots::BitByBit,
        window: Window::WhileTracing,
        shade_old: true,
        shade_new: ShadeNew::InWindow,
        birth: Birth::Black,
        root_write: RootWrite::ShadeNewInWindow,
        whole_object: WholeObject::GreyAgainInWindow,
        upgrade_shades: true,
        rescan_dirty_roots: false,
    }

    /// Yuasa's barrier with the snapshot of the roots taken lazily: an unscanned root's value is shaded before it is
    /// overwritten or popped.
    /// Snapshot at the beginning; that of the roots by stack watermarks, as in HotSpot.
    ///
    /// ```
    /// use grisaille::{Heap, Watermark};
    ///
    /// let mut heap: Heap<Watermark> = Heap::builder().barrier().build().unwrap();
    /// heap.enter(|cx| cx.collect());
    /// ```
    Watermark "watermark" {
        incremental: true,
        roots: Roots::BitByBit,
        window: Window::Never,
        shade_old: true,
        shade_new: ShadeNew::Never,
        birth: Birth::Black,
        root_write: RootWrite::ShadeOldIfUnscanned,
        whole_object: WholeObject::ScanBefore,
        upgrade_shades: true,
        rescan_dirty_roots: false,
    }

    /// No barrier: marking is one pause.
    ///
    /// ```
    /// use grisaille::{Heap, StopTheWorld};
    ///
    /// let mut heap: Heap<StopTheWorld> = Heap::builder().barrier().build().unwrap();
    /// heap.enter(|cx| cx.collect());
    /// ```
    StopTheWorld "stop-the-world" {
        incremental: false,
        roots: Roots::InOnePauseAtTheStart,
        window: Window::Never,
        shade_old: false,
        shade_new: ShadeNew::Never,
        birth: Birth::White,
        root_write: RootWrite::Nothing,
        whole_object: WholeObject::Nothing,
        upgrade_shades: false,
        rescan_dirty_roots: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_without_a_barrier_stop_the_world() {
        const { assert!(!StopTheWorld::RULES.has_write_barrier() && !StopTheWorld::RULES.incremental) };
        const { assert!(Insertion::RULES.has_write_barrier() && Insertion::RULES.rescan_dirty_roots) };
        const {
            assert!(
                RootsFirst::RULES.has_window() && !Watermark::RULES.has_window() && !Deletion::RULES.watches_roots()
            )
        };
    }
}

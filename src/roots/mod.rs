//! The roots, which keep heap objects alive: the handle scope stack of [`Rooted`](crate::Rooted)s, the table of
//! [`Persistent`](crate::Persistent)s, embedders' [`Stack`](crate::Stack)s, and guardians.
//!
//! The mutator writes roots without the heap's write barrier. Each kind of area has the policy's barrier for roots
//! instead, behind a flag (`Collector::watch_roots`) that is on only while the policy needs it. Areas are scanned from
//! the top down: the unscanned part is always `[0, watermark)`.
//! [`table`] holds the areas behind handles.

/// A root, as a table of roots reports it to the verifier.
pub(crate) struct Surveyed<'x> {
    /// The objects that the root points to.
    pub objects: &'x [crate::space::header::ObjectPtr],
    /// The number of the root's area, and its place there.
    pub place: [usize; 2],
    /// Whether this cycle's scan has still to reach the root.
    pub unscanned: bool,
    /// Whether a rescan would shade the root.
    pub dirty: bool,
    /// Whether the root's handle exists.
    pub alive: bool,
}

pub(crate) mod area;
pub(crate) mod guardian;
pub(crate) mod persistent;
pub(crate) mod set;
pub(crate) mod stack;
pub(crate) mod table;

//! What keeps heap objects alive: the shadow stack of [`Rooted`](crate::Rooted)s, the table of [`Persistent`](crate::Persistent)s,
//! and embedders' [`Stack`](crate::Stack)s.
//!
//! Roots are what the mutator writes without the heap's write barrier. Each kind of area tells the collector of its
//! writes by the policy's rule for roots, behind a flag (`Collector::watch_roots`) that is off unless the rule needs
//! it just then. Areas are scanned from the top down, so "unscanned" is always `[0, limit)`.
//! [`table`] holds the areas behind handles.

/// What a table of roots says of one of them when it is surveyed, for the verifier.
pub(crate) struct Surveyed<'x> {
    /// What it points to.
    pub objects: &'x [crate::space::header::ObjectPtr],
    /// The area it is in, and its place there.
    pub place: [usize; 2],
    /// A scan of this cycle will come to it.
    pub unscanned: bool,
    /// A rescan would.
    pub dirty: bool,
    /// Its handle lives.
    pub alive: bool,
}

pub(crate) mod area;
pub(crate) mod guardian;
pub(crate) mod persistent;
pub(crate) mod set;
pub(crate) mod stack;
pub(crate) mod table;

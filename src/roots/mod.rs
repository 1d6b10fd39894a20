//! What keeps heap objects alive: the shadow stack of [`Local`](crate::Local)s, the table of [`Root`](crate::Root)s,
//! and embedders' [`Stack`](crate::Stack)s.
//!
//! Roots are what the mutator writes without the heap's write barrier. Each kind of area tells the collector of its
//! writes by the policy's rule for roots, behind a flag (`Collector::watch_roots`) that is off unless the rule needs
//! it just then. Areas are scanned from the top down, so "unscanned" is always `[0, limit)`.

pub(crate) mod local;
pub(crate) mod root;
pub(crate) mod stack;

//! What a policy is made of: the rows of the table, each with the ways in which it can be filled in.

#![allow(missing_docs, reason = "a row of the table above each")]

/// How the roots are scanned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Roots {
    BitByBit,
    InOnePauseAtTheStart,
}

/// The colour of new objects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Birth {
    White,
    /// Where there is a window, from when it closes.
    Black,
    /// Unsound: the initial pointers of objects born in the window are missed.
    BlackInWindowToo,
}

/// What a write to a root does, a pop or the end of a scope included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RootWrite {
    Nothing,
    NoteDirty,
    ShadeNewInWindow,
    /// Unsound: what leaves a scope is copied to the roots of the surrounding one as it is.
    ShadeNewInWindowButNotOnKeep,
    ShadeOldIfUnscanned,
    /// Unsound: pops are forgotten.
    ShadeOldIfUnscannedButNotOnPop,
    /// Unsound: areas that are destroyed are forgotten.
    ShadeOldIfUnscannedButNotOnDestroy,
}

/// What comes before (or after) the mutation of a whole object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WholeObject {
    Nothing,
    GreyAgain,
    ScanBefore,
}

/// One column of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Marking runs in steps between which the mutator runs.
    pub incremental: bool,
    pub roots: Roots,
    /// There is a window: from the start until all roots are scanned. Nothing is traced in it, so nothing that
    /// has pointers is black: the heap has no barrier, and objects are born white. Only roots are watched.
    pub window: bool,
    /// Unsound: it closes as soon as no root is unscanned, also where the last one was popped just now.
    pub window_is_derived: bool,
    /// Grey objects are traced while roots are still to be scanned. Unsound where there is a window.
    pub traces_in_window: bool,
    /// `slot.set` shades what the slot held.
    pub shade_old: bool,
    /// Unsound: it looks only after the store.
    pub reads_old_after_the_store: bool,
    /// `slot.set` shades what it stores.
    pub shade_new: bool,
    pub birth: Birth,
    pub root_write: RootWrite,
    pub whole_object: WholeObject,
    pub upgrade_shades: bool,
    pub rescan_dirty_roots: bool,
}

impl Rules {
    /// Whether stores do anything at all.
    pub const fn has_write_barrier(&self) -> bool {
        self.shade_old || self.shade_new
    }

    /// Whether a root that is destroyed while marking is still part of what must be scanned.
    pub const fn takes_snapshot_lazily(&self) -> bool {
        matches!(self.root_write, RootWrite::ShadeOldIfUnscanned | RootWrite::ShadeOldIfUnscannedButNotOnPop)
    }

    /// Whether a root that is written shades what it held, if it is unscanned.
    pub const fn shades_old_root(&self) -> bool {
        self.shades_popped_root() || matches!(self.root_write, RootWrite::ShadeOldIfUnscannedButNotOnPop)
    }

    /// Whether a root that is popped is shaded, if it is unscanned.
    pub const fn shades_popped_root(&self) -> bool {
        matches!(self.root_write, RootWrite::ShadeOldIfUnscanned | RootWrite::ShadeOldIfUnscannedButNotOnDestroy)
    }

    /// Whether what is written to a root is shaded in the window.
    pub const fn shades_new_root(&self) -> bool {
        matches!(self.root_write, RootWrite::ShadeNewInWindow | RootWrite::ShadeNewInWindowButNotOnKeep)
    }

    /// Whether writes to roots are looked at, and so need a flag that says when.
    pub const fn watches_roots(&self) -> bool {
        !matches!(self.root_write, RootWrite::Nothing)
    }
}

/// A policy by its rules.
///
/// # Safety
/// Rules under which no reachable object stays white.
pub unsafe trait Policy: 'static {
    const RULES: Rules;
}

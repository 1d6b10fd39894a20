//! The rules that make a policy: the rows of the table in [`barrier`](crate::barrier), each with its possible values.

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
    /// Under a policy with a root-scanning window, once it is closed.
    Black,
    /// Unsound: the initial pointers of objects born in the window are missed.
    BlackInWindowToo,
}

/// What a write to a root does, including a pop and the end of a scope.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RootWrite {
    Nothing,
    NoteDirty,
    ShadeNewInWindow,
    /// Unsound: a value that leaves a scope is copied to the roots of the enclosing one without being shaded.
    ShadeNewInWindowButNotOnKeep,
    ShadeOldIfUnscanned,
    /// Unsound: popped values are not shaded.
    ShadeOldIfUnscannedButNotOnPop,
    /// Unsound: values of areas that are destroyed are not shaded.
    ShadeOldIfUnscannedButNotOnDestroy,
}

/// What is done to an object before it is mutated as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WholeObject {
    Nothing,
    GreyAgain,
    ScanBefore,
}

/// One column of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Whether marking runs in steps between which the mutator runs.
    pub incremental: bool,
    pub roots: Roots,
    /// Whether there is a root-scanning window, from the start of a cycle until all roots are scanned. Nothing is
    /// traced in it, so no object with pointers is black: the heap has no barrier, objects are born white, and only
    /// writes to roots are watched.
    pub window: bool,
    /// Unsound: the window closes as soon as no root is unscanned, even if that is because the last one was popped.
    pub window_is_derived: bool,
    /// Whether grey objects are traced while roots are still to be scanned. Unsound with a window.
    pub traces_in_window: bool,
    /// Whether `slot.set` shades the old value.
    pub shade_old: bool,
    /// Unsound: `slot.set` reads the old value after the store.
    pub reads_old_after_the_store: bool,
    /// Whether `slot.set` shades the new value.
    pub shade_new: bool,
    pub birth: Birth,
    pub root_write: RootWrite,
    pub whole_object: WholeObject,
    pub upgrade_shades: bool,
    pub rescan_dirty_roots: bool,
}

impl Rules {
    /// Returns whether stores to the heap have a barrier.
    pub const fn has_write_barrier(&self) -> bool {
        self.shade_old || self.shade_new
    }

    /// Returns whether a root that is destroyed while marking must still be scanned.
    pub const fn takes_snapshot_lazily(&self) -> bool {
        matches!(self.root_write, RootWrite::ShadeOldIfUnscanned | RootWrite::ShadeOldIfUnscannedButNotOnPop)
    }

    /// Returns whether a write to an unscanned root shades its old value.
    pub const fn shades_old_root(&self) -> bool {
        self.shades_popped_root() || matches!(self.root_write, RootWrite::ShadeOldIfUnscannedButNotOnPop)
    }

    /// Returns whether a pop of an unscanned root shades its value.
    pub const fn shades_popped_root(&self) -> bool {
        matches!(self.root_write, RootWrite::ShadeOldIfUnscanned | RootWrite::ShadeOldIfUnscannedButNotOnDestroy)
    }

    /// Returns whether a write to a root in the window shades the new value.
    pub const fn shades_new_root(&self) -> bool {
        matches!(self.root_write, RootWrite::ShadeNewInWindow | RootWrite::ShadeNewInWindowButNotOnKeep)
    }

    /// Returns whether writes to roots have a barrier, and so need a flag that says when it is on.
    pub const fn watches_roots(&self) -> bool {
        !matches!(self.root_write, RootWrite::Nothing)
    }
}

/// A policy, given by its rules.
///
/// # Safety
/// Under `RULES` no reachable object may be white when marking ends.
pub unsafe trait Policy: 'static {
    const RULES: Rules;
}

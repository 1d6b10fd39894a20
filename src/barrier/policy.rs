//! The rules that make a policy: the rows of the table in [`barrier`](crate::barrier), each with its possible values.

#![allow(missing_docs, reason = "a row of the table above each")]

/// How the roots are scanned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Roots {
    BitByBit,
    InOnePauseAtTheStart,
}

/// What the collector and the heap do in the root-scanning window: from the start of a cycle until all roots are
/// scanned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Window {
    /// The same as afterwards: there is no window.
    Never,
    /// Nothing is traced, so no object with pointers is black: the heap has no barrier, objects are born white, and
    /// only writes to roots are watched.
    BeforeTracing,
    /// Objects are traced, in turn with the scan of roots. The heap has its barrier, and objects are born grey: marked
    /// at once, and traced later, so that their initial pointers are counted.
    WhileTracing,
}

/// When `slot.set` shades the new value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ShadeNew {
    Never,
    InWindow,
    Always,
}

/// The colour of new objects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Birth {
    White,
    /// Under a policy with a root-scanning window, once it is closed; before, see [`Window`].
    Black,
}

/// What a write to a root does, including a pop and the end of a scope.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RootWrite {
    Nothing,
    NoteDirty,
    ShadeNewInWindow,
    ShadeOldIfUnscanned,
}

/// What is done to an object before it is mutated as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WholeObject {
    Nothing,
    GreyAgain,
    ScanBefore,
    /// Greyed again in the root-scanning window, and scanned before once it is closed.
    GreyAgainInWindow,
}

/// One column of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Whether marking runs in steps between which the mutator runs.
    pub incremental: bool,
    pub roots: Roots,
    pub window: Window,
    /// Whether `slot.set` shades the old value.
    pub shade_old: bool,
    pub shade_new: ShadeNew,
    pub birth: Birth,
    pub root_write: RootWrite,
    pub whole_object: WholeObject,
    pub upgrade_shades: bool,
    pub rescan_dirty_roots: bool,
    pub only_in_tests: OnlyInTests,
}

macro_rules! only_in_tests {
    ($($(#[$doc:meta])* $rule:ident,)*) => {
        /// What no policy of the table does: variants that show what each of its rules is for. Without
        /// `cfg(grisaille_faults)` there are none.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub struct OnlyInTests {
            $($(#[$doc])* #[cfg(grisaille_faults)] pub $rule: bool,)*
        }

        impl OnlyInTests {
            pub const NONE: OnlyInTests = OnlyInTests { $(#[cfg(grisaille_faults)] $rule: false,)* };

            $($(#[$doc])* #[must_use] pub const fn $rule(&self) -> bool {
                #[cfg(grisaille_faults)]
                return self.$rule;
                #[cfg(not(grisaille_faults))]
                return false;
            })*
        }
    };
}

only_in_tests! {
    /// Whether the window closes as soon as no root is unscanned, even if that is because the last one was popped.
    /// Unsound.
    window_is_derived,
    /// Whether grey objects are traced while roots are still to be scanned. Unsound with a window in which the heap has
    /// no barrier.
    traces_in_window,
    /// Whether objects are born black in the window too. Unsound: their initial pointers are missed.
    black_in_window,
    /// Whether `slot.set` reads the old value after the store. Unsound.
    reads_old_after_the_store,
    /// Whether a value that leaves a scope is copied to the roots of the enclosing one without being shaded. Unsound.
    keeps_unshaded,
    /// Whether popped values are not shaded where overwritten ones are. Unsound.
    pops_unshaded,
    /// Whether values of areas that are destroyed are not shaded where overwritten ones are. Unsound.
    destroys_unshaded,
}

impl Rules {
    /// Returns whether stores to the heap have a barrier.
    pub const fn has_write_barrier(&self) -> bool {
        self.shade_old || !matches!(self.shade_new, ShadeNew::Never)
    }

    /// Returns whether `slot.set` shades the new value at any time.
    pub const fn always_shades_new(&self) -> bool {
        matches!(self.shade_new, ShadeNew::Always)
    }

    /// Returns whether `slot.set` shades the new value in the root-scanning window only.
    pub const fn shades_new_in_window(&self) -> bool {
        matches!(self.shade_new, ShadeNew::InWindow)
    }

    /// Returns whether there is a root-scanning window.
    pub const fn has_window(&self) -> bool {
        !matches!(self.window, Window::Never)
    }

    /// Returns whether nothing is traced in the window, and the heap has no barrier in it.
    pub const fn traces_after_window(&self) -> bool {
        matches!(self.window, Window::BeforeTracing)
    }

    /// Returns whether objects are traced in the window, and born grey in it.
    pub const fn traces_while_scanning(&self) -> bool {
        matches!(self.window, Window::WhileTracing)
    }

    /// Returns whether a root that is destroyed while marking must still be scanned.
    pub const fn takes_snapshot_lazily(&self) -> bool {
        self.shades_old_root() && !self.only_in_tests.destroys_unshaded()
    }

    /// Returns whether a write to an unscanned root shades its old value.
    pub const fn shades_old_root(&self) -> bool {
        matches!(self.root_write, RootWrite::ShadeOldIfUnscanned)
    }

    /// Returns whether a pop of an unscanned root shades its value.
    pub const fn shades_popped_root(&self) -> bool {
        self.shades_old_root() && !self.only_in_tests.pops_unshaded()
    }

    /// Returns whether a write to a root in the window shades the new value.
    pub const fn shades_new_root(&self) -> bool {
        matches!(self.root_write, RootWrite::ShadeNewInWindow)
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

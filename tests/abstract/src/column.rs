//! [`Column`]: the rules that a model runs under. Most are the crate's own [`Rules`]; [`Beside`] has those that these
//! cannot express, because the real collector has only one way.

use grisaille::barrier::rules::{Birth, Policy, RootWrite, Roots, Rules, ShadeNew, WholeObject};
use grisaille::{Deletion, Hybrid, Insertion, RootsFirst, StopTheWorld, Watermark};

/// The time at which objects are traced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// At any time.
    Any,
    /// After all roots are scanned and the window is closed: the real collector's order.
    RootsFirst,
}

/// The form of the window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Window {
    /// A flag that the collector clears.
    Flag,
    /// "Some root is unscanned."
    Derived,
}

/// An area that is made while marking. It may have values from the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NewArea {
    /// Counts as scanned.
    Black,
    /// Counts as written.
    Dirty,
    /// In the window it is scanned as the others are.
    ScannedInWindow,
    /// In the window its values are shaded at once: the real collector's way.
    ShadedInWindow,
}

/// The fate of unscanned roots whose area is destroyed, where a snapshot is taken lazily.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Destroyed {
    /// The roots are shaded.
    Shaded,
    /// The roots are scanned later: the real collector's way.
    LastLook,
    /// Nothing.
    Forgotten,
}

/// The choices that are not in [`Rules`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Beside {
    /// The time at which objects are traced.
    pub order: Order,
    /// The form of the window.
    pub window: Window,
    /// The table's row "new root area".
    pub new_area: NewArea,
    /// The last part of the table's row "root written, popped or destroyed".
    pub destroyed: Destroyed,
    /// Old values are shaded only once the window is closed.
    pub old_waits: bool,
    /// Where objects are traced in the window, they are born white in it.
    pub white_in_window: bool,
    /// A root that was handed out as a cell in the window is scanned again before it closes.
    pub cells_are_scanned_again: bool,
    /// Something else copies a root to another in the window, and shades nothing.
    pub roots_copied_unshaded: bool,
}

/// A column of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Column {
    /// The rules that the real collector reads.
    pub rules: Rules,
    /// The choices that the real collector does not have.
    pub beside: Beside,
}

impl Column {
    /// Makes the column of a policy, in any order of work, but that nothing is traced in a window.
    pub const fn of<P: Policy>() -> Column {
        let new_area = match P::RULES.root_write {
            RootWrite::NoteDirty => NewArea::Dirty,
            RootWrite::ShadeNewInWindow => NewArea::ScannedInWindow,
            _ => NewArea::Black,
        };
        let beside = Beside {
            order: if P::RULES.traces_after_window() { Order::RootsFirst } else { Order::Any },
            window: Window::Flag,
            new_area,
            destroyed: Destroyed::Shaded,
            old_waits: false,
            white_in_window: false,
            cells_are_scanned_again: true,
            roots_copied_unshaded: false,
        };
        Column { rules: P::RULES, beside }
    }

    /// Returns the column with the real collector's order of work.
    pub fn as_collected(mut self) -> Column {
        if !self.rules.traces_while_scanning() {
            self.beside.order = Order::RootsFirst;
        }
        if self.beside.new_area == NewArea::ScannedInWindow {
            self.beside.new_area = NewArea::ShadedInWindow;
        }
        if self.beside.destroyed == Destroyed::Shaded {
            self.beside.destroyed = Destroyed::LastLook;
        }
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Rules)) -> Column {
        change(&mut self.rules);
        self
    }

    fn but(mut self, change: impl FnOnce(&mut Beside)) -> Column {
        change(&mut self.beside);
        self
    }
}

/// A column with a name.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    /// The policy that the column is, or is made of.
    pub policy: &'static str,
    /// The difference to that policy.
    pub change: &'static str,
    /// The rules.
    pub column: Column,
}

impl core::fmt::Display for Named {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Named { policy, change, .. } = self;
        f.pad(&if change.is_empty() { policy.to_string() } else { format!("{policy} {change}") })
    }
}

/// The table.
pub const TABLE: [Named; 6] = [
    Named { policy: "stop-the-world", change: "", column: Column::of::<StopTheWorld>() },
    Named { policy: "insertion", change: "", column: Column::of::<Insertion>() },
    Named { policy: "deletion", change: "", column: Column::of::<Deletion>() },
    Named { policy: "roots-first", change: "", column: Column::of::<RootsFirst>() },
    Named { policy: "hybrid", change: "", column: Column::of::<Hybrid>() },
    Named { policy: "watermark", change: "", column: Column::of::<Watermark>() },
];

/// The columns that must be sound: the table, each policy in the real collector's order, and Go's barrier with less than
/// it does, which the rule for writes to roots makes up for.
pub fn sound() -> Vec<Named> {
    let mut all = TABLE.to_vec();
    all.extend(TABLE.into_iter().skip(1).map(|it| Named {
        change: "as collected",
        column: it.column.as_collected(),
        ..it
    }));
    let [.., hybrid, _] = TABLE;
    let mut less = |change, column| all.push(Named { change, column, ..hybrid });
    less("that shades the old value only after the window", hybrid.column.but(|b| b.old_waits = true));
    less("with white birth in the window", hybrid.column.but(|b| b.white_in_window = true));
    all
}

/// A column that must lose an object.
#[derive(Clone, Copy, Debug)]
pub struct Broken {
    /// The column.
    pub named: Named,
    /// The number of moves in which the column loses the first object.
    pub moves: usize,
    /// The number of moves in which the same rules lose one in the real collector's order of work, if they do.
    pub as_collected: Option<usize>,
}

/// The rules of the table, and what the real collector has no choice in: each taken out.
pub fn broken() -> Vec<Broken> {
    let no_barrier = Column::of::<Deletion>().with(|r| {
        r.shade_old = false;
        r.whole_object = WholeObject::Nothing;
    });
    let none = Broken {
        named: Named { policy: "no barrier", change: "", column: no_barrier },
        moves: 4,
        as_collected: Some(4),
    };
    let mut all = vec![none];
    // A change to a policy; in how many moves it loses an object, and in how many as collected.
    let mut rule = |policy: Named, moves, as_collected, change, taken_out: fn(&mut Rules)| {
        let named = Named { change, column: policy.column.with(taken_out), ..policy };
        all.push(Broken { named, moves, as_collected });
    };
    let [_, insertion, deletion, roots_first, hybrid, watermark] = TABLE;
    rule(insertion, 3, Some(3), "without the rescan", |r| r.rescan_dirty_roots = false);
    rule(insertion, 5, Some(5), "with scan-before in place of grey-again", |r| {
        r.whole_object = WholeObject::ScanBefore
    });
    rule(deletion, 3, Some(3), "with roots scanned one at a time", |r| r.roots = Roots::BitByBit);
    rule(roots_first, 4, Some(4), "without the rule for writes to roots", |r| r.root_write = RootWrite::Nothing);
    rule(roots_first, 4, Some(4), "with white allocation", |r| r.birth = Birth::White);
    rule(roots_first, 5, Some(5), "with black allocation in the window", |r| r.only_in_tests.black_in_window = true);
    rule(deletion, 3, Some(3), "with an upgrade that does not shade", |r| r.upgrade_shades = false);
    rule(roots_first, 4, Some(4), "with an upgrade that does not shade", |r| r.upgrade_shades = false);
    rule(watermark, 3, Some(3), "with an upgrade that does not shade", |r| r.upgrade_shades = false);
    rule(watermark, 3, Some(3), "without the shade on pop", |r| {
        r.only_in_tests.pops_unshaded = true;
    });
    rule(insertion, 5, Some(5), "without the shade", |r| r.shade_new = ShadeNew::Never);
    rule(insertion, 3, Some(3), "without the notes what is dirty", |r| r.root_write = RootWrite::Nothing);
    rule(insertion, 4, Some(4), "with black allocation", |r| r.birth = Birth::Black);
    rule(insertion, 6, Some(6), "without grey-again", |r| r.whole_object = WholeObject::Nothing);
    rule(deletion, 4, Some(4), "without the shade", |r| r.shade_old = false);
    rule(deletion, 3, Some(3), "with white allocation", |r| r.birth = Birth::White);
    rule(deletion, 5, Some(5), "without scan-before", |r| r.whole_object = WholeObject::Nothing);
    rule(roots_first, 6, Some(6), "without the old half", |r| r.shade_old = false);
    rule(roots_first, 7, Some(7), "without scan-before", |r| r.whole_object = WholeObject::Nothing);
    rule(roots_first, 7, Some(7), "with grey-again in place of scan-before", |r| {
        r.whole_object = WholeObject::GreyAgain
    });
    rule(hybrid, 6, Some(6), "without the old half", |r| r.shade_old = false);
    rule(hybrid, 6, Some(6), "without the new half", |r| r.shade_new = ShadeNew::Never);
    rule(hybrid, 4, Some(4), "without the rule for writes to roots", |r| r.root_write = RootWrite::Nothing);
    rule(hybrid, 4, Some(4), "with white allocation", |r| r.birth = Birth::White);
    rule(hybrid, 5, Some(5), "with black birth whose initial pointers are not counted", |r| {
        r.only_in_tests.black_in_window = true
    });
    rule(hybrid, 4, Some(4), "with an upgrade that does not shade", |r| r.upgrade_shades = false);
    rule(hybrid, 7, Some(7), "without a rule for whole objects", |r| r.whole_object = WholeObject::Nothing);
    rule(hybrid, 6, Some(6), "with scan-before alone", |r| r.whole_object = WholeObject::ScanBefore);
    rule(hybrid, 7, Some(7), "with grey-again alone", |r| r.whole_object = WholeObject::GreyAgain);
    rule(watermark, 5, Some(5), "without the shade", |r| r.shade_old = false);
    rule(watermark, 3, Some(3), "without the rule for writes", |r| r.root_write = RootWrite::Nothing);
    rule(watermark, 3, Some(3), "with white allocation", |r| r.birth = Birth::White);
    rule(watermark, 6, Some(6), "without scan-before", |r| r.whole_object = WholeObject::Nothing);

    let mut beside = |policy: Named, moves, as_collected, change, taken_out: fn(&mut Beside)| {
        let named = Named { change, column: policy.column.but(taken_out), ..policy };
        all.push(Broken { named, moves, as_collected });
    };
    beside(roots_first, 3, Some(3), "with a derived window", |b| b.window = Window::Derived);
    beside(roots_first, 5, Some(5), "with a root copied unshaded in the window", |b| b.roots_copied_unshaded = true);
    beside(watermark, 3, Some(3), "without the shade on destroy", |b| b.destroyed = Destroyed::Forgotten);
    beside(insertion, 3, Some(3), "with black new areas", |b| b.new_area = NewArea::Black);
    beside(roots_first, 4, Some(4), "with black new areas in the window", |b| b.new_area = NewArea::Black);
    beside(roots_first, 5, Some(5), "with cells that are not scanned again", |b| b.cells_are_scanned_again = false);
    beside(roots_first, 6, None, "that traces in the window", |b| b.order = Order::Any);
    beside(hybrid, 3, Some(3), "with a derived window", |b| b.window = Window::Derived);
    beside(hybrid, 5, Some(5), "with a root copied unshaded in the window", |b| b.roots_copied_unshaded = true);
    beside(hybrid, 4, Some(4), "with black new areas in the window", |b| b.new_area = NewArea::Black);
    beside(hybrid, 5, Some(5), "with cells that are not scanned again", |b| b.cells_are_scanned_again = false);
    // Policy by policy, as in the table.
    let chapters = [none.named, insertion, deletion, roots_first, hybrid, watermark];
    all.sort_by_key(|it| chapters.iter().position(|chapter| chapter.policy == it.named.policy));
    all
}

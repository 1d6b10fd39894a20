//! [`Column`]: the rules that a model runs under. Most are the crate's own [`Rules`]; what these cannot express,
//! because the real collector has only one way to do it, is said [beside](Beside) them.

use grisaille::barrier::rules::{Birth, New, Policy, RootWrite, Roots, Rules, WholeObject};
use grisaille::{Deletion, Hybrid, Insertion, StopTheWorld, Watermark};

/// When objects are traced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// At any time.
    Any,
    /// After all roots are scanned and the window is closed, as the real collector does.
    RootsFirst,
}

/// What the window is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Window {
    /// A flag that the collector puts down.
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
    /// In the window its values are shaded at once, which is what the real collector does.
    ShadedInWindow,
}

/// What becomes of unscanned roots with their area, where a snapshot is taken lazily.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Destroyed {
    /// They are shaded.
    Shaded,
    /// They are scanned later, which is what the real collector does.
    LastLook,
    /// Nothing.
    Forgotten,
}

/// What is not in [`Rules`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Beside {
    /// When objects are traced.
    pub order: Order,
    /// What the window is.
    pub window: Window,
    /// The table's row "new root area".
    pub new_area: NewArea,
    /// The last part of the table's row "root written, popped or destroyed".
    pub destroyed: Destroyed,
    /// A write shades what it overwrites only once the window is closed.
    pub shade_old_after_window_only: bool,
    /// Something else copies a root to another in the window, and shades nothing.
    pub roots_copied_unshaded: bool,
}

/// A column of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Column {
    /// What the real collector reads.
    pub rules: Rules,
    /// What it has no choice in.
    pub beside: Beside,
}

impl Column {
    /// A policy, as the design has it.
    pub fn of<P: Policy>() -> Column {
        let new_area = match P::RULES.root_write {
            RootWrite::NoteDirty => NewArea::Dirty,
            RootWrite::ShadeNewInWindow => NewArea::ScannedInWindow,
            _ => NewArea::Black,
        };
        let beside = Beside {
            order: Order::Any,
            window: Window::Flag,
            new_area,
            destroyed: Destroyed::Shaded,
            shade_old_after_window_only: false,
            roots_copied_unshaded: false,
        };
        Column { rules: P::RULES, beside }
    }

    /// The same, as the real collector goes about it.
    pub fn as_collected(mut self) -> Column {
        self.beside.order = Order::RootsFirst;
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
    /// The policy that it is, or is made of.
    pub policy: &'static str,
    /// What is different.
    pub change: &'static str,
    /// The rules.
    pub column: Column,
}

impl core::fmt::Display for Named {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(&[self.policy, self.change].join(if self.change.is_empty() { "" } else { " " }))
    }
}

fn named(policy: &'static str, change: &'static str, column: Column) -> Named {
    Named { policy, change, column }
}

/// What must be sound: the table, and variants of it.
pub fn sound() -> Vec<Named> {
    let table = [
        named("stop-the-world", "", Column::of::<StopTheWorld>()),
        named("insertion", "", Column::of::<Insertion>()),
        named("deletion", "", Column::of::<Deletion>()),
        named("hybrid", "", Column::of::<Hybrid>()),
        named("watermark", "", Column::of::<Watermark>()),
    ];
    let late = Column::of::<Hybrid>().but(|b| b.shade_old_after_window_only = true);
    let mut all = table.to_vec();
    all.push(named("hybrid", "that shades the old value only after the window", late));
    for Named { policy, column, .. } in table.into_iter().skip(1) {
        all.push(named(policy, "as collected: roots first", column.as_collected()));
    }
    all
}

/// What must lose an object: the second list of the design, then the other rules of the table, each taken out.
pub fn broken() -> Vec<Named> {
    let insertion = Column::of::<Insertion>();
    let deletion = Column::of::<Deletion>();
    let hybrid = Column::of::<Hybrid>();
    let watermark = Column::of::<Watermark>();
    let nothing = deletion.with(|r| {
        r.shade_old = false;
        r.whole_object = WholeObject::Nothing;
    });
    vec![
        named("no barrier", "", nothing),
        named("insertion", "without the rescan", insertion.with(|r| r.rescan_dirty_roots = false)),
        named(
            "insertion",
            "with scan-before in place of grey-again",
            insertion.with(|r| r.whole_object = WholeObject::ScanBefore),
        ),
        named("deletion", "with roots scanned one at a time", deletion.with(|r| r.roots = Roots::BitByBit)),
        named("hybrid", "without the `new` half", hybrid.with(|r| r.shade_new = New::Leave)),
        named("hybrid", "without the rule for writes to roots", hybrid.with(|r| r.root_write = RootWrite::Nothing)),
        named("hybrid", "with white allocation", hybrid.with(|r| r.birth = Birth::White)),
        named("hybrid", "with black allocation in the window", hybrid.with(|r| r.birth = Birth::BlackInWindowToo)),
        named("hybrid", "with a derived window", hybrid.but(|b| b.window = Window::Derived)),
        named(
            "hybrid",
            "with scan-before alone in the window",
            hybrid.with(|r| r.whole_object = WholeObject::ScanBefore),
        ),
        named("hybrid", "with roots copied unshaded in the window", hybrid.but(|b| b.roots_copied_unshaded = true)),
        named("deletion", "with an upgrade that does not shade", deletion.with(|r| r.upgrade_shades = false)),
        named("hybrid", "with an upgrade that does not shade", hybrid.with(|r| r.upgrade_shades = false)),
        named("watermark", "with an upgrade that does not shade", watermark.with(|r| r.upgrade_shades = false)),
        named(
            "watermark",
            "without the shade on pop",
            watermark.with(|r| r.root_write = RootWrite::ShadeOldIfUnscannedButNotOnPop),
        ),
        named("watermark", "without the shade on destroy", watermark.but(|b| b.destroyed = Destroyed::Forgotten)),
        // From here on: not in the design's list, but every other cell of the table has its reason too.
        named("insertion", "without the shade", insertion.with(|r| r.shade_new = New::Leave)),
        named("insertion", "without the notes what is dirty", insertion.with(|r| r.root_write = RootWrite::Nothing)),
        named("insertion", "with black allocation", insertion.with(|r| r.birth = Birth::Black)),
        named("insertion", "with black new areas", insertion.but(|b| b.new_area = NewArea::Black)),
        named("insertion", "without grey-again", insertion.with(|r| r.whole_object = WholeObject::Nothing)),
        named("deletion", "without the shade", deletion.with(|r| r.shade_old = false)),
        named("deletion", "with white allocation", deletion.with(|r| r.birth = Birth::White)),
        named("deletion", "without scan-before", deletion.with(|r| r.whole_object = WholeObject::Nothing)),
        named("hybrid", "without the old half", hybrid.with(|r| r.shade_old = false)),
        named("hybrid", "with black new areas in the window", hybrid.but(|b| b.new_area = NewArea::Black)),
        named("hybrid", "without scan-before", hybrid.with(|r| r.whole_object = WholeObject::GreyAgain)),
        named("watermark", "without the shade", watermark.with(|r| r.shade_old = false)),
        named("watermark", "without the rule for writes", watermark.with(|r| r.root_write = RootWrite::Nothing)),
        named("watermark", "with white allocation", watermark.with(|r| r.birth = Birth::White)),
        named("watermark", "without scan-before", watermark.with(|r| r.whole_object = WholeObject::Nothing)),
    ]
}

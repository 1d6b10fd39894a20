//! Lost objects: the rules of the table removed, one at a time. Each test shows the program that loses an object
//! without the rule; `programs` shows that the same program loses nothing with it, under each policy.
//!
//! The policies here exist in tests only. After a loss a pointer dangles, which no program follows (see `programs`).

use grisaille::barrier::rules::{Birth, OnlyInTests, Policy, RootWrite, Roots, Rules, ShadeNew, WholeObject, Window};
use grisaille::{Barrier, Deletion, Hybrid, Insertion, RootsFirst, Watermark};

use crate::programs::{From, To, losses, moved, moved_from_last_root, passed_through_a_stack, upgraded};

/// A policy that is another one but for some rules.
macro_rules! broken {
    ($name:ident: $base:ident { $($rule:ident: $value:expr),* }) => {
        enum $name {}
        // SAFETY: unsound on purpose. The programs of these tests look at nothing that it may lose.
        unsafe impl Policy for $name {
            const RULES: Rules = Rules { $($rule: $value,)* ..<$base as Policy>::RULES };
        }
        impl Barrier for $name {
            const NAME: &'static str = stringify!($name);
        }
    };
}

/// The move loses something under the broken policy, and nothing under the sound one.
fn loses<Broken: Barrier, Sound: Barrier>(from: From, to: To) {
    let lost = losses(|before, taken| moved::<Broken>(from, to, before, taken));
    assert!(!lost.is_empty(), "{from:?} -> {to:?} is fine without the rule");
    let lost = losses(|before, taken| moved::<Sound>(from, to, before, taken));
    assert!(lost.is_empty(), "{from:?} -> {to:?} under {}: {lost:#?}", Sound::NAME);
}

fn loses_upgraded<Broken: Barrier, Sound: Barrier>(to: To) {
    assert!(!losses(|before, _| upgraded::<Broken>(to, before)).is_empty(), "{to:?} is fine without the rule");
    assert!(losses(|before, _| upgraded::<Sound>(to, before)).is_empty());
}

fn loses_from_last_root<Broken: Barrier, Sound: Barrier>(lock: bool) {
    assert!(
        !losses(|before, _| moved_from_last_root::<Broken>(lock, before)).is_empty(),
        "it is fine without the rule"
    );
    assert!(losses(|before, _| moved_from_last_root::<Sound>(lock, before)).is_empty());
}

#[test]
fn without_a_barrier() {
    broken!(NoBarrier: RootsFirst {
        roots: Roots::InOnePauseAtTheStart,
        window: Window::Never,
        shade_old: false,
        shade_new: ShadeNew::Never,
        birth: Birth::Black,
        root_write: RootWrite::Nothing,
        whole_object: WholeObject::Nothing
    });
    loses::<NoBarrier, RootsFirst>(From::Slot, To::Slot);
    loses::<NoBarrier, RootsFirst>(From::Slot, To::Local);
    loses::<NoBarrier, RootsFirst>(From::Slot, To::Pushed);
}

#[test]
fn insertion_without_its_barrier() {
    broken!(Broken: Insertion { shade_new: ShadeNew::Never });
    loses::<Broken, Insertion>(From::Slot, To::Slot);
}

#[test]
fn insertion_without_the_rescan() {
    broken!(Broken: Insertion { rescan_dirty_roots: false });
    for to in [To::Local, To::NewObject, To::NewRoot, To::RootSet, To::Pushed, To::NewStack, To::Overwritten, To::Cells]
    {
        loses::<Broken, Insertion>(From::Slot, to);
    }
}

#[test]
fn insertion_without_the_notes_what_is_dirty() {
    broken!(Broken: Insertion { root_write: RootWrite::Nothing });
    for to in [To::RootSet, To::Overwritten, To::Cells] {
        loses::<Broken, Insertion>(From::Slot, to);
    }
}

#[test]
fn insertion_with_scan_before_in_place_of_grey_again() {
    broken!(Broken: Insertion { whole_object: WholeObject::ScanBefore });
    loses::<Broken, Insertion>(From::Slot, To::Lock);
}

#[test]
fn insertion_with_black_allocation() {
    broken!(Broken: Insertion { birth: Birth::Black });
    loses::<Broken, Insertion>(From::Slot, To::NewObject);
}

#[test]
fn deletion_without_its_barrier() {
    broken!(Broken: Deletion { shade_old: false });
    loses::<Broken, Deletion>(From::Slot, To::Slot);
    loses::<Broken, Deletion>(From::Slot, To::Local);
}

#[test]
fn deletion_with_roots_scanned_one_at_a_time() {
    broken!(Broken: Deletion { roots: Roots::BitByBit });
    for from in [From::Popped, From::Truncated, From::Overwritten, From::Cells, From::RootSet] {
        loses::<Broken, Deletion>(from, To::Local);
    }
    loses::<Broken, Deletion>(From::Popped, To::Pushed);
    loses::<Broken, Deletion>(From::ScopeEnded, To::NewRoot);
}

#[test]
fn deletion_with_white_allocation() {
    broken!(Broken: Deletion { birth: Birth::White });
    loses::<Broken, Deletion>(From::Slot, To::NewObject);
}

#[test]
fn deletion_without_scan_before() {
    broken!(Broken: Deletion { whole_object: WholeObject::Nothing });
    loses::<Broken, Deletion>(From::Lock, To::Local);
}

#[test]
fn deletion_with_an_upgrade_that_does_not_shade() {
    broken!(Broken: Deletion { upgrade_shades: false });
    loses_upgraded::<Broken, Deletion>(To::Local);
}

#[test]
fn roots_first_without_the_old_half() {
    broken!(Broken: RootsFirst { shade_old: false });
    loses::<Broken, RootsFirst>(From::Slot, To::Slot);
    loses::<Broken, RootsFirst>(From::Slot, To::Pushed);
}

/// The heap needs no barrier in the window because nothing is black in it. For those who trace meanwhile there are
/// Go's rules.
#[test]
fn roots_first_that_traces_in_the_window() {
    broken!(Broken: RootsFirst { only_in_tests: OnlyInTests { traces_in_window: true, ..OnlyInTests::NONE } });
    loses::<Broken, RootsFirst>(From::Popped, To::Slot);
    loses::<Broken, RootsFirst>(From::Popped, To::Lock);
    loses::<Broken, RootsFirst>(From::RootSet, To::Slot);
    loses_upgraded::<Broken, RootsFirst>(To::Slot);
}

#[test]
fn roots_first_whose_window_never_opens() {
    broken!(Broken: RootsFirst { window: Window::Never });
    loses::<Broken, RootsFirst>(From::Popped, To::Lock);
}

/// Go's issue 17694.
#[test]
fn roots_first_without_the_rule_for_writes_to_roots() {
    broken!(Broken: RootsFirst { root_write: RootWrite::Nothing });
    loses::<Broken, RootsFirst>(From::Popped, To::Pushed);
    for to in [To::Local, To::NewRoot, To::RootSet, To::Pushed, To::Overwritten, To::Cells] {
        loses::<Broken, RootsFirst>(From::Overwritten, to);
    }
    loses::<Broken, RootsFirst>(From::RootSet, To::Local);
}

#[test]
fn roots_first_with_white_allocation() {
    broken!(Broken: RootsFirst { birth: Birth::White });
    loses::<Broken, RootsFirst>(From::Slot, To::NewObject);
}

#[test]
fn roots_first_with_black_allocation_in_the_window() {
    broken!(Broken: RootsFirst { only_in_tests: OnlyInTests { black_in_window: true, ..OnlyInTests::NONE } });
    loses::<Broken, RootsFirst>(From::Popped, To::NewObject);
}

#[test]
fn roots_first_without_scan_before() {
    broken!(Broken: RootsFirst { whole_object: WholeObject::Nothing });
    loses::<Broken, RootsFirst>(From::Lock, To::Local);
}

#[test]
fn roots_first_with_grey_again_in_place_of_scan_before() {
    broken!(Broken: RootsFirst { whole_object: WholeObject::GreyAgain });
    loses::<Broken, RootsFirst>(From::Lock, To::Local);
}

#[test]
fn roots_first_with_an_upgrade_that_does_not_shade() {
    broken!(Broken: RootsFirst { upgrade_shades: false });
    loses_upgraded::<Broken, RootsFirst>(To::Local);
}

#[test]
fn hybrid_without_the_old_half() {
    broken!(Broken: Hybrid { shade_old: false });
    loses_from_last_root::<Broken, Hybrid>(false);
}

/// While roots are unscanned, what is popped from one of them is known to the collector by the store alone.
#[test]
fn hybrid_without_the_new_half() {
    broken!(Broken: Hybrid { shade_new: ShadeNew::Never });
    loses::<Broken, Hybrid>(From::Popped, To::Slot);
    loses::<Broken, Hybrid>(From::RootSet, To::Slot);
}

/// The window is over when the last root is scanned, not when there is none left to scan: what was popped from the last
/// one is in a register.
#[test]
fn hybrid_whose_window_is_derived() {
    broken!(Broken: Hybrid { only_in_tests: OnlyInTests { window_is_derived: true, ..OnlyInTests::NONE } });
    loses::<Broken, Hybrid>(From::Truncated, To::Slot);
}

#[test]
fn hybrid_whose_window_never_opens() {
    broken!(Broken: Hybrid { window: Window::Never });
    loses::<Broken, Hybrid>(From::Popped, To::Lock);
    loses::<Broken, Hybrid>(From::Popped, To::NewObject);
}

#[test]
fn hybrid_without_the_rule_for_writes_to_roots() {
    broken!(Broken: Hybrid { root_write: RootWrite::Nothing });
    loses::<Broken, Hybrid>(From::Popped, To::Pushed);
    for to in [To::Local, To::NewRoot, To::RootSet, To::Pushed, To::Overwritten, To::Cells] {
        loses::<Broken, Hybrid>(From::Overwritten, to);
    }
    loses::<Broken, Hybrid>(From::RootSet, To::Local);
}

#[test]
fn hybrid_with_white_allocation() {
    broken!(Broken: Hybrid { birth: Birth::White });
    loses::<Broken, Hybrid>(From::Slot, To::NewObject);
}

#[test]
fn hybrid_with_black_birth_whose_initial_pointers_are_not_counted() {
    broken!(Broken: Hybrid { only_in_tests: OnlyInTests { black_in_window: true, ..OnlyInTests::NONE } });
    loses::<Broken, Hybrid>(From::Popped, To::NewObject);
}

#[test]
fn hybrid_with_scan_before_alone() {
    broken!(Broken: Hybrid { whole_object: WholeObject::ScanBefore });
    loses::<Broken, Hybrid>(From::Popped, To::Lock);
}

#[test]
fn hybrid_with_grey_again_alone() {
    broken!(Broken: Hybrid { whole_object: WholeObject::GreyAgain });
    loses_from_last_root::<Broken, Hybrid>(true);
}

#[test]
fn hybrid_with_an_upgrade_that_does_not_shade() {
    broken!(Broken: Hybrid { upgrade_shades: false });
    loses_upgraded::<Broken, Hybrid>(To::Local);
}

#[test]
fn watermark_without_its_barrier() {
    broken!(Broken: Watermark { shade_old: false });
    loses::<Broken, Watermark>(From::Slot, To::Local);
}

#[test]
fn watermark_without_the_shade_on_pop() {
    broken!(Broken: Watermark { only_in_tests: OnlyInTests { pops_unshaded: true, ..OnlyInTests::NONE } });
    loses::<Broken, Watermark>(From::Popped, To::Pushed);
    loses::<Broken, Watermark>(From::Truncated, To::Local);
    loses::<Broken, Watermark>(From::ScopeEnded, To::NewStack);
    let lost = losses(|before, _| passed_through_a_stack::<Broken>(before, 0));
    assert!(!lost.is_empty());
}

#[test]
fn watermark_without_the_rule_for_writes_to_roots() {
    broken!(Broken: Watermark { root_write: RootWrite::Nothing });
    for from in [From::Popped, From::Truncated, From::Overwritten, From::Cells, From::RootSet] {
        loses::<Broken, Watermark>(from, To::Local);
    }
}

#[test]
fn watermark_with_white_allocation() {
    broken!(Broken: Watermark { birth: Birth::White });
    loses::<Broken, Watermark>(From::Slot, To::NewObject);
}

#[test]
fn watermark_without_scan_before() {
    broken!(Broken: Watermark { whole_object: WholeObject::Nothing });
    loses::<Broken, Watermark>(From::Lock, To::Local);
}

#[test]
fn watermark_with_an_upgrade_that_does_not_shade() {
    broken!(Broken: Watermark { upgrade_shades: false });
    loses_upgraded::<Broken, Watermark>(To::Local);
}

//! What can be written through does not change its type: a short-lived pointer could be written through a short view
//! and read through a long one.
use grisaille::{Gc, Guardian, Lock, RefLock, Persistent, Slot, StackView};

fn slot<'long: 'short, 'short>(slot: &'short Slot<Gc<'long, u64>>) -> &'short Slot<Gc<'short, u64>> {
    slot
}

fn slot_grows<'long: 'short, 'short>(slot: &'short Slot<Gc<'short, u64>>) -> &'short Slot<Gc<'long, u64>> {
    slot
}

fn lock<'long: 'short, 'short>(lock: Gc<'short, Lock<Gc<'long, u64>>>) -> Gc<'short, Lock<Gc<'short, u64>>> {
    lock
}

fn ref_lock<'long: 'short, 'short>(lock: Gc<'short, RefLock<Gc<'long, u64>>>) -> Gc<'short, RefLock<Gc<'short, u64>>> {
    lock
}

fn root<'short>(root: &'short Persistent<Gc<'static, u64>>) -> &'short Persistent<Gc<'short, u64>> {
    root
}

fn view<'v, 's, 'short>(view: StackView<'v, 's, Gc<'static, u64>>) -> StackView<'v, 's, Gc<'short, u64>> {
    view
}

fn view_of_a_shorter_scope<'v, 'long: 'short, 'short>(view: StackView<'v, 'long, u64>) -> StackView<'v, 'short, u64> {
    view
}

struct Holder<F>(F);

fn guardian(guardian: &Guardian<Holder<for<'x> fn(&'x str)>>) -> &Guardian<Holder<fn(&'static str)>> {
    guardian
}

fn main() {}

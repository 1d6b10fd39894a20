//! What holds a slot does not shrink its lifetime: a short-lived pointer could be written through the short view.
use grisaille::{Gc, Slot};

fn shrink<'long: 'short, 'short>(slot: &'short Slot<Gc<'long, u64>>) -> &'short Slot<Gc<'short, u64>> {
    slot
}

fn grow<'long: 'short, 'short>(slot: &'short Slot<Gc<'short, u64>>) -> &'short Slot<Gc<'long, u64>> {
    slot
}

fn main() {}

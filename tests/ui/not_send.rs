//! What may not be sent, and what may not be shared.
use grisaille::{Gc, Heap, Rooted, Mutator, Out, Slot, StackView, Weak};

fn send<T: Send>() {}
fn share<T: Sync>() {}

fn main() {
    send::<Gc<'static, u64>>();
    share::<Gc<'static, u64>>();
    send::<Rooted<'static, u64>>();
    send::<Weak<'static, u64>>();
    send::<StackView<'static, 'static, u64>>();
    send::<Mutator<'static>>();
    share::<Mutator<'static>>();
    send::<Out<'static, 'static>>();
    share::<Slot<u64>>();
    share::<Heap>();
}

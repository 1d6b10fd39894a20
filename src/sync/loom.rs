//! loom's types in the place of std's, a channel made of them, and weakened atomics: see [`Weakness`].

use core::cell::Cell;
use core::marker::PhantomData;

pub(crate) use ::loom::sync::Arc;
pub(crate) use ::loom::thread;

/// Mutation tests of the memory orderings: each weakens one atomic operation; the model test must then fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(not(test), expect(dead_code))]
pub(crate) enum Weakness {
    None,
    /// An exchange that succeeds releases nothing.
    NoRelease,
    /// A load acquires nothing.
    NoAcquireOnLoad,
    /// An exchange that fails acquires nothing.
    NoAcquireOnFailure,
    /// A fence does nothing.
    NoFence,
    /// An exchange is a load, and then a store.
    TwoSteps,
    /// The exchange of these two states succeeds without a comparison.
    Blind(u8, u8),
    /// The exchange of these two states is not tried, and fails.
    Refused(u8, u8),
}

#[cfg(test)]
pub(crate) mod model;

// loom's threads are coroutines of one thread: they share std's thread-locals.
std::thread_local! {
    static WEAKNESS: Cell<Weakness> = const { Cell::new(Weakness::None) };
}

/// Sets the weakness of the models that this thread runs.
#[cfg(test)]
pub(crate) fn weaken(weakness: Weakness) {
    WEAKNESS.set(weakness);
}

pub(crate) mod atomic {
    use super::{WEAKNESS, Weakness};
    use ::loom::sync::atomic as sound;
    pub(crate) use ::loom::sync::atomic::Ordering;

    pub(crate) fn fence(order: Ordering) {
        if WEAKNESS.get() != Weakness::NoFence {
            sound::fence(order);
        }
    }

    pub(crate) struct AtomicUsize(sound::AtomicUsize);

    impl AtomicUsize {
        pub fn new(value: usize) -> AtomicUsize {
            AtomicUsize(sound::AtomicUsize::new(value))
        }

        pub fn store(&self, value: usize, order: Ordering) {
            self.0.store(value, order);
        }

        pub fn fetch_add(&self, more: usize, order: Ordering) -> usize {
            self.0.fetch_add(more, order)
        }

        pub fn fetch_sub(&self, less: usize, order: Ordering) -> usize {
            self.0.fetch_sub(less, if WEAKNESS.get() == Weakness::NoRelease { Ordering::Relaxed } else { order })
        }
    }

    pub(crate) struct AtomicU8(sound::AtomicU8);

    impl AtomicU8 {
        pub fn new(value: u8) -> AtomicU8 {
            AtomicU8(sound::AtomicU8::new(value))
        }

        pub fn load(&self, order: Ordering) -> u8 {
            self.0.load(if WEAKNESS.get() == Weakness::NoAcquireOnLoad { Ordering::Relaxed } else { order })
        }

        pub fn swap(&self, value: u8, order: Ordering) -> u8 {
            match WEAKNESS.get() {
                Weakness::NoRelease => self.0.swap(value, Ordering::Acquire),
                Weakness::TwoSteps => {
                    let found = self.0.load(Ordering::Acquire);
                    self.0.store(value, Ordering::Release);
                    found
                }
                _ => self.0.swap(value, order),
            }
        }

        pub fn compare_exchange(&self, from: u8, to: u8, success: Ordering, failure: Ordering) -> Result<u8, u8> {
            match WEAKNESS.get() {
                Weakness::NoRelease => self.0.compare_exchange(from, to, Ordering::Acquire, failure),
                Weakness::NoAcquireOnFailure => self.0.compare_exchange(from, to, success, Ordering::Relaxed),
                Weakness::TwoSteps => {
                    let found = self.0.load(failure);
                    if found != from {
                        return Err(found);
                    }
                    self.0.store(to, Ordering::Release);
                    Ok(found)
                }
                Weakness::Blind(f, t) if (f, t) == (from, to) => Ok(self.0.swap(to, success)),
                Weakness::Refused(f, t) if (f, t) == (from, to) => Err(self.0.load(failure)),
                _ => self.0.compare_exchange(from, to, success, failure),
            }
        }
    }
}

/// std's bounded channel, as far as this crate uses it, with what its documentation promises: messages arrive in order
/// and publish what was done before they were sent; a full channel refuses them; a waiting receiver is woken; the
/// channel is closed when its sender is gone. (loom's own channel is never closed, and has no bound.)
pub(crate) mod mpsc {
    use ::loom::sync::{Arc, Condvar, Mutex};
    use std::collections::VecDeque;

    struct Channel<T> {
        room: usize,
        state: Mutex<State<T>>,
        changed: Condvar,
    }

    struct State<T> {
        messages: VecDeque<T>,
        closed: bool,
        /// Whether no one will receive any more.
        ended: bool,
    }

    #[cfg(test)]
    std::thread_local! {
        /// How often a receiver went to sleep.
        pub(crate) static SLEEPS: core::cell::Cell<usize> = const { core::cell::Cell::new(0) };
    }

    pub(crate) struct SyncSender<T>(Arc<Channel<T>>);
    pub(crate) struct Receiver<T>(Arc<Channel<T>>);

    pub(crate) fn sync_channel<T>(room: usize) -> (SyncSender<T>, Receiver<T>) {
        let state = Mutex::new(State { messages: VecDeque::new(), closed: false, ended: false });
        let channel = Arc::new(Channel { room, state, changed: Condvar::new() });
        (SyncSender(channel.clone()), Receiver(channel))
    }

    impl<T> SyncSender<T> {
        pub fn try_send(&self, message: T) -> Result<(), T> {
            let mut state = self.0.state.lock().unwrap();
            if state.ended || state.messages.len() == self.0.room {
                return Err(message);
            }
            state.messages.push_back(message);
            self.0.changed.notify_all();
            Ok(())
        }

        /// Closes the channel, and waits until the receiver is gone: a model ends when its threads have.
        #[cfg(test)]
        pub fn close(&self) {
            let mut state = self.0.state.lock().unwrap();
            state.closed = true;
            self.0.changed.notify_all();
            while !state.ended {
                state = self.0.changed.wait(state).unwrap();
            }
        }
    }

    impl<T> Drop for SyncSender<T> {
        fn drop(&mut self) {
            self.0.state.lock().unwrap().closed = true;
            self.0.changed.notify_all();
        }
    }

    impl<T> Iterator for Receiver<T> {
        type Item = T;

        fn next(&mut self) -> Option<T> {
            let mut state = self.0.state.lock().unwrap();
            while state.messages.is_empty() && !state.closed {
                #[cfg(test)]
                SLEEPS.set(SLEEPS.get() + 1);
                state = self.0.changed.wait(state).unwrap();
            }
            state.messages.pop_front()
        }
    }

    impl<T> Drop for Receiver<T> {
        fn drop(&mut self) {
            self.0.state.lock().unwrap().ended = true;
            self.0.changed.notify_all();
        }
    }
}

/// A value of one execution of a model: loom drops it when the main thread has ended. No execution forks.
pub(crate) struct PerProcess<T>(::loom::lazy_static::Lazy<Option<T>>);

impl<T: 'static> PerProcess<T> {
    pub const fn new(init: fn() -> Option<T>) -> PerProcess<T> {
        PerProcess(::loom::lazy_static::Lazy { init, _p: PhantomData })
    }

    pub fn get(&'static self) -> Option<&'static T> {
        self.0.get().as_ref()
    }
}

/// A thread-local cell of loom's threads, with the shorthands that std's has.
pub(crate) struct LocalCell<T: 'static>(::loom::thread::LocalKey<Cell<T>>);

impl<T: Copy> LocalCell<T> {
    pub const fn new(init: fn() -> Cell<T>) -> LocalCell<T> {
        LocalCell(::loom::thread::LocalKey { init, _p: PhantomData })
    }

    pub fn get(&'static self) -> T {
        self.0.with(Cell::get)
    }

    pub fn set(&'static self, value: T) {
        self.0.with(|cell| cell.set(value));
    }

    pub fn replace(&'static self, value: T) -> T {
        self.0.with(|cell| cell.replace(value))
    }
}

macro_rules! local_cells {
    ($($(#[$doc:meta])* static $name:ident: Cell<$type:ty> = const { $init:expr };)*) => {
        $($(#[$doc])* static $name: $crate::sync::LocalCell<$type> = $crate::sync::LocalCell::new(|| $init);)*
    };
}
pub(crate) use local_cells as thread_local;

/// Reports touches of blocks to loom: each block has two cells that hold nothing, one for the fields of its front that
/// never change while it is taken, one for all else (I7).
pub(crate) mod watch {
    use ::loom::cell::UnsafeCell;
    use core::cell::{Cell, RefCell};
    use std::collections::BTreeMap;
    use std::rc::Rc;

    /// Bytes of a block: `space::block` asserts that this is the same.
    pub(crate) const BLOCK_SIZE: usize = 32 * 1024;

    #[derive(Default)]
    struct Watch {
        front: UnsafeCell<()>,
        body: UnsafeCell<()>,
    }

    impl Watch {
        fn writes_all(&self) {
            self.front.with_mut(|_| ());
            self.body.with_mut(|_| ());
        }
    }

    std::thread_local! {
        /// The cells by block address. loom's threads share them.
        static BLOCKS: RefCell<BTreeMap<usize, Rc<Watch>>> = const { RefCell::new(BTreeMap::new()) };
    }

    fn watch(block: usize) -> Rc<Watch> {
        BLOCKS.with_borrow(|blocks| blocks.get(&block).expect("memory is touched that has gone back").clone())
    }

    pub(crate) fn reads_front(block: usize) {
        watch(block).front.with(|_| ());
    }

    pub(crate) fn writes_body(block: usize) {
        watch(block).body.with_mut(|_| ());
    }

    pub(crate) fn taken(base: usize, bytes: usize) {
        for block in (base..base + bytes).step_by(BLOCK_SIZE) {
            let watch = BLOCKS.with_borrow_mut(|blocks| blocks.entry(block).or_default().clone());
            watch.writes_all();
        }
    }

    #[cfg(test)]
    std::thread_local! {
        /// The name of the thread that freed memory last.
        pub(crate) static FREED_BY: RefCell<Option<String>> = const { RefCell::new(None) };
    }

    /// Reports that memory is freed: every touch of it must have been before.
    pub(crate) fn freed(base: usize, bytes: usize) {
        #[cfg(test)]
        FREED_BY.replace(Some(super::thread::current().name().unwrap_or_default().into()));
        let gone = BLOCKS.with_borrow_mut(|blocks| {
            let mut gone = blocks.split_off(&base);
            blocks.append(&mut gone.split_off(&(base + bytes)));
            gone
        });
        for watch in gone.values() {
            watch.writes_all();
        }
    }

    /// Memory outside of blocks, whose touches are reported to loom.
    pub(crate) struct Touched(UnsafeCell<()>);

    impl Touched {
        pub fn new() -> Touched {
            Touched(UnsafeCell::new(()))
        }

        pub fn reads(&self) {
            self.0.with(|_| ());
        }

        pub fn writes(&self) {
            self.0.with_mut(|_| ());
        }
    }

    /// A field of a block's front that belongs to the block's body.
    pub(crate) struct Watched<T>(Cell<T>);

    impl<T: Copy> Watched<T> {
        pub fn new(value: T) -> Watched<T> {
            Watched(Cell::new(value))
        }

        fn touched(&self) -> &Cell<T> {
            writes_body(core::ptr::from_ref(self).addr() & !(BLOCK_SIZE - 1));
            &self.0
        }

        pub fn get(&self) -> T {
            self.touched().get()
        }

        pub fn set(&self, value: T) {
            self.touched().set(value);
        }
    }
}

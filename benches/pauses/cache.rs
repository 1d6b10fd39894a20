//! The program that is interrupted: a cache whose entries form a ring, and a deep stack.
//!
//! A table (one large array) names all entries. A doubly linked ring, as a cache keeps one to know which entry was used
//! last, goes through all of them; both are in random order. The lower part of a [`Stack`](grisaille::Stack) holds
//! entries too: slot `i` the `i`-th of the table, for as many as there are, and nothing above. So exactly what the
//! table names lives, however long the program runs.
//!
//! A unit of work replaces a random entry by a new one elsewhere in the ring: seven writes with a barrier, and about as
//! many cache misses where the heap is large. Every other unit takes an entry that the stack names, and writes the
//! stack's slot. Then [`CALL`] short-lived objects are allocated, pushed, and popped again. So the program allocates
//! some 500 MB/s, which is much: one that allocates less is interrupted less often, and no shorter.

use grisaille::{Array, Barrier, Gc, Mutator, Rooted, Slot, StackView, Trace};

/// Short-lived objects of a unit of work.
const CALL: usize = 31;
/// Bytes of a live entry: the object with its header, and its place in the table.
const ENTRY: usize = size_of::<Entry<'static>>() + 8 + 8;
/// Bytes that a unit of work allocates.
pub const UNIT: usize = (CALL + 1) * (size_of::<Entry<'static>>() + 8);

/// An entry of the table, or garbage that a call leaves behind.
#[derive(Trace)]
pub struct Entry<'gc> {
    before: Slot<Option<EntryRef<'gc>>>,
    after: Slot<Option<EntryRef<'gc>>>,
    key: u64,
}

/// A pointer to an entry.
type EntryRef<'gc> = Gc<'gc, Entry<'gc>>;
/// The table of all entries.
type Table<'gc> = Array<'gc, Slot<Option<EntryRef<'gc>>>>;
/// The type of the stack's slots.
pub type Value = Option<EntryRef<'static>>;

/// The random generator that picks entries.
struct Random(u64);

impl Random {
    /// Returns a number below `bound`.
    #[inline(always)]
    fn below(&mut self, bound: usize) -> usize {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((u128::from(self.0) * bound as u128) >> 64) as usize
    }
}

/// Visits all numbers below a bound once, in an order that looks random: a full-period congruence modulo a power of
/// two, from which numbers beyond the bound are left out.
struct Order {
    at: usize,
    factor: usize,
    bound: usize,
}

impl Order {
    /// Makes the order of the numbers below `bound`; the factor is one more than a multiple of four.
    fn new(bound: usize, factor: usize) -> Order {
        Order { at: 0, factor, bound }
    }

    fn next(&mut self) -> usize {
        let mask = self.bound.next_power_of_two() - 1;
        loop {
            self.at = self.at.wrapping_mul(self.factor).wrapping_add(1_442_695_040_888_963_407) & mask;
            if self.at < self.bound {
                return self.at;
            }
        }
    }
}

/// The program's state.
pub struct Cache<'s> {
    table: Rooted<'s, Table<'s>>,
    len: usize,
    random: Random,
    units: usize,
}

impl<'s> Cache<'s> {
    /// Makes a cache of so many bytes, without a safepoint: the heap grows, and does not collect.
    pub fn new<B: Barrier>(cx: &Mutator<'s, B>, bytes: usize) -> Cache<'s> {
        let len = (bytes / ENTRY).max(8);
        let table: Table<'_> = cx.alloc_array(len, |_| Slot::new(None));
        let entries = table.as_slice();
        // Neighbours in memory are neighbours neither in the table nor in the ring, as after a while of use.
        let mut order = Order::new(len, 3_935_559_000_370_003_845);
        for key in 0..len as u64 {
            let entry = cx.alloc(Entry { before: Slot::new(None), after: Slot::new(None), key });
            entries[order.next()].set(cx, Some(entry));
        }
        let mut order = Order::new(len, 6_364_136_223_846_793_005);
        let mut entry = entries[order.next()].get().unwrap();
        for _ in 0..len {
            let after = entries[order.next()].get().unwrap();
            entry.after.set(cx, Some(after));
            after.before.set(cx, Some(entry));
            entry = after;
        }
        Cache { table: cx.root(table), len, random: Random(0x9E37_79B9_7F4A_7C15), units: 0 }
    }

    /// Makes the stack `slots` deep.
    pub fn fill<B: Barrier>(&self, cx: &Mutator<'s, B>, stack: &mut StackView<'_, '_, Value>, slots: usize) {
        let entries = self.table.get(cx).as_slice();
        stack.truncate(cx, 0);
        for slot in 0..slots {
            stack.push(cx, entries.get(slot).and_then(Slot::get));
        }
    }

    /// Does a unit of work, with a safepoint at its end.
    #[inline(never)]
    pub fn work<B: Barrier>(&mut self, cx: &mut Mutator<'s, B>, stack: &mut StackView<'_, '_, Value>) {
        self.units += 1;
        let slots = stack.len();
        let entries = self.table.get(cx).as_slice();
        let at = self.random.below(if self.units.is_multiple_of(2) { self.len } else { self.len.min(slots) });
        let old = entries[at].get().unwrap();
        // The old entry leaves the ring.
        let (before, after) = (old.before.get().unwrap(), old.after.get().unwrap());
        before.after.set(cx, Some(after));
        after.before.set(cx, Some(before));
        // The new entry goes behind some other.
        let other = entries[self.random.below(self.len)].get().unwrap();
        let left = if Gc::ptr_eq(other, old) { before } else { other };
        let right = left.after.get().unwrap();
        let new = cx.alloc(Entry { before: Slot::new(Some(left)), after: Slot::new(Some(right)), key: old.key + 1 });
        left.after.set(cx, Some(new));
        right.before.set(cx, Some(new));
        old.before.set(cx, None);
        old.after.set(cx, None);
        entries[at].set(cx, Some(new));
        if at < slots {
            stack.set(cx, at, Some(new));
        }
        // A call.
        let mut argument = new;
        for key in 0..CALL as u64 {
            argument = cx.alloc(Entry { before: Slot::new(Some(argument)), after: Slot::new(None), key });
            stack.push(cx, Some(argument));
        }
        for _ in 0..CALL {
            stack.pop(cx);
        }
        cx.safepoint();
    }

    /// Allocates at least so many bytes of garbage, without a safepoint.
    pub fn waste<B: Barrier>(cx: &Mutator<'s, B>, bytes: usize) {
        for key in 0..(bytes / (size_of::<Entry<'static>>() + 8)) as u64 {
            cx.alloc(Entry { before: Slot::new(None), after: Slot::new(None), key });
        }
    }

    /// Returns whether the ring still goes through all entries and the stack agrees with the table.
    pub fn is_whole<B: Barrier>(&self, cx: &Mutator<'s, B>, stack: &StackView<'_, '_, Value>) -> bool {
        let entries = self.table.get(cx).as_slice();
        let first = entries[0].get().unwrap();
        let (mut at, mut length) = (first, 0);
        loop {
            let next = at.after.get().unwrap();
            length += 1;
            if !next.before.get().is_some_and(|before| Gc::ptr_eq(before, at)) || length > self.len {
                return false;
            }
            if Gc::ptr_eq(next, first) {
                break;
            }
            at = next;
        }
        length == self.len
            && (0..stack.len().min(self.len)).all(|slot| match (stack.at(cx, slot), entries[slot].get()) {
                (Some(a), Some(b)) => Gc::ptr_eq(a, b),
                _ => false,
            })
    }
}

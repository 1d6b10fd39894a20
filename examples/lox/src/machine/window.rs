//! The running frame's part of the value stack.

use std::cell::Cell;

use crate::value::Value;

/// The slots of the running frame, and how many of them are in use.
///
/// A window borrows the stack and the mutator, so it ends with its burst. Writes through it need no barrier: taking the
/// window counted as writing to all of it.
#[derive(Clone, Copy)]
pub struct Window<'a> {
    pub slots: &'a [Cell<Value<'a>>],
    pub top: usize,
}

impl<'a> Window<'a> {
    #[inline(always)]
    pub fn push(&mut self, value: Value<'a>) {
        self.slots[self.top].set(value);
        self.top += 1;
    }

    #[inline(always)]
    pub fn pop(&mut self) -> Value<'a> {
        self.top -= 1;
        self.slots[self.top].get()
    }

    #[inline(always)]
    pub fn drop(&mut self, count: usize) {
        self.top -= count;
    }

    /// Pops `count` values and pushes one: with 1, replaces the top.
    #[inline(always)]
    pub fn replace(&mut self, count: usize, value: Value<'a>) {
        self.top -= count - 1;
        self.slots[self.top - 1].set(value);
    }

    /// Pops two values, and returns whether they are equal.
    #[inline(always)]
    pub fn pop_equal(&mut self) -> bool {
        let equal = self.peek(1).equals(self.peek(0));
        self.drop(2);
        equal
    }

    /// Returns the value `distance` below the top one.
    #[inline(always)]
    pub fn peek(&self, distance: usize) -> Value<'a> {
        self.slots[self.top - 1 - distance].get()
    }

    /// Replaces the value `distance` below the top one.
    #[inline(always)]
    pub fn poke(&self, distance: usize, value: Value<'a>) {
        self.slots[self.top - 1 - distance].set(value);
    }

    #[inline(always)]
    pub fn get(&self, slot: u8) -> Value<'a> {
        self.slots[usize::from(slot)].get()
    }

    #[inline(always)]
    pub fn set(&self, slot: u8, value: Value<'a>) {
        self.slots[usize::from(slot)].set(value);
    }
}

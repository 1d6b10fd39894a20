//! [`Frame`]: the part of a scope or an open stack that lies on the Rust stack. [`Registers`]: unrooted pointers.

use grisaille::{Barrier, Mutator, Rooted, RootedCell, StackView};

use super::native::Callee;
use crate::object::Value;
use crate::shadow::Shade;

pub const REGISTERS: usize = 4;

/// A value and its shadow.
pub type Both<'a> = (Shade, Value<'a>);

/// Nil, of any lifetime.
pub const fn nil<'a>() -> Both<'a> {
    (None, Value::Nil)
}

/// A function that passes a value out of a scope, through its `Out`. Returns false when the heap is full.
pub type Keep<'k, 's, B> = &'k mut dyn FnMut(&Mutator<'s, B>, Value<'_>) -> bool;

/// A local: one that stays as it is, one that can be set, or a native that is or was called.
pub enum Local<'s> {
    Rooted(Rooted<'s, Value<'s>>),
    Cell(RootedCell<'s, Value<'s>>),
    Callee(Callee<'s>),
}

impl Local<'_> {
    pub fn get<'a, B: Barrier>(&self, cx: &'a Mutator<'_, B>) -> Value<'a> {
        match self {
            Local::Rooted(local) => local.get(cx),
            Local::Cell(local) => local.get(cx),
            Local::Callee(callee) => callee.get(cx),
        }
    }
}

/// The locals and open stacks of a scope and of those around it, whose lifetimes differ.
pub trait Locals<B: Barrier> {
    /// All locals, from the outermost scope in.
    fn locals<'a>(&self, cx: &'a Mutator<'_, B>, all: &mut Vec<Value<'a>>);

    /// Whether each local can be set, from the outermost scope in.
    fn can_be_set(&self, all: &mut Vec<bool>);

    /// Sets a local that can be set, by its number from the outermost scope in. Returns the number of locals.
    fn set_local<'a>(&self, cx: &'a Mutator<'_, B>, local: usize, value: Value<'a>) -> usize;

    /// The values of all open stacks, from the outermost in.
    fn viewed<'a>(&self, cx: &'a Mutator<'_, B>, all: &mut Vec<Value<'a>>);
}

pub struct Frame<'p, 's, B: Barrier> {
    pub outer: Option<&'p dyn Locals<B>>,
    pub locals: Vec<Local<'s>>,
    /// The stack that is open in the frame.
    pub view: Option<StackView<'p, 's, Value<'static>>>,
}

impl<B: Barrier> Frame<'_, '_, B> {
    pub fn outermost() -> Self {
        Frame { outer: None, locals: Vec::new(), view: None }
    }
}

impl<B: Barrier> Locals<B> for Frame<'_, '_, B> {
    fn locals<'a>(&self, cx: &'a Mutator<'_, B>, all: &mut Vec<Value<'a>>) {
        if let Some(outer) = self.outer {
            outer.locals(cx, all);
        }
        all.extend(self.locals.iter().map(|local| -> Value<'a> { local.get(cx) }));
    }

    fn can_be_set(&self, all: &mut Vec<bool>) {
        if let Some(outer) = self.outer {
            outer.can_be_set(all);
        }
        all.extend(self.locals.iter().map(|local| matches!(local, Local::Cell(_))));
    }

    fn set_local<'a>(&self, cx: &'a Mutator<'_, B>, local: usize, value: Value<'a>) -> usize {
        let base = self.outer.map_or(0, |outer| outer.set_local(cx, local, value));
        if let Some(Local::Cell(cell)) = local.checked_sub(base).and_then(|at| self.locals.get(at)) {
            cell.set(cx, value);
        }
        base + self.locals.len()
    }

    fn viewed<'a>(&self, cx: &'a Mutator<'_, B>, all: &mut Vec<Value<'a>>) {
        if let Some(outer) = self.outer {
            outer.viewed(cx, all);
        }
        if let Some(view) = &self.view {
            all.extend((0..view.len()).map(|at| -> Value<'a> { view.at(cx, at) }));
        }
    }
}

/// Unrooted pointers, the newest last. An object is in one of them at the most, so few objects are never forgotten.
pub struct Registers<'a> {
    pub values: [Both<'a>; REGISTERS],
}

impl<'a> Registers<'a> {
    pub const EMPTY: Registers<'a> = Registers { values: [nil(); REGISTERS] };

    pub fn newest(&self) -> Both<'a> {
        self.values[REGISTERS - 1]
    }

    pub fn put(&mut self, value: Both<'a>) {
        if value.0.is_none() {
            return;
        }
        let holds = |shade: Shade| self.values.iter().position(|value| value.0 == shade);
        let at = holds(value.0).or(holds(None)).unwrap_or(0);
        self.values[at..].rotate_left(1);
        self.values[REGISTERS - 1] = value;
    }
}

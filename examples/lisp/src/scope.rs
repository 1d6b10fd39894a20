//! What names mean within a procedure, while it is compiled.

use crate::error::{Error, Result};
use crate::value::Value;

#[derive(Clone, Copy)]
pub enum Binding<'a> {
    /// A variable, by its index in the frame.
    Variable(usize),
    Macro(Value<'a>),
}

/// What a name means.
pub enum Place<'a> {
    /// A variable: how many procedures further out, and its index.
    Variable(usize, usize),
    Global(usize),
    /// A special form or a macro.
    Syntax(Value<'a>),
}

/// The names that are bound in a procedure, and the fields of its frame.
pub struct Scope<'a> {
    names: Vec<(Value<'a>, Binding<'a>)>,
    next: usize,
    size: usize,
    closures: usize,
}

/// The state of a scope, to return to.
#[derive(Clone, Copy)]
pub struct Mark {
    names: usize,
    next: usize,
    closures: usize,
}

impl<'a> Scope<'a> {
    /// Makes the scope of a frame, whose first field is the frame around it.
    pub fn new() -> Self {
        Scope { names: Vec::new(), next: 1, size: 1, closures: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub fn size(&self) -> usize {
        self.size
    }

    /// Takes a field of the frame.
    pub fn reserve(&mut self) -> usize {
        self.next += 1;
        self.size = self.size.max(self.next);
        self.next - 1
    }

    pub fn bind(&mut self, name: Value<'a>, binding: Binding<'a>) {
        self.names.push((name, binding));
    }

    /// Binds a name to a new variable.
    pub fn variable(&mut self, name: Value<'a>) -> Result<usize> {
        if !name.is_name() {
            return Err(Error::wrong("the name of a variable", name));
        }
        let index = self.reserve();
        self.bind(name, Binding::Variable(index));
        Ok(index)
    }

    pub fn find(&self, name: Value<'a>) -> Option<Binding<'a>> {
        self.names.iter().rev().find(|(bound, _)| bound.same(name)).map(|&(_, binding)| binding)
    }

    /// Notes that a closure is made here, which may capture any variable of the frame.
    pub fn holds_closure(&mut self) {
        self.closures += 1;
    }

    pub fn mark(&self) -> Mark {
        Mark { names: self.names.len(), next: self.next, closures: self.closures }
    }

    /// Forgets the names that were bound since. Their fields are used again, unless a closure may have captured them.
    pub fn release(&mut self, mark: Mark) {
        self.names.truncate(mark.names);
        if self.closures == mark.closures {
            self.next = mark.next;
        }
    }

    /// Returns the variable of a name that was bound since.
    pub fn find_since(&self, mark: Mark, name: Value<'a>) -> Option<usize> {
        self.names[mark.names..]
            .iter()
            .rev()
            .find(|(bound, _)| bound.same(name))
            .and_then(|(_, binding)| if let Binding::Variable(index) = binding { Some(*index) } else { None })
    }
}

//! Resolves names: to locals, captured variables and globals.

use super::Compiler;
use crate::code::{Capture, Op};
use crate::source::token::{Kind, Token};

/// A variable that can be defined.
#[derive(Clone, Copy)]
pub(super) enum Variable {
    Local,
    Global(u32),
}

impl<'src> Compiler<'src, '_> {
    pub(super) fn begin_scope(&mut self) {
        self.function().depth += 1;
    }

    pub(super) fn end_scope(&mut self) {
        self.function().depth -= 1;
        let depth = self.function().depth;
        // A local whose own initializer never ended belongs to no scope; for clox it is below all of them.
        while self.function().locals.last().is_some_and(|local| local.depth.is_some_and(|of| of > depth)) {
            let captured = self.function().locals.pop().is_some_and(|local| local.captured);
            self.emit(if captured { Op::CloseUpvalue } else { Op::Pop });
        }
    }

    /// Declares the variable named by the next token.
    pub(super) fn parse_variable(&mut self, message: &str) -> Variable {
        self.consume(Kind::Identifier, message);
        let name = self.previous;
        self.declare(name)
    }

    /// Declares a variable in the innermost scope.
    pub(super) fn declare(&mut self, name: Token<'src>) -> Variable {
        let function = self.function();
        if function.depth == 0 {
            return self.global(name);
        }
        let depth = function.depth;
        let in_scope = function.locals.iter().rev().take_while(|local| local.depth.is_none_or(|of| of >= depth));
        let twice = in_scope.filter(|local| local.name.text == name.text).count() > 0;
        if twice {
            self.error("Already a variable with this name in this scope.");
        }
        self.add_local(name);
        Variable::Local
    }

    pub(super) fn add_local(&mut self, name: Token<'src>) {
        let added = self.function().add_local(name);
        if let Some(false) = self.allocated(added) {
            self.error("Too many local variables in function.");
        }
    }

    /// Gives a declared variable the value on the stack.
    pub(super) fn define(&mut self, variable: Variable) {
        match variable {
            Variable::Local => self.function().define_local(),
            Variable::Global(global) => self.emit(Op::DefineGlobal(global)),
        }
    }

    fn global(&mut self, name: Token<'src>) -> Variable {
        // clox names a global by a constant of the chunk, which counts.
        self.count_constant();
        let global = self.program.global(&String::from_utf8_lossy(name.text));
        Variable::Global(self.allocated(global).unwrap_or_default())
    }

    /// Reads a variable, or assigns to it if an `=` follows and assignment is allowed.
    pub(super) fn named_variable(&mut self, name: Token<'src>, can_assign: bool) {
        let innermost = self.functions.len() - 1;
        let (get, set) = if let Some(slot) = self.resolve_local(innermost, name) {
            (Op::GetLocal(slot), Op::SetLocal(slot))
        } else if let Some(upvalue) = self.resolve_upvalue(innermost, name) {
            (Op::GetUpvalue(upvalue), Op::SetUpvalue(upvalue))
        } else {
            let Variable::Global(global) = self.global(name) else { unreachable!("global() names globals") };
            (Op::GetGlobal(global), Op::SetGlobal(global))
        };
        if can_assign && self.matches(Kind::Equal) {
            self.expression();
            self.emit(set);
        } else {
            self.emit(get);
        }
    }

    fn resolve_local(&mut self, function: usize, name: Token<'src>) -> Option<u8> {
        let slot = self.functions[function].local(name.text)?;
        if self.functions[function].locals[usize::from(slot)].depth.is_none() {
            self.error("Can't read local variable in its own initializer.");
        }
        Some(slot)
    }

    /// Finds `name` in an enclosing function and has every function in between capture it.
    fn resolve_upvalue(&mut self, function: usize, name: Token<'src>) -> Option<u8> {
        let enclosing = function.checked_sub(1)?;
        let capture = if let Some(slot) = self.resolve_local(enclosing, name) {
            self.functions[enclosing].locals[usize::from(slot)].captured = true;
            Capture::Local(slot)
        } else {
            Capture::Upvalue(self.resolve_upvalue(enclosing, name)?)
        };
        let upvalue = self.functions[function].upvalue(capture);
        let upvalue = self.allocated(upvalue)?;
        if upvalue.is_none() {
            self.error("Too many closure variables in function.");
        }
        Some(upvalue.unwrap_or_default())
    }
}

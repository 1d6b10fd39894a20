//! Compiles classes.

use super::function::Kind as FunctionKind;
use super::{Compiler, EnclosingClass};
use crate::code::{Op, try_push};
use crate::source::token::{Kind, Token};

impl<'src> Compiler<'src, '_> {
    /// Compiles a class declaration from its name on.
    pub(super) fn class(&mut self) {
        self.consume(Kind::Identifier, "Expect class name.");
        let name = self.previous;
        if self.function().depth > 0 {
            self.count_constant(); // for clox a global's name and the class's are one constant
        }
        let variable = self.declare(name);
        let constant = self.name(name);
        self.emit(Op::Class(constant));
        self.define(variable);

        let entered = try_push(&mut self.classes, EnclosingClass { has_superclass: false });
        if self.allocated(entered).is_none() {
            return;
        }
        if self.matches(Kind::Less) {
            self.superclass(name);
        }
        self.named_variable(name, false);
        self.consume(Kind::LeftBrace, "Expect '{' before class body.");
        while !self.check(Kind::RightBrace) && !self.check(Kind::End) {
            self.method();
        }
        self.consume(Kind::RightBrace, "Expect '}' after class body.");
        self.emit(Op::Pop);
        let class = self.classes.pop().expect("pushed above");
        if class.has_superclass {
            self.end_scope();
        }
    }

    fn superclass(&mut self, class: Token<'src>) {
        self.consume(Kind::Identifier, "Expect superclass name.");
        let superclass = self.previous;
        self.named_variable(superclass, false);
        if class.text == superclass.text {
            self.error("A class can't inherit from itself.");
        }
        // A hidden local that the methods capture, so that `super` is the class that was inherited from.
        self.begin_scope();
        self.add_local(Token::synthetic("super"));
        self.function().define_local();
        self.named_variable(class, false);
        self.emit(Op::Inherit);
        self.classes.last_mut().expect("in a class").has_superclass = true;
    }

    fn method(&mut self) {
        self.consume(Kind::Identifier, "Expect method name.");
        self.count_constant();
        let name = self.previous;
        let kind = if name.text == b"init" { FunctionKind::Initializer } else { FunctionKind::Method };
        self.function_body(kind);
        let constant = self.name(name);
        self.emit(Op::Method(constant));
    }
}

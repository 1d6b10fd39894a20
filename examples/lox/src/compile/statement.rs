//! Statements, and the declarations of variables and functions.

use super::Compiler;
use super::function::{FunctionBuilder, Kind as FunctionKind};
use crate::code::{Op, try_copy, try_push};
use crate::source::token::Kind;

/// The most parameters a function can have.
const PARAMETERS_MAX: usize = 255;

impl Compiler<'_, '_> {
    pub(super) fn declaration(&mut self) {
        if self.matches(Kind::Class) {
            self.class();
        } else if self.matches(Kind::Fun) {
            let variable = self.parse_variable("Expect function name.");
            // Defined before its body, so that the function can call itself.
            self.function().define_local();
            self.function_body(FunctionKind::Function);
            self.define(variable);
        } else if self.matches(Kind::Var) {
            self.var();
        } else {
            self.statement();
        }
        if self.panicking {
            self.synchronize();
        }
    }

    fn var(&mut self) {
        let variable = self.parse_variable("Expect variable name.");
        if self.matches(Kind::Equal) {
            self.expression();
        } else {
            self.emit(Op::Nil);
        }
        self.consume(Kind::Semicolon, "Expect ';' after variable declaration.");
        self.define(variable);
    }

    /// Compiles a function from its parameters on; its name is the previous token. Leaves the closure on the stack.
    pub(super) fn function_body(&mut self, kind: FunctionKind) {
        self.nested(|compiler| compiler.function_of_kind(kind));
    }

    fn function_of_kind(&mut self, kind: FunctionKind) {
        let name = String::from_utf8_lossy(self.previous.text);
        let name = try_copy(&name).map(|name| Some(name.into()));
        let builder = name.and_then(|name| FunctionBuilder::new(kind, name));
        let entered = builder.and_then(|builder| try_push(&mut self.functions, builder));
        if self.allocated(entered).is_none() {
            return;
        }
        self.begin_scope();
        self.consume(Kind::LeftParen, "Expect '(' after function name.");
        if !self.check(Kind::RightParen) {
            loop {
                self.function().arity += 1;
                if self.function().arity > PARAMETERS_MAX {
                    self.error_at_current("Can't have more than 255 parameters.");
                }
                let parameter = self.parse_variable("Expect parameter name.");
                self.function().grow(1);
                self.define(parameter);
                if !self.matches(Kind::Comma) {
                    break;
                }
            }
        }
        self.consume(Kind::RightParen, "Expect ')' after parameters.");
        self.consume(Kind::LeftBrace, "Expect '{' before function body.");
        self.block();

        let Some(function) = self.end_function() else { return };
        self.count_constant();
        self.emit(Op::Closure(function));
        let captures = self.program.functions[function as usize].captures.len();
        self.function().only_in_clox(2 * captures); // its operands, two bytes for each upvalue
    }

    pub(super) fn block(&mut self) {
        while !self.check(Kind::RightBrace) && !self.check(Kind::End) {
            self.declaration();
        }
        self.consume(Kind::RightBrace, "Expect '}' after block.");
    }

    fn statement(&mut self) {
        self.nested(Self::any_statement);
    }

    fn any_statement(&mut self) {
        if self.matches(Kind::Print) {
            self.expression();
            self.consume(Kind::Semicolon, "Expect ';' after value.");
            self.emit(Op::Print);
        } else if self.matches(Kind::For) {
            self.for_();
        } else if self.matches(Kind::If) {
            self.if_();
        } else if self.matches(Kind::Return) {
            self.return_();
        } else if self.matches(Kind::While) {
            self.while_();
        } else if self.matches(Kind::LeftBrace) {
            self.begin_scope();
            self.block();
            self.end_scope();
        } else {
            self.expression_statement();
        }
    }

    fn expression_statement(&mut self) {
        self.expression();
        self.consume(Kind::Semicolon, "Expect ';' after expression.");
        self.emit(Op::Pop);
    }

    fn if_(&mut self) {
        self.consume(Kind::LeftParen, "Expect '(' after 'if'.");
        self.expression();
        self.consume(Kind::RightParen, "Expect ')' after condition.");
        let otherwise = self.jump(Op::JumpIfFalse(0));
        self.function().only_in_clox(1); // its OP_POP of the condition
        self.statement();
        let end = self.jump(Op::Jump(0));
        self.land(otherwise);
        self.function().only_in_clox(1); // and another here
        if self.matches(Kind::Else) {
            self.statement();
        }
        self.land(end);
    }

    fn while_(&mut self) {
        let start = self.function().label();
        self.consume(Kind::LeftParen, "Expect '(' after 'while'.");
        self.expression();
        self.consume(Kind::RightParen, "Expect ')' after condition.");
        let exit = self.jump(Op::JumpIfFalse(0));
        self.function().only_in_clox(1); // its OP_POP of the condition
        self.statement();
        self.jump_back(start);
        self.land(exit);
        self.function().only_in_clox(1); // and another here
    }

    fn for_(&mut self) {
        self.begin_scope();
        self.consume(Kind::LeftParen, "Expect '(' after 'for'.");
        if self.matches(Kind::Semicolon) {
            // No initializer.
        } else if self.matches(Kind::Var) {
            self.var();
        } else {
            self.expression_statement();
        }

        let mut start = self.function().label();
        let mut exit = None;
        if !self.matches(Kind::Semicolon) {
            self.expression();
            self.consume(Kind::Semicolon, "Expect ';' after loop condition.");
            exit = self.jump(Op::JumpIfFalse(0));
            self.function().only_in_clox(1); // its OP_POP of the condition
        }
        if !self.matches(Kind::RightParen) {
            // The increment is read before the body and runs after it.
            let body = self.jump(Op::Jump(0));
            let increment = self.function().label();
            self.expression();
            self.emit(Op::Pop);
            self.consume(Kind::RightParen, "Expect ')' after for clauses.");
            self.jump_back(start);
            start = increment;
            self.land(body);
        }
        self.statement();
        self.jump_back(start);
        if exit.is_some() {
            self.land(exit);
            self.function().only_in_clox(1); // the condition's other OP_POP
        }
        self.end_scope();
    }

    fn return_(&mut self) {
        let kind = self.function().kind;
        if kind == FunctionKind::Script {
            self.error("Can't return from top-level code.");
        }
        if self.matches(Kind::Semicolon) {
            self.emit_return();
            return;
        }
        if kind == FunctionKind::Initializer {
            self.error("Can't return a value from an initializer.");
        }
        self.expression();
        self.consume(Kind::Semicolon, "Expect ';' after return value.");
        self.emit(Op::Return);
    }
}

//! Expressions, by precedence climbing.

use super::Compiler;
use crate::code::{Constant, Op};
use crate::source::text;
use crate::source::token::{Kind, Token};

/// How tightly an operator binds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Precedence {
    Assignment,
    Or,
    And,
    Equality,
    Comparison,
    Term,
    Factor,
    Unary,
    Call,
}

impl Precedence {
    /// Returns the precedence of an operator between or after operands.
    fn of(operator: Kind) -> Option<Precedence> {
        match operator {
            Kind::Or => Some(Precedence::Or),
            Kind::And => Some(Precedence::And),
            Kind::BangEqual | Kind::EqualEqual => Some(Precedence::Equality),
            Kind::Greater | Kind::GreaterEqual | Kind::Less | Kind::LessEqual => Some(Precedence::Comparison),
            Kind::Minus | Kind::Plus => Some(Precedence::Term),
            Kind::Slash | Kind::Star => Some(Precedence::Factor),
            Kind::LeftParen | Kind::Dot => Some(Precedence::Call),
            _ => None,
        }
    }
}

impl<'src> Compiler<'src, '_> {
    pub(super) fn expression(&mut self) {
        self.climb(Precedence::Assignment);
    }

    /// Compiles an expression whose operators bind at least as tightly as `lowest`.
    fn climb(&mut self, lowest: Precedence) {
        self.nested(|compiler| compiler.climb_from(lowest));
    }

    fn climb_from(&mut self, lowest: Precedence) {
        self.advance();
        let can_assign = lowest <= Precedence::Assignment;
        if !self.prefix(can_assign) {
            self.error("Expect expression.");
            return;
        }
        while Precedence::of(self.current.kind).is_some_and(|precedence| precedence >= lowest) {
            self.advance();
            self.infix(can_assign);
        }
        if can_assign && self.matches(Kind::Equal) {
            self.error("Invalid assignment target.");
        }
    }

    /// Compiles an expression that begins with the previous token, if one can.
    fn prefix(&mut self, can_assign: bool) -> bool {
        match self.previous.kind {
            Kind::LeftParen => {
                self.expression();
                self.consume(Kind::RightParen, "Expect ')' after expression.");
            }
            Kind::Minus => self.unary(Op::Negate),
            Kind::Bang => self.unary(Op::Not),
            Kind::Identifier => self.named_variable(self.previous, can_assign),
            Kind::String => self.string(),
            Kind::Number => self.number(),
            Kind::Nil => self.emit(Op::Nil),
            Kind::True => self.emit(Op::True),
            Kind::False => self.emit(Op::False),
            Kind::Super => self.super_(),
            Kind::This => self.this(),
            _ => return false,
        }
        true
    }

    /// Compiles the rest of an expression whose first operand is compiled and whose operator is the previous token.
    fn infix(&mut self, can_assign: bool) {
        match self.previous.kind {
            Kind::LeftParen => {
                let arguments = self.arguments();
                self.emit(Op::Call(arguments));
            }
            Kind::Dot => self.dot(can_assign),
            Kind::And => self.and(),
            Kind::Or => self.or(),
            Kind::BangEqual => self.binary(Precedence::Comparison, Op::NotEqual),
            Kind::EqualEqual => self.binary(Precedence::Comparison, Op::Equal),
            Kind::Greater => self.binary(Precedence::Term, Op::Greater),
            Kind::GreaterEqual => self.binary(Precedence::Term, Op::GreaterEqual),
            Kind::Less => self.binary(Precedence::Term, Op::Less),
            Kind::LessEqual => self.binary(Precedence::Term, Op::LessEqual),
            Kind::Plus => self.binary(Precedence::Factor, Op::Add),
            Kind::Minus => self.binary(Precedence::Factor, Op::Subtract),
            Kind::Star => self.binary(Precedence::Unary, Op::Multiply),
            Kind::Slash => self.binary(Precedence::Unary, Op::Divide),
            kind => unreachable!("{kind:?} has a precedence but no rule"),
        }
    }

    fn unary(&mut self, op: Op) {
        self.climb(Precedence::Unary);
        self.emit(op);
    }

    fn binary(&mut self, right: Precedence, op: Op) {
        self.climb(right);
        self.emit(op);
    }

    fn and(&mut self) {
        let end = self.jump(Op::And(0));
        self.function().only_in_clox(1); // its OP_POP
        self.climb(Precedence::And);
        self.land(end);
    }

    fn or(&mut self) {
        self.function().only_in_clox(3); // its OP_JUMP_IF_FALSE over an OP_JUMP
        let end = self.jump(Op::Or(0));
        self.function().only_in_clox(1); // its OP_POP
        self.climb(Precedence::Or);
        self.land(end);
    }

    fn number(&mut self) {
        let digits = str::from_utf8(self.previous.text).expect("the scanner makes numbers of digits");
        let number: f64 = digits.parse().expect("the scanner's numbers are Rust's as well");
        self.constant(Constant::Number(number.to_bits()));
    }

    fn string(&mut self) {
        let quoted = self.previous.text;
        match text::decode(&quoted[1..quoted.len() - 1]) {
            Ok(string) => self.constant(Constant::String(string.into())),
            Err(_) => self.out_of_memory(),
        }
    }

    fn constant(&mut self, constant: Constant) {
        self.count_constant();
        let constant = self.program.constant(constant);
        let constant = self.allocated(constant).unwrap_or_default();
        self.emit(Op::Constant(constant));
    }

    /// Compiles the arguments of a call, whose parenthesis is open.
    fn arguments(&mut self) -> u8 {
        let mut count: u8 = 0;
        if !self.check(Kind::RightParen) {
            loop {
                self.expression();
                if count == u8::MAX {
                    self.error("Can't have more than 255 arguments.");
                }
                count = count.wrapping_add(1);
                if !self.matches(Kind::Comma) {
                    break;
                }
            }
        }
        self.consume(Kind::RightParen, "Expect ')' after arguments.");
        count
    }

    /// Returns the constant of the property name that the previous token is.
    fn property_name(&mut self) -> u32 {
        self.count_constant();
        self.name(self.previous)
    }

    fn dot(&mut self, can_assign: bool) {
        self.consume(Kind::Identifier, "Expect property name after '.'.");
        let name = self.property_name();
        let site = self.program.site(name);
        let site = self.allocated(site).unwrap_or_default();
        if can_assign && self.matches(Kind::Equal) {
            self.expression();
            self.emit(Op::SetProperty(site));
        } else if self.matches(Kind::LeftParen) {
            let arguments = self.arguments();
            self.emit(Op::Invoke(arguments, site));
        } else {
            self.emit(Op::GetProperty(site));
        }
    }

    fn this(&mut self) {
        if self.classes.is_empty() {
            self.error("Can't use 'this' outside of a class.");
        } else {
            self.named_variable(self.previous, false);
        }
    }

    fn super_(&mut self) {
        match self.classes.last() {
            None => self.error("Can't use 'super' outside of a class."),
            Some(class) if !class.has_superclass => {
                self.error("Can't use 'super' in a class with no superclass.");
            }
            Some(_) => {}
        }
        self.consume(Kind::Dot, "Expect '.' after 'super'.");
        self.consume(Kind::Identifier, "Expect superclass method name.");
        let name = self.property_name();
        self.named_variable(Token::synthetic("this"), false);
        if self.matches(Kind::LeftParen) {
            let arguments = self.arguments();
            self.named_variable(Token::synthetic("super"), false);
            self.emit(Op::SuperInvoke(arguments, name));
        } else {
            self.named_variable(Token::synthetic("super"), false);
            self.emit(Op::GetSuper(name));
        }
    }
}

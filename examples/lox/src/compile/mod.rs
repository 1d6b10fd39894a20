//! Compiles tokens to bytecode in one pass. The collector has no part in it: strings wait in the program until it is
//! linked.
//!
//! The grammar, the limits and the messages are clox's. There is one more limit, [`DEPTH_MAX`]: a program that nests
//! deeper gets an error, where clox would run out of its stack.

mod class;
mod expression;
mod function;
mod statement;
mod variable;

use std::io::{self, Write};

use crate::code::{Function, NoMemory, Op, Program, index, try_push};
use crate::source::scanner::Scanner;
use crate::source::token::{Kind, Token};
use function::{FunctionBuilder, Jump, Label};

/// How deep statements, functions and expressions may nest in each other: the compiler recurses once for each. Every
/// operand counts, so `!!a` is three deep, and so is `a` in `{ { a; } }`.
pub const DEPTH_MAX: usize = 50_000;

/// Adds `source` to `program` and returns the index of its top level, or reports its errors.
pub fn compile(source: &[u8], program: &mut Program, errors: &mut dyn Write) -> Option<u32> {
    let start = Token { kind: Kind::End, text: b"", line: 1 };
    let mut compiler = Compiler {
        scanner: Scanner::new(source),
        previous: start,
        current: start,
        had_error: false,
        panicking: false,
        gave_up: false,
        depth: 0,
        functions: Vec::new(),
        classes: Vec::new(),
        program,
        errors,
    };
    let script = FunctionBuilder::new(function::Kind::Script, None);
    let entered = script.and_then(|script| try_push(&mut compiler.functions, script));
    compiler.allocated(entered)?;
    compiler.advance();
    while !compiler.matches(Kind::End) {
        compiler.declaration();
    }
    let script = compiler.end_function();
    script.filter(|_| !compiler.had_error)
}

/// A class declaration that the code being compiled stands in.
struct EnclosingClass {
    has_superclass: bool,
}

struct Compiler<'src, 'p> {
    scanner: Scanner<'src>,
    previous: Token<'src>,
    current: Token<'src>,
    had_error: bool,
    /// Whether an error was reported in this statement: what follows is likely to be nonsense and is not reported.
    panicking: bool,
    /// Whether an error ended the compilation: nothing more is read or reported.
    gave_up: bool,
    /// The number of statements, functions and expressions around the code being compiled.
    depth: usize,
    /// The functions being compiled, the innermost last.
    functions: Vec<FunctionBuilder<'src>>,
    /// The classes being compiled, the innermost last.
    classes: Vec<EnclosingClass>,
    program: &'p mut Program,
    errors: &'p mut dyn Write,
}

/// Errors and tokens.
impl<'src> Compiler<'src, '_> {
    fn error_at(&mut self, token: Token<'_>, message: &str) {
        if std::mem::replace(&mut self.panicking, true) || self.gave_up {
            return;
        }
        self.had_error = true;
        // A failure to write the errors cannot be reported.
        let _ = self.report(token, message);
    }

    /// Writes an error part by part, since there may be no memory for the whole text.
    fn report(&mut self, token: Token<'_>, message: &str) -> io::Result<()> {
        write!(self.errors, "[line {}] Error", token.line)?;
        match token.kind {
            Kind::End => self.errors.write_all(b" at end")?,
            Kind::Error => {}
            _ => {
                self.errors.write_all(b" at '")?;
                self.errors.write_all(token.text)?;
                self.errors.write_all(b"'")?;
            }
        }
        writeln!(self.errors, ": {message}")
    }

    fn error(&mut self, message: &str) {
        self.error_at(self.previous, message);
    }

    fn error_at_current(&mut self, message: &str) {
        self.error_at(self.current, message);
    }

    /// Runs `rule` one level deeper. Where that is too deep, the source is taken to end here, so that all the levels
    /// above end too.
    fn nested(&mut self, rule: impl FnOnce(&mut Self)) {
        if self.depth == DEPTH_MAX {
            self.error_at_current("Too many levels of nesting.");
            self.give_up();
            return;
        }
        self.depth += 1;
        rule(self);
        self.depth -= 1;
    }

    /// Ends the source here.
    fn give_up(&mut self) {
        self.gave_up = true;
        self.scanner = Scanner::new(b"");
        self.current = self.scanner.next();
    }

    /// Ends the compilation, because there is no memory for the rest of it.
    #[cold]
    fn out_of_memory(&mut self) {
        // Reported even after another error in the same statement.
        self.panicking = false;
        self.error_at(Token { kind: Kind::Error, text: b"", line: self.previous.line }, "Out of memory.");
        self.give_up();
    }

    /// Returns the value of `result`. Ends the compilation where there was no memory for it.
    fn allocated<T>(&mut self, result: Result<T, NoMemory>) -> Option<T> {
        if result.is_err() {
            self.out_of_memory();
        }
        result.ok()
    }

    fn advance(&mut self) {
        self.previous = self.current;
        loop {
            self.current = self.scanner.next();
            if self.current.kind != Kind::Error {
                return;
            }
            let message = String::from_utf8_lossy(self.current.text);
            self.error_at_current(&message);
        }
    }

    fn check(&self, kind: Kind) -> bool {
        self.current.kind == kind
    }

    fn matches(&mut self, kind: Kind) -> bool {
        let found = self.check(kind);
        if found {
            self.advance();
        }
        found
    }

    fn consume(&mut self, kind: Kind, message: &str) {
        if !self.matches(kind) {
            self.error_at_current(message);
        }
    }

    /// Skips to where a statement seems to begin.
    fn synchronize(&mut self) {
        self.panicking = false;
        while !self.check(Kind::End) && self.previous.kind != Kind::Semicolon {
            match self.current.kind {
                Kind::Class | Kind::Fun | Kind::Var | Kind::For => return,
                Kind::If | Kind::While | Kind::Print | Kind::Return => return,
                _ => self.advance(),
            }
        }
    }
}

/// Emitting code into the innermost function.
impl<'src> Compiler<'src, '_> {
    fn function(&mut self) -> &mut FunctionBuilder<'src> {
        self.functions.last_mut().expect("the script is never left while compiling")
    }

    fn emit(&mut self, op: Op) {
        let line = self.previous.line;
        let emitted = self.function().emit(op, line);
        self.allocated(emitted);
    }

    /// Emits a jump, if there is memory for it.
    fn jump(&mut self, op: Op) -> Option<Jump> {
        let line = self.previous.line;
        let jump = self.function().jump(op, line);
        self.allocated(jump)
    }

    /// Makes a jump land here. Does nothing when there was no memory for the jump.
    fn land(&mut self, jump: Option<Jump>) {
        let Some(jump) = jump else { return };
        if !self.function().land(jump) {
            self.error("Too much code to jump over.");
        }
    }

    fn jump_back(&mut self, label: Label) {
        let line = self.previous.line;
        let jumped = self.function().jump_back(label, line);
        if let Some(false) = self.allocated(jumped) {
            self.error("Loop body too large.");
        }
    }

    /// Counts a use of a constant against clox's limit.
    fn count_constant(&mut self) {
        if !self.function().count_constant() {
            self.error("Too many constants in one chunk.");
        }
    }

    /// Returns the constant of a name.
    fn name(&mut self, name: Token<'_>) -> u32 {
        let constant = self.program.string(&String::from_utf8_lossy(name.text));
        self.allocated(constant).unwrap_or_default()
    }

    /// Emits the return of a function that does not say what it returns.
    fn emit_return(&mut self) {
        let initializer = self.function().kind == function::Kind::Initializer;
        self.emit(if initializer { Op::GetLocal(0) } else { Op::Nil });
        self.emit(Op::Return);
    }

    /// Completes the innermost function and returns its index, if there is memory for it.
    fn end_function(&mut self) -> Option<u32> {
        self.emit_return();
        let built = self.functions.pop().expect("a function is being compiled");
        let function = Function {
            slots: index(built.slots()),
            name: built.name,
            arity: built.arity as u8,
            entry: index(self.program.code.len()),
            captures: built.captures.into(),
        };
        let added = self.program.function(function, &built.code, &built.lines);
        self.allocated(added)
    }
}

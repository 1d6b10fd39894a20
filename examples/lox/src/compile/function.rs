//! A function while it is being compiled: its instructions, locals and upvalues.

use crate::code::{Capture, NoMemory, Op, try_push};
use crate::source::token::Token;

/// The limits that clox's one-byte operands set.
const BYTE_COUNT: usize = 256;
/// The limit that clox's two-byte jumps set.
const JUMP_MAX: usize = 0xFFFF;

/// The kind of a function.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Script,
    Function,
    Method,
    Initializer,
}

/// A local variable. Its index is that of its stack slot in the frame.
pub struct Local<'src> {
    pub name: Token<'src>,
    /// The scope that the local belongs to; none until its initializer is compiled.
    pub depth: Option<usize>,
    pub captured: bool,
}

/// A place to jump back to.
#[derive(Clone, Copy)]
pub struct Label {
    op: usize,
    bytes: usize,
}

/// A jump whose target is not known yet.
#[must_use]
pub struct Jump {
    op: usize,
    /// clox's position behind the jump.
    bytes: usize,
    /// The stack's height at the jump's target.
    height: isize,
}

/// A function under construction.
pub struct FunctionBuilder<'src> {
    pub kind: Kind,
    pub name: Option<Box<str>>,
    pub arity: usize,
    pub locals: Vec<Local<'src>>,
    pub captures: Vec<Capture>,
    /// How many blocks deep the code being compiled is; 0 is the scope of globals.
    pub depth: usize,
    pub code: Vec<Op>,
    pub lines: Vec<u32>,
    /// The last place that is known to be a jump's target.
    target: usize,
    /// The bytes that clox would have emitted.
    bytes: usize,
    /// The constants that clox would have made: one for every use.
    constants: usize,
    /// The height of the stack in the frame before the code that comes next.
    height: isize,
    /// The greatest height so far.
    highest: isize,
}

impl<'src> FunctionBuilder<'src> {
    pub fn new(kind: Kind, name: Option<Box<str>>) -> Result<Self, NoMemory> {
        // The callee's own slot, which holds the receiver in a method.
        let own = if kind == Kind::Function { "" } else { "this" };
        let own = Local { name: Token::synthetic(own), depth: Some(0), captured: false };
        let mut locals = Vec::new();
        try_push(&mut locals, own)?;
        Ok(FunctionBuilder {
            kind,
            name,
            arity: 0,
            locals,
            captures: Vec::new(),
            depth: 0,
            code: Vec::new(),
            lines: Vec::new(),
            target: 0,
            bytes: 0,
            constants: 0,
            height: 1,
            highest: 1,
        })
    }

    /// Returns the stack slots that a frame of the function needs.
    pub fn slots(&self) -> usize {
        self.highest.unsigned_abs()
    }

    /// Appends an instruction, or fuses it with the last.
    pub fn emit(&mut self, op: Op, line: u32) -> Result<(), NoMemory> {
        self.bytes += op.clox_bytes();
        self.grow(op.effect());
        if self.target < self.code.len()
            && let (Some(last), Some(last_line)) = (self.code.last_mut(), self.lines.last_mut())
            && let Some((fused, second_may_fail)) = Op::fused(*last, op)
        {
            *last = fused;
            if second_may_fail {
                *last_line = line;
            }
            return Ok(());
        }
        self.lines.try_reserve(1)?;
        try_push(&mut self.code, op)?;
        self.lines.push(line);
        Ok(())
    }

    /// Books that the stack is higher by what no instruction pushed: a parameter.
    pub fn grow(&mut self, by: isize) {
        self.height += by;
        self.highest = self.highest.max(self.height);
    }

    /// Books instructions that only clox has here.
    pub fn only_in_clox(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// Counts a constant. Returns whether clox has room for it.
    pub fn count_constant(&mut self) -> bool {
        self.constants += 1;
        self.constants <= BYTE_COUNT
    }

    /// Returns the place of the next instruction.
    pub fn label(&mut self) -> Label {
        self.target = self.code.len();
        Label { op: self.code.len(), bytes: self.bytes }
    }

    /// Jumps back to `label`. Returns whether clox could have.
    pub fn jump_back(&mut self, label: Label, line: u32) -> Result<bool, NoMemory> {
        let distance = self.code.len() + 1 - label.op;
        self.emit(Op::Loop(crate::code::index(distance)), line)?;
        Ok(self.bytes - label.bytes <= JUMP_MAX)
    }

    /// Emits a jump that [`land`](Self::land) completes.
    pub fn jump(&mut self, op: Op, line: u32) -> Result<Jump, NoMemory> {
        // `and` and `or` keep their operand where they jump.
        let kept = isize::from(matches!(op, Op::And(_) | Op::Or(_)));
        self.emit(op, line)?;
        Ok(Jump { op: self.code.len() - 1, bytes: self.bytes, height: self.height + kept })
    }

    /// Makes `jump` land at the instruction that comes next, and tells whether clox could have.
    pub fn land(&mut self, jump: Jump) -> bool {
        let distance = crate::code::index(self.code.len() - jump.op - 1);
        *self.code[jump.op].distance().expect("a jump") = distance;
        self.target = self.code.len();
        self.height = jump.height;
        self.bytes - jump.bytes <= JUMP_MAX
    }

    /// Adds a local that is declared but not defined. Returns whether there was room.
    pub fn add_local(&mut self, name: Token<'src>) -> Result<bool, NoMemory> {
        if self.locals.len() == BYTE_COUNT {
            return Ok(false);
        }
        try_push(&mut self.locals, Local { name, depth: None, captured: false })?;
        Ok(true)
    }

    /// Marks the newest local as defined. Globals need no mark.
    pub fn define_local(&mut self) {
        if self.depth > 0
            && let Some(local) = self.locals.last_mut()
        {
            local.depth = Some(self.depth);
        }
    }

    /// Returns the slot of the innermost local of that name.
    pub fn local(&self, name: &[u8]) -> Option<u8> {
        self.locals.iter().rposition(|local| local.name.text == name).map(|slot| slot as u8)
    }

    /// Returns the index of the upvalue of that capture, made if there is none and room for it.
    pub fn upvalue(&mut self, capture: Capture) -> Result<Option<u8>, NoMemory> {
        let index = match self.captures.iter().position(|&known| known == capture) {
            Some(index) => index,
            None if self.captures.len() == BYTE_COUNT => return Ok(None),
            None => {
                try_push(&mut self.captures, capture)?;
                self.captures.len() - 1
            }
        };
        Ok(Some(index as u8))
    }
}

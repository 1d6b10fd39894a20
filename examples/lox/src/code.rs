//! Bytecode, and everything else that a compiled program consists of. None of it lies in the heap: no safepoint affects
//! it.

use std::collections::{TryReserveError, VecDeque};

use hashbrown::HashMap;

/// One instruction, eight bytes.
///
/// Operands are indices: of a local in its frame, an upvalue in its closure, and otherwise into the tables of
/// [`Program`]. Jumps count instructions from the one that follows.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    Constant(u32),
    Nil,
    True,
    False,
    Pop,
    GetLocal(u8),
    SetLocal(u8),
    GetGlobal(u32),
    DefineGlobal(u32),
    SetGlobal(u32),
    GetUpvalue(u8),
    SetUpvalue(u8),
    GetProperty(u32),
    SetProperty(u32),
    GetSuper(u32),
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Not,
    Negate,
    Print,
    Jump(u32),
    /// Jumps when the top is false, and pops the top either way.
    JumpIfFalse(u32),
    /// `and`: jumps when the top is false, and pops the top otherwise.
    And(u32),
    /// `or`: jumps when the top is true, and pops the top otherwise.
    Or(u32),
    Loop(u32),
    Call(u8),
    Invoke(u8, u32),
    SuperInvoke(u8, u32),
    Closure(u32),
    CloseUpvalue,
    Return,
    /// The end of a fiber, whose result is on top.
    EndFiber,
    Class(u32),
    Inherit,
    Method(u32),

    // The instructions that `fused` makes of two.
    GetLocalProperty(u8, u32),
    AddConstant(u32),
    SubtractConstant(u32),
    JumpUnlessEqual(u32),
    JumpIfEqual(u32),
    JumpUnlessGreater(u32),
    JumpUnlessGreaterEqual(u32),
    JumpUnlessLess(u32),
    JumpUnlessLessEqual(u32),
    PopIntoLocal(u8),
    PopIntoGlobal(u32),
    PopIntoProperty(u32),
    ReturnNil,
    ReturnLocal(u8),
}

const _: () = assert!(size_of::<Op>() == 8);

impl Op {
    /// Returns the one instruction that does what `first` and then `second` do, where there is one. The flag tells
    /// whether it is the second that can fail; at most one of the two can.
    pub fn fused(first: Op, second: Op) -> Option<(Op, bool)> {
        Some(match (first, second) {
            (Op::GetLocal(slot), Op::GetProperty(site)) => (Op::GetLocalProperty(slot, site), true),
            (Op::Constant(constant), Op::Add) => (Op::AddConstant(constant), true),
            (Op::Constant(constant), Op::Subtract) => (Op::SubtractConstant(constant), true),
            (Op::Equal, Op::JumpIfFalse(to)) => (Op::JumpUnlessEqual(to), false),
            (Op::NotEqual, Op::JumpIfFalse(to)) => (Op::JumpIfEqual(to), false),
            (Op::Greater, Op::JumpIfFalse(to)) => (Op::JumpUnlessGreater(to), false),
            (Op::GreaterEqual, Op::JumpIfFalse(to)) => (Op::JumpUnlessGreaterEqual(to), false),
            (Op::Less, Op::JumpIfFalse(to)) => (Op::JumpUnlessLess(to), false),
            (Op::LessEqual, Op::JumpIfFalse(to)) => (Op::JumpUnlessLessEqual(to), false),
            (Op::SetLocal(slot), Op::Pop) => (Op::PopIntoLocal(slot), false),
            (Op::SetGlobal(global), Op::Pop) => (Op::PopIntoGlobal(global), false),
            (Op::SetProperty(site), Op::Pop) => (Op::PopIntoProperty(site), false),
            (Op::Nil, Op::Return) => (Op::ReturnNil, false),
            (Op::GetLocal(slot), Op::Return) => (Op::ReturnLocal(slot), false),
            _ => return None,
        })
    }

    /// Returns the distance of a jump.
    pub fn distance(&mut self) -> Option<&mut u32> {
        match self {
            Op::Jump(to) | Op::JumpIfFalse(to) | Op::And(to) | Op::Or(to) | Op::Loop(to) => Some(to),
            Op::JumpUnlessEqual(to) | Op::JumpIfEqual(to) => Some(to),
            Op::JumpUnlessGreater(to) | Op::JumpUnlessGreaterEqual(to) => Some(to),
            Op::JumpUnlessLess(to) | Op::JumpUnlessLessEqual(to) => Some(to),
            _ => None,
        }
    }

    /// Returns what the instruction adds to the height of the stack, if it is no fused one.
    pub fn effect(self) -> isize {
        match self {
            Op::Constant(_) | Op::Nil | Op::True | Op::False | Op::Closure(_) | Op::Class(_) => 1,
            Op::GetLocal(_) | Op::GetGlobal(_) | Op::GetUpvalue(_) => 1,
            Op::SetLocal(_) | Op::SetGlobal(_) | Op::SetUpvalue(_) | Op::GetProperty(_) => 0,
            Op::Not | Op::Negate | Op::Jump(_) | Op::Loop(_) => 0,
            Op::Pop | Op::DefineGlobal(_) | Op::SetProperty(_) | Op::GetSuper(_) | Op::Print => -1,
            Op::Equal | Op::NotEqual | Op::Greater | Op::GreaterEqual | Op::Less | Op::LessEqual => -1,
            Op::Add | Op::Subtract | Op::Multiply | Op::Divide => -1,
            Op::JumpIfFalse(_) | Op::And(_) | Op::Or(_) => -1,
            Op::CloseUpvalue | Op::Return | Op::Inherit | Op::Method(_) => -1,
            Op::Call(arguments) | Op::Invoke(arguments, _) => -isize::from(arguments),
            Op::SuperInvoke(arguments, _) => -isize::from(arguments) - 1,
            op => unreachable!("{op:?} is asked about in its parts"),
        }
    }

    /// Returns the bytes that clox spends on the instruction, operands included; clox's limits on jumps are in bytes.
    ///
    /// Where it emits several and there is one here, the compiler accounts for them.
    pub fn clox_bytes(self) -> usize {
        match self {
            Op::Jump(_) | Op::JumpIfFalse(_) | Op::And(_) | Op::Or(_) | Op::Loop(_) => 3,
            Op::Invoke(..) | Op::SuperInvoke(..) => 3,
            Op::Constant(_) | Op::GetLocal(_) | Op::SetLocal(_) | Op::GetUpvalue(_) | Op::SetUpvalue(_) => 2,
            Op::GetGlobal(_) | Op::DefineGlobal(_) | Op::SetGlobal(_) => 2,
            Op::GetProperty(_) | Op::SetProperty(_) | Op::GetSuper(_) | Op::Call(_) => 2,
            Op::Closure(_) | Op::Class(_) | Op::Method(_) => 2,
            Op::NotEqual | Op::GreaterEqual | Op::LessEqual => 2,
            _ => 1,
        }
    }
}

/// The error of a request for memory by the compiler: the system has none.
#[derive(Debug)]
pub struct NoMemory;

impl From<TryReserveError> for NoMemory {
    fn from(_: TryReserveError) -> Self {
        NoMemory
    }
}

impl From<hashbrown::TryReserveError> for NoMemory {
    fn from(_: hashbrown::TryReserveError) -> Self {
        NoMemory
    }
}

/// Appends a value to a vector, if there is memory for it.
pub fn try_push<T>(vector: &mut Vec<T>, value: T) -> Result<(), NoMemory> {
    vector.try_reserve(1)?;
    vector.push(value);
    Ok(())
}

/// Returns a copy of a text, if there is memory for it.
pub fn try_copy(text: &str) -> Result<String, NoMemory> {
    let mut copy = String::new();
    copy.try_reserve_exact(text.len())?;
    copy.push_str(text);
    Ok(copy)
}

/// Where a new closure finds one of its upvalues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capture {
    /// In a local of the running function.
    Local(u8),
    /// Among the upvalues of the running closure.
    Upvalue(u8),
}

/// A compiled function.
#[derive(Debug)]
pub struct Function {
    /// The function's name; a program's top level has none.
    pub name: Option<Box<str>>,
    pub arity: u8,
    /// The stack slots that the function uses, from the callee's upward.
    pub slots: u32,
    /// The function's first instruction.
    pub entry: u32,
    pub captures: Box<[Capture]>,
}

/// A constant that the heap does not have yet.
#[derive(Debug, PartialEq, Eq, Hash)]
pub enum Constant {
    /// The bits of a number: `-0` and `0` are two constants.
    Number(u64),
    String(Box<str>),
}

impl Constant {
    fn try_clone(&self) -> Result<Constant, NoMemory> {
        Ok(match self {
            Constant::Number(bits) => Constant::Number(*bits),
            Constant::String(string) => Constant::String(try_copy(string)?.into()),
        })
    }
}

/// An instruction that looks a name up in an instance, with the place where it found the name the last time.
///
/// A class's number is never used again, and the place is an index: no collection can make either stale.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    /// The name, a constant.
    pub name: u32,
    /// The number of the class in which the name was last looked up; 0 is no class's.
    pub class: u32,
    /// The place where the name was found.
    pub place: Place,
}

/// Where an instance has a property.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    Field(u32),
    Method(u32),
}

/// All code compiled so far. A prompt adds to it line by line.
#[derive(Default)]
pub struct Program {
    pub code: Vec<Op>,
    /// The line of each instruction.
    pub lines: Vec<u32>,
    pub functions: Vec<Function>,
    pub sites: Vec<Site>,
    /// The index of each constant.
    pub constants: HashMap<Constant, u32>,
    /// Constants that the heap does not have yet, in the order of their indices.
    pub unlinked: VecDeque<Constant>,
    /// The index of each name that was ever used as a global variable's, whether or not it is defined.
    pub globals: HashMap<String, u32>,
}

impl Program {
    /// Adds the instruction that fibers end with, and returns its index.
    pub fn emit_end_of_fibers(&mut self) -> Result<u32, NoMemory> {
        self.code.try_reserve(1)?;
        self.lines.try_reserve(1)?;
        self.code.push(Op::EndFiber);
        self.lines.push(0);
        Ok(index(self.code.len() - 1))
    }

    /// Returns the index of a constant.
    pub fn constant(&mut self, constant: Constant) -> Result<u32, NoMemory> {
        if let Some(&known) = self.constants.get(&constant) {
            return Ok(known);
        }
        let next = index(self.constants.len());
        self.constants.try_reserve(1)?;
        self.unlinked.try_reserve(1)?;
        self.unlinked.push_back(constant.try_clone()?);
        self.constants.insert(constant, next);
        Ok(next)
    }

    /// Returns the index of a string constant.
    pub fn string(&mut self, string: &str) -> Result<u32, NoMemory> {
        self.constant(Constant::String(try_copy(string)?.into()))
    }

    /// Returns the index of the global variable of that name.
    pub fn global(&mut self, name: &str) -> Result<u32, NoMemory> {
        if let Some(&known) = self.globals.get(name) {
            return Ok(known);
        }
        let next = index(self.globals.len());
        self.globals.try_reserve(1)?;
        self.globals.insert(try_copy(name)?, next);
        Ok(next)
    }

    /// Makes a site that looks up `name`, and returns its index.
    pub fn site(&mut self, name: u32) -> Result<u32, NoMemory> {
        try_push(&mut self.sites, Site { name, class: 0, place: Place::Field(0) })?;
        Ok(index(self.sites.len() - 1))
    }

    /// Adds a function, and the instructions and lines that are its own, and returns its index.
    pub fn function(&mut self, function: Function, code: &[Op], lines: &[u32]) -> Result<u32, NoMemory> {
        self.code.try_reserve(code.len())?;
        self.lines.try_reserve(lines.len())?;
        try_push(&mut self.functions, function)?;
        self.code.extend(code);
        self.lines.extend(lines);
        Ok(index(self.functions.len() - 1))
    }
}

/// Returns an index that an instruction can hold.
pub fn index(index: usize) -> u32 {
    u32::try_from(index).expect("a program of four billion parts")
}

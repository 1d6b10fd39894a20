//! Lox programs, made of bytes: nearly all of them run. They use the interpreter's extensions.
//!
//! Every expression has a type that the generator knows and Lox does not, so operands fit, nothing is called that
//! cannot be, and no field is read that is not there. Every program ends: loops count, and what a body costs is added
//! up while it is written. What is called through a variable or a method is not known then, so calls are *ranked*: a
//! body calls only what has a lower rank than itself.

mod class;
mod expression;
mod extended;
mod statement;

use arbitrary::Unstructured;

/// What a value may be. Lox does not know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Type {
    Number,
    Text,
    Truth,
    /// Whatever there is: to be printed, compared, kept and passed on.
    Any,
    /// An instance of that class, or of a subclass.
    Object(usize),
    /// The same, or nil.
    Maybe(usize),
    Function(Signature),
}

/// The functions that are values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Signature {
    Next,
    Map,
    Say,
    Link,
}

impl Signature {
    const ALL: [Signature; 4] = [Signature::Next, Signature::Map, Signature::Say, Signature::Link];

    fn parameters(self) -> &'static [Type] {
        match self {
            Signature::Next | Signature::Say => &[],
            Signature::Map => &[Type::Number],
            Signature::Link => &[Type::Any],
        }
    }

    fn result(self) -> Type {
        match self {
            Signature::Next | Signature::Map => Type::Number,
            Signature::Say => Type::Text,
            Signature::Link => Type::Any,
        }
    }
}

/// One function of each signature, so that there always is one.
const PRELUDE: &str = "\
fun next() { return 1; }
fun map(x) { return x; }
fun say() { return \"say\"; }
fun link(x) { return x; }
";

struct Variable {
    name: String,
    ty: Type,
    /// What loops and recursion count with is not.
    assignable: bool,
}

struct Function {
    name: String,
    parameters: Vec<Type>,
    result: Type,
    /// It calls itself, as many times as its first argument says: at most this often.
    depth: Option<u32>,
    cost: u32,
    /// The highest of what it calls.
    rank: u32,
}

struct Class {
    name: String,
    superclass: Option<usize>,
    /// Its own, or an inherited one.
    has_initializer: bool,
    /// Inherited ones first, as the initializer takes them.
    fields: Vec<(String, Type)>,
    methods: Vec<Method>,
}

/// A method and those that override it.
#[derive(Clone)]
struct Method {
    name: String,
    parameters: Vec<Type>,
    result: Type,
    /// The most that any of them costs.
    cost: u32,
    /// Above that of all that any of them calls.
    rank: u32,
    /// Methods that this one overrides.
    level: u32,
    /// None of them calls anything ranked, so that it may be a value when bound.
    is_leaf: bool,
}

/// What the body being written may do, and has done.
#[derive(Clone, Copy)]
struct Body {
    /// What it may still cost.
    ticks: u32,
    /// How often what is being written runs: the product of the loops around it.
    weight: u32,
    /// The highest rank that it may call, and the highest that it has called.
    limit: u32,
    rank: u32,
    /// The class of `this`.
    this: Option<usize>,
    /// It returns this.
    result: Option<Type>,
    /// It is that of a fiber.
    yields: bool,
}

/// What the whole program may cost: about as many calls and ends of loops.
const PROGRAM_COST: u32 = 3000;
/// What a function that is a value costs at most, and what its call counts for.
const VALUE_COST: u32 = 20;
const VALUE_RANK: u32 = 1;
/// When the program is as long as this, nothing more is at its top level: a function has at most 256 constants.
const SCRIPT: usize = 1500;
/// Statements of a part in a function.
const STATEMENTS: usize = 12;
/// Blocks in blocks.
const NESTING: u32 = 6;
/// Operators in operators.
const EXPRESSION_DEPTH: u32 = 3;

struct Generator<'a> {
    bytes: Unstructured<'a>,
    text: String,
    indent: usize,
    /// Names given.
    names: usize,
    variables: Vec<Variable>,
    functions: Vec<Function>,
    classes: Vec<Class>,
    body: Body,
    /// The rank of the next method that overrides none.
    next_rank: u32,
}

/// The program that some bytes stand for.
pub fn program(bytes: &[u8]) -> String {
    let body =
        Body { ticks: PROGRAM_COST, weight: 1, limit: u32::MAX, rank: 0, this: None, result: None, yields: false };
    let mut generator = Generator {
        bytes: Unstructured::new(bytes),
        text: PRELUDE.to_string(),
        indent: 0,
        names: 0,
        variables: Vec::new(),
        functions: Vec::new(),
        classes: Vec::new(),
        body,
        next_rank: VALUE_RANK + 1,
    };
    for (name, signature) in ["next", "map", "say", "link"].into_iter().zip(Signature::ALL) {
        generator.functions.push(Function {
            name: name.to_string(),
            parameters: signature.parameters().to_vec(),
            result: signature.result(),
            depth: None,
            cost: 1,
            rank: 0,
        });
    }
    while !generator.bytes.is_empty() && generator.body.ticks > 0 {
        generator.part();
    }
    generator.text
}

impl Generator<'_> {
    /// A part of the program, at the top level or in a function, where variables are locals.
    fn part(&mut self) {
        if self.pick(3) > 0 && self.text.len() < SCRIPT {
            return self.statement(NESTING);
        }
        let name = self.name("part");
        self.line(&format!("fun {name}() {{"));
        let body = self.body;
        let (cost, _) = self.body(body, &[], |inside| {
            for _ in 0..STATEMENTS {
                inside.statement(NESTING);
            }
        });
        self.body.ticks = self.body.ticks.saturating_sub(cost);
        self.line("}");
        self.line(&format!("{name}();"));
    }

    /// A number below `end`: 0, the simplest, when the bytes are used up.
    fn pick(&mut self, end: usize) -> usize {
        self.bytes.int_in_range(0..=end - 1).unwrap_or(0)
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.pick(count) == count - 1
    }

    fn name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    fn line(&mut self, text: &str) {
        self.text.extend(std::iter::repeat_n("  ", self.indent));
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// Books what costs so much each time. False: it would be too much.
    fn spend(&mut self, cost: u32) -> bool {
        let cost = cost.saturating_mul(self.body.weight);
        match self.body.ticks.checked_sub(cost) {
            Some(left) => self.body.ticks = left,
            None => return false,
        }
        true
    }

    /// Books a call, unless it would be too much or may not be made here.
    fn may_call(&mut self, cost: u32, rank: u32) -> bool {
        if rank > self.body.limit || !self.spend(cost) {
            return false;
        }
        self.body.rank = self.body.rank.max(rank);
        true
    }

    fn is_subclass(&self, class: usize, of: usize) -> bool {
        class == of || self.classes[class].superclass.is_some_and(|above| self.is_subclass(above, of))
    }

    /// Whether a value of one type may stand where the other is wanted.
    fn fits(&self, is: Type, wanted: Type) -> bool {
        match (is, wanted) {
            (_, Type::Any) => true,
            (Type::Object(is) | Type::Maybe(is), Type::Maybe(wanted)) | (Type::Object(is), Type::Object(wanted)) => {
                self.is_subclass(is, wanted)
            }
            _ => is == wanted,
        }
    }

    /// A type for a variable, a parameter or a result.
    fn some_type(&mut self) -> Type {
        let class = if self.classes.is_empty() { None } else { Some(self.pick(self.classes.len())) };
        match (self.pick(8), class) {
            (0, _) => Type::Number,
            (1, _) => Type::Text,
            (2, _) => Type::Any,
            (3, _) => Type::Truth,
            (4, _) | (_, None) => Type::Function(Signature::ALL[self.pick(Signature::ALL.len())]),
            (5, Some(class)) => Type::Object(class),
            (_, Some(class)) => Type::Maybe(class),
        }
    }

    /// Runs `write`, and forgets what it has declared.
    fn scope<R>(&mut self, write: impl FnOnce(&mut Self) -> R) -> R {
        let (variables, functions, classes) = (self.variables.len(), self.functions.len(), self.classes.len());
        self.indent += 1;
        let result = write(self);
        self.indent -= 1;
        self.variables.truncate(variables);
        self.functions.truncate(functions);
        self.classes.truncate(classes);
        result
    }

    /// Returns the body of a function that stands here, costs at most `ticks`, and may call whatever is known.
    fn body_of_function(&self, ticks: u32, result: Type) -> Body {
        let this = self.body.this;
        Body { ticks, weight: 1, limit: u32::MAX, rank: 0, this, result: Some(result), yields: false }
    }

    /// Writes the body of a function, and returns what it costs and the highest rank that it calls.
    fn body(&mut self, body: Body, parameters: &[(String, Type)], write: impl FnOnce(&mut Self)) -> (u32, u32) {
        let limit = body.limit.min(self.body.limit);
        let outer = std::mem::replace(&mut self.body, Body { limit, ..body });
        self.scope(|inside| {
            for (name, ty) in parameters {
                inside.variables.push(Variable { name: name.clone(), ty: *ty, assignable: true });
            }
            write(inside);
        });
        let inner = std::mem::replace(&mut self.body, outer);
        (body.ticks - inner.ticks + 1, inner.rank)
    }
}

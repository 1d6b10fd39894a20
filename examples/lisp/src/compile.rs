//! From data to code. Nothing here collects, so all values are plain.

use grisaille::{Barrier, Mutator};

use crate::code::{Call, Code, Function, Known, Lambda, Op};
use crate::error::{Error, Result};
use crate::lisp::Lisp;
use crate::port::Input;
use crate::read::{DEPTH_MAX, cons, list};
use crate::scope::{Binding, Place, Scope};
use crate::value::{Rare, Value, index};

/// The special forms. The other forms of the language are macros, in `prelude.scm`.
pub const SPECIALS: &[&str] = &[
    "quote",
    "quasiquote",
    "if",
    "define",
    "set!",
    "lambda",
    "let",
    "letrec",
    "letrec*",
    "begin",
    "and",
    "or",
    "define-syntax",
    "let-syntax",
    "letrec-syntax",
];

pub struct Compiler<'a, 'h, 's, B: Barrier> {
    pub lisp: &'a Lisp<'h, B>,
    pub cx: &'a Mutator<'s, B>,
    /// The procedures around what is compiled, the outermost first.
    scopes: Vec<Scope<'a>>,
    depth: usize,
    /// The text that the form was read from, and where in it the expression stands that is compiled.
    text: &'a Input,
    place: u32,
}

/// What a form of a program is.
pub enum Top<'a, B: Barrier> {
    /// Code, with the number of fields of its frame.
    Code(Code<B>, usize),
    /// The parts of a `begin`.
    Forms(Value<'a>),
}

/// A part of a body whose definitions are known.
enum Item<'a> {
    /// Gives a variable, by its index, the value of an expression; last is its name.
    Define(usize, Value<'a>, Value<'a>),
    Expression(Value<'a>),
}

impl<'a, 'h, 's, B: Barrier> Compiler<'a, 'h, 's, B> {
    pub fn new(lisp: &'a Lisp<'h, B>, cx: &'a Mutator<'s, B>, text: &'a Input) -> Self {
        Compiler { lisp, cx, scopes: vec![Scope::new()], depth: 0, text, place: 0 }
    }

    /// Compiles a form of a program, unless it consists of several.
    pub fn top(mut self, form: Value<'a>) -> Result<Top<'a, B>> {
        self.place = self.lisp.place(&self.text.file, self.text.start);
        self.place = self.place_of(form);
        let place = self.place;
        self.parts_of_top(form).map_err(|error| error.at(place))
    }

    fn parts_of_top(&mut self, form: Value<'a>) -> Result<Top<'a, B>> {
        match self.expand(form)? {
            (forms, Some("begin")) => Ok(Top::Forms(self.tail(forms, 1))),
            (form, _) => {
                let code = self.expression(form)?;
                Ok(Top::Code(code, self.scope().size()))
            }
        }
    }

    pub fn scope(&mut self) -> &mut Scope<'a> {
        self.scopes.last_mut().expect("there is a scope")
    }

    /// Makes code that is simple if its parts are.
    pub fn code(&self, simple: bool, op: Op<B>) -> Code<B> {
        Code { simple: if simple { self.lisp.epoch.get() } else { 0 }, place: self.place, op }
    }

    pub fn is_simple(&self, code: &Code<B>) -> bool {
        code.simple == self.lisp.epoch.get()
    }

    fn are_simple(&self, codes: &[Code<B>]) -> bool {
        codes.iter().all(|code| self.is_simple(code))
    }

    fn constant(&self, value: Value<'a>) -> Result<Code<B>> {
        let op = match value {
            Value::Int(number) => Op::Int(number),
            _ => Op::Constant(self.cx.try_persist(value)?),
        };
        Ok(self.code(true, op))
    }

    pub fn seq(&self, mut parts: Vec<Code<B>>) -> Result<Code<B>> {
        match parts.len() {
            0 => self.constant(Value::Unspecified),
            1 => Ok(parts.remove(0)),
            _ => Ok(self.code(self.are_simple(&parts), Op::Seq(parts.into()))),
        }
    }

    // ---- names

    /// Returns what a name means here.
    pub fn place(&self, name: Value<'a>) -> Result<Place<'a>> {
        let mut name = name;
        loop {
            for (depth, scope) in self.scopes.iter().rev().enumerate() {
                match scope.find(name) {
                    Some(Binding::Variable(index)) => return Ok(Place::Variable(depth, index)),
                    Some(Binding::Macro(value)) => return Ok(Place::Syntax(value)),
                    None => {}
                }
            }
            match name {
                Value::Alias(alias) => name = alias.name,
                _ => break,
            }
        }
        let global = self.lisp.global(self.cx, name.name().expect("it is a name"))?;
        Ok(match self.lisp.global_value(self.cx, global) {
            syntax if syntax.is_syntax() => Place::Syntax(syntax),
            _ => Place::Global(global),
        })
    }

    /// Returns the special form or macro that a form begins with, if any.
    fn syntax(&self, form: Value<'a>) -> Result<Option<Value<'a>>> {
        let Value::Pair(pair) = form else { return Ok(None) };
        match pair.car.get() {
            syntax if syntax.is_syntax() => Ok(Some(syntax)),
            name if name.is_name() => match self.place(name)? {
                Place::Syntax(syntax) => Ok(Some(syntax)),
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// Expands a form until it begins with no macro. Returns the name of the special form that it then begins with.
    pub fn expand(&self, form: Value<'a>) -> Result<(Value<'a>, Option<&'static str>)> {
        let mut form = form;
        loop {
            let Some(syntax) = self.syntax(form)? else { return Ok((form, None)) };
            form = match (syntax, syntax.rare()) {
                (Value::Special(special), _) => return Ok((form, Some(SPECIALS[index(special)]))),
                (_, Some(Rare::Macro(rules))) => crate::syntax::expand(self, rules, form)?,
                _ => unreachable!("there is no other syntax"),
            }
        }
    }

    // ---- expressions

    pub fn expression(&mut self, form: Value<'a>) -> Result<Code<B>> {
        self.depth += 1;
        if self.depth > DEPTH_MAX / 10 {
            return Err(Error::new("an expression is nested too deep"));
        }
        // What a macro makes stands where its call does.
        let (around, place) = (self.place, self.place_of(form));
        self.place = place;
        let code = self.expand(form).and_then(|(form, special)| match (form, special) {
            (_, Some(special)) => self.special(special, form),
            (Value::Pair(_), None) => self.call(form),
            (Value::Nil, None) => Err(Error::new("() is no expression")),
            (name, None) if name.is_name() => self.variable(name),
            (constant, None) => self.constant(constant),
        });
        (self.place, self.depth) = (around, self.depth - 1);
        code.map_err(|error| error.at(place))
    }

    /// Returns where a form stands: a form that was not read, where the one around it does.
    fn place_of(&self, form: Value<'a>) -> u32 {
        let line = match form {
            Value::Pair(_) => self.text.lines.get(&form.address()),
            _ => None,
        };
        line.map_or(self.place, |line| self.lisp.place(&self.text.file, *line))
    }

    fn variable(&mut self, name: Value<'a>) -> Result<Code<B>> {
        let op = match self.place(name)? {
            Place::Variable(0, index) => Op::Local(index),
            Place::Variable(depth, index) => Op::Outer(depth, index),
            Place::Global(index) => Op::Global(index),
            Place::Syntax(_) => return Err(Error::wrong("an expression", name)),
        };
        // That a global is not defined is an error and no call.
        Ok(self.code(true, op))
    }

    fn all(&mut self, forms: Value<'a>) -> Result<Vec<Code<B>>> {
        let mut forms = forms.iter();
        let all = forms.by_ref().map(|form| self.expression(form)).collect();
        match forms.rest() {
            Value::Nil => all,
            rest => Err(Error::wrong("a list", rest)),
        }
    }

    fn call(&mut self, form: Value<'a>) -> Result<Code<B>> {
        let Value::Pair(pair) = form else { unreachable!("a call is a pair") };
        let (operator, operands) = (pair.car.get(), self.all(pair.cdr.get())?);
        let (global, value) = match operator {
            Value::Primitive(_) => (None, operator),
            name if name.is_name() => match self.place(name)? {
                Place::Global(index) => (Some(index), self.lisp.global_value(self.cx, index)),
                _ => (None, Value::Unspecified),
            },
            _ => (None, Value::Unspecified),
        };
        let function = match value {
            Value::Primitive(primitive) => {
                let primitive = &self.lisp.primitives[index(primitive)];
                let fits = (primitive.least..=primitive.most).contains(&operands.len());
                fits.then_some(primitive.function)
                    .filter(|function| !matches!(function, Function::Calling(_)))
                    .map(Some)
            }
            Value::RecordProcedure(_) => Some(None),
            _ => None,
        };
        if let Some(function) = function {
            global.into_iter().for_each(|global| self.lisp.assume(global));
            let simple = self.are_simple(&operands);
            let known = Known { global, value: self.cx.try_persist(value)?, function, operands: operands.into() };
            return Ok(self.code(simple, Op::Known(Box::new(known))));
        }
        let mut parts = vec![self.expression(operator)?];
        parts.extend(operands);
        Ok(self.closure_call(parts))
    }

    pub fn closure_call(&self, parts: Vec<Code<B>>) -> Code<B> {
        let simple = if self.are_simple(&parts) { self.lisp.epoch.get() } else { 0 };
        self.code(false, Op::Call(Box::new(Call { simple, parts: parts.into() })))
    }

    fn special(&mut self, special: &str, form: Value<'a>) -> Result<Code<B>> {
        let Value::Pair(pair) = form else { unreachable!("a special form is a pair") };
        let rest = pair.cdr.get();
        let parts: Vec<Value<'a>> = rest.iter().collect();
        match (special, &*parts) {
            ("quote", &[datum]) => self.constant(self.strip(datum)?),
            ("quasiquote", &[template]) => {
                let form = self.quasi(template, 1)?;
                self.expression(form)
            }
            ("if", &[test, then]) => self.branch(test, then, None),
            ("if", &[test, then, other]) => self.branch(test, then, Some(other)),
            ("define", &[_, ..]) => {
                if self.scopes.len() > 1 || !self.scope().is_empty() {
                    return Err(Error::wrong("an expression", form));
                }
                let (name, value) = self.definition(form)?;
                let global = self.lisp.global(self.cx, name.name().ok_or_else(|| Error::wrong("a name", name))?)?;
                let value = self.named(value, name)?;
                Ok(self.code(false, Op::Define(global, Box::new(value))))
            }
            ("set!", &[name, value]) if name.is_name() => {
                let value = Box::new(self.expression(value)?);
                let simple = self.is_simple(&value);
                Ok(match self.place(name)? {
                    Place::Variable(0, index) => self.code(simple, Op::SetLocal(index, value)),
                    Place::Variable(depth, index) => self.code(simple, Op::SetOuter(depth, index, value)),
                    // In simple code no global may change that other simple code relies on.
                    Place::Global(index) => {
                        let known = self.lisp.global_value(self.cx, index).is_procedure();
                        self.code(simple && !known, Op::SetGlobal(index, value))
                    }
                    Place::Syntax(_) => return Err(Error::wrong("a variable", name)),
                })
            }
            ("lambda", &[parameters, _, ..]) => self.lambda(parameters, self.tail(rest, 1), String::new()),
            ("let", &[name, bindings, _, ..]) if name.is_name() => self.loops(name, bindings, self.tail(rest, 2)),
            ("let", &[bindings, _, ..]) => self.bind(bindings, self.tail(rest, 1), false),
            ("letrec" | "letrec*", &[bindings, _, ..]) => self.bind(bindings, self.tail(rest, 1), true),
            ("begin", _) => {
                let parts = self.all(rest)?;
                self.seq(parts)
            }
            ("and", []) => self.constant(Value::True),
            ("or", []) => self.constant(Value::False),
            ("and" | "or", _) => {
                let mut parts = self.all(rest)?;
                if parts.len() == 1 {
                    return Ok(parts.remove(0));
                }
                let simple = self.are_simple(&parts);
                let op = if special == "and" { Op::And(parts.into()) } else { Op::Or(parts.into()) };
                Ok(self.code(simple, op))
            }
            ("define-syntax", &[name, rules]) if name.is_name() => {
                let rules = self.rules(rules)?;
                if self.scopes.len() > 1 || !self.scope().is_empty() {
                    return Err(Error::wrong("an expression", form));
                }
                let global = self.lisp.global(self.cx, name.name().expect("it is a name"))?;
                self.lisp.set_global(self.cx, global, rules);
                self.constant(Value::Unspecified)
            }
            ("let-syntax" | "letrec-syntax", &[bindings, _, ..]) => {
                let mark = self.scope().mark();
                for binding in bindings.iter() {
                    let [name, rules] = self.exactly(binding)?;
                    let rules = self.rules(rules)?;
                    self.scope().bind(name, Binding::Macro(rules));
                }
                let body = self.body(self.tail(rest, 1));
                self.scope().release(mark);
                body
            }
            _ => Err(Error::new(format!("this is no {special} form: {}", crate::print::written(form)))),
        }
    }

    fn branch(&mut self, test: Value<'a>, then: Value<'a>, other: Option<Value<'a>>) -> Result<Code<B>> {
        let (test, then) = (self.expression(test)?, self.expression(then)?);
        let other = match other {
            Some(other) => self.expression(other)?,
            None => self.constant(Value::Unspecified)?,
        };
        let parts = [test, then, other];
        Ok(self.code(self.are_simple(&parts), Op::If(Box::new(parts))))
    }

    /// Compiles an expression whose value gets a name.
    pub fn named(&mut self, form: Value<'a>, name: Value<'a>) -> Result<Code<B>> {
        let (form, special) = self.expand(form)?;
        let parameters = form.iter().nth(1).filter(|_| form.iter().nth(2).is_some());
        match (special, parameters) {
            (Some("lambda"), Some(parameters)) => {
                self.lambda(parameters, self.tail(form, 2), name.name().unwrap_or_default().to_string())
            }
            _ => self.expression(form),
        }
    }

    pub fn lambda(&mut self, parameters: Value<'a>, body: Value<'a>, name: String) -> Result<Code<B>> {
        self.scope().holds_closure();
        let mut scope = Scope::new();
        let mut required = parameters.iter();
        for parameter in required.by_ref() {
            scope.variable(parameter)?;
        }
        let count = scope.size() - 1;
        let rest = required.rest();
        if !matches!(rest, Value::Nil) {
            scope.variable(rest)?;
        }
        self.scopes.push(scope);
        let body = self.body(body);
        let size = self.scopes.pop().expect("it was pushed").size();
        let lambda = Lambda { name, required: count, rest: !matches!(rest, Value::Nil), size, body: body? };
        Ok(self.code(true, Op::Lambda(self.lisp.add(lambda))))
    }

    /// Compiles what follows the head of a procedure, and gives definitions their variables.
    pub fn body(&mut self, forms: Value<'a>) -> Result<Code<B>> {
        let mark = self.scope().mark();
        let mut forms: Vec<_> = forms.iter().collect();
        forms.reverse();
        let mut items = Vec::new();
        let around = self.place;
        while let Some(form) = forms.pop() {
            self.place = self.place_of(form);
            let (form, special) = self.expand(form)?;
            let rest = self.tail(form, 1);
            match special {
                Some("begin") => {
                    let parts: Vec<_> = rest.iter().collect();
                    forms.extend(parts.iter().rev());
                }
                Some("define") => {
                    let (name, value) = self.definition(form)?;
                    // A variable may be defined again.
                    let index = match self.scope().find_since(mark, name) {
                        Some(index) => index,
                        None => self.scope().variable(name)?,
                    };
                    items.push((Item::Define(index, value, name), self.place));
                }
                Some("define-syntax") => {
                    let [name, rules] = self.exactly(rest)?;
                    let rules = self.rules(rules)?;
                    self.scope().bind(name, Binding::Macro(rules));
                }
                _ => items.push((Item::Expression(form), self.place)),
            }
        }
        let mut parts = Vec::new();
        for (item, place) in items {
            self.place = place;
            parts.push(match item {
                Item::Expression(form) => self.expression(form)?,
                Item::Define(index, value, name) => {
                    let value = self.named(value, name)?;
                    self.code(self.is_simple(&value), Op::SetLocal(index, Box::new(value)))
                }
            });
        }
        self.place = around;
        self.seq(parts)
    }

    /// Returns the name and the value of a definition.
    fn definition(&self, form: Value<'a>) -> Result<(Value<'a>, Value<'a>)> {
        let rest = self.tail(form, 1);
        match *rest.iter().collect::<Vec<_>>() {
            [Value::Pair(head), _, ..] => {
                let lambda = cons(self.cx, head.cdr.get(), self.tail(rest, 1))?;
                let lambda = cons(self.cx, self.special_value("lambda"), lambda)?;
                match head.car.get() {
                    // A procedure that returns a procedure.
                    Value::Pair(_) => self.definition(list(self.cx, &[Value::Nil, head.car.get(), lambda])?),
                    name => Ok((name, lambda)),
                }
            }
            [name, value] if name.is_name() => Ok((name, value)),
            [name] if name.is_name() => Ok((name, Value::Unspecified)),
            _ => Err(Error::wrong("a definition", form)),
        }
    }

    // ---- helpers for forms

    /// Returns what is left of a list after that many elements.
    pub fn tail(&self, list: Value<'a>, count: usize) -> Value<'a> {
        let mut elements = list.iter();
        elements.by_ref().take(count).for_each(drop);
        elements.rest()
    }

    /// Returns the elements of a list that has exactly that many.
    pub fn exactly<const N: usize>(&self, list: Value<'a>) -> Result<[Value<'a>; N]> {
        let all: Vec<_> = list.iter().collect();
        <[Value<'a>; N]>::try_from(all).map_err(|_| Error::wrong(&format!("a list of {N}"), list))
    }
}

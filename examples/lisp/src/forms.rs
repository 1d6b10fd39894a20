//! Forms that stand for other forms, or for data: templates, macros, record types, libraries.

use grisaille::{Barrier, Slot};

use crate::compile::{Compiler, SPECIALS};
use crate::error::{Error, Result};
use crate::read::{cons, list};
use crate::scope::Place;
use crate::value::{Macro, Value};

impl<'a, B: Barrier> Compiler<'a, '_, '_, B> {
    pub fn special_value(&self, name: &str) -> Value<'a> {
        Value::Special(SPECIALS.iter().position(|special| *special == name).expect("it is one"))
    }

    pub fn primitive_value(&self, name: &str) -> Value<'a> {
        let primitives = &self.lisp.primitives;
        Value::Primitive(primitives.iter().position(|primitive| primitive.name == name).expect("it is one"))
    }

    /// Returns a datum with symbols in place of the names that macros introduced.
    pub fn strip(&self, datum: Value<'a>) -> Result<Value<'a>> {
        if !self.has_alias(datum) {
            return Ok(datum);
        }
        match datum {
            Value::Pair(pair) => cons(self.cx, self.strip(pair.car.get())?, self.strip(pair.cdr.get())?),
            Value::Vector(items) => {
                let items: Result<Vec<_>> = items.iter().map(|item| self.strip(item.get())).collect();
                self.vector(&items?)
            }
            name => Ok(name.original()),
        }
    }

    fn has_alias(&self, datum: Value<'a>) -> bool {
        let mut rest = datum.iter();
        rest.by_ref().any(|item| self.has_alias(item))
            || match rest.rest() {
                Value::Alias(_) => true,
                Value::Vector(items) => items.iter().any(|item| self.has_alias(item.get())),
                _ => false,
            }
    }

    pub fn vector(&self, items: &[Value<'a>]) -> Result<Value<'a>> {
        Ok(Value::Vector(self.cx.try_alloc_array(items.len(), |at| Slot::new(items[at]))?))
    }

    /// Returns the form that makes what a template describes.
    pub fn quasi(&self, template: Value<'a>, level: usize) -> Result<Value<'a>> {
        let call = |name: &str, parts: &[Value<'a>]| cons(self.cx, self.primitive_value(name), list(self.cx, parts)?);
        let quote = |datum| list(self.cx, &[self.special_value("quote"), datum]);
        match template {
            Value::Pair(pair) => {
                let (head, rest) = (pair.car.get(), pair.cdr.get());
                let argument = || rest.iter().next().unwrap_or(Value::Nil);
                match head.name() {
                    Some("unquote") if level == 1 => return Ok(argument()),
                    Some("unquote-splicing") if level == 1 => return Err(Error::wrong("a list around", template)),
                    Some(name @ ("unquote" | "unquote-splicing" | "quasiquote")) => {
                        let level = if name == "quasiquote" { level + 1 } else { level - 1 };
                        return call("list", &[quote(head)?, self.quasi(argument(), level)?]);
                    }
                    _ => {}
                }
                if let Value::Pair(inner) = head
                    && inner.car.get().name() == Some("unquote-splicing")
                    && level == 1
                {
                    let [spliced] = self.exactly(inner.cdr.get())?;
                    // What ends a list is not copied.
                    return match rest {
                        Value::Nil => Ok(spliced),
                        rest => call("append", &[spliced, self.quasi(rest, level)?]),
                    };
                }
                call("cons", &[self.quasi(head, level)?, self.quasi(rest, level)?])
            }
            Value::Vector(items) => {
                let items: Vec<_> = items.iter().map(|item| item.get()).collect();
                call("list->vector", &[self.quasi(list(self.cx, &items)?, level)?])
            }
            datum => quote(datum),
        }
    }

    /// Returns the macro that a `syntax-rules` form describes.
    pub fn rules(&self, form: Value<'a>) -> Result<Value<'a>> {
        let parts: Vec<_> = form.iter().collect();
        match *parts {
            [name, literals, ..] if name.name() == Some("syntax-rules") => {
                let own = literals.is_name();
                let ellipsis = if own { literals } else { Value::Symbol(self.cx.try_intern("...")?) };
                let rest = self.tail(form, if own { 2 } else { 1 });
                let (literals, rules) = (rest.iter().next().unwrap_or(Value::Nil), self.tail(rest, 1));
                Ok(Value::Macro(self.cx.try_alloc(Macro { ellipsis, literals, rules })?))
            }
            [] if form.is_name() => match self.place(form)? {
                Place::Syntax(syntax) => Ok(syntax),
                _ => Err(Error::wrong("syntax-rules", form)),
            },
            _ => Err(Error::wrong("syntax-rules", form)),
        }
    }

    /// Returns the definitions that a record type stands for.
    pub fn record(&self, parts: &[Value<'a>]) -> Result<Value<'a>> {
        let cx = self.cx;
        let &[head, constructor, test, ref fields @ ..] = parts else {
            return Err(Error::new("a record type has a name, a constructor and a predicate"));
        };
        let define = self.special_value("define");
        let definition = |name, value| list(cx, &[define, name, value]);
        let call = |primitive: &str, parts: &[Value<'a>]| -> Result<Value<'a>> {
            cons(cx, self.primitive_value(primitive), list(cx, parts)?)
        };
        let quote = |datum| list(cx, &[self.special_value("quote"), datum]);
        let name = if let Value::Pair(pair) = head { pair.car.get() } else { head };
        let names: Vec<_> = fields.iter().map(|field| field.iter().next().unwrap_or(*field)).collect();
        let index = |field: Value<'a>| {
            let found = names.iter().position(|name| name.same(field));
            found.map(|at| Value::Int(at as i64)).ok_or_else(|| Error::wrong("a field", field))
        };
        let count = Value::Int(fields.len() as i64);
        let mut all = vec![self.special_value("begin")];
        all.push(definition(name, call("%record-type", &[quote(name)?, count])?)?);
        if let Value::Pair(pair) = constructor {
            let indices: Result<Vec<_>> = pair.cdr.get().iter().map(index).collect();
            let made = call("%record-make", &[name, quote(list(cx, &indices?)?)?])?;
            all.push(definition(pair.car.get(), made)?);
        } else if constructor.is_name() {
            let indices: Vec<_> = (0..fields.len()).map(|at| Value::Int(at as i64)).collect();
            all.push(definition(constructor, call("%record-make", &[name, quote(list(cx, &indices)?)?])?)?);
        }
        if test.is_name() {
            all.push(definition(test, call("%record-test", &[name])?)?);
        }
        for field in fields {
            for (procedure, primitive) in field.iter().skip(1).zip(["%record-get", "%record-set"]) {
                let field = index(field.iter().next().unwrap_or(Value::Nil))?;
                all.push(definition(procedure, call(primitive, &[name, field])?)?);
            }
        }
        list(cx, &all)
    }

    /// Returns the forms of a library, or those that `cond-expand` selects. All libraries share one set of globals.
    pub fn library(&self, special: &str, parts: &[Value<'a>]) -> Result<Value<'a>> {
        let mut all = vec![self.special_value("begin")];
        if special == "define-library" {
            let declared = |part: &&Value<'a>| part.iter().next().is_some_and(|key| key.name() == Some("begin"));
            all.extend(parts.iter().skip(1).filter(declared).flat_map(|part| part.iter().skip(1)));
        } else if let Some(chosen) = parts.iter().find(|part| part.iter().next().is_some_and(|test| self.has(test))) {
            all.extend(chosen.iter().skip(1));
        }
        list(self.cx, &all)
    }

    /// Returns whether this interpreter has what a requirement of `cond-expand` asks for.
    fn has(&self, requirement: Value<'a>) -> bool {
        match requirement.name() {
            Some(name) => ["else", "r7rs", "full-unicode", "grisaille"].contains(&name),
            None => {
                let parts: Vec<_> = requirement.iter().collect();
                match parts.split_first().map(|(head, rest)| (head.name(), rest)) {
                    Some((Some("and"), rest)) => rest.iter().all(|part| self.has(*part)),
                    Some((Some("or"), rest)) => rest.iter().any(|part| self.has(*part)),
                    Some((Some("not"), rest)) => !rest.iter().any(|part| self.has(*part)),
                    Some((Some("library"), rest)) => {
                        rest.iter().any(|name| name.iter().next().is_some_and(|first| first.name() == Some("scheme")))
                    }
                    _ => false,
                }
            }
        }
    }
}

//! Forms that stand for other forms, or for data: templates and macros.

use grisaille::Barrier;

use crate::compile::{Compiler, SPECIALS};
use crate::error::{Error, Result};
use crate::read::{cons, list};
use crate::scope::Place;
use crate::value::{Macro, Rare, Value, ValueSlot, new_index};

impl<'a, B: Barrier> Compiler<'a, '_, '_, B> {
    pub fn special_value(&self, name: &str) -> Value<'a> {
        Value::Special(new_index(SPECIALS.iter().position(|special| *special == name).expect("it is one")))
    }

    pub fn primitive_value(&self, name: &str) -> Value<'a> {
        let primitives = &self.lisp.primitives;
        let index = primitives.iter().position(|primitive| primitive.name == name);
        Value::Primitive(new_index(index.expect("it is one")))
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
        Ok(Value::Vector(self.cx.try_alloc_array(items.len(), |at| ValueSlot::new(items[at]))?))
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
                Ok(Value::Rare(self.cx.try_alloc(Rare::Macro(Macro { ellipsis, literals, rules }))?))
            }
            [] if form.is_name() => match self.place(form)? {
                Place::Syntax(syntax) => Ok(syntax),
                _ => Err(Error::wrong("syntax-rules", form)),
            },
            _ => Err(Error::wrong("syntax-rules", form)),
        }
    }
}

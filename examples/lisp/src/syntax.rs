//! `syntax-rules`: matching a form with a pattern, and filling in a template.
//!
//! A name that a template introduces becomes a new alias of itself in each expansion. What the expansion binds can so
//! not capture names of the program; an alias that nothing binds means what its original means.

use std::rc::Rc;

use grisaille::Barrier;

use crate::compile::Compiler;
use crate::error::{Error, Result};
use crate::read::cons;
use crate::value::{Alias, Macro, Value, ValueSlot};

/// What a pattern's variable stands for: a form, or as many as an ellipsis matched.
#[derive(Clone)]
enum Match<'a> {
    One(Value<'a>),
    Many(Rc<Vec<Matches<'a>>>),
}

type Matches<'a> = Vec<(Value<'a>, Match<'a>)>;

struct Expander<'c, 'a, 'h, 's, B: Barrier> {
    compiler: &'c Compiler<'a, 'h, 's, B>,
    rules: &'a Macro<'a>,
    /// The names that were introduced, with their aliases.
    aliases: Vec<(Value<'a>, Value<'a>)>,
}

/// Returns what a form that begins with a macro's name stands for.
pub fn expand<'a, B: Barrier>(
    compiler: &Compiler<'a, '_, '_, B>,
    rules: &'a Macro<'a>,
    form: Value<'a>,
) -> Result<Value<'a>> {
    let mut expander = Expander { compiler, rules, aliases: Vec::new() };
    for rule in rules.rules.iter() {
        let (pattern, template) = (rule.iter().next(), rule.iter().nth(1));
        let (Some(pattern), Some(template)) = (pattern, template) else { return Err(Error::wrong("a rule", rule)) };
        let mut matches = Vec::new();
        // The macro's own name matches.
        if expander.matches(compiler.tail(pattern, 1), compiler.tail(form, 1), &mut matches) {
            return expander.fill(template, &matches, true);
        }
    }
    Err(Error::new(format!("no rule of the macro matches {}", crate::print::written(form))))
}

impl<'a, B: Barrier> Expander<'_, 'a, '_, '_, B> {
    fn is_ellipsis(&self, name: Value<'a>) -> bool {
        name.is_name() && (name.same(self.rules.ellipsis) || name.name() == Some("...") && self.is_default())
    }

    /// Returns whether the ellipsis is the usual one: a template that a macro made has an alias of it.
    fn is_default(&self) -> bool {
        self.rules.ellipsis.name() == Some("...")
    }

    /// Returns what follows the ellipsis that follows the first part of a list.
    fn after_ellipsis(&self, list: Value<'a>) -> Option<Value<'a>> {
        let Value::Pair(pair) = list else { return None };
        let Value::Pair(second) = pair.cdr.get() else { return None };
        self.is_ellipsis(second.car.get()).then(|| second.cdr.get())
    }

    fn is_literal(&self, name: Value<'a>) -> bool {
        self.rules.literals.iter().any(|literal| literal.same(name))
    }

    fn matches(&self, pattern: Value<'a>, form: Value<'a>, found: &mut Matches<'a>) -> bool {
        match (pattern, form) {
            (name, _) if name.is_name() => {
                if self.is_literal(name) {
                    return form.is_name() && form.original().same(name.original());
                }
                if name.name() != Some("_") {
                    found.push((name, Match::One(form)));
                }
                true
            }
            (Value::Pair(pair), _) => {
                let Some(after) = self.after_ellipsis(pattern) else {
                    let Value::Pair(parts) = form else { return false };
                    return self.matches(pair.car.get(), parts.car.get(), found)
                        && self.matches(pair.cdr.get(), parts.cdr.get(), found);
                };
                let available = form.iter().count();
                let Some(count) = available.checked_sub(after.iter().count()) else { return false };
                let mut each = Vec::new();
                for part in form.iter().take(count) {
                    let mut inner = Vec::new();
                    if !self.matches(pair.car.get(), part, &mut inner) {
                        return false;
                    }
                    each.push(inner);
                }
                // Each variable of the pattern is bound, also where nothing matched.
                let (mut names, each) = (Vec::new(), Rc::new(each));
                self.variables(pair.car.get(), &mut names);
                found.extend(names.into_iter().map(|name| (name, Match::Many(each.clone()))));
                self.matches(after, self.compiler.tail(form, count), found)
            }
            (Value::Vector(parts), Value::Vector(items)) => {
                let list = |items: &[ValueSlot<'a>]| {
                    items.iter().rev().try_fold(Value::Nil, |rest, item| cons(self.compiler.cx, item.get(), rest))
                };
                match (list(parts.as_slice()), list(items.as_slice())) {
                    (Ok(parts), Ok(items)) => self.matches(parts, items, found),
                    _ => false,
                }
            }
            _ => crate::primitives::equal(pattern, form),
        }
    }

    /// Adds the variables of a pattern.
    fn variables(&self, pattern: Value<'a>, names: &mut Vec<Value<'a>>) {
        match pattern {
            Value::Pair(pair) => {
                self.variables(pair.car.get(), names);
                self.variables(pair.cdr.get(), names);
            }
            Value::Vector(items) => items.iter().for_each(|item| self.variables(item.get(), names)),
            name if name.is_name() && !self.is_ellipsis(name) && !self.is_literal(name) => names.push(name),
            _ => {}
        }
    }

    /// Fills in a template. Where `repeats` is false, an ellipsis is a name like others.
    fn fill(&mut self, template: Value<'a>, found: &Matches<'a>, repeats: bool) -> Result<Value<'a>> {
        let cx = self.compiler.cx;
        match template {
            name if name.is_name() => {
                match found.iter().rev().find(|(bound, _)| bound.same(name)) {
                    Some((_, Match::One(form))) => return Ok(*form),
                    Some(_) => return Err(Error::wrong("an ellipsis in the template after", name)),
                    None => {}
                }
                if let Some((_, alias)) = self.aliases.iter().find(|(known, _)| known.same(name)) {
                    return Ok(*alias);
                }
                let alias = Value::Alias(cx.try_alloc(Alias { name })?);
                self.aliases.push((name, alias));
                Ok(alias)
            }
            Value::Pair(pair) => {
                if repeats && self.is_ellipsis(pair.car.get()) {
                    let escaped = self.compiler.tail(template, 1).iter().next().unwrap_or(Value::Nil);
                    return self.fill(escaped, found, false);
                }
                let Some(mut after) = self.after_ellipsis(template).filter(|_| repeats) else {
                    let car = self.fill(pair.car.get(), found, repeats)?;
                    return cons(cx, car, self.fill(pair.cdr.get(), found, repeats)?);
                };
                let mut depth = 1;
                while let Value::Pair(next) = after
                    && self.is_ellipsis(next.car.get())
                {
                    (depth, after) = (depth + 1, next.cdr.get());
                }
                let mut forms = Vec::new();
                self.repeat(pair.car.get(), found, depth, &mut forms)?;
                let rest = self.fill(after, found, repeats)?;
                crate::read::list_with_tail(cx, &forms, rest)
            }
            Value::Vector(items) => {
                let items: Vec<_> = items.iter().map(|item| item.get()).collect();
                let filled = self.fill(crate::read::list(cx, &items)?, found, repeats)?;
                self.compiler.vector(&filled.iter().collect::<Vec<_>>())
            }
            datum => Ok(datum),
        }
    }

    /// Fills in a template once for each match of its variables.
    fn repeat(
        &mut self,
        template: Value<'a>,
        found: &Matches<'a>,
        depth: usize,
        forms: &mut Vec<Value<'a>>,
    ) -> Result<()> {
        if depth == 0 {
            forms.push(self.fill(template, found, true)?);
            return Ok(());
        }
        let mut names = Vec::new();
        self.variables(template, &mut names);
        // The innermost match of each.
        let innermost = |name: &Value<'a>| found.iter().rev().find(|(bound, _)| bound.same(*name));
        let many: Vec<Rc<Vec<Matches<'a>>>> = names
            .iter()
            .filter_map(innermost)
            .filter_map(|(_, matched)| if let Match::Many(each) = matched { Some(each.clone()) } else { None })
            .collect();
        let Some(turns) = many.iter().map(|each| each.len()).max() else {
            return Err(Error::wrong("a variable with an ellipsis in", template));
        };
        for turn in 0..turns {
            let mut inner = found.clone();
            inner.extend(many.iter().filter_map(|each| each.get(turn)).flatten().cloned());
            self.repeat(template, &inner, depth - 1, forms)?;
        }
        Ok(())
    }
}

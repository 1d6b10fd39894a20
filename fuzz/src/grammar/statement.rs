//! Statements.

use super::{Body, Function, Generator, Type, Variable};

impl Generator<'_> {
    /// Some statements.
    pub fn statements(&mut self, nesting: u32) {
        for _ in 0..self.pick(5) {
            self.statement(nesting);
        }
    }

    /// A statement; `nesting`: how deep blocks in it may nest.
    pub fn statement(&mut self, nesting: u32) {
        if !self.spend(1) {
            return;
        }
        match self.pick(if nesting > 0 { 23 } else { 8 }) {
            0 | 1 => self.print(),
            2 | 3 => self.declaration(),
            4 | 5 => self.assignment(),
            6 => self.field_assignment(),
            7 if self.body.yields => self.give(),
            7 => {
                if let Some(call) = self.call(Type::Any, 1) {
                    self.line(&format!("{call};"));
                }
            }
            8 => self.condition(nesting - 1),
            9 => self.narrowing(nesting - 1),
            10 | 11 => self.count(nesting - 1),
            12 => self.build_list(),
            13 => self.walk_list(nesting - 1),
            14 => {
                self.line("{");
                self.scope(|inside| inside.statements(nesting - 1));
                self.line("}");
            }
            15 | 16 => self.function(nesting - 1),
            17 => self.recursion(nesting - 1),
            18 => self.tree(),
            20 => self.list(nesting - 1),
            21 => self.map(nesting - 1),
            22 => self.fiber(nesting - 1),
            _ => {
                self.class(nesting - 1);
                self.try_class();
            }
        }
    }

    fn print(&mut self) {
        match self.pick(5) {
            0 => {
                let (left, right) = (self.expression(Type::Text), self.expression(Type::Text));
                self.line(&format!("print {left} + {right};"));
            }
            1 => {
                let value = self.expression(Type::Any);
                self.line(&format!("print {value};"));
            }
            _ => {
                let ty = self.some_type();
                let value = self.expression(ty);
                self.line(&format!("print {value};"));
            }
        }
    }

    /// Declares a variable, and returns its name.
    pub fn declare(&mut self, ty: Type, value: &str, assignable: bool) -> String {
        let name = self.name("v");
        self.line(&format!("var {name} = {value};"));
        self.variables.push(Variable { name: name.clone(), ty, assignable });
        name
    }

    fn declaration(&mut self) {
        let ty = self.some_type();
        let value = self.expression(ty);
        self.declare(ty, &value, true);
    }

    fn assignment(&mut self) {
        let names: Vec<(String, Type)> =
            self.variables.iter().filter(|v| v.assignable).map(|v| (v.name.clone(), v.ty)).collect();
        if names.is_empty() {
            return self.declaration();
        }
        let (name, ty) = names[names.len() - 1 - self.pick(names.len())].clone();
        let value = self.expression(ty);
        self.line(&format!("{name} = {value};"));
    }

    fn field_assignment(&mut self) {
        let Some((object, class)) = self.object() else { return self.declaration() };
        let fields = self.classes[class].fields.clone();
        // A field that no initializer knows, once in a while.
        if fields.is_empty() || self.one_in(6) {
            let (name, value) = (["extra", "other", "more"][self.pick(3)], self.expression(Type::Any));
            self.line(&format!("{object}.{name} = {value};"));
            return self.line(&format!("print {object}.{name};"));
        }
        let (name, ty) = &fields[self.pick(fields.len())];
        let value = self.expression(*ty);
        self.line(&format!("{object}.{name} = {value};"));
    }

    fn condition(&mut self, nesting: u32) {
        let condition = self.expression(Type::Truth);
        self.line(&format!("if ({condition}) {{"));
        self.scope(|inside| {
            inside.statements(nesting);
            if let Some(result) = inside.body.result
                && inside.one_in(3)
            {
                let result = inside.expression(result);
                inside.line(&format!("return {result};"));
            }
        });
        if self.one_in(2) {
            self.line("} else {");
            self.scope(|inside| inside.statements(nesting));
        }
        self.line("}");
    }

    /// What may be nil is looked at, and used where it is not.
    fn narrowing(&mut self, nesting: u32) {
        if self.classes.is_empty() {
            return self.class(nesting);
        }
        let class = self.pick(self.classes.len());
        let value = self.expression(Type::Maybe(class));
        let name = self.declare(Type::Maybe(class), &value, true);
        self.line(&format!("if ({name} != nil) {{"));
        self.scope(|inside| {
            inside.declare(Type::Object(class), &name, true);
            inside.statements(nesting);
        });
        self.line("}");
    }

    /// A loop that counts.
    fn count(&mut self, nesting: u32) {
        let rounds = 2 + self.pick(7) as u32;
        let counter = self.name("i");
        self.repeat(
            rounds,
            &format!("for (var {counter} = 0; {counter} < {rounds}; {counter} = {counter} + 1) {{"),
            |inside| {
                inside.variables.push(Variable { name: counter.clone(), ty: Type::Number, assignable: false });
                // Closures of one round and those of the next have different variables.
                inside.statement(nesting);
                inside.statements(nesting);
            },
        );
    }

    /// A block that runs so many times.
    pub fn repeat(&mut self, rounds: u32, head: &str, write: impl FnOnce(&mut Self)) {
        if !self.spend(rounds) {
            return;
        }
        self.line(head);
        let weight = self.body.weight;
        self.body.weight *= rounds;
        self.scope(write);
        self.body.weight = weight;
        self.line("}");
    }

    /// A class that has a field for another of its instances, and those fields.
    fn linked(&mut self) -> Option<(usize, Vec<usize>)> {
        let links = |class: usize| -> Vec<usize> {
            let fields = &self.classes[class].fields;
            (0..fields.len())
                .filter(|at| matches!(fields[*at].1, Type::Maybe(to) if self.is_subclass(class, to)))
                .collect()
        };
        let linked: Vec<usize> = (0..self.classes.len()).filter(|class| !links(*class).is_empty()).collect();
        let found: Vec<(usize, Vec<usize>)> = linked.into_iter().map(|class| (class, links(class))).collect();
        if found.is_empty() {
            return None;
        }
        let at = self.pick(found.len());
        Some(found[at].clone())
    }

    /// The arguments of a constructor, with `text` for the field `at`, and others that are short.
    fn fields_with(&mut self, class: usize, with: &[(usize, String)]) -> String {
        let types: Vec<Type> = self.classes[class].fields.iter().map(|field| field.1).collect();
        let arguments: Vec<String> = types
            .into_iter()
            .enumerate()
            .map(|(at, ty)| match with.iter().find(|link| link.0 == at) {
                Some(link) => link.1.clone(),
                None => self.expression(ty),
            })
            .collect();
        format!("{}({})", self.classes[class].name, arguments.join(", "))
    }

    fn build_list(&mut self) {
        let Some((class, links)) = self.linked() else { return self.class(1) };
        let rounds = 2 + self.pick(20) as u32;
        let name = self.declare(Type::Maybe(class), "nil", true);
        let link = links[self.pick(links.len())];
        let counter = self.name("i");
        self.repeat(
            rounds,
            &format!("for (var {counter} = 0; {counter} < {rounds}; {counter} = {counter} + 1) {{"),
            |inside| {
                inside.spend(1);
                let new = inside.fields_with(class, &[(link, name.clone())]);
                inside.line(&format!("{name} = {new};"));
            },
        );
    }

    fn walk_list(&mut self, nesting: u32) {
        let Some((class, links)) = self.linked() else { return self.class(nesting) };
        // Where the link may be to an instance of a superclass, that is what is walked along.
        let link = links[self.pick(links.len())];
        let (field, ty) = self.classes[class].fields[link].clone();
        let Type::Maybe(above) = ty else { return };
        if !self.classes[above].fields.iter().any(|(name, _)| *name == field) {
            return self.declaration();
        }
        let start = self.expression(ty);
        self.line("{");
        self.scope(|inside| {
            let at = inside.declare(ty, &start, false);
            let rounds = 2 + inside.pick(6) as u32;
            let counter = inside.name("i");
            inside.line(&format!("var {counter} = 0;"));
            inside.repeat(rounds, &format!("while ({at} != nil and {counter} < {rounds}) {{"), |inside| {
                let object = inside.declare(Type::Object(above), &at, false);
                inside.statements(nesting);
                inside.line(&format!("{at} = {object}.{field};"));
                inside.line(&format!("{counter} = {counter} + 1;"));
            });
        });
        self.line("}");
    }

    /// What a function's body may cost.
    fn share(&mut self) -> u32 {
        let share = [VALUE, 60, 200][self.pick(3)];
        share.min(self.body.ticks)
    }

    /// A function, which may use all that is around it.
    fn function(&mut self, nesting: u32) {
        let name = self.name("g");
        // Often one that can be a value.
        let (parameters, result) = if self.one_in(2) {
            let signature = super::Signature::ALL[self.pick(4)];
            (signature.parameters().to_vec(), signature.result())
        } else {
            ((0..self.pick(3)).map(|_| self.some_type()).collect(), self.some_type())
        };
        let named: Vec<(String, Type)> = parameters.iter().map(|ty| (self.name("p"), *ty)).collect();
        let names: Vec<&str> = named.iter().map(|parameter| parameter.0.as_str()).collect();
        self.line(&format!("fun {name}({}) {{", names.join(", ")));
        let ticks = self.share();
        let body = self.body_of_function(ticks, result);
        let (cost, rank) = self.body(body, &named, |inside| {
            inside.statements(nesting);
            let result = inside.expression(result);
            inside.line(&format!("return {result};"));
        });
        self.line("}");
        self.functions.push(Function { name, parameters, result, depth: None, cost, rank });
        self.try_function();
    }

    /// Calls the newest function some times, mostly: what is only declared does nothing.
    fn try_function(&mut self) {
        let rounds = [1, 1, 0, 2, 4, 8, 16, 32][self.pick(8)];
        let (at, counter) = (self.functions.len() - 1, self.name("i"));
        let head = format!("for (var {counter} = 0; {counter} < {rounds}; {counter} = {counter} + 1) {{");
        let result = self.functions[at].result;
        self.repeat(rounds, &head, |inside| {
            inside.variables.push(Variable { name: counter.clone(), ty: Type::Number, assignable: false });
            if let Some(call) = inside.call_function_at(at, 2) {
                inside.declare(result, &call, true);
            }
            inside.statements(1);
        });
    }

    /// Makes an instance of the newest class, and calls its methods.
    fn try_class(&mut self) {
        let Some(class) = self.classes.len().checked_sub(1) else { return };
        let new = self.construct(class, 2);
        let object = self.declare(Type::Object(class), &new, true);
        for at in 0..self.classes[class].methods.len() {
            if self.one_in(2)
                && let Some(call) = self.call_method_at(&object, class, at, 2)
            {
                let result = self.classes[class].methods[at].result;
                self.declare(result, &call, true);
            }
        }
    }

    /// A function that calls itself once, or not.
    fn recursion(&mut self, nesting: u32) {
        let depth = [3, 10, 30][self.pick(3)];
        let ticks = self.share();
        let (name, result, ty) = (self.name("r"), self.some_type(), self.some_type());
        let (count, parameter) = (self.name("n"), self.name("p"));
        self.line(&format!("fun {name}({count}, {parameter}) {{"));
        let body = self.body_of_function(ticks, result);
        let (cost, rank) = self.body(body, &[(parameter, ty)], |inside| {
            let end = inside.expression(result);
            inside.line(&format!("if ({count} < 1) return {end};"));
            inside.variables.push(Variable { name: count.clone(), ty: Type::Number, assignable: false });
            inside.statements(nesting);
            let argument = inside.expression(ty);
            inside.declare(result, &format!("{name}({count} - 1, {argument})"), true);
            inside.statements(nesting);
            let result = inside.expression(result);
            inside.line(&format!("return {result};"));
        });
        self.line("}");
        let cost = cost.saturating_mul(depth + 1);
        self.functions.push(Function { name, parameters: vec![ty], result, depth: Some(depth), cost, rank });
        self.try_function();
    }

    /// A function that builds a tree.
    fn tree(&mut self) {
        let Some((class, links)) = self.linked() else { return self.class(1) };
        let (name, depth) = (self.name("t"), 2 + self.pick(4) as u32);
        let count = self.name("n");
        self.line(&format!("fun {name}({count}) {{"));
        let body = Body { ticks: 20, weight: 1, limit: 0, rank: 0, this: self.body.this, result: None, yields: false };
        let result = Type::Maybe(class);
        let (cost, rank) = self.body(body, &[], |inside| {
            let links = &links[links.len().saturating_sub(2)..];
            let with: Vec<(usize, String)> = links.iter().map(|link| (*link, format!("{name}({count} - 1)"))).collect();
            let end = inside.expression(result);
            inside.line(&format!("if ({count} < 1) return {end};"));
            let new = inside.fields_with(class, &with);
            inside.line(&format!("return {new};"));
        });
        self.line("}");
        let cost = cost.saturating_mul(2 << depth);
        self.functions.push(Function { name, parameters: Vec::new(), result, depth: Some(depth), cost, rank });
        self.try_function();
    }
}

/// See [`super::VALUE_COST`].
const VALUE: u32 = super::VALUE_COST - 1;

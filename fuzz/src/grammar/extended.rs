//! What Lox does not have, and the interpreter with its extensions does: lists, maps and fibers.

use super::{Body, Generator, Type, Variable};

/// What a fiber costs at most, until it is done.
const FIBER_COST: u32 = 60;

impl Generator<'_> {
    /// A list: it grows, an element is replaced, read, and taken off its end.
    pub fn list(&mut self, nesting: u32) {
        let ty = self.some_type();
        let list = self.declare(Type::Any, "List()", false);
        let rounds = 1 + self.pick(20) as u32;
        let counter = self.name("i");
        self.repeat(rounds, &count(&counter, rounds), |inside| {
            inside.variables.push(Variable { name: counter.clone(), ty: Type::Number, assignable: false });
            let element = inside.expression(ty);
            inside.line(&format!("append({list}, {element});"));
            if nesting > 0 && inside.one_in(4) {
                inside.statement(nesting - 1);
            }
        });
        // If there was no room for the loop, there are no elements.
        self.line(&format!("if (length({list}) > 0) {{"));
        self.scope(|inside| {
            let (new, at) = (inside.expression(ty), inside.pick(rounds as usize));
            inside.line(&format!("put({list}, {at}, {new});"));
            let at = inside.pick(rounds as usize);
            inside.declare(ty, &format!("at({list}, {at})"), true);
            inside.declare(ty, &format!("takeLast({list})"), true);
            inside.statements(nesting);
        });
        self.line("}");
        self.line(&format!("print length({list});"));
    }

    /// A map, from numbers and texts to values of one type.
    pub fn map(&mut self, nesting: u32) {
        let ty = self.some_type();
        let map = self.declare(Type::Any, "Map()", false);
        let rounds = 1 + self.pick(20) as u32;
        let counter = self.name("i");
        self.repeat(rounds, &count(&counter, rounds), |inside| {
            inside.variables.push(Variable { name: counter.clone(), ty: Type::Number, assignable: false });
            let (key, value) = (inside.key(&counter), inside.expression(ty));
            inside.line(&format!("store({map}, {key}, {value});"));
            if inside.one_in(3) {
                let key = inside.key(&counter);
                inside.line(&format!("delete({map}, {key});"));
            }
        });
        let key = self.key("0");
        self.declare(Type::Any, &format!("lookup({map}, {key})"), true);
        self.statements(nesting);
        self.line(&format!("print length({map});"));
    }

    /// A key of a map, made of a number.
    fn key(&mut self, number: &str) -> String {
        match self.pick(4) {
            0 => number.to_string(),
            1 => format!("toString({number})"),
            2 => format!("(\"key \" + toString({number}))"),
            _ => self.expression(Type::Text),
        }
    }

    /// A fiber, which is resumed some times, and left suspended or done.
    pub fn fiber(&mut self, nesting: u32) {
        let (name, sent) = (self.name("y"), self.name("p"));
        self.line(&format!("fun {name}({sent}) {{"));
        let ticks = FIBER_COST.min(self.body.ticks);
        let body = Body { yields: true, ..self.body_of_function(ticks, Type::Any) };
        let (cost, rank) = self.body(body, &[(sent, Type::Any)], |inside| {
            inside.give();
            inside.statements(nesting);
            inside.give();
            inside.statements(nesting);
            let result = inside.expression(Type::Any);
            inside.line(&format!("return {result};"));
        });
        self.line("}");
        let rounds = self.pick(6) as u32;
        if !self.may_call(cost + rounds, rank) {
            return;
        }
        let fiber = self.declare(Type::Any, &format!("Fiber({name})"), false);
        let counter = self.name("i");
        self.repeat(rounds, &count(&counter, rounds), |inside| {
            let sent = inside.expression(Type::Any);
            inside.line(&format!("if (!isDone({fiber})) print resume({fiber}, {sent});"));
            if nesting > 0 {
                inside.statements(nesting - 1);
            }
        });
        self.line(&format!("print isDone({fiber});"));
    }

    /// In a fiber: gives a value, and gets one.
    pub fn give(&mut self) {
        let given = self.expression(Type::Any);
        self.declare(Type::Any, &format!("yield({given})"), true);
    }
}

/// The head of a loop that counts.
fn count(counter: &str, rounds: u32) -> String {
    format!("for (var {counter} = 0; {counter} < {rounds}; {counter} = {counter} + 1) {{")
}

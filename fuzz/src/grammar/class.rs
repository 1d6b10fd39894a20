//! Classes.

use super::{Body, Class, Generator, Method, Signature, Type, VALUE_COST};

/// Methods that override one another and may call each other by `super`, in a row. None of them may cost more than its
/// share.
const SUPER_CALLS: u32 = 2;

impl Generator<'_> {
    /// Declares a class, on its own or below another.
    pub fn class(&mut self, nesting: u32) {
        if !self.spend(2) {
            return;
        }
        let name = self.name("C");
        let at = self.classes.len();
        let superclass = if at > 0 && self.one_in(2) { Some(self.pick(at)) } else { None };
        let (mut fields, methods) = match superclass {
            Some(above) => (self.classes[above].fields.clone(), self.classes[above].methods.clone()),
            None => (Vec::new(), Vec::new()),
        };
        let inherited = fields.len();
        for _ in 0..self.pick(4) {
            let ty = match self.pick(6) {
                // Most classes have instances that point to each other.
                0..=2 => Type::Maybe(at - self.pick(at + 1)),
                3 => Type::Any,
                4 => Type::Text,
                _ => [Type::Number, Type::Function(Signature::ALL[self.pick(4)])][self.pick(2)],
            };
            fields.push((self.name("f"), ty));
        }
        let below = superclass.map_or(String::new(), |above| format!(" < {}", self.classes[above].name));
        self.line(&format!("class {name}{below} {{"));
        self.indent += 1;
        let has_own = fields.len() > inherited || self.one_in(2);
        if has_own {
            self.initializer(&fields, inherited, superclass);
        }
        let has_initializer = has_own || superclass.is_some_and(|above| self.classes[above].has_initializer);
        self.classes.push(Class { name, superclass, has_initializer, fields, methods });
        if nesting > 0 {
            for _ in 0..self.pick(4) {
                self.method(at, nesting - 1);
            }
        }
        self.indent -= 1;
        self.line("}");
    }

    /// Takes a value for each field, those of the superclass first.
    fn initializer(&mut self, fields: &[(String, Type)], inherited: usize, superclass: Option<usize>) {
        let names: Vec<String> = fields.iter().map(|field| format!("{}_", field.0)).collect();
        self.line(&format!("init({}) {{", names.join(", ")));
        self.indent += 1;
        if superclass.is_some_and(|above| self.classes[above].has_initializer) {
            self.line(&format!("super.init({});", names[..inherited].join(", ")));
        }
        for (field, name) in fields.iter().zip(&names).skip(inherited) {
            self.line(&format!("this.{} = {name};", field.0));
        }
        self.indent -= 1;
        self.line("}");
    }

    /// A new method, or one that overrides another.
    fn method(&mut self, class: usize, nesting: u32) {
        let inherited = self.classes[class].superclass.map_or(0, |above| self.classes[above].methods.len());
        let overridden = if inherited > 0 && self.one_in(2) { Some(self.pick(inherited)) } else { None };
        let method = match overridden {
            Some(at) => self.classes[class].methods[at].clone(),
            None => self.signature(),
        };
        let parameters: Vec<(String, Type)> = method.parameters.iter().map(|ty| (self.name("p"), *ty)).collect();
        let names: Vec<&str> = parameters.iter().map(|parameter| parameter.0.as_str()).collect();
        self.line(&format!("{}({}) {{", method.name, names.join(", ")));
        let body = Body {
            ticks: method.cost / (SUPER_CALLS + 1) - 1,
            weight: 1,
            limit: if method.is_leaf { 0 } else { method.rank - 1 },
            rank: 0,
            this: Some(class),
            result: Some(method.result),
            yields: false,
        };
        self.body(body, &parameters, |inside| {
            if overridden.is_some() && method.level < SUPER_CALLS && inside.one_in(2) {
                inside.line(&format!("print super.{}({});", method.name, names.join(", ")));
            }
            inside.statements(nesting);
            let result = inside.expression(method.result);
            inside.line(&format!("return {result};"));
        });
        self.line("}");
        match overridden {
            Some(at) => self.classes[class].methods[at].level += 1,
            None => self.classes[class].methods.push(method),
        }
    }

    /// Name and type of a new method.
    fn signature(&mut self) -> Method {
        let name = self.name("m");
        self.next_rank += 1;
        let rank = self.next_rank;
        if self.one_in(2) {
            let signature = Signature::ALL[self.pick(Signature::ALL.len())];
            let parameters = signature.parameters().to_vec();
            return Method {
                name,
                parameters,
                result: signature.result(),
                cost: VALUE_COST,
                rank,
                level: 0,
                is_leaf: true,
            };
        }
        let parameters = (0..self.pick(3)).map(|_| self.some_type()).collect();
        let cost = [10, 30, 100][self.pick(3)];
        Method { name, parameters, result: self.some_type(), cost, rank, level: 0, is_leaf: false }
    }
}

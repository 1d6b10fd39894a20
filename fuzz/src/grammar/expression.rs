//! Expressions of a type.

use super::{EXPRESSION_DEPTH, Generator, Signature, Type, VALUE_COST, VALUE_RANK};

impl Generator<'_> {
    /// An expression of that type.
    pub fn expression(&mut self, ty: Type) -> String {
        self.deep(ty, EXPRESSION_DEPTH)
    }

    fn deep(&mut self, ty: Type, depth: u32) -> String {
        if depth > 0 {
            let found = match self.pick(8) {
                0 => None,
                1 | 2 => self.variable(ty),
                3 => self.field(ty),
                4..=6 => self.call(ty, depth - 1),
                _ => return self.operator(ty, depth - 1),
            };
            if let Some(found) = found {
                return found;
            }
        }
        match self.pick(3) {
            0 => None,
            _ => self.variable(ty),
        }
        .unwrap_or_else(|| self.literal(ty, depth))
    }

    /// What there always is.
    fn literal(&mut self, ty: Type, depth: u32) -> String {
        match ty {
            Type::Number => ["0", "1", "2", "3", "10", "0.5"][self.pick(6)].to_string(),
            Type::Text => ["\"\"", "\"a\"", "\"bc\"", "\"def\"", "\"some longer text\""][self.pick(5)].to_string(),
            Type::Truth => ["true", "false"][self.pick(2)].to_string(),
            Type::Any | Type::Maybe(_) => "nil".to_string(),
            Type::Object(class) => self.construct(class, depth.saturating_sub(1)),
            Type::Function(signature) => self.function_value(signature),
        }
    }

    /// One of the texts, if there are any.
    fn one_of(&mut self, mut texts: Vec<String>) -> Option<String> {
        if texts.is_empty() {
            return None;
        }
        // The newest are the most interesting.
        let at = texts.len() - 1 - self.pick(texts.len());
        Some(texts.swap_remove(at))
    }

    fn variable(&mut self, ty: Type) -> Option<String> {
        let mut found: Vec<String> = Vec::new();
        if let Some(this) = self.body.this
            && self.fits(Type::Object(this), ty)
        {
            found.push("this".to_string());
        }
        let fit = self.variables.iter().filter(|variable| self.fits(variable.ty, ty));
        found.extend(fit.map(|variable| variable.name.clone()));
        self.one_of(found)
    }

    /// An object that is at hand, and its class.
    pub fn object(&mut self) -> Option<(String, usize)> {
        let mut found: Vec<(String, usize)> =
            self.body.this.map(|this| ("this".to_string(), this)).into_iter().collect();
        for variable in &self.variables {
            if let Type::Object(class) = variable.ty {
                found.push((variable.name.clone(), class));
            }
        }
        if found.is_empty() {
            return None;
        }
        let at = found.len() - 1 - self.pick(found.len());
        Some(found.swap_remove(at))
    }

    fn field(&mut self, ty: Type) -> Option<String> {
        let (object, class) = self.object()?;
        let fit = self.classes[class].fields.iter().filter(|field| self.fits(field.1, ty));
        let found = fit.map(|field| format!("{object}.{}", field.0)).collect();
        self.one_of(found)
    }

    /// A new object.
    pub fn construct(&mut self, class: usize, depth: u32) -> String {
        // A subclass will do, too.
        let classes: Vec<usize> = (0..self.classes.len()).filter(|other| self.is_subclass(*other, class)).collect();
        let class = classes[self.pick(classes.len())];
        self.spend(1);
        let types: Vec<Type> = self.classes[class].fields.iter().map(|field| field.1).collect();
        let arguments = self.arguments(&types, depth);
        format!("{}({arguments})", self.classes[class].name)
    }

    fn arguments(&mut self, types: &[Type], depth: u32) -> String {
        let arguments: Vec<String> = types.iter().map(|ty| self.deep(*ty, depth)).collect();
        arguments.join(", ")
    }

    /// A call that gives such a value, if there is one.
    pub fn call(&mut self, ty: Type, depth: u32) -> Option<String> {
        match self.pick(4) {
            0 => match ty {
                Type::Object(class) | Type::Maybe(class) => Some(self.construct(class, depth)),
                _ => self.call_function(ty, depth),
            },
            1 => self.call_value(ty, depth),
            2 => self.call_method(ty, depth),
            _ => self.call_function(ty, depth),
        }
    }

    fn call_function(&mut self, ty: Type, depth: u32) -> Option<String> {
        let fit: Vec<usize> =
            (0..self.functions.len()).filter(|at| self.fits(self.functions[*at].result, ty)).collect();
        if fit.is_empty() {
            return None;
        }
        let at = fit[fit.len() - 1 - self.pick(fit.len())];
        self.call_function_at(at, depth)
    }

    /// A call of that function, if it may be made.
    pub fn call_function_at(&mut self, at: usize, depth: u32) -> Option<String> {
        let function = &self.functions[at];
        let (name, types, depths) = (function.name.clone(), function.parameters.clone(), function.depth);
        let (cost, rank) = (function.cost, function.rank);
        if !self.may_call(cost, rank) {
            return None;
        }
        let mut arguments = self.arguments(&types, depth);
        if let Some(depth) = depths {
            let count = self.pick(depth as usize + 1);
            let comma = if arguments.is_empty() { "" } else { ", " };
            arguments = format!("{count}{comma}{arguments}");
        }
        Some(format!("{name}({arguments})"))
    }

    /// A call of a function in a variable or a field.
    fn call_value(&mut self, ty: Type, depth: u32) -> Option<String> {
        let fit: Vec<Signature> =
            Signature::ALL.into_iter().filter(|signature| self.fits(signature.result(), ty)).collect();
        if fit.is_empty() {
            return None;
        }
        let signature = fit[self.pick(fit.len())];
        let wanted = Type::Function(signature);
        let function = match self.pick(2) {
            0 => self.variable(wanted).or_else(|| self.field(wanted)),
            _ => self.field(wanted).or_else(|| self.variable(wanted)),
        }?;
        if !self.may_call(VALUE_COST, VALUE_RANK) {
            return None;
        }
        let arguments = self.arguments(signature.parameters(), depth);
        Some(format!("{function}({arguments})"))
    }

    fn call_method(&mut self, ty: Type, depth: u32) -> Option<String> {
        let (object, class) = self.object()?;
        let methods = &self.classes[class].methods;
        let fit: Vec<usize> = (0..methods.len()).filter(|at| self.fits(methods[*at].result, ty)).collect();
        if fit.is_empty() {
            return None;
        }
        let at = fit[self.pick(fit.len())];
        self.call_method_at(&object, class, at, depth)
    }

    /// A call of that method of an object, if it may be made.
    pub fn call_method_at(&mut self, object: &str, class: usize, at: usize, depth: u32) -> Option<String> {
        let method = self.classes[class].methods[at].clone();
        if !self.may_call(method.cost, method.rank) {
            return None;
        }
        let arguments = self.arguments(&method.parameters, depth);
        Some(format!("{object}.{}({arguments})", method.name))
    }

    /// A function of that signature, as a value: by its name, or a bound method.
    fn function_value(&mut self, signature: Signature) -> String {
        let is_such =
            |parameters: &[Type], result: Type| parameters == signature.parameters() && result == signature.result();
        if self.one_in(2)
            && let Some((object, class)) = self.object()
        {
            let methods = self.classes[class].methods.iter();
            let fit = methods.filter(|m| m.is_leaf && m.cost <= VALUE_COST && is_such(&m.parameters, m.result));
            let found = fit.map(|method| format!("{object}.{}", method.name)).collect();
            if let Some(bound) = self.one_of(found) {
                return bound;
            }
        }
        let functions = self.functions.iter();
        let fit = functions
            .filter(|f| f.depth.is_none() && f.rank == 0 && f.cost <= VALUE_COST && is_such(&f.parameters, f.result));
        let found = fit.map(|function| function.name.clone()).collect();
        self.one_of(found).expect("the prelude has one")
    }

    fn operator(&mut self, ty: Type, depth: u32) -> String {
        match ty {
            Type::Number => {
                let operator = ["+", "-", "*", "/", "-()"][self.pick(5)];
                let left = self.deep(Type::Number, depth);
                if operator == "-()" {
                    return format!("-({left})");
                }
                let right = self.deep(Type::Number, depth);
                format!("({left} {operator} {right})")
            }
            // Of two texts only one may have grown before: a text that grows by itself in a loop has no bound.
            Type::Text => {
                let (grown, piece) = (self.deep(Type::Text, depth), self.literal(Type::Text, depth));
                if self.one_in(2) { format!("({piece} + {grown})") } else { format!("({grown} + {piece})") }
            }
            Type::Truth => {
                let kind = self.pick(10);
                if kind == 0 {
                    return format!("!{}", self.deep(Type::Truth, depth));
                }
                let operator = ["<", "<=", ">", ">=", "==", "!=", "==", "and", "or"][kind - 1];
                let operands = match kind - 1 {
                    0..4 => Type::Number,
                    4..7 => Type::Any,
                    _ => Type::Truth,
                };
                format!("({} {operator} {})", self.deep(operands, depth), self.deep(operands, depth))
            }
            Type::Any => match self.pick(3) {
                0 => {
                    let ty = self.some_type();
                    self.deep(ty, depth)
                }
                1 => format!("({} and {})", self.deep(Type::Any, depth), self.deep(Type::Any, depth)),
                _ => format!("({} or {})", self.deep(Type::Any, depth), self.deep(Type::Any, depth)),
            },
            // `nil or x` is x.
            Type::Object(class) => {
                format!("({} or {})", self.deep(Type::Maybe(class), depth), self.construct(class, depth))
            }
            Type::Maybe(class) => match self.pick(2) {
                0 => format!("({} or {})", self.deep(ty, depth), self.deep(ty, depth)),
                _ => self.construct(class, depth),
            },
            Type::Function(signature) => self.function_value(signature),
        }
    }
}

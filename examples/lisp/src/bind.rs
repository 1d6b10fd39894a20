//! Forms that bind variables within a procedure: `let` and its relatives.

use grisaille::Barrier;

use crate::code::{Code, Op};
use crate::compile::Compiler;
use crate::error::Result;
use crate::read::list;
use crate::scope::Binding;
use crate::value::Value;

impl<'a, B: Barrier> Compiler<'a, '_, '_, B> {
    /// Compiles a `let` or a `letrec`. The variables are fields of the frame of the procedure around it: an expression
    /// is evaluated at most once in a call of its procedure.
    pub fn bind(&mut self, bindings: Value<'a>, body: Value<'a>, recursive: bool) -> Result<Code<B>> {
        let mark = self.scope().mark();
        let mut pairs = Vec::new();
        for binding in bindings.iter() {
            let [name, value] = self.exactly(binding)?;
            pairs.push((name, value, self.scope().reserve()));
        }
        let mut parts = Vec::new();
        if recursive {
            for &(name, _, index) in &pairs {
                self.scope().bind(name, Binding::Variable(index));
            }
        }
        for &(name, value, index) in &pairs {
            let value = if recursive { self.named(value, name)? } else { self.expression(value)? };
            parts.push(self.code(self.is_simple(&value), Op::SetLocal(index, Box::new(value))));
        }
        if !recursive {
            for &(name, _, index) in &pairs {
                self.scope().bind(name, Binding::Variable(index));
            }
        }
        let body = self.body(body)?;
        parts.push(body);
        self.scope().release(mark);
        self.seq(parts)
    }

    /// Compiles a named `let`.
    pub fn loops(&mut self, name: Value<'a>, bindings: Value<'a>, body: Value<'a>) -> Result<Code<B>> {
        let mark = self.scope().mark();
        let index = self.scope().reserve();
        let (mut parameters, mut values) = (Vec::new(), Vec::new());
        for binding in bindings.iter() {
            let [name, value] = self.exactly(binding)?;
            parameters.push(name);
            values.push(self.expression(value)?);
        }
        self.scope().bind(name, Binding::Variable(index));
        let parameters = list(self.cx, &parameters)?;
        let lambda = self.lambda(parameters, body, name.name().unwrap_or_default().to_string())?;
        self.scope().release(mark);
        let set = self.code(true, Op::SetLocal(index, Box::new(lambda)));
        let mut call = vec![self.code(true, Op::Local(index))];
        call.extend(values);
        let call = self.closure_call(call);
        self.seq(vec![set, call])
    }
}

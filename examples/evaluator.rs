//! A recursive evaluator whose heap is collected in the middle of the recursion.
//!
//! ```text
//! cargo run --example evaluator
//! ```
//!
//! The language is the lambda calculus with numbers. Programs, closures and environments all lie in the heap. Each
//! level of the recursion roots what it needs in a scope of its own, which returns its result, so the number of roots
//! follows the depth of the recursion; a tail call sets two roots, and is no recursion. No function keeps a list of
//! roots by hand, and none can forget one: what is not rooted is a plain pointer, and the compiler refuses its use after
//! a call that may collect.

#![forbid(unsafe_code)]

use grisaille::{Gc, Heap, Mutator, Rooted, RootedCell, Trace};

/// A program: a number, or a pointer to its parts.
#[derive(Clone, Copy, Trace)]
enum Expr<'gc> {
    Number(i64),
    /// The variable of the function that lies this many functions further out.
    Variable(usize),
    Function(Gc<'gc, Expr<'gc>>),
    Call(Gc<'gc, [Expr<'gc>; 2]>),
    Add(Gc<'gc, [Expr<'gc>; 2]>),
    /// Evaluates to the second part where the first is zero, and to the third otherwise.
    IfZero(Gc<'gc, [Expr<'gc>; 3]>),
}

/// The result of a program.
#[derive(Clone, Copy, Trace)]
enum Value<'gc> {
    Number(i64),
    Closure(Gc<'gc, Closure<'gc>>),
}

/// A function: its body, and the environment that it was made in.
type Closure<'gc> = (Expr<'gc>, Env<'gc>);

/// The variables: a list whose tails are shared by closures.
#[derive(Clone, Copy, Trace)]
struct Env<'gc>(Option<Gc<'gc, (Value<'gc>, Env<'gc>)>>);

/// Evaluates an expression. The caller roots the arguments; `'s` is the caller's scope, in which the result is rooted.
fn eval<'s>(
    cx: &mut Mutator<'s>,
    expr: Rooted<'_, Expr<'_>>,
    env: Rooted<'_, Env<'_>>,
) -> Result<Rooted<'s, Value<'s>>, &'static str> {
    cx.scope_value(|cx| {
        // A tail call is a turn of this loop, which sets the two roots. So the loop adds no roots.
        let (expr, env) = (cx.root_cell(expr.get(cx)), cx.root_cell(env.get(cx)));
        loop {
            cx.safepoint(); // may collect, however deep this is
            if let Some(value) = step(cx, &expr, &env)? {
                return Ok(value.get(cx));
            }
        }
    })
}

/// Evaluates an expression up to its tail call. Returns the value, or `None` after setting `expr` and `env` to what is
/// still to be evaluated.
fn step<'s>(
    cx: &mut Mutator<'s>,
    expr: &RootedCell<'_, Expr<'_>>,
    env: &RootedCell<'_, Env<'_>>,
) -> Result<Option<Rooted<'s, Value<'s>>>, &'static str> {
    // The closure returns a plain value, which the scope roots outside; all else that it roots ends here.
    cx.scope_value(|cx| {
        let here = cx.root(env.get(cx));
        match expr.get(cx) {
            Expr::Number(number) => Ok(Some(Value::Number(number))),
            Expr::Variable(distance) => {
                let mut env = env.get(cx);
                for _ in 0..distance {
                    env = env.0.ok_or("no such variable")?.1;
                }
                Ok(Some(env.0.ok_or("no such variable")?.0))
            }
            // A part of `expr` is returned: `adopt` has it borrow `cx` anew, in this arm only.
            Expr::Function(body) => Ok(Some(Value::Closure(cx.alloc((cx.adopt(*body), env.get(cx)))))),
            Expr::Call(parts) => {
                // `parts` is a plain pointer: it ends at the first `eval`, so what is needed later is rooted before.
                let [function, argument] = parts.map(|part| cx.root(part));
                let function = eval(cx, function, here)?;
                let argument = eval(cx, argument, here)?;
                let (function, argument) = cx.get((function, argument));
                let Value::Closure(closure) = function else { return Err("a number is not a function") };
                expr.set(cx, closure.0);
                env.set(cx, Env(Some(cx.alloc((argument, closure.1)))));
                Ok(None)
            }
            Expr::Add(parts) => {
                let [left, right] = parts.map(|part| cx.root(part));
                let (left, right) = (eval(cx, left, here)?, eval(cx, right, here)?);
                let (Value::Number(left), Value::Number(right)) = cx.get((left, right)) else {
                    return Err("a function is not a number");
                };
                Ok(Some(Value::Number(left.checked_add(right).ok_or("a number is too large")?)))
            }
            Expr::IfZero(parts) => {
                let [condition, zero, other] = parts.map(|part| cx.root(part));
                let condition = eval(cx, condition, here)?;
                let next = if let Value::Number(0) = condition.get(cx) { zero } else { other };
                expr.set(cx, next.get(cx));
                Ok(None)
            }
        }
    })
}

/// Makes a program that adds up the numbers from `number` down to 1: a function that is called with itself.
fn sum_to<'gc>(cx: &'gc Mutator<'_>, number: i64) -> Expr<'gc> {
    use Expr::{Add, Call, Function, IfZero, Number, Variable};
    let (itself, n) = (Variable(1), Variable(0));
    let less = Add(cx.alloc([n, Number(-1)]));
    let rest = Call(cx.alloc([Call(cx.alloc([itself, itself])), less]));
    let body = IfZero(cx.alloc([n, Number(0), Add(cx.alloc([n, rest]))]));
    let sum = Function(cx.alloc(Function(cx.alloc(body))));
    Call(cx.alloc([Call(cx.alloc([sum, sum])), Number(number)]))
}

fn main() {
    // Under `stress` every safepoint does a step of the collector, which is how an embedding is tested.
    let mut heap = Heap::builder().stress(true).build().expect("there is no limit");
    heap.enter(|cx| {
        let (program, nothing) = (cx.root(sum_to(cx, 100)), cx.root(Env(None)));
        let value = eval(cx, program, nothing).expect("the program is right");
        assert!(matches!(value.get(cx), Value::Number(5050)));

        let wrong = cx.root(Expr::Call(cx.alloc([Expr::Number(1), Expr::Number(2)])));
        assert_eq!(eval(cx, wrong, nothing).err(), Some("a number is not a function"));
    });
    let stats = heap.stats();
    assert!(stats.cycles() > 0, "the heap was collected while the evaluator ran");
    println!("1 + 2 + .. + 100 = 5050, with {} cycles of the collector meanwhile", stats.cycles());
}

//! Panics that are part of a program: they are caught, and nothing is printed.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The panic of a drop, or of a closure in the middle of an operation. The operation catches it.
pub struct Bang;

/// The panic of a program, which leaves this many scopes more.
pub struct Leave {
    pub scopes: usize,
}

/// Catches panics of the kind `P` and lets others through.
pub fn catch<R, P: Any>(f: impl FnOnce() -> R) -> Result<R, P> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload| match payload.downcast::<P>() {
        Ok(payload) => *payload,
        Err(other) => resume_unwind(other),
    })
}

/// Panics with `payload`. The panic hook does not see it.
pub fn raise(payload: impl Any + Send) -> ! {
    resume_unwind(Box::new(payload))
}

/// Returns the text of a panic.
pub fn text_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or_default().to_string()
}

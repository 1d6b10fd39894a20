//! What every interpreter needs at once: strings, arrays, interning.

pub(crate) mod array;
pub(crate) mod intern;
pub(crate) mod string;

//! What every interpreter needs at once: strings, arrays, interning, tables, and owners of memory outside.

pub(crate) mod array;
pub(crate) mod ephemeron;
pub(crate) mod external;
pub(crate) mod intern;
pub(crate) mod key;
pub(crate) mod list;
pub(crate) mod map;
pub(crate) mod owned;
pub(crate) mod string;
pub(crate) mod tagged;

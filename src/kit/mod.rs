//! What an interpreter needs besides objects: strings, texts that change, arrays, interning, lists, maps, tagged and
//! packed words, functions of the host, stacks of coroutines, and owners of outside memory.

pub(crate) mod array;
pub(crate) mod ephemeron;
pub(crate) mod external;
pub(crate) mod fiber;
pub(crate) mod intern;
pub(crate) mod key;
pub(crate) mod list;
pub(crate) mod map;
pub(crate) mod native;
pub(crate) mod owned;
#[cfg(target_pointer_width = "64")]
pub(crate) mod packed;
pub(crate) mod str_buf;
pub(crate) mod string;
pub(crate) mod tagged;
pub(crate) mod weak_map;
pub(crate) mod weak_set;

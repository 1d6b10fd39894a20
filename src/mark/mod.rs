//! Marking: the grey set, what feeds it, and the loop that empties it. Marking knows objects by their headers alone.

pub(crate) mod budget;
pub(crate) mod buffer;
pub(crate) mod choice;
pub(crate) mod color;
pub(crate) mod drain;
pub(crate) mod edges;
pub(crate) mod ephemeron;
pub(crate) mod marker;
pub(crate) mod pointer_list;
pub(crate) mod tracer;
pub(crate) mod weak_cell;
pub(crate) mod weak_type;

//! [`WEAK_CELL`]: the type of weak cells, whose trace adds the cell to the list and does not follow its pointer.

use core::ptr::NonNull;

use super::edges::Top;
use super::tracer::{Tracer, trace_with};
use super::weak_cell::WeakCell;
use crate::space::header::{About, ObjectPtr, TraceResult, TypeInfo};

pub(crate) static WEAK_CELL: TypeInfo =
    TypeInfo::sized::<WeakCell>(|| About::internal("grisaille::Weak")).traced_if(true, trace_cell);

/// Adds the cell to the list of weak cells, and does not follow its pointer.
///
/// # Safety
/// [`TypeInfo::trace`]'s.
unsafe fn trace_cell(object: ObjectPtr, _: usize, erased: NonNull<()>, top: Top) -> TraceResult {
    let note = |tracer: &mut Tracer<'_>| {
        if let Some(marker) = tracer.marker() {
            marker.found_weak_cell(object);
        }
        0
    };
    // SAFETY: `TypeInfo::trace`: the tracer is this call's alone until the end of the call, and the top is of its
    // edges.
    unsafe { trace_with(erased, top, note) }
}

/// Returns whether an object of this type is a weak cell.
pub(crate) fn is_weak_cell(info: &'static TypeInfo) -> bool {
    core::ptr::eq(info, &WEAK_CELL)
}

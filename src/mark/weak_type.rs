//! What the header of a weak cell says: it is noted, and not followed.

use core::ptr::NonNull;

use super::edges::Top;
use super::tracer::{Tracer, trace_with};
use super::weak_cell::WeakCell;
use crate::space::header::{ObjectPtr, Traced, TypeInfo};

pub(crate) static WEAK_CELL: TypeInfo = TypeInfo::sized::<WeakCell>(|| "grisaille::Weak").traced_if(true, trace_cell);

/// Notes the cell instead of following it.
///
/// # Safety
/// [`TypeInfo::trace`]'s.
unsafe fn trace_cell(object: ObjectPtr, _: usize, erased: NonNull<()>, top: Top) -> Traced {
    let note = |tracer: &mut Tracer<'_>| {
        if let Some(marker) = tracer.marker() {
            marker.found_weak_cell(object);
        }
        0
    };
    // SAFETY: `TypeInfo::trace`: a tracer that is ours until the end of the call, and a top of its edges.
    unsafe { trace_with(erased, top, note) }
}

/// Whether an object of this type is a weak cell.
pub(crate) fn is_weak_cell(info: &'static TypeInfo) -> bool {
    core::ptr::eq(info, &WEAK_CELL)
}

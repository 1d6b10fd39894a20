//! [`Color`]: the three colours of marking.

/// The colour of an object in the tri-colour abstraction (Dijkstra et al., 1978): see [`Mutator::color`](crate::Mutator::color).
///
/// ```
/// use grisaille::{Budget, Color, Heap, Phase, Slot};
///
/// let mut heap = Heap::builder().automatic(false).build().unwrap();
/// heap.enter(|cx| {
///     let object = cx.root(cx.alloc(Slot::new(None::<grisaille::Gc<'_, u64>>)));
///     assert_eq!(cx.color(object.get(cx)), Color::White);
///     let mut colors = Vec::new();
///     while cx.step(Budget::work(1)).phase != Phase::Sweep {
///         colors.push(cx.color(object.get(cx)));
///     }
///     assert!(colors.contains(&Color::Grey) && colors.contains(&Color::Black));
/// });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Color {
    /// Not reached by marking. While the heap does not mark, every object is white.
    White,
    /// Reached, and waiting to be traced.
    Grey,
    /// Reached and traced, or without pointers.
    Black,
}

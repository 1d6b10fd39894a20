//! The guide: from the idea to a whole interpreter, a chapter for each problem. All code in it is compiled and run by the
//! crate's tests, but for programs that are shown as they were before they moved to this crate.
//!
//! | chapter | the problem |
//! |---|---|
//! | [the safepoint](safepoints) | When may the collector run, and which of my pointers does that end? |
//! | [a first heap](first_heap) | How do I make objects, change them, keep them and let them go? |
//! | [a recursive evaluator](evaluator) | Variables, closures, tail calls and errors in a function that calls itself and collects. |
//! | [a virtual machine](machine) | A value stack, and an inner loop that keeps plain pointers. |
//! | [roots without leaks](roots) | My loop is right, passes all tests, and takes more and more memory. |
//! | [lifetimes] | What the compiler says, what it means, and what to write. |
//! | [natives] | Programs call functions of the host, which call back. |
//! | [fibers] | Generators and coroutines: a stack that is left in the middle, and may never be gone on with. |
//! | [barriers] | Which of the six policies? |
//! | [weak things](weak) | Caches, interning, observers; to learn that an object has died. |
//! | [memory] | A limit, errors where memory is out, and memory that the heap does not see. |
//! | [budgets] | A game with 16 milliseconds a frame; a server that waits. |
//! | [observing] | How long is my program held up, and when? Why is this object alive? |
//! | [testing] | How do I know that my interpreter roots what it must? |
//! | [embedding] | The heap and the state of an interpreter in one struct; threads. |
//! | [from `Rc<RefCell>`](from_rc) | A port, line by line. |
//! | [from `gc-arena`](from_gc_arena) | A port, line by line. |
//! | [from `gc`](from_gc) | A port, line by line. |
//! | [inside] | What the collector does, and when. |
//! | [features] | This crate beside gc-arena, gc, boa_gc, dumpster, safe-gc and `Rc`. |
//!
//! Who is in a hurry reads the first two chapters, then the one whose shape is that of the program at hand (an
//! [evaluator] or a [machine]), and [testing].

#[doc = include_str!("safepoints.md")]
pub mod safepoints {}
#[doc = include_str!("first_heap.md")]
pub mod first_heap {}
#[doc = include_str!("evaluator.md")]
pub mod evaluator {}
#[doc = include_str!("machine.md")]
pub mod machine {}
#[doc = include_str!("roots.md")]
pub mod roots {}
#[doc = include_str!("lifetimes.md")]
pub mod lifetimes {}
#[doc = include_str!("natives.md")]
pub mod natives {}
#[doc = include_str!("fibers.md")]
pub mod fibers {}
#[doc = include_str!("barriers.md")]
pub mod barriers {}
#[doc = include_str!("weak.md")]
pub mod weak {}
#[doc = include_str!("memory.md")]
pub mod memory {}
#[doc = include_str!("budgets.md")]
pub mod budgets {}
#[doc = include_str!("observing.md")]
pub mod observing {}
#[doc = include_str!("testing.md")]
pub mod testing {}
#[doc = include_str!("embedding.md")]
pub mod embedding {}
#[doc = include_str!("from_rc.md")]
pub mod from_rc {}
#[doc = include_str!("from_gc_arena.md")]
pub mod from_gc_arena {}
#[doc = include_str!("from_gc.md")]
pub mod from_gc {}
#[doc = include_str!("inside.md")]
pub mod inside {}
#[doc = include_str!("features.md")]
pub mod features {}

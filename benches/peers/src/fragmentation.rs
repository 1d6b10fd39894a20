//! Fragmentation by objects whose sizes change: two patterns that are bad for allocators which do not move objects, on
//! grisaille and on `Box` over the process's allocator.
//!
//! * **growing**: the heap is filled with objects of one size up to the budget, and all but every eighth die; it is
//!   filled again with objects of twice the size, and so on, from 32 bytes to 64 KiB.
//! * **robson** (after Robson's worst case, 1974): the same sizes; of each place that is aligned to the next size, of that
//!   many bytes, one object survives, so that nothing of the next size fits beside it where objects lie at multiples of their size.
//!
//! Figures are the peak of resident memory beyond what there was before the first object, divided by the budget, which
//! what lives never exceeds. `grisaille` has a safepoint after each allocation, so its figure contains the collector's
//! own factor, a headroom of 1.0; `grisaille, collected` collects whenever something has died, and otherwise never:
//! fragmentation alone.

use grisaille::{Array, Heap, Mutator, Rooted, Slot, Str};

/// Bytes that live at the most.
const BUDGET: usize = 32 << 20;
const SIZES: (usize, usize) = (32, 64 << 10);
/// Of so many objects one survives.
const KEPT: usize = 8;

/// The patterns, by name.
pub const PATTERNS: [&str; 2] = ["growing", "robson"];
/// Where they run.
pub const SUBJECTS: [&str; 3] = ["box", "grisaille", "grisaille, collected"];

/// Who allocates.
trait Subject {
    /// Puts an object into a free place. Returns its address.
    fn allocate(&mut self, place: usize, size: usize) -> usize;
    fn free(&mut self, place: usize);
    /// Some have been freed.
    fn freed(&mut self) {}
}

struct Boxes(Vec<Option<Box<[u8]>>>);

impl Subject for Boxes {
    fn allocate(&mut self, place: usize, size: usize) -> usize {
        let object = vec![1; size].into_boxed_slice();
        let address = object.as_ptr().addr();
        self.0[place] = Some(object);
        address
    }

    fn free(&mut self, place: usize) {
        self.0[place] = None;
    }
}

type Places<'gc> = Array<'gc, Slot<Option<Str<'gc>>>>;

struct Collected<'x, 's> {
    cx: &'x mut Mutator<'s>,
    places: Rooted<'s, Places<'s>>,
    text: String,
    collect: bool,
}

impl Subject for Collected<'_, '_> {
    fn allocate(&mut self, place: usize, size: usize) -> usize {
        let object = self.cx.alloc_str(&self.text[..size]);
        let address = object.as_str().as_ptr().addr();
        self.places.get(self.cx).as_slice()[place].set(self.cx, Some(object));
        if !self.collect {
            self.cx.safepoint();
        }
        address
    }

    fn free(&mut self, place: usize) {
        self.places.get(self.cx).as_slice()[place].set(self.cx, None);
    }

    fn freed(&mut self) {
        if self.collect {
            self.cx.collect();
        }
    }
}

/// What the patterns know of the objects.
struct Books {
    /// Free places.
    free: Vec<usize>,
    /// Address, place and size of each object.
    live: Vec<(usize, usize, usize)>,
}

impl Books {
    /// All pages of its memory are taken when it is made.
    fn new() -> Books {
        let mut live = vec![(1, 1, 1); places()];
        live.clear();
        Books { free: (0..places()).rev().collect(), live }
    }
}

/// Runs the pattern.
fn run(subject: &mut impl Subject, pattern: &str, Books { mut free, mut live }: Books) {
    let (mut bytes, mut size) = (0, SIZES.0);
    while size <= SIZES.1 {
        let first = live.len();
        while bytes + size <= BUDGET {
            let Some(place) = free.pop() else { break };
            live.push((subject.allocate(place, size), place, size));
            bytes += size;
        }
        let mut dies: Box<dyn FnMut(usize, usize) -> bool> = if pattern == "robson" {
            // By address, so that of each place the first is found.
            live.sort_unstable();
            let (next, mut last) = (2 * size, usize::MAX);
            Box::new(move |_, address| core::mem::replace(&mut last, address / next) == address / next)
        } else {
            Box::new(move |index, _| index >= first && index % KEPT != 0)
        };
        let mut index = 0;
        live.retain(|&(address, place, size)| {
            let dies = dies(index, address);
            index += 1;
            if dies {
                subject.free(place);
                free.push(place);
                bytes -= size;
            }
            !dies
        });
        subject.freed();
        size *= 2;
    }
}

fn places() -> usize {
    BUDGET / SIZES.0 + 1
}

/// A figure of `/proc/self/status`, in bytes.
fn memory(name: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().find_map(|word| word.parse::<usize>().ok()).unwrap_or_default() * 1024
}

/// Runs one pattern on one subject, and prints what it took at its peak, by the budget.
pub fn child(pattern: &str, subject: &str) {
    let books = Books::new();
    let before;
    if subject == "box" {
        let mut boxes = Boxes((0..places()).map(|_| None).collect());
        before = memory("VmRSS:");
        run(&mut boxes, pattern, books);
    } else {
        let collect = subject != "grisaille";
        let heap = Heap::builder().automatic(!collect).build();
        before = heap.expect("a heap").enter(|cx| {
            let places: Places<'_> = cx.alloc_array(places(), |_| Slot::new(None));
            let places = cx.root(places);
            let before = memory("VmRSS:");
            run(&mut Collected { cx, places, text: "x".repeat(SIZES.1), collect }, pattern, books);
            before
        });
    }
    println!("{:.3}", (memory("VmHWM:") - before) as f64 / BUDGET as f64);
}

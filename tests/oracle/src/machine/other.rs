//! [`Other`]: a second heap, which a program visits while the first is suspended. It lives as long as the machine.

use std::sync::Arc;

use grisaille::{Budget, Gc, Heap, Persistent, Slot, Trace};

use crate::object::{Log, Witness};
use crate::shadow::Kind;

/// The most links that are made.
const LINKS: u32 = 4000;

#[derive(Trace)]
struct Link<'gc> {
    number: u32,
    next: Slot<Option<Gc<'gc, Link<'gc>>>>,
    #[trace(skip)]
    _witness: Witness,
}

/// A list with a root of its own, and the numbers that it should have.
pub struct Other {
    heap: Heap,
    list: Persistent<Option<Gc<'static, Link<'static>>>>,
    expected: Vec<u32>,
    made: u32,
    log: Arc<Log>,
}

impl Default for Other {
    fn default() -> Self {
        let mut heap = Heap::builder().automatic(false).build().expect("a heap");
        let list = heap.enter(|cx| cx.persist(None::<Gc<'_, Link<'_>>>));
        Other { heap, list, expected: Vec::new(), made: 0, log: Log::new(LINKS as usize) }
    }
}

impl Other {
    /// Takes some links off the list, puts others on, collects for a while, and compares.
    pub fn visit(&mut self, links: u8, work: u8) -> Result<(), String> {
        let Other { heap, list, expected, made, log } = self;
        heap.enter(|cx| {
            for _ in 0..links % 4 {
                if let Some(first) = list.get(cx) {
                    list.set(cx, first.next.get());
                    expected.pop();
                }
            }
            for _ in 0..links / 4 % 8 {
                if *made < LINKS {
                    let witness = Witness::new(log, Kind::Guarded, *made);
                    let link = Link { number: *made, next: Slot::new(list.get(cx)), _witness: witness };
                    list.set(cx, Some(cx.alloc(link)));
                    expected.push(*made);
                    *made += 1;
                }
            }
            cx.verify().map_err(|error| format!("the other heap: {error}"))?;
            match work {
                255 => cx.collect(),
                work => drop(cx.step(Budget::work(work as usize * 8))),
            }
            cx.verify().map_err(|error| format!("the other heap: {error}"))?;
            if let Some(number) = expected.iter().find(|number| log.drops(**number) != 0) {
                return Err(format!("the other heap has dropped link {number}, which is reachable"));
            }
            let mut at = list.get(cx);
            for number in expected.iter().rev() {
                match at {
                    Some(link) if link.number == *number => at = link.next.get(),
                    _ => return Err(format!("the other heap has lost link {number}")),
                }
            }
            let alive = (0..*made).filter(|number| log.drops(*number) == 0).count();
            if work == 255 && alive != expected.len() {
                return Err(format!("the other heap was collected: {alive} live, {} are reachable", expected.len()));
            }
            Ok(())
        })
    }

    /// Drops the heap, and with it everything once.
    pub fn end(self) -> Result<(), String> {
        let Other { heap, list, made, log, .. } = self;
        drop(list);
        drop(heap);
        match (0..made).find(|number| log.drops(*number) != 1) {
            Some(number) => Err(format!("the other heap is gone, and link {number} was not dropped once")),
            None => Ok(()),
        }
    }
}

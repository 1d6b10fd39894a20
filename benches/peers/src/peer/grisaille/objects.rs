//! Small objects, and strings.

use grisaille::{Heap, Map, Stack, Str, Trace};

use crate::run::Run;
use crate::workload::{dropping, short_lived, strings};

/// Objects that die at once.
pub fn short_lived(run: &mut Run, size: usize) -> u64 {
    Heap::new().enter(|cx| {
        run.timed(size as u64, |_| {
            let mut sum = 0;
            for n in 0..size as u64 {
                sum += short_lived::look_at(&cx.alloc(short_lived::contents(n)));
                cx.safepoint();
            }
            sum
        })
    })
}

/// A cache: a map of the heap, strings of the heap, and a stack that remembers the keys.
pub fn strings(run: &mut Run, size: usize) -> u64 {
    Heap::new().enter(|cx| {
        let mut texts = strings::Texts::new();
        let mut stack: Stack<Str<'static>> = Stack::with_capacity(cx, size);
        let mut keys = stack.open(cx);
        let cache = cx.root(cx.alloc(Map::<'_, Str<'_>, Str<'_>>::new()));
        for _ in 0..size {
            let entry = texts.entry();
            let key = cx.alloc_str(entry.key);
            keys.push(cx, key);
            cache.get(cx).insert(cx, key, cx.alloc_str(entry.value));
            cx.safepoint();
        }
        let sum = run.timed(strings::steps(size), |_| {
            let mut sum = 0;
            for _ in 0..strings::steps(size) {
                let cache = cache.get(cx);
                let place = texts.place(size);
                let entry = texts.entry();
                let old = cache.remove(cx, keys.at(cx, place)).expect("each key has an entry");
                sum += old.len() as u64;
                let key = cx.alloc_str(entry.key);
                keys.set(cx, place, key);
                cache.insert(cx, key, cx.alloc_str(entry.value));
                cx.safepoint();
            }
            sum
        });
        let cache = cache.get(cx);
        cache.iter().fold(sum, |sum, (key, value)| sum.wrapping_add(strings::checksum(key.as_str(), value.as_str())))
    })
}

#[derive(Trace)]
struct Object {
    number: u64,
    #[trace(skip)]
    noted: dropping::Noted,
}

/// Objects with a `Drop`.
pub fn dropping(run: &mut Run, size: usize) -> u64 {
    Heap::new().enter(|cx| {
        run.timed(size as u64, |_| {
            for number in 0..size as u64 {
                dropping::look_at(&cx.alloc(Object { number, noted: dropping::Noted(1) }).noted);
                cx.safepoint();
            }
        });
    });
    dropping::dropped()
}

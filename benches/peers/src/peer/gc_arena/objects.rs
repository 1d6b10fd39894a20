//! Small objects, and strings.

use std::mem;

use gc_arena::lock::RefLock;
use gc_arena::metrics::Pacing;
use gc_arena::{Collect, Gc, Mutation, Rootable};
use hashbrown::HashMap;

use super::{arena, pay};
use crate::run::Run;
use crate::workload::{TICK, dropping, short_lived, strings};

/// Objects that die at once.
pub fn short_lived(run: &mut Run, size: usize, pacing: Pacing) -> u64 {
    let mut arena = arena::<Rootable![()]>(pacing, |_| ());
    run.timed(size as u64, |_| {
        let mut sum = 0;
        for batch in 0..size as u64 / TICK {
            arena.mutate(|mc, ()| {
                for n in batch * TICK..(batch + 1) * TICK {
                    sum += short_lived::look_at(&Gc::new(mc, short_lived::contents(n)));
                }
            });
            pay(&mut arena);
        }
        sum
    })
}

/// The table owns the keys. The values are objects.
type Cache<'gc> = HashMap<Box<str>, Gc<'gc, Box<str>>>;

fn insert<'gc>(cache: &mut Cache<'gc>, mc: &Mutation<'gc>, entry: strings::Entry<'_>) {
    cache.insert(entry.key.into(), Gc::new(mc, entry.value.into()));
}

/// A cache: a hash table in an object.
pub fn strings(run: &mut Run, size: usize, pacing: Pacing) -> u64 {
    let mut texts = strings::Texts::new();
    let mut numbers = Vec::with_capacity(size);
    let mut arena = arena::<Rootable![Gc<'_, RefLock<Cache<'_>>>]>(pacing, |mc| {
        let mut cache = Cache::new();
        for _ in 0..size {
            let entry = texts.entry();
            numbers.push(entry.number);
            insert(&mut cache, mc, entry);
        }
        Gc::new(mc, RefLock::new(cache))
    });
    // What the set-up owes, at once.
    arena.collect_debt();
    let sum = run.timed(strings::steps(size), |_| {
        let mut sum = 0;
        for _ in 0..strings::steps(size) / TICK {
            arena.mutate(|mc, cache| {
                let mut cache = cache.borrow_mut(mc);
                for _ in 0..TICK {
                    let place = texts.place(size);
                    let entry = texts.entry();
                    let number = mem::replace(&mut numbers[place], entry.number);
                    let old = cache.remove(strings::key(number, &mut [0; 16])).expect("each key has an entry");
                    sum += old.len() as u64;
                    insert(&mut cache, mc, entry);
                }
            });
            pay(&mut arena);
        }
        sum
    });
    arena.mutate(|_, cache| {
        cache.borrow().iter().fold(sum, |sum, (key, value)| sum.wrapping_add(strings::checksum(key, value)))
    })
}

#[derive(Collect)]
#[collect(require_static)]
struct Object {
    _number: u64,
    noted: dropping::Noted,
}

/// Objects with a `Drop`.
pub fn dropping(run: &mut Run, size: usize, pacing: Pacing) -> u64 {
    let mut arena = arena::<Rootable![()]>(pacing, |_| ());
    run.timed(size as u64, |_| {
        for batch in 0..size as u64 / TICK {
            arena.mutate(|mc, ()| {
                for n in batch * TICK..(batch + 1) * TICK {
                    dropping::look_at(&Gc::new(mc, Object { _number: n, noted: dropping::Noted(1) }).noted);
                }
            });
            pay(&mut arena);
        }
    });
    drop(arena);
    dropping::dropped()
}

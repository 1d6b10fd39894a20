//! Operations on the middle of a list.

use grisaille::{Barrier, Gc, Mutator};

use super::frame::{Both, Registers};
use super::kit::MAX_ITEMS;
use super::{Machine, Outcome};
use crate::object::{Row, Value};
use crate::shadow::Shade;

/// Returns the key by which a list is sorted: the same in each run of a program, which an address is not.
fn rank(value: Value<'_>) -> usize {
    value.noun().len() % 5
}

impl Machine<'_> {
    /// Changes a list in its middle. `place` names a place, and `how` what is done there; a value is put in, or the
    /// values that are taken out go to registers.
    pub(super) fn arrange<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        registers: &mut Registers<'a>,
        (id, list): (u32, Gc<'a, Row<'a>>),
        [how, place]: [u8; 2],
        (shade, value): Both<'a>,
    ) -> Outcome {
        let items = &mut self.shadow.at_mut(id).items;
        let (list, len) = (&list.items, items.len());
        if list.len() != len {
            return Err(format!("#{id} has {} values, not {len}", list.len()));
        }
        // The whole of a list of hundreds is within reach of a byte; so are its first values.
        let place = if place < 64 { usize::from(place) } else { usize::from(place) * len / 256 };
        let at = place.min(len.saturating_sub(1));
        let mut taken: Vec<(Shade, Value<'a>)> = Vec::new();
        let said = match how % 8 {
            0 | 1 if len < MAX_ITEMS => match list.try_insert(cx, at, value) {
                Ok(()) => {
                    items.insert(at, shade);
                    self.shadow.at_mut(id).buffer = true;
                    format!("{shade:?} is put in at {at}")
                }
                Err(_) => "no room".into(),
            },
            _ if len == 0 => return Ok(()),
            2 => {
                taken.push((items.remove(at), list.remove(cx, at)));
                format!("the value at {at} is taken out")
            }
            3 => {
                taken.push((items.swap_remove(at), list.swap_remove(cx, at)));
                format!("the last comes over the value at {at}")
            }
            4 => {
                let other = usize::from(how / 8) * len / 32;
                items.swap(at, other);
                list.swap(cx, at, other);
                format!("the values at {at} and {other} change places")
            }
            5 => {
                let part = usize::from(how / 8) % 4 + 2;
                let keeps = |visit: usize| visit % part != at % part;
                let (mut visits, mut nth) = (0, 0);
                list.retain(cx, |value| {
                    visits += 1;
                    // Uses the list meanwhile: the value that it is called for is replaced by itself.
                    list.set(cx, visits - 1, value);
                    if !keeps(visits) {
                        taken.push((None, value));
                    }
                    keeps(visits)
                });
                let mut shades = Vec::new();
                items.retain(|shade| {
                    nth += 1;
                    if !keeps(nth) {
                        shades.push(*shade);
                    }
                    keeps(nth)
                });
                if visits != len || taken.len() != shades.len() {
                    return Err(format!("retain visited {visits} of the {len} values of #{id}"));
                }
                taken.iter_mut().zip(shades).for_each(|(taken, shade)| taken.0 = shade);
                format!("one in {part} is kept out")
            }
            6 => {
                let end = len.min(at + usize::from(how / 8));
                let mut drain = list.drain(cx, at..end);
                let values: Vec<_> = drain.by_ref().take(2).collect();
                if how / 8 % 4 == 3 {
                    std::mem::forget(drain);
                    format!("{} values are seen at {at}", values.len())
                } else {
                    drop(drain);
                    taken.extend(items.drain(at..end).zip(values));
                    format!("the values from {at} to {end} are taken out")
                }
            }
            // Also where there is no room for one more value.
            _ if how >= 128 => {
                items.reverse();
                list.reverse(cx);
                "it is reversed".into()
            }
            _ => {
                let mut ranked: Vec<_> = list.iter().map(rank).zip(items.iter().copied()).collect();
                let sorted = list.try_sort_by(cx, |a, b| {
                    // Uses the list meanwhile.
                    list.set(cx, 0, list[0].get());
                    rank(a).cmp(&rank(b))
                });
                if sorted.is_ok() {
                    ranked.sort_by_key(|(rank, _)| *rank);
                    *items = ranked.into_iter().map(|(_, shade)| shade).collect();
                }
                format!("it is sorted: {}", sorted.is_ok())
            }
        };
        self.note(|_| format!("#{id}: {said}"));
        for (shade, value) in taken {
            registers.put((shade, value.or_nil()));
        }
        Ok(())
    }
}

//! The key of a state: what decides whether all is well, and what may follow.

use std::hash::Hasher;

use crate::machine::probe::View;
use crate::shadow::Shade;

/// The state that a program came to, folded to 128 bits: the heap's digest, and what the program knows.
///
/// Of the shadow graph all that belongs here which the program can get at, or could with a weak pointer, its objects
/// numbered as they are met. Which handle is which need not be told: handles that hold the same are interchangeable.
pub fn key(view: &View<'_>) -> u128 {
    let mut key = Key([0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344]);
    for &word in view.digest {
        key.word(word);
    }
    let mut met: Vec<u32> = Vec::with_capacity(8);
    let number = |met: &mut Vec<u32>, shade: Shade| {
        shade.map_or(0, |id| {
            1 + met.iter().position(|other| *other == id).unwrap_or_else(|| {
                met.push(id);
                met.len() - 1
            }) as u64
        })
    };
    key.word(view.outer_locals as u64);
    key.word(view.can_be_set.iter().fold(1, |word, &can| word << 1 | u64::from(can)));
    let kept = view.kept.iter().map(Vec::as_slice);
    let lists = [view.locals, &view.roots, &view.cells, &view.registers];
    for list in lists.into_iter().chain(view.stacks.iter().copied()).chain(kept) {
        key.word(list.len() as u64);
        for &shade in list {
            key.word(number(&mut met, shade));
        }
    }
    key.word(view.stacks.len() as u64);
    for cell in view.cells.iter().flatten() {
        // What only a weak pointer leads to may be had again.
        let target = view.shadow.objects[*cell as usize].target;
        let gone = view.shadow.objects[target as usize].gone;
        key.word(if gone { 0 } else { number(&mut met, Some(target)) });
    }
    let mut at = 0;
    while at < met.len() {
        let object = &view.shadow.objects[met[at] as usize];
        key.word(object.kind.tag());
        for shade in object.slots {
            key.word(number(&mut met, shade));
        }
        at += 1;
    }
    u128::from(key.0[0]) << 64 | u128::from(key.0[1])
}

/// Two lanes that a word is folded into.
struct Key([u64; 2]);

impl Key {
    fn word(&mut self, word: u64) {
        const ODD: [u64; 2] = [0xa409_3822_299f_31d1, 0x082e_fa98_ec4e_6c89];
        for (lane, odd) in self.0.iter_mut().zip(ODD) {
            let product = u128::from((*lane ^ word).wrapping_add(odd)) * u128::from(odd.rotate_left(17));
            *lane = product as u64 ^ (product >> 64) as u64 ^ lane.rotate_left(23);
        }
    }
}

/// The hash of a key: half of it.
#[derive(Default)]
pub struct Half(u64);

impl Hasher for Half {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are hashed, and nothing else");
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

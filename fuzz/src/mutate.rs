//! Changes to programs of heap operations, for the fuzzer to try: whole operations come, go and move. Mutations of
//! bytes alone would turn every operation behind an insertion into another.

/// Bytes of an operation.
const OP: usize = 4;
/// Operations that are removed or copied at once, at most.
const RUN: usize = 8;

/// Numbers that follow from a seed (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Less than `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn op(&mut self) -> [u8; OP] {
        (self.next() as u32).to_le_bytes()
    }
}

/// Changes `data[..size]`, a program behind `head` other bytes, and returns its new size. None: the bytes may as well be
/// changed as bytes.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32, head: usize) -> Option<usize> {
    let mut numbers = Numbers(seed.into());
    if size <= head || max_size < head + OP || numbers.below(4) == 0 {
        return None;
    }
    let mut ops: Vec<[u8; OP]> = data[head..size].chunks_exact(OP).map(|op| op.try_into().expect("four")).collect();
    for _ in 0..=numbers.below(4) {
        change(&mut ops, &mut numbers);
    }
    ops.truncate((max_size - head) / OP);
    let end = head + ops.len() * OP;
    data[head..end].copy_from_slice(ops.as_flattened());
    Some(end)
}

fn change(ops: &mut Vec<[u8; OP]>, numbers: &mut Numbers) {
    let at = numbers.below(ops.len() + 1);
    if at == ops.len() {
        return ops.push(numbers.op());
    }
    let run = at..(at + 1 + numbers.below(RUN)).min(ops.len());
    match numbers.below(6) {
        0 | 1 => ops.insert(at, numbers.op()),
        2 => drop(ops.drain(run)),
        3 => {
            let to = numbers.below(ops.len() + 1);
            let copied = ops[run].to_vec();
            drop(ops.splice(to..to, copied));
        }
        4 => {
            let other = numbers.below(ops.len());
            ops.swap(at, other);
        }
        _ => ops[at][numbers.below(OP)] = numbers.next() as u8,
    }
}

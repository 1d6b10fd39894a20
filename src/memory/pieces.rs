//! [`Pieces`]: a vector in pieces, which grows and shrinks without moving its entries.

use super::{NoMemory, reserve_exact, reserve_one};

/// Entries of a piece.
const PIECE: usize = if cfg!(test) { 8 } else { 1024 };

/// Entries of the first allocation. Not fewer: malloc would put small pieces aside when they are freed, and join a
/// hundred thousand of them in one go later (`docs/experiments.md`, "Steps with a million of something").
const FIRST: usize = if cfg!(test) { 4 } else { 16 };

/// A vector in pieces. A push moves at most the first piece, or the list of the others, 24 bytes for each 1024 entries.
pub(crate) struct Pieces<T> {
    /// The first piece, which grows by itself: most vectors are small.
    first: Vec<T>,
    /// The other pieces, each of the size that the first grows to. All but the last are full; behind it there may be an
    /// empty one, so that pushes and pops at the seam do not ask for a piece each time.
    more: Vec<Vec<T>>,
    len: usize,
}

impl<T> Pieces<T> {
    pub(crate) const fn new() -> Pieces<T> {
        Pieces { first: Vec::new(), more: Vec::new(), len: 0 }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns the bytes of memory that the vector takes.
    pub(crate) fn bytes(&self) -> usize {
        let entries = self.first.capacity() + self.more.len() * PIECE;
        entries * size_of::<T>() + self.more.capacity() * size_of::<Vec<T>>()
    }

    /// Returns the number of entries that the first piece grows to.
    fn grown(&self) -> usize {
        (self.first.len() * 2).clamp(FIRST, PIECE)
    }

    /// Returns the bytes that a push allocates, the list of pieces left out.
    pub(crate) fn wanted(&self) -> usize {
        if self.len < self.first.capacity() || self.len >= PIECE && self.len < (self.more.len() + 1) * PIECE {
            0
        } else if self.len < PIECE {
            (self.grown() - self.first.capacity()) * size_of::<T>()
        } else {
            PIECE * size_of::<T>()
        }
    }

    /// Makes room for one more entry.
    pub(crate) fn make_room(&mut self) -> Result<(), NoMemory> {
        if self.len < PIECE {
            if self.first.len() == self.first.capacity() {
                let more = self.grown() - self.first.len();
                reserve_exact(&mut self.first, more)?;
            }
        } else if self.len == (self.more.len() + 1) * PIECE {
            reserve_one(&mut self.more)?;
            let mut piece = Vec::new();
            reserve_exact(&mut piece, PIECE)?;
            self.more.push(piece);
        }
        Ok(())
    }

    pub(crate) fn push(&mut self, value: T) -> Result<(), NoMemory> {
        self.make_room()?;
        self.piece(self.len).push(value);
        self.len += 1;
        Ok(())
    }

    /// Returns the piece that an entry lies in.
    fn piece(&mut self, index: usize) -> &mut Vec<T> {
        if index < PIECE { &mut self.first } else { &mut self.more[index / PIECE - 1] }
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        self.len = self.len.checked_sub(1)?;
        let value = self.piece(self.len).pop();
        if self.len.is_multiple_of(PIECE) {
            // The piece that has become empty stays.
            self.free_from(self.len / PIECE);
        }
        value
    }

    /// Frees the empty pieces from `at` on, of those behind the first.
    fn free_from(&mut self, at: usize) {
        self.more.truncate(at);
        if self.more.len() < self.more.capacity() / 4 {
            self.more.shrink_to(self.more.len() * 2);
        }
    }

    /// Gives back the memory that the vector does not need.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.free_from((self.len.div_ceil(PIECE)).saturating_sub(1));
        self.more.shrink_to_fit();
        if self.len <= PIECE {
            self.first.shrink_to_fit();
        }
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> &T {
        if index < PIECE { &self.first[index] } else { &self.more[index / PIECE - 1][index % PIECE] }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: usize) -> &mut T {
        &mut self.piece(index)[index % PIECE]
    }

    /// Swaps two entries.
    pub(crate) fn swap(&mut self, a: usize, b: usize)
    where
        T: Copy,
    {
        let held = *self.get(a);
        *self.get_mut(a) = *self.get(b);
        *self.get_mut(b) = held;
    }

    /// Removes an entry; the last one takes its place.
    pub(crate) fn swap_remove(&mut self, index: usize) -> T {
        assert!(index < self.len, "there is no such entry");
        let last = self.pop().unwrap_or_else(|| unreachable!("it is not empty"));
        if index == self.len { last } else { core::mem::replace(self.get_mut(index), last) }
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.first.iter().chain(self.more.iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_vector() {
        let (mut pieces, mut model) = (Pieces::new(), Vec::new());
        for round in 0..4usize {
            for number in 0..PIECE * 5 {
                pieces.push(number + round).unwrap();
                model.push(number + round);
            }
            for at in [0, PIECE - 1, PIECE, PIECE * 4 + 1] {
                assert_eq!(pieces.swap_remove(at), model.swap_remove(at));
                pieces.swap(at, 2);
                model.swap(at, 2);
            }
            assert!(pieces.iter().eq(&model));
            for _ in 0..PIECE * 5 - 7 {
                assert_eq!(pieces.pop(), model.pop());
                assert_eq!(pieces.len(), model.len());
            }
            assert!((0..model.len()).all(|at| *pieces.get(at) == model[at]));
        }
    }

    #[test]
    fn nothing_is_moved_but_the_first_piece() {
        let mut pieces = Pieces::new();
        (0..PIECE * 2).for_each(|n| pieces.push(n).unwrap());
        let places: Vec<*const usize> = pieces.iter().map(core::ptr::from_ref).collect();
        (0..PIECE * 50).for_each(|n| pieces.push(n).unwrap());
        assert!(pieces.iter().zip(places).all(|(entry, place)| core::ptr::eq(entry, place)));
    }

    #[test]
    fn it_says_what_it_takes_and_gives_back() {
        let mut pieces: Pieces<u64> = Pieces::new();
        let list = |pieces: &Pieces<u64>| pieces.more.capacity() * size_of::<Vec<u64>>();
        for n in 0..PIECE as u64 * 3 + 1 {
            let (before, wanted) = (pieces.bytes() - list(&pieces), pieces.wanted());
            pieces.push(n).unwrap();
            assert_eq!(pieces.bytes() - list(&pieces) - before, wanted);
        }
        while pieces.pop().is_some() {
            assert!(pieces.bytes() - list(&pieces) <= (pieces.len() + 2 * PIECE) * 8);
        }
        pieces.shrink_to_fit();
        assert_eq!(pieces.bytes(), 0);
    }
}

//! The sizes that memory is divided into.

/// Bytes of a block, and its alignment. (Blocks of 64 KiB made the Lox trees benchmark 2.4 times slower, with the same peak.)
pub(crate) const BLOCK_SIZE: usize = 32 * 1024;
/// Bytes of a page: what memory is counted in, and goes back to the system in.
pub(crate) const PAGE: usize = 4096;
/// Pages of a block.
pub(crate) const PAGES: usize = BLOCK_SIZE / PAGE;
/// Bytes of a granule: what one bit stands for, and what objects are aligned to. (With 16 the Lox tree benchmarks took as
/// long, within the noise, and as much memory; 8 is the denser one for smaller objects.)
pub(crate) const GRANULE: usize = 8;
/// Granules of a block, those of its own header included.
pub(crate) const GRANULES: usize = BLOCK_SIZE / GRANULE;
/// Words of a bitmap.
pub(crate) const WORDS: usize = GRANULES / 64;

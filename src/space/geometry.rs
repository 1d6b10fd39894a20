//! The sizes that memory is divided into.

/// Bytes of a block, and its alignment. (64 KiB was slower: `docs/experiments.md`, "Sizes of blocks and granules".)
pub(crate) const BLOCK_SIZE: usize = 32 * 1024;
/// Bytes of a page: the unit in which memory is counted and decommitted.
pub(crate) const PAGE: usize = 4096;
/// Pages of a block.
pub(crate) const PAGES: usize = BLOCK_SIZE / PAGE;
/// Bytes of a granule: one bit of a bitmap stands for it, and objects are aligned to it. (16 gained nothing: as above.)
pub(crate) const GRANULE: usize = 8;
/// Granules of a block, those of its own header included.
pub(crate) const GRANULES: usize = BLOCK_SIZE / GRANULE;
/// Words of a bitmap.
pub(crate) const WORDS: usize = GRANULES / 64;

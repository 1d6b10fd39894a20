//! The patterns of [`grisaille_peers::fragmentation`] on mimalloc. Only the program `fragmentation` uses it.

#![forbid(unsafe_code)]

use grisaille_peers::fragmentation::child;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [pattern, subject] = &arguments[..] {
        child(pattern, subject);
    }
}

//! A type macro that expands to another type each time, for programs that try to deceive the derive.
#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicUsize, Ordering};

use proc_macro::TokenStream;

/// Expands `ty!(A | B; 2 5)` to `A`, but to `B` the second and the fifth time that a macro of this crate is asked in the
/// compilation.
///
/// # Panics
/// When the input has another form.
#[proc_macro]
pub fn ty(input: TokenStream) -> TokenStream {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let now = ASKED.fetch_add(1, Ordering::Relaxed) + 1;
    let text = input.to_string();
    let (types, times) = text.rsplit_once(';').expect("`A | B; times`");
    let (first, second) = types.rsplit_once('|').expect("`A | B; times`");
    let lies = times.split_whitespace().any(|time| time.parse() == Ok(now));
    (if lies { second } else { first }).parse().expect("a type")
}

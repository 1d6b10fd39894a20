//! The Lox programs that the generator makes: that nearly all of them run, and what becomes of the others.

use grisaille_fuzz::lox::{End, Source};

/// Bytes that follow from a number (xorshift).
fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn nearly_all_programs_run() {
    const PROGRAMS: u64 = 500;
    let mut ends = [0; 3];
    for seed in 0..PROGRAMS {
        let source = Source::from_bytes(&bytes(seed, 20 + seed as usize * 4 % 1000));
        let end = source.run_everywhere();
        if std::env::var_os("SHOW").is_some_and(|show| show == *seed.to_string()) {
            println!("{source:?}");
        }
        if end != End::Well {
            println!("{seed}: {end:?}");
        }
        ends[end as usize] += 1;
    }
    let [well, runtime, compile] = ends;
    println!("of {PROGRAMS} programs {well} ran, {runtime} were stopped by an error, {compile} refused");
    assert!(well * 10 >= PROGRAMS * 9 && compile == 0);
}

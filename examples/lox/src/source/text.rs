//! Lox strings are bytes, the heap's strings are UTF-8: a one-to-one mapping from the first to the second.
//!
//! Valid UTF-8 stays as it is. A byte that is not part of a valid sequence becomes one of the last 256 private-use
//! characters. These characters themselves are mapped byte by byte, so that nothing is lost.

use std::collections::TryReserveError;
use std::io::{self, Write};

/// The character that stands for byte 0.
const ESCAPE: u32 = 0x10FF00;
/// The byte with which the UTF-8 form of every such character begins; other characters begin with it too.
const LEAD: u8 = 0xF4;

/// Returns the string that stands for `bytes`, if there is memory for it.
pub fn decode(bytes: &[u8]) -> Result<String, TryReserveError> {
    let mut text = String::new();
    text.try_reserve(bytes.len())?;
    let escape = |text: &mut String, bytes: &[u8]| -> Result<(), TryReserveError> {
        text.try_reserve(4 * bytes.len())?;
        text.extend(bytes.iter().filter_map(|&byte| char::from_u32(ESCAPE + u32::from(byte))));
        Ok(())
    };
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            if u32::from(char) >= ESCAPE {
                escape(&mut text, char.encode_utf8(&mut [0; 4]).as_bytes())?;
            } else {
                text.try_reserve(char.len_utf8())?;
                text.push(char);
            }
        }
        escape(&mut text, chunk.invalid())?;
    }
    Ok(text)
}

/// Appends `more` to `text`, as bytes: a character whose halves meet becomes whole. Where there is no memory, the
/// contents of `text` are unspecified.
pub fn append(text: &mut String, more: &str) -> Result<(), TryReserveError> {
    let escaped = |char: char| u32::from(char) >= ESCAPE;
    let halves = text.ends_with(escaped) && more.starts_with(escaped);
    text.try_reserve(more.len())?;
    text.push_str(more);
    if halves {
        let mut bytes = Vec::new();
        bytes.try_reserve(text.len())?;
        write(&mut bytes, text).expect("a vector can be written to");
        *text = decode(&bytes)?;
    }
    Ok(())
}

/// Writes the bytes that `text` stands for.
pub fn write(out: &mut dyn Write, text: &str) -> io::Result<()> {
    if !text.as_bytes().contains(&LEAD) {
        return out.write_all(text.as_bytes());
    }
    for char in text.chars() {
        match u32::from(char).checked_sub(ESCAPE) {
            Some(byte) => out.write_all(&[byte as u8])?,
            None => out.write_all(char.encode_utf8(&mut [0; 4]).as_bytes())?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        let mixed = ["gris".as_bytes(), &all, "é\u{10FF41}\u{10FFFF}漢".as_bytes(), b"\xC3", b"\xF4\x8F"].concat();
        for bytes in [&all[..], &mixed, b""] {
            let mut back = Vec::new();
            write(&mut back, &decode(bytes).unwrap()).unwrap();
            assert_eq!(back, bytes);
        }
    }

    #[test]
    fn halves_meet() {
        for bytes in ["é".as_bytes(), "漢🦀".as_bytes(), b"\xF4\x8F\xBC\x80", b"\xE6\x97\xE6", b"\x97\xC3\xA9"] {
            for split in 0..=bytes.len() {
                let (left, right) = bytes.split_at(split);
                let mut text = decode(left).unwrap();
                append(&mut text, &decode(right).unwrap()).unwrap();
                assert_eq!(text, decode(bytes).unwrap());
            }
        }
    }

    #[test]
    fn valid_text_is_left_alone() {
        assert_eq!(decode("grisaille é 漢 \u{10FEFF}".as_bytes()).unwrap(), "grisaille é 漢 \u{10FEFF}");
    }
}

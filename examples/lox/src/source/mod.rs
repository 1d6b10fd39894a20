//! The program's text: bytes, tokens, and strings made of them.

pub mod scanner;
pub mod text;
pub mod token;

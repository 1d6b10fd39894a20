//! The words of the language.

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[rustfmt::skip]
pub enum Kind {
    LeftParen, RightParen, LeftBrace, RightBrace, Comma, Dot, Minus, Plus, Semicolon, Slash, Star,
    Bang, BangEqual, Equal, EqualEqual, Greater, GreaterEqual, Less, LessEqual,
    Identifier, String, Number,
    And, Class, Else, False, For, Fun, If, Nil, Or, Print, Return, Super, This, True, Var, While,
    /// A text that the scanner could not read; the token's text is the message.
    Error,
    End,
}

/// A piece of the source.
#[derive(Clone, Copy, Debug)]
pub struct Token<'src> {
    /// The token's kind.
    pub kind: Kind,
    /// The token's bytes, quotes included.
    pub text: &'src [u8],
    /// The line on which the token ends: a string may span several.
    pub line: u32,
}

impl<'src> Token<'src> {
    /// Makes a token that the source does not contain, such as the `super` that names a hidden local.
    pub fn synthetic(text: &'static str) -> Token<'src> {
        Token { kind: Kind::Identifier, text: text.as_bytes(), line: 0 }
    }
}

/// Returns the keyword that `text` is, or else [`Kind::Identifier`].
pub fn keyword(text: &[u8]) -> Kind {
    match text {
        b"and" => Kind::And,
        b"class" => Kind::Class,
        b"else" => Kind::Else,
        b"false" => Kind::False,
        b"for" => Kind::For,
        b"fun" => Kind::Fun,
        b"if" => Kind::If,
        b"nil" => Kind::Nil,
        b"or" => Kind::Or,
        b"print" => Kind::Print,
        b"return" => Kind::Return,
        b"super" => Kind::Super,
        b"this" => Kind::This,
        b"true" => Kind::True,
        b"var" => Kind::Var,
        b"while" => Kind::While,
        _ => Kind::Identifier,
    }
}

//! Characters and strings.

use std::cmp::Ordering;

use grisaille::{Array, Barrier, Mutator, Slot};

use super::{ANY, Table, element, elements, index, many, one, range, two};
use crate::error::{Error, Result};
use crate::number::whole;
use crate::value::{self, Small, Value};

/// Makes a string.
pub fn text<'a, B: Barrier>(cx: &'a Mutator<'_, B>, letters: impl Iterator<Item = char>) -> Result<Value<'a>> {
    let letters: Vec<char> = letters.collect();
    Ok(Value::Text(cx.try_alloc_array(letters.len(), |at| Slot::new(letters[at]))?))
}

fn letters<'a>(value: Value<'a>) -> Result<Array<'a, Slot<char>>> {
    match value {
        Value::Text(text) => Ok(text),
        _ => Err(Error::wrong("a string", value)),
    }
}

/// Returns the text of a string.
pub fn string(value: Value<'_>) -> Result<String> {
    Ok(letters(value)?.iter().map(Slot::get).collect())
}

pub fn letter(value: Value<'_>) -> Result<char> {
    match value {
        Value::Char(letter) => Ok(value::letter(letter)),
        _ => Err(Error::wrong("a character", value)),
    }
}

/// Compares characters, or strings.
fn order<'a>(a: Value<'a>, b: Value<'a>) -> Result<Ordering> {
    match (a, b) {
        (Value::Char(_), _) => Ok(letter(a)?.cmp(&letter(b)?)),
        _ => Ok(letters(a)?.cmp(&letters(b)?)),
    }
}

fn chain<'a>(all: &[Value<'a>], holds: fn(Ordering) -> bool) -> Result<Value<'a>> {
    let mut result = true;
    for two in all.windows(2) {
        result &= holds(order(two[0], two[1])?);
    }
    Ok(result.into())
}

macro_rules! comparisons {
    ($all:ident: $($kind:literal)*) => {$(
        $all.push(many(concat!($kind, "=?"), 1, ANY, |_, _, all| chain(all, Ordering::is_eq)));
        $all.push(many(concat!($kind, "<?"), 1, ANY, |_, _, all| chain(all, Ordering::is_lt)));
        $all.push(many(concat!($kind, ">?"), 1, ANY, |_, _, all| chain(all, Ordering::is_gt)));
        $all.push(many(concat!($kind, "<=?"), 1, ANY, |_, _, all| chain(all, Ordering::is_le)));
        $all.push(many(concat!($kind, ">=?"), 1, ANY, |_, _, all| chain(all, Ordering::is_ge)));
    )*};
}

macro_rules! kinds {
    ($all:ident: $($name:literal $is:expr;)*) => {
        $($all.push(one($name, |_, _, a| {
            let is: fn(char) -> bool = $is;
            Ok(is(letter(a)?).into())
        }));)*
    };
}

pub fn table<B: Barrier>() -> Table<B> {
    let mut all = vec![
        one("char?", |_, _, a| Ok(matches!(a, Value::Char(_)).into())),
        one("string?", |_, _, a| Ok(matches!(a, Value::Text(_)).into())),
        one("char->integer", |_, _, a| Ok(Value::Int(u32::from(letter(a)?) as Small))),
        one("integer->char", |_, _, a| {
            let found = u32::try_from(index(a)?).ok().and_then(char::from_u32);
            found.map(Value::from).ok_or_else(|| Error::wrong("the number of a character", a))
        }),
        one("char-upcase", |_, _, a| Ok(letter(a)?.to_uppercase().next().unwrap_or_default().into())),
        one("char-downcase", |_, _, a| Ok(letter(a)?.to_lowercase().next().unwrap_or_default().into())),
        one("digit-value", |_, _, a| {
            Ok(letter(a)?.to_digit(10).map_or(Value::False, |digit| Value::Int(digit as Small)))
        }),
        many("string", 0, ANY, |_, cx, all| {
            let letters: Result<Vec<char>> = all.iter().map(|value| letter(*value)).collect();
            text(cx, letters?.into_iter())
        }),
        many("make-string", 1, 2, |_, cx, all| {
            let fill = all.get(1).map_or(Ok(' '), |fill| letter(*fill))?;
            Ok(Value::Text(cx.try_alloc_array(index(all[0])?, |_| Slot::new(fill))?))
        }),
        one("string-length", |_, cx, a| whole(cx, letters(a)?.len())),
        two("string-ref", |_, _, a, at| Ok(element(&letters(a)?, at)?.get().into())),
        many("string-set!", 3, 3, |_, cx, all| {
            element(&letters(all[0])?, all[1])?.set(cx, letter(all[2])?);
            Ok(Value::Unspecified)
        }),
        many("string-append", 0, ANY, |_, cx, all| {
            let parts: Result<Vec<_>> = all.iter().map(|part| letters(*part)).collect();
            text(cx, parts?.iter().flat_map(|part| part.iter().map(Slot::get)))
        }),
        many("string-copy", 1, 3, |_, cx, all| {
            let letters = letters(all[0])?;
            let range = range(&all[1..], letters.len())?;
            Ok(Value::Text(cx.try_alloc_array(range.len(), |at| Slot::new(letters[range.start + at].get()))?))
        }),
        many("string-fill!", 2, 4, |_, cx, all| {
            let (letters, fill) = (letters(all[0])?, letter(all[1])?);
            letters[range(&all[2..], letters.len())?].iter().for_each(|place| place.set(cx, fill));
            Ok(Value::Unspecified)
        }),
        many("string->list", 1, 3, |_, cx, all| {
            let letters = letters(all[0])?;
            let items: Vec<Value<'_>> =
                letters[range(&all[1..], letters.len())?].iter().map(|letter| letter.get().into()).collect();
            crate::read::list(cx, &items)
        }),
        one("list->string", |_, cx, a| {
            let letters: Result<Vec<char>> = elements(a)?.into_iter().map(letter).collect();
            text(cx, letters?.into_iter())
        }),
        one("string-upcase", |_, cx, a| text(cx, string(a)?.to_uppercase().chars())),
        one("string-downcase", |_, cx, a| text(cx, string(a)?.to_lowercase().chars())),
        many("string->utf8", 1, 3, |_, cx, all| {
            let letters = letters(all[0])?;
            let bytes: String = letters[range(&all[1..], letters.len())?].iter().map(Slot::get).collect();
            super::vectors::bytes(cx, bytes.as_bytes())
        }),
    ];
    comparisons! { all: "char" "string" }
    kinds! { all:
        "char-alphabetic?" char::is_alphabetic;
        "char-numeric?" char::is_numeric;
        "char-whitespace?" char::is_whitespace;
        "char-upper-case?" char::is_uppercase;
        "char-lower-case?" char::is_lowercase;
    }
    all
}

//! Operations on the text that each list has beside its values.

use grisaille::{Barrier, Gc, Mutator};

use super::{Machine, Outcome};
use crate::object::Row;

/// Bytes of a text, at most.
const MAX_TEXT: usize = 600;
/// What texts are made of: characters of one byte, of two and of four.
const LETTERS: [char; 4] = ['a', 'b', 'ü', '🦀'];

/// What is done to a text.
pub(super) enum Text {
    Push,
    Cut,
    Clear,
    Change,
}

impl Machine<'_> {
    /// Changes the text of a list as a number says. What was lent before must not change.
    pub(super) fn write_text<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        id: u32,
        list: Gc<'a, Row<'a>>,
        edit: Text,
        number: u8,
    ) -> Outcome {
        let object = self.shadow.at_mut(id);
        let (text, model) = (&list.text, &mut object.text);
        let lent = (number.is_multiple_of(3)).then(|| (text.as_str(), model.clone()));
        let (letter, count) = (LETTERS[usize::from(number) % 4], model.chars().count());
        let at = if count == 0 { 0 } else { usize::from(number / 8) % count };
        let offset = model.char_indices().nth(at).map_or(model.len(), |(offset, _)| offset);
        match edit {
            Text::Push if model.len() < MAX_TEXT => {
                if number >= 64 && model.len() < MAX_TEXT / 2 {
                    if text.try_push_str(cx, text.as_str()).is_ok() {
                        *model = model.repeat(2);
                    }
                } else if text.try_push(cx, letter).is_ok() {
                    model.push(letter);
                }
            }
            Text::Cut if number.is_multiple_of(2) => {
                if text.pop(cx) != model.pop() {
                    return Err(format!("the last character of the text of #{id} is another"));
                }
            }
            Text::Cut => {
                text.truncate(cx, offset);
                model.truncate(offset);
            }
            Text::Clear => {
                text.clear(cx);
                model.clear();
                text.shrink_to_fit(cx);
                object.text_buffer = false;
            }
            Text::Change if number.is_multiple_of(4) && count > 0 => {
                if text.try_remove(cx, offset).is_ok() {
                    model.remove(offset);
                }
            }
            Text::Change if number.is_multiple_of(2) && count > 0 => {
                if text.try_set_char(cx, at, letter).is_ok() {
                    *model = model.chars().enumerate().map(|(n, c)| if n == at { letter } else { c }).collect();
                }
            }
            Text::Change if model.len() < MAX_TEXT => {
                let room = if number > 200 { 100 } else { 0 };
                if text.try_reserve(cx, room).is_ok() && room > 0 {
                    object.text_buffer = true;
                }
                if text.try_insert_str(cx, offset, &letter.to_string()).is_ok() {
                    model.insert(offset, letter);
                }
            }
            _ => {}
        }
        object.text_buffer |= !object.text.is_empty();
        if lent.is_some_and(|(lent, before)| lent != before) {
            return Err(format!("what was lent of the text of #{id} has changed"));
        }
        self.note(|m| format!("the text of #{id} is {:?}", m.shadow.at(id).text));
        Ok(())
    }
}

//! Texts that change, beside a `String`; and every `&str` that was lent, which stays what it was.

use std::fmt::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use grisaille::{
    Barrier, Deletion, Gc, Heap, Hybrid, Insertion, Mutator, RootsFirst, StopTheWorld, StrBuf, Trace, Watermark,
};
use proptest::prelude::*;

#[track_caller]
fn panics<R>(f: impl FnOnce() -> R) {
    assert!(catch_unwind(AssertUnwindSafe(f)).is_err(), "no panic");
}

#[derive(Clone, Copy, Debug)]
enum Edit {
    Push(char),
    PushSelf,
    Insert(usize, char),
    InsertSelf(usize),
    SetChar(usize, char),
    Pop,
    Remove(usize),
    Truncate(usize),
    Clear,
    Reserve(usize),
    Shrink,
    Format(u32),
    /// Lends the text for as long as it is reachable without a root.
    Lend,
    Safepoint,
}

fn letter() -> impl Strategy<Value = char> {
    prop_oneof![4 => prop::char::range('a', 'z'), 1 => Just('ü'), 1 => Just('λ'), 1 => Just('🦀')]
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        8 => letter().prop_map(Edit::Push),
        1 => Just(Edit::PushSelf),
        4 => (any::<usize>(), letter()).prop_map(|(at, new)| Edit::Insert(at, new)),
        1 => any::<usize>().prop_map(Edit::InsertSelf),
        4 => (any::<usize>(), letter()).prop_map(|(at, new)| Edit::SetChar(at, new)),
        2 => Just(Edit::Pop),
        2 => any::<usize>().prop_map(Edit::Remove),
        1 => any::<usize>().prop_map(Edit::Truncate),
        1 => Just(Edit::Clear),
        1 => (0..200usize).prop_map(Edit::Reserve),
        1 => Just(Edit::Shrink),
        2 => any::<u32>().prop_map(Edit::Format),
        4 => Just(Edit::Lend),
        2 => Just(Edit::Safepoint),
    ]
}

/// Returns the place of a character, or the end.
fn place(model: &str, at: usize) -> usize {
    let at = at % (model.chars().count() + 1);
    model.char_indices().nth(at).map_or(model.len(), |(offset, _)| offset)
}

/// Changes both texts in the same way, and compares what the operations return.
fn change<'gc, B: Barrier>(cx: &'gc Mutator<'_, B>, text: Gc<'gc, StrBuf<'gc>>, model: &mut String, edit: Edit) {
    match edit {
        Edit::Push(new) => {
            text.push(cx, new);
            model.push(new);
        }
        Edit::PushSelf if model.len() < 300 => {
            text.push_str(cx, text.as_str());
            *model = model.repeat(2);
        }
        Edit::Insert(at, new) => {
            let at = place(model, at);
            text.insert(cx, at, new);
            model.insert(at, new);
        }
        Edit::InsertSelf(at) if model.len() < 300 => {
            let at = place(model, at);
            text.with(|own| text.insert_str(cx, at, own));
            model.insert_str(at, &model.clone());
        }
        Edit::SetChar(at, new) if !model.is_empty() => {
            let at = at % model.chars().count();
            let old = model.chars().nth(at);
            assert_eq!(Some(text.set_char(cx, at, new)), old);
            *model = model.chars().enumerate().map(|(n, c)| if n == at { new } else { c }).collect();
        }
        Edit::Pop => assert_eq!(text.pop(cx), model.pop()),
        Edit::Remove(at) => {
            let at = place(model, at);
            if at < model.len() {
                assert_eq!(text.remove(cx, at), model.remove(at));
            }
        }
        Edit::Truncate(at) => {
            let at = place(model, at);
            text.truncate(cx, at);
            model.truncate(at);
        }
        Edit::Clear => {
            text.clear(cx);
            model.clear();
        }
        Edit::Reserve(bytes) => text.reserve(cx, bytes),
        Edit::Shrink => text.shrink_to_fit(cx),
        Edit::Format(number) => {
            write!(text.writer(cx), "{number:?}").unwrap();
            write!(model, "{number:?}").unwrap();
        }
        _ => {}
    }
}

fn check(text: &StrBuf<'_>, model: &str) {
    assert_eq!(text, &model);
    assert_eq!((text.len(), text.char_count()), (model.len(), model.chars().count()));
    let last = text.char_count();
    for at in [0, last / 2, last.saturating_sub(1), last, last + 1] {
        assert_eq!(text.char_at(at), model.chars().nth(at));
        let offset = model.char_indices().map(|(offset, _)| offset).chain([model.len()]).nth(at);
        assert_eq!(text.char_offset(at), offset);
    }
}

fn beside_a_string<B: Barrier>(edits: &[Edit]) {
    let mut heap = Heap::builder().barrier::<B>().stress(true).build().unwrap();
    heap.enter(|cx| {
        let text = cx.root(cx.alloc(StrBuf::new()));
        let (mut model, mut edits) = (String::new(), edits.iter());
        // From one safepoint to the next.
        while !edits.as_slice().is_empty() {
            let text = text.get(cx);
            let mut lent: Vec<(&str, String)> = Vec::new();
            for edit in edits.by_ref() {
                match edit {
                    Edit::Safepoint => break,
                    Edit::Lend => lent.push((text.as_str(), model.clone())),
                    edit => text.with(|seen| {
                        let before = model.clone();
                        change(cx, text, &mut model, *edit);
                        assert_eq!(seen, before);
                    }),
                }
                check(&text, &model);
                assert!(lent.iter().all(|(text, copy)| text == copy), "{edit:?} changed a text that was lent");
            }
            cx.safepoint();
        }
    });
}

proptest! {
    #[test]
    fn as_a_string(edits in prop::collection::vec(edit(), 0..60)) {
        beside_a_string::<Insertion>(&edits);
        beside_a_string::<Deletion>(&edits);
        beside_a_string::<RootsFirst>(&edits);
        beside_a_string::<Hybrid>(&edits);
        beside_a_string::<Watermark>(&edits);
        beside_a_string::<StopTheWorld>(&edits);
    }
}

/// What costs a copy of the text, and what does not.
#[test]
fn copies_are_made_where_something_was_lent() {
    Heap::new().enter(|cx| {
        let text = cx.alloc(StrBuf::from_str(cx, &"x".repeat(1000)));
        text.reserve(cx, 1000);
        let objects = || cx.stats().objects_allocated();
        let start = objects();
        for at in 0..500 {
            assert_eq!(text.char_at(at), Some('x'));
            text.set_char(cx, at, 'y');
            assert!(text.with(|text| text.starts_with('y')));
            assert!(!text.is_empty() && text.char_offset(at) == Some(at));
        }
        text.push(cx, 'z');
        let lent = text.as_str();
        text.push(cx, 'z'); // behind what was lent
        text.pop(cx);
        assert_eq!(objects(), start);
        text.push(cx, '!'); // behind it still
        assert_eq!(objects(), start);
        text.set_char(cx, 0, 'x');
        text.set_char(cx, 1, 'x');
        assert_eq!(objects(), start + 1);
        assert!(lent.starts_with("yy") && lent.ends_with("xz") && text.with(|text| text.ends_with("xz!")));
        // What was lent and is cut off may not be overwritten either.
        let lent = text.as_str();
        text.truncate(cx, 10);
        text.push_str(cx, "abc");
        assert_eq!(objects(), start + 2);
        assert!(lent.ends_with("xz!"));
    });
}

/// A function that changes the text while it is shown, and panics.
#[test]
fn functions_may_change_what_they_see() {
    struct Meddler<'a, 'gc, 's>(&'a Mutator<'s>, Gc<'gc, StrBuf<'gc>>);
    impl<'a: 'gc, 'gc> Write for Meddler<'a, 'gc, '_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let before = text.to_owned();
            self.1.set_char(self.0, 0, 'b');
            self.1.insert_str(self.0, 1, &"c".repeat(100));
            assert_eq!(text, before);
            Ok(())
        }
    }
    Heap::new().enter(|cx| {
        let text = cx.alloc(StrBuf::from_str(cx, "aaaa"));
        write!(Meddler(cx, text), "{}", *text).unwrap();
        assert_eq!(text.len(), 104);
        text.with(|outer| {
            text.with(|inner| {
                text.set_char(cx, 0, 'x');
                assert!(inner.starts_with('b'));
            });
            // The text lies elsewhere by now, and what the outer one sees does not change.
            text.set_char(cx, 0, 'y');
            assert!(outer.starts_with('b'));
            text.with(|inner| {
                text.set_char(cx, 0, 'z');
                assert!(inner.starts_with('y'));
            });
            text.set_char(cx, 0, 'a');
            assert!(outer.starts_with('b'));
        });
        panics(|| {
            text.with(|seen| {
                text.set_char(cx, 0, 'p');
                assert!(seen.starts_with('p'), "not seen");
            });
        });
        assert!(text.with(|text| text.starts_with('p')));
    });
}

#[test]
fn what_is_out_of_bounds_panics_and_changes_nothing() {
    Heap::new().enter(|cx| {
        let text = cx.alloc(StrBuf::from_str(cx, "grün"));
        panics(|| text.set_char(cx, 4, 'x'));
        panics(|| text.insert(cx, 3, 'x'));
        panics(|| text.insert_str(cx, 6, "x"));
        panics(|| text.remove(cx, 3));
        panics(|| text.remove(cx, 5));
        panics(|| text.truncate(cx, 3));
        text.truncate(cx, 100);
        assert_eq!((text.as_str(), text.char_count()), ("grün", 4));
    });
}

/// In a full heap each operation is an error and the text what it was.
#[test]
fn in_a_full_heap() {
    Heap::builder().limit(1 << 18).build().unwrap().enter(|cx| {
        let text = cx.alloc(StrBuf::from_str(cx, "grün"));
        while cx.try_alloc([0u8; 4096]).is_ok() {}
        while cx.try_alloc([0u8; 8]).is_ok() {}
        let lent = text.as_str();
        assert!(text.try_push_str(cx, &"x".repeat(5000)).is_err());
        assert!(text.try_insert_str(cx, 0, &"x".repeat(5000)).is_err());
        assert!(text.try_reserve(cx, 5000).is_err());
        assert!(text.try_set_char(cx, 2, 'u').is_err_and(|full| full.0 == 'u'));
        assert!(text.try_remove(cx, 0).is_err());
        assert!(text.try_to_str(cx).is_err() && StrBuf::try_from_str(cx, "x").is_err());
        assert!(write!(text.writer(cx), "{:100}", 1).is_err());
        text.shrink_to_fit(cx);
        assert_eq!((lent, text.as_str(), text.char_count()), ("grün", "grün", 4));
        assert_eq!(text.pop(cx), Some('n'));
    });
}

/// As a field, beside pointers; it lives as long as its object.
#[test]
fn as_a_field() {
    #[derive(Trace)]
    struct Line<'gc> {
        text: StrBuf<'gc>,
        before: Option<Gc<'gc, Line<'gc>>>,
    }
    Heap::builder().stress(true).build().unwrap().enter(|cx| {
        let last = cx.root(cx.alloc(Line { text: StrBuf::from_str(cx, "first"), before: None }));
        let mut newest = last;
        for number in 0..100 {
            let line = cx.alloc(Line { text: StrBuf::new(), before: Some(newest.get(cx)) });
            write!(line.text.writer(cx), "line {number}").unwrap();
            newest = cx.root(line);
            cx.safepoint();
        }
        let mut lines = std::iter::successors(Some(newest.get(cx)), |line| line.before);
        assert_eq!(lines.next().unwrap().text, "line 99");
        assert_eq!(lines.last().unwrap().text, "first");
        assert_eq!(format!("{} {:?}", last.get(cx).text, newest.get(cx).text), "first \"line 99\"");
    });
}

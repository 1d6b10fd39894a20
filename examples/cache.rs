//! A cache with weak keys: remembers what was computed for an object as long as the object lives, and no longer.
//!
//! ```text
//! cargo run --example cache
//! ```
//!
//! With an ordinary map the cache would keep every document alive that it was ever asked about. With weak pointers to
//! the documents and strong ones to the summaries it would keep each summary, and with it the document that the summary
//! points back to. An ephemeron keeps its value only while its key is alive for another reason.

#![forbid(unsafe_code)]

use grisaille::{Ephemeron, Gc, Heap, Map, Mutator, Slot, Str, Trace};

#[derive(Trace)]
struct Document<'gc> {
    /// The cache's key for the document.
    number: u64,
    text: Str<'gc>,
}

/// A value that takes long to compute. It points back to its document, so a strong pointer to it would keep the
/// document too.
#[derive(Trace)]
struct Summary<'gc> {
    words: usize,
    of: Gc<'gc, Document<'gc>>,
}

type Entries<'gc> = Map<'gc, u64, Ephemeron<'gc, Document<'gc>, Gc<'gc, Summary<'gc>>>>;

#[derive(Trace)]
struct Cache<'gc> {
    entries: Entries<'gc>,
    /// How many summaries were computed.
    computed: Slot<usize>,
}

impl<'gc> Cache<'gc> {
    fn new(cx: &'gc Mutator<'_>) -> Gc<'gc, Cache<'gc>> {
        cx.alloc(Cache { entries: Map::new(), computed: Slot::new(0) })
    }
}

/// Returns the summary of a document: remembered, or computed now.
fn summary<'gc>(
    cx: &'gc Mutator<'_>,
    cache: Gc<'gc, Cache<'gc>>,
    document: Gc<'gc, Document<'gc>>,
) -> Gc<'gc, Summary<'gc>> {
    // An ephemeron has its value as long as its key lives, which `document` proves.
    if let Some(found) = cache.entries.get(document.number).and_then(|entry| entry.value(cx)) {
        return found;
    }
    let summary = cx.alloc(Summary { words: document.text.split_whitespace().count(), of: document });
    cache.computed.set(cx, cache.computed.get() + 1);
    cache.entries.insert(cx, document.number, cx.alloc_ephemeron(document, summary));
    summary
}

/// Forgets the entries whose documents are gone. Their summaries are gone too, so this frees the map's own memory only,
/// and may be done at any time. Asking whether a key is alive does not keep it alive.
fn tidy(cx: &Mutator<'_>, cache: Gc<'_, Cache<'_>>) {
    cache.entries.retain(cx, |_, entry| entry.is_alive(cx));
}

fn main() {
    Heap::new().enter(|cx| {
        let cache = cx.root(Cache::new(cx));
        let kept = cx.root(cx.alloc(Document { number: 0, text: cx.alloc_str("a text that is kept") }));
        assert_eq!(summary(cx, cache.get(cx), kept.get(cx)).words, 5);

        // A thousand documents that nobody keeps.
        for number in 1..=1000 {
            let document = cx.alloc(Document { number, text: cx.alloc_str("a text that is not kept") });
            assert_eq!(summary(cx, cache.get(cx), document).words, 6);
            cx.safepoint();
        }
        assert_eq!(cache.get(cx).computed.get(), 1001);

        cx.collect();
        tidy(cx, cache.get(cx));
        assert_eq!(cache.get(cx).entries.len(), 1, "all but the one that is kept are forgotten");

        // The summary of the document that is kept is still remembered, not computed anew.
        let again = summary(cx, cache.get(cx), kept.get(cx));
        assert!(again.words == 5 && Gc::ptr_eq(again.of, kept.get(cx)));
        assert_eq!(cache.get(cx).computed.get(), 1001);
        println!("1001 summaries were computed, and 1 document is left with its own");
    });
}

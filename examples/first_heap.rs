//! A first heap: people who know each other, in circles, and who are freed when nobody knows them any more.
//!
//! ```text
//! cargo run --example first_heap
//! ```
//!
//! Shows what an object is, how a field changes, what a safepoint ends, and the three ways to keep an object: in another
//! object, in a root of this scope, and in a handle that outlives it.

#![forbid(unsafe_code)]

use grisaille::{Gc, Heap, Mutator, Persistent, Slot, Str, Trace};

/// An object. The derive tells the collector where its pointers are; `'gc` is the time until the next safepoint.
#[derive(Trace)]
struct Person<'gc> {
    /// A field that does not change is plain.
    name: Str<'gc>,
    /// A field that changes is a `Slot`, which has the write barrier.
    friend: Slot<Option<Gc<'gc, Person<'gc>>>>,
}

/// Allocates a person. A function that takes `&Mutator` never collects, so it can take and return plain pointers.
fn person<'gc>(cx: &'gc Mutator<'_>, name: &str) -> Gc<'gc, Person<'gc>> {
    cx.alloc(Person { name: cx.alloc_str(name), friend: Slot::new(None) })
}

fn main() {
    let mut heap = Heap::new();

    // All that touches the heap happens in `enter`. Its result may not be a pointer, but it may be a handle.
    let kept: Persistent<Gc<'static, Person<'static>>> = heap.enter(|cx| {
        let ada = person(cx, "Ada");
        let bob = person(cx, "Bob");
        let eve = person(cx, "Eve");

        // Reading is dereferencing. Writing takes the mutator, for the write barrier in `set`.
        ada.friend.set(cx, Some(bob));
        bob.friend.set(cx, Some(ada)); // a circle, which the collector does not mind
        eve.friend.set(cx, Some(eve));
        assert_eq!(ada.friend.get().map(|friend| friend.name.as_str()), Some("Bob"));

        // A root, which keeps its object until this scope ends, and two weak pointers that tell what became of the
        // others.
        let ada = cx.root(ada);
        let bob = cx.root(Gc::downgrade(bob, cx));
        let eve = cx.root(Gc::downgrade(eve, cx));

        // `collect` takes `&mut Mutator`, so it is a safepoint: from here on the compiler refuses the plain pointers
        // from above. A rooted pointer is read again from its root, which costs nothing: objects do not move.
        cx.collect();
        assert!(bob.get(cx).upgrade(cx).is_some(), "Ada knows Bob");
        assert!(eve.get(cx).upgrade(cx).is_none(), "nobody but Eve knew Eve");
        println!("{} still knows {}", ada.get(cx).name, friend_of(ada.get(cx)));

        // A program that allocates in a loop has a safepoint there; with nothing to do a safepoint is a load and a
        // branch.
        for _ in 0..100_000 {
            person(cx, "Nobody");
            cx.safepoint();
        }

        // A handle keeps its object until it is dropped, outside of `enter` too.
        cx.persist(ada.get(cx))
    });

    heap.enter(|cx| {
        cx.collect();
        let ada = kept.get(cx);
        assert_eq!(ada.name, "Ada");
        assert_eq!(friend_of(ada), "Bob");
    });

    // Without the handle the circle is garbage, like all the others.
    drop(kept);
    heap.enter(|cx| cx.collect());
    let stats = heap.stats();
    assert_eq!(stats.bytes_live(), 0);
    println!("{stats}");
}

/// Returns the name of the person's friend. An object lives as long as the pointer to it, so the text may be returned.
fn friend_of<'gc>(person: Gc<'gc, Person<'gc>>) -> &'gc str {
    person.friend.get().map_or("nobody", |friend| friend.name.as_str())
}

//! Options it does not know, twice, and in the wrong place.
use grisaille::{Gc, Slot, Trace};

#[derive(Clone, Copy, Trace)]
enum Value<'gc> {
    Nil,
    Pair(Gc<'gc, Pair<'gc>>),
}

#[derive(Trace)]
struct Pair<'gc>(Slot<Value<'gc>>);

#[derive(Trace)]
#[trace(unknown)]
struct UnknownOnType;

#[derive(Trace)]
struct UnknownOnField(#[trace(ignore)] u64);

#[derive(Trace)]
struct SkipTwice(#[trace(skip, skip)] u64);

#[derive(Trace)]
struct SkipTwiceApart(
    #[trace(skip)]
    #[trace(skip)]
    u64,
);

#[derive(Trace)]
#[trace(drop = "background")]
#[trace(drop = "background")]
struct DropTwice;

#[derive(Trace)]
#[trace(skip)]
struct SkipOnType;

#[derive(Trace)]
struct DropOnField(#[trace(drop = "background")] u64);

#[derive(Trace)]
#[trace(drop = "now")]
struct DropOtherwise;

#[derive(Trace)]
#[trace(drop)]
struct DropHow;

#[derive(Trace)]
#[trace]
struct NoOption;

#[derive(Trace)]
struct SkipWithValue(#[trace(skip = true)] u64);

#[derive(Trace)]
enum SkipOnVariant {
    #[trace(skip)]
    Variant(u64),
}

#[derive(Trace)]
struct SkipOnParameter<#[trace(skip)] T>(T);

fn main() {}

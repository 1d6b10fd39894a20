//! The language of heap operations.
//!
//! Which part of the public API an operation covers:
//!
//! | part of the API | operations |
//! |---|---|
//! | `Mutator::try_alloc`, `try_alloc_array`, `try_alloc_str`; `Slot::new`, `Map::new` | [`Op::Alloc`], [`Op::Grow`], [`Op::Churn`] |
//! | objects: fixed, large, aligned to 16, arrays with and without pointers, strings, drop glue on either thread, drops that panic, drops that enter a heap, owned bytes outside | the kinds of [`Op::Alloc`] |
//! | `AnyGc`, as a value, in a slot, in a packed word; `downcast` right and wrong; `DynGc` likewise, and calls of the trait's methods | [`Op::Disguise`]; holders, and objects that are seen |
//! | `Native`: `function`, `captured` | natives and closures, which capture what other objects hold in slots; [`Op::Call`] |
//! | `WeakMap`, `WeakSet`: `try_insert`, `get`, `contains`, `remove`, `clear`, `iter`, `purge`, `retain`, `len_with_dead` | registries and clubs: [`Op::Insert`], [`Op::Remove`], [`Op::TakeOut`], [`Op::Fill`] |
//! | keys that are derived, by structure and by identity; `try_get_or_insert_with` | ledgers: the operations on maps |
//! | `Ref::map`, `RefMut::map` | each look at a bag, and each write to one |
//! | `Slot`, `Lock`, `RefLock`, `Tagged`, `Packed`; `Map`, `List` by index | [`Op::Get`], [`Op::Take`], [`Op::Set`], [`Op::Whole`] |
//! | `List::{try_push, pop, truncate, clear, try_reserve, shrink_to_fit}` | [`Op::Append`], [`Op::Shorten`], [`Op::Fill`] |
//! | `List::{try_insert, remove, swap_remove, swap, reverse, retain, drain, try_sort_by}` | [`Op::Arrange`] |
//! | `StrBuf::{try_push, try_push_str, try_insert_str, try_set_char, pop, try_remove, truncate, clear, shrink_to_fit, as_str}` | the same three: each list has a text beside its values |
//! | `Map::{try_insert, replace, update, remove, clear, try_reserve, shrink_to_fit, iter}` | [`Op::Insert`], [`Op::Remove`], [`Op::Fill`] |
//! | `Map::{pop, drain, retain}` | [`Op::TakeOut`] |
//! | `Ephemeron` | [`Op::Ephemeron`], [`Op::Reveal`], [`Op::Conceal`] |
//! | `Weak`, `is_alive`, `Mutator::intern` | [`Op::Weaken`], [`Op::Upgrade`], [`Op::Ask`], [`Op::Intern`] |
//! | `Mutator::try_own`, `Owned::{edit, replace, counted}` | bags and objects of the background, which are made with one; [`Op::Edit`] |
//! | `Guardian` | [`Op::Guard`], [`Op::Retrieve`], [`Op::DropGuardian`] |
//! | `Mutator::root`, `scope`, `Out::keep` | [`Op::Root`], [`Op::Scope`], [`Op::Keep`], [`Op::EndScope`] |
//! | `Mutator::try_root_cell`, `RootedCell`, `try_scope_value` | [`Op::RootCell`], [`Op::SetLocal`], [`Op::ScopeValue`] |
//! | `Mutator::persist`, `Persistent` | [`Op::Persist`], [`Op::SetRoot`], [`Op::DropRoot`] |
//! | `Stack`, `StackView`, `Mutator::adopt` | [`Op::NewStack`] to [`Op::DropStack`], [`Op::Open`] |
//! | `step` with budgets of work and time, `safepoint`, `safepoint_due`, `collect` | [`Op::Step`], [`Op::Timed`], [`Op::Safepoint`], [`Op::Begin`], [`Op::Finish`], [`Op::Collect`] |
//! | `Heap::enter`, `set_sweep`, `verify`, `HeapBuilder` | [`Op::Region`], [`Config`](crate::Config) |
//! | `Mutator::suspend` | [`Op::Suspend`], [`Op::Visit`] |
//! | `Mutator::adjust_external` | what a parcel owns, after each operation that may have freed one |
//! | `Sweep::Concurrent` | any, on the real thread; in a program that has it, [`Op::Fork`], which plays the thread |
//! | handles and guards that are forgotten | [`Op::Leak`] |
//! | panics: in a scope and out of `enter`, in closures that the crate calls, in drops | [`Op::Panic`], [`Op::Interrupt`], the kinds |
//! | `Mutator::{color, phase, stats, verify, interned_count}` | the oracle asks them |
//!
//! Left out: `extend`, which is insertions one after the other; the panicking twins of `try_` functions (the same code; `downgrade` has no other form, and is expected to
//! panic in a full heap), handles that other threads drop (a program must do the same each time it runs; the tests of
//! `tests/subject` have those), `Debug` output, and what the compiler refuses (tests/ui). Views, ways out and iterators have no `Drop`:
//! to forget one is nothing.
#![allow(missing_docs, reason = "each operation's sentence says what its fields are")]

pub use crate::program::Program;
use crate::shadow::{Kind, LIST, OF_THE_HOST, RARE};

/// One operation. Fields are indices, taken modulo what there is at that moment; what makes no sense is skipped.
///
/// An *operand* names a value that the program can get at: nil, a register, a local, a root, an element of a stack,
/// in this order, or what such a value leads to; one number in five names nil, one the newest register. Results go to
/// the next of four registers, round and round. Registers hold unrooted pointers: they die at each operation that may
/// collect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Clears the registers.
    Forget,
    /// Allocates an object of some kind, with two operands in its slots.
    Alloc { kind: u8, a: u8, b: u8 },
    /// Allocates an object and puts it in front of what a slot of an operand holds; where that is nil, roots it.
    Grow { kind: u8, to: u8, slot: u8 },
    /// Reads a slot of an operand.
    Get { from: u8, slot: u8 },
    /// Reads a slot of an operand and clears it.
    Take { from: u8, slot: u8 },
    /// Writes an operand to a slot of another.
    Set { to: u8, slot: u8, value: u8 },
    /// Reads an operand by a pointer to any object, or by one of its own type again.
    Disguise { value: u8, how: u8 },
    /// Mutates the `nth` object of those that are mutated as a whole: rotates its slots, and puts a value in.
    Whole { nth: u8, value: u8 },
    /// Roots an operand in the current scope.
    Root { value: u8 },
    /// Roots an operand in the current scope, in a place that can be set.
    RootCell { value: u8 },
    /// Replaces the value of a local that can be set, of any open scope.
    SetLocal { local: u8, value: u8 },
    /// Makes an operand leave the current scope.
    Keep { value: u8 },
    /// Makes a root of an operand.
    Persist { value: u8 },
    /// Replaces the value of a root.
    SetRoot { root: u8, value: u8 },
    /// Drops the handle of a root; its value goes to a register first.
    DropRoot { root: u8 },
    /// Makes a stack.
    NewStack,
    /// Pushes an operand.
    Push { stack: u8, value: u8 },
    /// Pops a value.
    Pop { stack: u8 },
    /// Replaces an element.
    SetStack { stack: u8, index: u8, value: u8 },
    /// Shortens a stack.
    Truncate { stack: u8, len: u8 },
    /// Takes cells of a stack, writes an operand to its first cell and swaps that with its last.
    Cells { stack: u8, from: u8, value: u8 },
    /// Moves the last value of one stack to another, or to a local.
    Move { from: u8, to: u8 },
    /// Drops the handle of a stack.
    DropStack { stack: u8 },
    /// Makes a weak pointer to an operand, or to new garbage where that is nil, and a root of it.
    Weaken { from: u8 },
    /// Upgrades the `nth` weak pointer that a register, local, root or stack holds; writes what it gets to the slot of
    /// an operand.
    Upgrade { nth: u8, to: u8, slot: u8 },
    /// Asks the `nth` weak pointer or ephemeron whether its object is alive: no colour changes.
    Ask { nth: u8 },
    /// Changes how much the `nth` bag or object of the background holds outside the heap: by an edit, by replacement, by
    /// an edit that panics.
    Edit { nth: u8, len: u8, how: u8 },
    /// Interns one of four strings.
    Intern { text: u8 },
    /// Allocates garbage: so many blocks that a sweep of them is handed to the sweeper's thread.
    Churn { blocks: u8 },
    /// A step of the collector.
    Step { work: u8 },
    /// A safepoint: does something in automatic and stress modes.
    Safepoint,
    /// Steps to the start of the next marking; skipped while marking.
    Begin,
    /// Steps to the end of the cycle.
    Finish,
    /// A full collection.
    Collect,
    /// Opens a scope.
    Scope,
    /// Opens a scope whose newest local, if any, is its result.
    ScopeValue,
    /// Ends the scope.
    EndScope,
    /// Leaves the heap and enters it again, with another mode of sweeping: all scopes end.
    Region { sweep: u8 },
    /// Uses another heap meanwhile.
    Suspend,
    /// Makes an ephemeron of a key and a value, or of new garbage as the key where that is nil, and a root of it.
    Ephemeron { key: u8, value: u8 },
    /// Reads the key or the value of the `nth` ephemeron; writes what it gets to a slot of an operand.
    Reveal { nth: u8, part: u8, to: u8 },
    /// Replaces the value of the `nth` ephemeron.
    Conceal { nth: u8, value: u8 },
    /// Pushes an operand to the `nth` list.
    Append { nth: u8, value: u8 },
    /// Pops a value off the `nth` list, or shortens it, or clears it.
    Shorten { nth: u8, len: u8 },
    /// Changes the `nth` list in its middle: puts a value in, takes one or several out, exchanges two, reverses or sorts
    /// them, keeps some.
    Arrange { nth: u8, how: u8, at: u8 },
    /// Adds so many numbers to the `nth` list or map; or makes room for them; or it gives its spare room back.
    Fill { nth: u8, count: u8, how: u8 },
    /// Gives a key of the `nth` map an operand as its value: by insertion, replacement or update. An operand that is a
    /// cons is the key, or else its number.
    Insert { nth: u8, key: u8, value: u8 },
    /// Removes a key of the `nth` map, or all.
    Remove { nth: u8, key: u8 },
    /// Takes entries out of the `nth` map: pops one, drains so many and forgets the iterator or drops it, or keeps some.
    TakeOut { nth: u8, how: u8, count: u8 },
    /// Registers an operand, or new garbage where that is nil, with a guardian, or with a new one.
    Guard { guardian: u8, value: u8 },
    /// Takes what a guardian gives back.
    Retrieve { guardian: u8 },
    /// Drops the handle of a guardian.
    DropGuardian { guardian: u8 },
    /// Calls the `nth` native that is rooted, and goes on in the call until it ends like a scope: well, with an error, or
    /// by a panic.
    Call { nth: u8, how: u8 },
    /// Opens a stack, and uses the view until the scope or the view ends, as the last of the stacks.
    Open { stack: u8 },
    /// Panics out of so many scopes and open views, or out of the region.
    Panic { levels: u8 },
    /// Panics in a closure that the heap calls: one that makes an array, one that updates a map, or one under `suspend`.
    Interrupt { what: u8, len: u8 },
    /// Forgets the handle of a root, of a stack, of a guardian; or a guard of the lock of a bag.
    Leak { what: u8, nth: u8 },
    /// A step with a budget in time, or in both.
    Timed { amount: u8 },
    /// The sweeper's thread, which the program plays, sweeps so many blocks. Then the process is forked, most often, and the
    /// thread is gone, with a block in hand that it has not finished or without one.
    Fork { blocks: u8, how: u8 },
    /// Uses a second heap that lives as long as this one: allocates and lets go in it, and collects it.
    Visit { links: u8, work: u8 },
}

/// How an operation is made of three bytes, and how often it should occur.
type Row = (u32, fn(u8, u8, u8) -> Op);

/// The operations that lose objects under a broken policy, and few others. The first row is the simplest: shrinking
/// goes up this table.
const CORE: &[Row] = &[
    (1, |_, _, _| Op::Forget),
    (60, |_, work, _| Op::Step { work }),
    (14, |kind, a, b| Op::Alloc { kind, a, b }),
    (40, |kind, to, slot| Op::Grow { kind, to, slot }),
    (24, |slot, to, value| Op::Set { to, slot, value }),
    (16, |slot, from, _| Op::Get { from, slot }),
    (16, |slot, from, _| Op::Take { from, slot }),
    (12, |_, stack, value| Op::Push { stack, value }),
    (12, |_, stack, _| Op::Pop { stack }),
    (10, |_, value, _| Op::Root { value }),
    (10, |_, nth, value| Op::Whole { nth, value }),
    (5, |_, value, _| Op::Persist { value }),
    (6, |_, root, value| Op::SetRoot { root, value }),
    (3, |_, root, _| Op::DropRoot { root }),
    (5, |_, _, _| Op::NewStack),
    (4, |index, stack, value| Op::SetStack { stack, index, value }),
    (2, |len, stack, _| Op::Truncate { stack, len }),
    (4, |from, stack, value| Op::Cells { stack, from, value }),
    (12, |_, from, to| Op::Move { from, to }),
    (3, |_, stack, _| Op::DropStack { stack }),
    (7, |_, from, _| Op::Weaken { from }),
    (10, |slot, nth, to| Op::Upgrade { nth, to, slot }),
    (3, |text, _, _| Op::Intern { text }),
    (4, |_, _, _| Op::Safepoint),
    (12, |_, _, _| Op::Begin),
    (4, |_, _, _| Op::Finish),
    (1, |_, _, _| Op::Collect),
    (6, |_, _, _| Op::Scope),
    (5, |_, _, _| Op::EndScope),
    (4, |_, value, _| Op::Keep { value }),
    (5, |_, value, _| Op::RootCell { value }),
    (8, |_, local, value| Op::SetLocal { local, value }),
    (3, |_, _, _| Op::ScopeValue),
    (1, |sweep, _, _| Op::Region { sweep }),
    (1, |blocks, _, _| Op::Churn { blocks }),
    (1, |_, _, _| Op::Suspend),
];

/// The rest of the API, for programs that are made of everything.
const MORE: &[Row] = &[
    (5, |_, key, value| Op::Ephemeron { key, value }),
    (5, |part, nth, to| Op::Reveal { nth, part, to }),
    (3, |_, nth, value| Op::Conceal { nth, value }),
    (6, |_, nth, value| Op::Append { nth, value }),
    (3, |len, nth, _| Op::Shorten { nth, len }),
    (5, |how, nth, at| Op::Arrange { nth, how, at }),
    (4, |how, nth, count| Op::Fill { nth, count, how }),
    (6, |key, nth, value| Op::Insert { nth, key, value }),
    (4, |_, nth, key| Op::Remove { nth, key }),
    (4, |how, nth, count| Op::TakeOut { nth, how, count }),
    (6, |_, guardian, value| Op::Guard { guardian, value }),
    (5, |_, guardian, _| Op::Retrieve { guardian }),
    (1, |_, guardian, _| Op::DropGuardian { guardian }),
    (4, |_, stack, _| Op::Open { stack }),
    (3, |_, levels, _| Op::Panic { levels }),
    (2, |what, len, _| Op::Interrupt { what, len }),
    (2, |what, nth, _| Op::Leak { what, nth }),
    (3, |amount, _, _| Op::Timed { amount }),
    (2, |_, links, work| Op::Visit { links, work }),
    (3, |_, blocks, how| Op::Fork { blocks, how }),
    (12, |_, nth, _| Op::Ask { nth }),
    (5, |how, nth, len| Op::Edit { nth, len, how }),
    (6, |how, value, _| Op::Disguise { value, how }),
    (4, |how, nth, _| Op::Call { nth, how }),
];

/// The number of one of the kinds that programs about the host's types have.
fn of_the_host(number: u8) -> u8 {
    Kind::number(OF_THE_HOST[usize::from(number) % OF_THE_HOST.len()])
}

/// The host's types: pointers to any type, trait objects, natives, weak tables and maps with derived keys, while they are
/// marked; the plain objects in them are found through them alone.
const HOST: &[Row] = &[
    (1, |_, _, _| Op::Forget),
    (70, |_, work, _| Op::Step { work }),
    (14, |_, _, _| Op::Begin),
    (3, |_, _, _| Op::Finish),
    (24, |kind, to, slot| Op::Grow { kind: of_the_host(kind), to, slot }),
    (10, |kind, to, slot| Op::Grow { kind: kind % RARE, to, slot }),
    (8, |kind, a, b| Op::Alloc { kind: kind % RARE, a, b }),
    (12, |kind, a, b| Op::Alloc { kind: of_the_host(kind), a, b }),
    (14, |how, value, _| Op::Disguise { value, how }),
    (10, |how, nth, _| Op::Call { nth, how }),
    (16, |key, nth, value| Op::Insert { nth, key, value }),
    (8, |_, nth, key| Op::Remove { nth, key }),
    (10, |how, nth, count| Op::TakeOut { nth, how, count }),
    (4, |how, nth, count| Op::Fill { nth, count, how }),
    (20, |slot, to, value| Op::Set { to, slot, value }),
    (10, |slot, from, _| Op::Get { from, slot }),
    (12, |slot, from, _| Op::Take { from, slot }),
    (7, |_, value, _| Op::Root { value }),
    (3, |_, local, value| Op::SetLocal { local, value }),
    (2, |_, value, _| Op::RootCell { value }),
    (3, |_, value, _| Op::Persist { value }),
    (4, |_, root, value| Op::SetRoot { root, value }),
    (3, |_, stack, value| Op::Push { stack, value }),
    (3, |_, stack, _| Op::Pop { stack }),
    (2, |_, _, _| Op::NewStack),
    (3, |_, from, _| Op::Weaken { from }),
    (4, |slot, nth, to| Op::Upgrade { nth, to, slot }),
    (2, |_, _, _| Op::Collect),
    (3, |_, _, _| Op::Scope),
    (8, |_, _, _| Op::EndScope),
    (1, |_, levels, _| Op::Panic { levels }),
    (1, |_, blocks, _| Op::Churn { blocks }),
];

/// Maps that grow and shrink while they are marked: the plain objects in them are found through them alone.
const MAPS: &[Row] = &[
    (1, |_, _, _| Op::Forget),
    (70, |_, work, _| Op::Step { work }),
    (14, |_, _, _| Op::Begin),
    (2, |_, _, _| Op::Finish),
    (8, |_, to, slot| Op::Grow { kind: RARE, to, slot }),
    (10, |kind, to, slot| Op::Grow { kind: kind % RARE, to, slot }),
    (4, |kind, a, b| Op::Alloc { kind: kind % RARE, a, b }),
    // So many at once that there are several parts; few at a time.
    (5, |_, nth, count| Op::Fill { nth, count, how: 49 }),
    (9, |_, nth, count| Op::Fill { nth, count, how: 32 }),
    (6, |how, nth, count| Op::Fill { nth, count, how }),
    (12, |key, nth, value| Op::Insert { nth, key, value }),
    (10, |_, nth, key| Op::Remove { nth, key }),
    (10, |how, nth, count| Op::TakeOut { nth, how, count }),
    (10, |slot, to, value| Op::Set { to, slot, value }),
    (6, |slot, from, _| Op::Get { from, slot }),
    (8, |slot, from, _| Op::Take { from, slot }),
    (4, |_, value, _| Op::Root { value }),
    (3, |_, stack, value| Op::Push { stack, value }),
    (2, |_, stack, _| Op::Pop { stack }),
    (2, |_, _, _| Op::Scope),
    (2, |_, _, _| Op::EndScope),
    (1, |_, blocks, _| Op::Churn { blocks }),
];

/// Lists that change while they are marked: the plain objects in them are found through them alone.
const LISTS: &[Row] = &[
    (1, |_, _, _| Op::Forget),
    (80, |_, work, _| Op::Step { work }),
    (14, |_, _, _| Op::Begin),
    (2, |_, _, _| Op::Finish),
    (8, |_, to, slot| Op::Grow { kind: LIST, to, slot }),
    (10, |kind, to, slot| Op::Grow { kind: kind % RARE, to, slot }),
    (3, |kind, a, b| Op::Alloc { kind: kind % RARE, a, b }),
    (6, |_, nth, value| Op::Append { nth, value }),
    // So many at once that the list is scanned in pieces; few at a time.
    (16, |_, nth, count| Op::Fill { nth, count: count | 64, how: 32 }),
    (6, |_, nth, count| Op::Fill { nth, count: count / 16, how: 32 }),
    (4, |how, nth, count| Op::Fill { nth, count, how }),
    (40, |how, nth, at| Op::Arrange { nth, how, at }),
    (4, |len, nth, _| Op::Shorten { nth, len }),
    (10, |slot, to, value| Op::Set { to, slot, value }),
    (4, |slot, from, _| Op::Get { from, slot }),
    (6, |slot, from, _| Op::Take { from, slot }),
    (6, |_, value, _| Op::Root { value }),
    (4, |_, stack, value| Op::Push { stack, value }),
    (2, |_, stack, _| Op::Pop { stack }),
    (2, |_, _, _| Op::Scope),
    (2, |_, _, _| Op::EndScope),
];

/// The sum of the table's frequencies.
const fn total(rows: &[Row]) -> u32 {
    let (mut sum, mut at) = (0, 0);
    while at < rows.len() {
        sum += rows[at].0;
        at += 1;
    }
    sum
}

/// First bytes that select an operation of the core.
const CORE_SELECTS: u8 = 192;

impl Op {
    /// Returns the operation that four bytes stand for: the first selects one, by the tables' frequencies; one in four
    /// is not of the core.
    pub fn new([select, a, b, c]: [u8; 4]) -> Op {
        match select.checked_sub(CORE_SELECTS) {
            Some(rest) => row(MORE, rest, c, 256 - u32::from(CORE_SELECTS))(a, b, c),
            None => row(CORE, select, c, CORE_SELECTS.into())(a, b, c),
        }
    }

    /// As [`new`](Op::new), with half of all operations and of the objects from outside of the core: so the losses of
    /// lists, maps and guardians are found sooner.
    pub fn kit([select, a, b, c]: [u8; 4]) -> Op {
        let rare =
            |kind: u8| if kind.is_multiple_of(2) { kind % RARE } else { RARE + (kind / 2) % (u8::MAX - RARE + 1) };
        let op = match select.checked_sub(128) {
            Some(rest) => row(MORE, rest, c, 128)(a, b, c),
            None => row(CORE, select, c, 128)(a, b, c),
        };
        op.with_kind(rare)
    }

    /// Returns the operation on maps, or around them, that four bytes stand for.
    pub fn map([select, a, b, c]: [u8; 4]) -> Op {
        row(MAPS, select, c, 256)(a, b, c)
    }

    /// Returns the operation on the host's types, or around them, that four bytes stand for.
    pub fn host([select, a, b, c]: [u8; 4]) -> Op {
        row(HOST, select, c, 256)(a, b, c)
    }

    /// Returns the operation on lists, or around them, that four bytes stand for.
    pub fn list([select, a, b, c]: [u8; 4]) -> Op {
        row(LISTS, select, c, 256)(a, b, c)
    }

    /// Returns the operation of the core that four bytes stand for. It has no rare kinds of object.
    pub fn core([select, a, b, c]: [u8; 4]) -> Op {
        row(CORE, select, c, 256)(a, b, c).with_kind(|kind| kind % RARE)
    }

    fn with_kind(self, f: impl FnOnce(u8) -> u8) -> Op {
        match self {
            Op::Alloc { kind, a, b } => Op::Alloc { kind: f(kind), a, b },
            Op::Grow { kind, to, slot } => Op::Grow { kind: f(kind), to, slot },
            op => op,
        }
    }

    /// Returns whether the collector may run in the operation, so that registers die.
    pub fn collects(self) -> bool {
        matches!(
            self,
            Op::Step { .. }
                | Op::Safepoint
                | Op::Begin
                | Op::Finish
                | Op::Collect
                | Op::Scope
                | Op::ScopeValue
                | Op::EndScope
                | Op::Region { .. }
                | Op::Suspend
                | Op::Open { .. }
                | Op::Call { .. }
                | Op::Panic { .. }
                | Op::Timed { .. }
                | Op::Fork { .. }
                | Op::Visit { .. }
        )
    }
}

/// Returns the row that `select`, of `range` numbers, comes to. Where that lies on the border of two, the last byte
/// decides: so rows are selected that are rarer than a byte can say.
fn row(rows: &[Row], select: u8, last: u8, range: u32) -> fn(u8, u8, u8) -> Op {
    let mut at = (u32::from(select) << 8 | u32::from(last)) * total(rows) / (range << 8);
    for (weight, make) in rows {
        if at < *weight {
            return *make;
        }
        at -= weight;
    }
    unreachable!("less than the sum")
}

pub mod checks {
    use std::collections::HashSet;

    use super::*;

    fn name(op: Op) -> String {
        format!("{op:?}").split(' ').next().unwrap_or_default().to_string()
    }

    /// Every operation can be made of bytes, those of the core also without the rest.
    pub fn every_operation_is_selected() {
        let bytes = || (0..=255u8).flat_map(|select| (0..=255).map(move |last| [select, 0, 0, last]));
        let all: HashSet<String> = bytes().map(|bytes| name(Op::new(bytes))).collect();
        let kit: HashSet<String> = bytes().map(|bytes| name(Op::kit(bytes))).collect();
        let core: HashSet<String> = bytes().map(|bytes| name(Op::core(bytes))).collect();
        let rows = |rows: &[Row]| rows.iter().map(|row| name(row.1(0, 0, 0))).collect::<HashSet<_>>();
        assert_eq!(core, rows(CORE));
        assert_eq!(all, &rows(CORE) | &rows(MORE));
        assert_eq!(kit, all);
    }

    /// Every operation has a row: their number is the number of the enum's variants.
    pub fn every_operation_has_a_row() {
        let source = include_str!("op.rs");
        let body = source.split_once("pub enum Op {").and_then(|(_, rest)| rest.split_once("\n}")).expect("the enum").0;
        let variants = body.lines().filter(|line| line.starts_with("    ") && !line.trim_start().starts_with("//"));
        assert_eq!(variants.count(), CORE.len() + MORE.len());
    }
}

//! Traces: the moves to a lost object in words, a table each.

use core::fmt::Write;

use crate::bound::Bound;
use crate::column::{Broken, Column, Named, broken};
use crate::search::{Goal, Move, explore, successors};
use crate::state::{Color, OBJECTS, Object, Pointer, Root, Set, State, Status};
use crate::symmetry::{canonical, forget};
use crate::{collector, invariant, mutator};

/// A state on the way, and the move that led to it.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// The move; none at the start.
    pub by: Option<Move>,
    /// The state after it.
    pub state: State,
}

/// Follows the packed states of a search, with names that stay, and ends with the move that loses the object.
pub fn replay(way: &[u64], column: &Column, bound: &Bound) -> Vec<Step> {
    let (&first, way) = way.split_first().expect("a way has a start");
    let mut state = with_names_in_order(&State::unpack(first));
    let mut steps = vec![Step { by: None, state }];
    let mut follow = |state: &mut State, leads_on: &dyn Fn(&State) -> bool| {
        let mut step = None;
        successors(state, column, bound, |it, next| {
            if step.is_none() && leads_on(&next) {
                step = Some(Step { by: Some(it), state: next });
            }
        });
        let step = step.expect("some move leads to the next state of the way");
        steps.push(step);
        *state = step.state;
        forget(state);
    };
    for &word in way {
        follow(&mut state, &|next| {
            let mut next = *next;
            forget(&mut next);
            canonical(&next, bound) == word
        });
    }
    follow(&mut state, &|next| !invariant::lost(next).is_empty());
    steps
}

/// Names the objects in the order in which one comes to them from the roots.
fn with_names_in_order(state: &State) -> State {
    let mut order: Vec<Object> = state.roots.iter().filter_map(|root| root.value).collect();
    let mut at = 0;
    while at < order.len() {
        order.extend(state.slots[order[at]].iter().flatten());
        let mut seen = Set::default();
        order.retain(|&object| seen.insert(object));
        at += 1;
    }
    order.extend(state.weak.into_iter().chain(0..OBJECTS));
    let mut seen = Set::default();
    order.retain(|&object| seen.insert(object));

    let rename =
        |object: Object| order.iter().position(|&other| other == object).expect("every object is in the order");
    let rename_set = |set: Set| Set::of(set.iter().map(rename));
    State {
        colors: core::array::from_fn(|at| state.colors[order[at]]),
        slots: core::array::from_fn(|at| state.slots[order[at]].map(|slot| slot.map(rename))),
        roots: state.roots.map(|root| Root { value: root.value.map(rename), ..root }),
        held: rename_set(state.held),
        guarded: rename_set(state.guarded),
        weak: state.weak.map(rename),
        ..*state
    }
}

fn object(object: Object) -> char {
    ['A', 'B', 'C'][object]
}

fn pointer(pointer: Pointer) -> String {
    pointer.map_or("nil".into(), |it| object(it).into())
}

fn slot(owner: Object, slot: usize) -> String {
    format!("{}.{}", object(owner), ['x', 'y'][slot])
}

/// Returns the move in words; it is made in the state `before`.
fn words(by: Option<Move>, before: &State, after: &State, bound: &Bound) -> String {
    use collector::Move as C;
    use mutator::Move as M;
    let Some(by) = by else { return "*marking begins*".into() };
    match by {
        Move::Collector(C::Scan(root)) => format!("*r{root} is scanned*"),
        Move::Collector(C::Trace(it)) => format!("*{} is traced*", object(it)),
        Move::Collector(C::CloseWindow) => "*the window closes*".into(),
        Move::Collector(C::Terminate) => {
            let lost: Vec<_> = invariant::lost(after).iter().map(|it| object(it).to_string()).collect();
            format!("*the end*: {} is lost", lost.join(", "))
        }
        Move::Mutator(it) => match it {
            M::SetSlot(owner, at, value) => format!("{} = {}", slot(owner, at), pointer(value)),
            M::SetRoot(root, value) if before.roots[root] == Root::NONE => {
                format!("push {} as r{root}", pointer(value))
            }
            M::SetRoot(root, value) => format!("r{root} = {}", pointer(value)),
            M::OpenCell(root) if before.roots[root] == Root::NONE => format!("push nil as r{root}, open it as a cell"),
            M::OpenCell(root) => format!("open r{root} as a cell"),
            M::SetCell(root, value) => format!("r{root} = {}, in the cell", pointer(value)),
            M::Pop(root) => format!("pop r{root}"),
            M::MakeArea(area, value) => {
                format!("new area with r{} = {}", bound.roots_of(area).start, pointer(value))
            }
            M::DestroyArea(area) => {
                let roots: Vec<_> = bound.roots_of(area).map(|root| format!("r{root}")).collect();
                format!("the area of {} is destroyed", roots.join(", "))
            }
            M::Allocate(new, slots) => {
                let slots: Vec<_> = (0..bound.slots)
                    .filter(|&at| slots[at].is_some())
                    .map(|at| format!(" with {} = {}", slot(new, at), pointer(slots[at])))
                    .collect();
                format!("new {}{}", object(new), slots.join(" and"))
            }
            M::Mutate(it) => format!("mutate all of {}", object(it)),
            M::SetGuarded(owner, at, value) => format!("{} = {}, in the mutation", slot(owner, at), pointer(value)),
            M::Downgrade(it) => format!("weak = {}", object(it)),
            M::Upgrade => "upgrade weak".into(),
            M::CopyRoot(from, to) => format!("r{to} = r{from}, from outside"),
        },
    }
}

/// Returns the way as a Markdown table, of a row for each move with the state after it.
pub fn table(steps: &[Step], column: &Column, bound: &Bound) -> String {
    let states = || steps.iter().map(|step| &step.state);
    let mut heads = vec![String::from("move")];
    let roots: Vec<_> = (0..bound.roots()).filter(|&it| states().any(|state| state.roots[it] != Root::NONE)).collect();
    heads.extend(roots.iter().map(|root| format!("r{root}")));
    let objects: Vec<_> =
        (0..bound.objects).filter(|&it| states().any(|state| state.colors[it] != Color::Absent)).collect();
    heads.extend(objects.iter().map(|&it| object(it).into()));
    let registers = |state: &State| state.held.but(state.rooted());
    let has_registers = states().any(|state| !registers(state).is_empty());
    let has_weak = states().any(|state| state.weak.is_some());
    heads.extend(has_registers.then(|| "registers".into()));
    heads.extend(has_weak.then(|| "weak".into()));
    heads.extend(column.rules.has_window().then(|| "window".into()));
    let mut rows = vec![heads.clone(), heads.iter().map(|_| String::from("---")).collect()];
    for (at, Step { by, state }) in steps.iter().enumerate() {
        let before = &steps[at.saturating_sub(1)].state;
        let mut row = vec![words(*by, before, state, bound)];
        row.extend(roots.iter().map(|&root| root_cell(state.roots[root])));
        row.extend(objects.iter().map(|&it| object_cell(state, it)));
        if has_registers {
            let names: Vec<_> = registers(state).iter().map(|it| object(it).to_string()).collect();
            row.push(names.join(", "));
        }
        if has_weak {
            row.push(state.weak.map_or(String::new(), |it| object(it).into()));
        }
        if column.rules.has_window() {
            let open = mutator::is_window_open(state, column);
            row.push(if open { "open".into() } else { String::new() });
        }
        rows.push(row);
    }
    let mut text = String::new();
    for row in rows {
        writeln!(text, "| {} |", row.join(" | ")).expect("a String takes everything");
    }
    text
}

fn root_cell(root: Root) -> String {
    let status = match root.status {
        Status::Scanned if root.value.is_none() => return String::new(),
        Status::Scanned => "scanned",
        Status::Unscanned => "unscanned",
        Status::Dirty => "dirty",
        Status::Ghost => "destroyed, unscanned",
    };
    format!("{}, {status}", pointer(root.value))
}

fn object_cell(state: &State, it: Object) -> String {
    let color = match state.colors[it] {
        Color::White if invariant::lost(state).has(it) => "**white**",
        Color::White => "white",
        Color::Grey => "grey",
        Color::Black => "black",
        Color::Absent => return String::new(),
    };
    let children: Vec<_> = state.slots[it].iter().flatten().map(|&child| object(child).to_string()).collect();
    if children.is_empty() { color.into() } else { format!("{color} → {}", children.join(", ")) }
}

/// Returns the page of all traces, `src/barrier/lost.md`.
pub fn page(bound: &Bound) -> String {
    let mut page = String::from(HEAD);
    let mut chapter = "";
    for Broken { named, moves, as_collected } in broken() {
        let Named { policy, change, column } = named;
        let found = explore(&column, bound, Goal::Lost);
        let way = found.lost.unwrap_or_else(|| panic!("{named} loses nothing"));
        assert_eq!(way.len(), moves, "{named}: the moves of the shortest trace");
        if policy != chapter {
            page += &format!("\n## {}\n", capitalized(policy));
            page += if column.rules.traces_while_scanning() { HYBRID_SAYS } else { "" };
            chapter = policy;
        }
        page += &match change {
            "" => format!("\nLost in {moves} moves."),
            change => format!("\n**{}**: lost in {moves} moves.", capitalized(change)),
        };
        if as_collected.is_none() {
            page += ORDER;
        }
        page += "\n\n";
        page += &table(&replay(&way, &column, bound), &column, bound);
    }
    page
}

fn capitalized(text: &str) -> String {
    let mut text = String::from(text);
    text[..1].make_ascii_uppercase();
    text
}

const HEAD: &str = "\
<!-- Generated by: cargo run --release -p grisaille-abstract -- traces >src/barrier/lost.md -->

# How objects are lost

The rules of the table, each taken out in an abstract model (`tests/abstract`), and the shortest way to a lost object
that an exhaustive search finds. Moves of the collector are in italics, the others are the mutator's. A register holds
what was popped, overwritten, allocated or upgraded, until the collector moves. `r0` and `r1` are roots in two areas,
`A.x` is a slot of `A`, `grey → B` is a grey object that points to `B`; what does not exist, or can matter to nobody any
more, has an empty field. A root is opened as a cell by
[`StackView::cells`](crate::StackView::cells), all of an object is mutated by `Gc<RefLock<_>>::borrow_mut`; what is
written then, until the collector moves, passes no barrier of its own.
";

const HYBRID_SAYS: &str = "
In the window, in which objects are traced already, slots shade what they store as well as what they overwrite, and new
objects are grey: marked, with their initial pointers still to be followed.
";

const ORDER: &str = "
This crate's collector does not: it traces no object before all roots are scanned, and so has no black object while the
window is open. That is why the heap needs no barrier there.";

//! The moves of the collector.

use grisaille::barrier::rules::Roots;

use crate::bound::Bound;
use crate::column::{Column, Order, Window};
use crate::state::{Color, Object, Root, Set, State, Status};

/// A move of the collector. The mutator's registers do not outlive it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Move {
    /// A root is scanned.
    Scan(usize),
    /// A grey object is traced, and is black.
    Trace(Object),
    /// The window closes: all roots are scanned.
    CloseWindow,
    /// Nothing is grey: the policy's last act. In the same move liveness is decided.
    Terminate,
}

/// Begins marking.
pub fn start(mut state: State, column: &Column) -> State {
    state.window = column.rules.has_window() && column.beside.window == Window::Flag;
    if column.rules.roots == Roots::InOnePauseAtTheStart {
        for root in 0..state.roots.len() {
            scan(&mut state, root);
        }
    }
    take_registers(&mut state);
    state
}

/// Calls `f` with each move that the collector has.
pub fn moves(state: &State, column: &Column, bound: &Bound, mut f: impl FnMut(Move)) {
    if state.ended {
        return;
    }
    for root in 0..bound.roots() {
        if matches!(state.roots[root].status, Status::Unscanned | Status::Ghost) {
            f(Move::Scan(root));
        }
    }
    let roots_left = state.window || state.has_unscanned();
    if state.window && !state.has_unscanned() {
        f(Move::CloseWindow);
    }
    let grey = state.of_color(Color::Grey);
    if column.beside.order == Order::Any || !roots_left {
        grey.iter().for_each(|object| f(Move::Trace(object)));
    }
    if !roots_left && grey.is_empty() {
        f(Move::Terminate);
    }
}

/// Returns the state after the move.
pub fn apply(state: &State, it: Move, column: &Column) -> State {
    let mut after = *state;
    match it {
        Move::Scan(root) => scan(&mut after, root),
        Move::Trace(object) => trace(&mut after, object),
        Move::CloseWindow => after.window = false,
        Move::Terminate => {
            if column.rules.rescan_dirty_roots {
                rescan_to_a_fixed_point(&mut after);
            }
            after.ended = true;
        }
    }
    take_registers(&mut after);
    after
}

fn scan(state: &mut State, root: usize) {
    let Root { value, status, .. } = state.roots[root];
    state.shade(value);
    state.roots[root] = Root { value: value.filter(|_| status != Status::Ghost), ..Root::NONE };
}

fn trace(state: &mut State, object: Object) {
    state.shade_children(object);
    state.colors[object] = Color::Black;
}

fn rescan_to_a_fixed_point(state: &mut State) {
    for root in 0..state.roots.len() {
        if state.roots[root].status == Status::Dirty {
            scan(state, root);
        }
    }
    while let Some(grey) = state.of_color(Color::Grey).iter().next() {
        trace(state, grey);
    }
}

/// Takes the registers away: objects that only registers held are held no more, no object is being mutated as a whole,
/// and no root is a cell.
fn take_registers(state: &mut State) {
    state.held = state.rooted();
    state.guarded = Set::default();
    state.roots.iter_mut().for_each(|root| root.cell = false);
}

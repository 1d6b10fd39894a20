//! A small mutator that moves the only pointer to an object from one place to another, for each two places, at every
//! interleaving with the collector. Under a sound policy the object never dies. `lost` runs the same programs under
//! broken policies.
//!
//! Nothing here reads an object that may have been lost: its drop is counted, and the cycle in which it was dropped is
//! the heap's last. It is the second cycle, so that what the first left behind (marks, buffers, counters) is tested
//! too.

use std::ops::ControlFlow;

use grisaille::{
    Barrier, Budget, Deletion, Gc, Hybrid, Insertion, Mutator, Persistent, Phase, RefLock, Rooted, RootsFirst, Slot,
    Stack, StopTheWorld, Trace, Watermark, Weak,
};

use crate::stage::{Deaths, Mortal, for_each_policy, heap, piece};

#[derive(Trace)]
pub struct Actor<'gc> {
    next: Slot<Option<ActorAt<'gc>>>,
    #[trace(skip)]
    _mortal: Mortal,
}

type ActorAt<'gc> = Gc<'gc, Actor<'gc>>;
type List<'gc> = RefLock<Vec<ActorAt<'gc>>>;
type ActorRoot = Persistent<ActorAt<'static>>;
type ActorStack = Stack<ActorAt<'static>>;

fn actor<'a, B: Barrier>(cx: &'a Mutator<'_, B>, deaths: &Deaths, next: Option<ActorAt<'a>>) -> ActorAt<'a> {
    cx.alloc(Actor { next: Slot::new(next), _mortal: deaths.mortal() })
}

/// The place of the pointer at first, and the way in which it is taken from there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum From {
    Slot,
    /// Out of a whole object.
    Lock,
    Popped,
    Truncated,
    Overwritten,
    Cells,
    StackDropped,
    RootSet,
    RootDropped,
    ScopeEnded,
}

impl From {
    pub const ALL: [From; 10] = [
        From::Slot,
        From::Lock,
        From::Popped,
        From::Truncated,
        From::Overwritten,
        From::Cells,
        From::StackDropped,
        From::RootSet,
        From::RootDropped,
        From::ScopeEnded,
    ];
}

/// The place to which the pointer goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum To {
    Slot,
    /// An initial pointer of a new object, which a local holds.
    NewObject,
    /// Into a whole object.
    Lock,
    Local,
    /// A local of the surrounding scope.
    Kept,
    NewRoot,
    RootSet,
    Pushed,
    NewStack,
    Overwritten,
    Cells,
}

impl To {
    pub const ALL: [To; 11] = [
        To::Slot,
        To::NewObject,
        To::Lock,
        To::Local,
        To::Kept,
        To::NewRoot,
        To::RootSet,
        To::Pushed,
        To::NewStack,
        To::Overwritten,
        To::Cells,
    ];
}

/// When the pointer is taken away from where it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// Before it is written elsewhere: a register holds it between the two.
    First,
    /// So many pieces of the collector's after.
    Later(usize),
}

const TAKEN: [Taken; 7] = [
    Taken::First,
    Taken::Later(0),
    Taken::Later(1),
    Taken::Later(2),
    Taken::Later(4),
    Taken::Later(7),
    Taken::Later(12),
];

/// The cycles that a heap has run when the one that is played begins.
const BEFORE: u64 = 1;

/// The cycle goes on by so many pieces. `Break`: it is decided what dies, so nothing may be looked at any
/// more that a broken policy may have lost.
fn pieces<B: Barrier>(cx: &mut Mutator<'_, B>, count: usize) -> ControlFlow<()> {
    for _ in 0..count {
        if !matches!(piece(cx), Phase::Idle | Phase::SweepTermination | Phase::Mark | Phase::MarkTermination) {
            return ControlFlow::Break(());
        }
        // A stopped world may do it all in one piece.
        if cx.stats().cycles() > BEFORE {
            return ControlFlow::Break(());
        }
    }
    ControlFlow::Continue(())
}

/// Ends the cycle.
fn end<B: Barrier>(cx: &mut Mutator<'_, B>) {
    while cx.stats().cycles() == BEFORE {
        cx.step(Budget::unlimited());
    }
}

/// Under a sound policy the heap is sound at every moment.
fn check<B: Barrier>(cx: &mut Mutator<'_, B>) {
    if is_sound::<B>() {
        cx.verify().unwrap();
    }
}

/// Returns whether the policy is one of the six, and none of those in `lost`.
fn is_sound<B: Barrier>() -> bool {
    [Insertion::NAME, Deletion::NAME, RootsFirst::NAME, Hybrid::NAME, Watermark::NAME, StopTheWorld::NAME]
        .contains(&B::NAME)
}

/// The end of a program: how many died. Under a sound policy nobody dies in the next cycle either, whatever the last
/// one left behind.
fn deaths_at_the_end<B: Barrier>(cx: &mut Mutator<'_, B>, deaths: &Deaths) -> usize {
    end(cx);
    check(cx);
    if is_sound::<B>() {
        cx.collect();
        check(cx);
    }
    deaths.count()
}

/// The places of a program. Stacks and roots are scanned from the last made to the first, so `from` is
/// still unscanned when `to` is not; objects of locals are traced in the order of these fields.
struct Places<'s> {
    to_list: Rooted<'s, Gc<'s, List<'s>>>,
    to_slot: Rooted<'s, ActorAt<'s>>,
    from_slot: Rooted<'s, ActorAt<'s>>,
    from_list: Rooted<'s, Gc<'s, List<'s>>>,
    from_root: Option<ActorRoot>,
    to_root: ActorRoot,
    new_root: Option<ActorRoot>,
    from_stack: Option<ActorStack>,
    to_stack: ActorStack,
    new_stack: Option<ActorStack>,
}

impl<'s> Places<'s> {
    fn new<B: Barrier>(cx: &mut Mutator<'s, B>, deaths: &Deaths) -> Self {
        let new_list = || cx.root(cx.alloc(RefLock::new(Vec::<ActorAt<'_>>::new())));
        let new_actor = || actor(cx, deaths, None);
        let (to_list, to_slot, from_slot, from_list) =
            (new_list(), cx.root(new_actor()), cx.root(new_actor()), new_list());
        let (from_root, to_root) = (cx.persist(to_slot.get(cx)), cx.persist(to_slot.get(cx)));
        let (mut from_stack, mut to_stack) = (Stack::new(cx), Stack::new(cx));
        from_stack.open(cx).push(cx, to_slot.get(cx));
        to_stack.open(cx).push(cx, to_slot.get(cx));
        cx.collect();
        assert_eq!(cx.stats().cycles(), BEFORE);
        Places {
            to_list,
            to_slot,
            from_slot,
            from_list,
            from_root: Some(from_root),
            to_root,
            new_root: None,
            from_stack: Some(from_stack),
            to_stack,
            new_stack: None,
        }
    }

    /// Puts the object where the program finds it. The local of `ScopeEnded` is the caller's.
    fn set_up<B: Barrier>(&mut self, cx: &Mutator<'_, B>, from: From, object: ActorAt<'_>) {
        let object = cx.adopt(object);
        match from {
            From::Slot => self.from_slot.get(cx).next.set(cx, Some(object)),
            From::Lock => RefLock::borrow_mut(self.from_list.get(cx), cx).push(object),
            From::Popped | From::Truncated | From::Overwritten | From::Cells | From::StackDropped => {
                self.from_stack.as_mut().unwrap().open(cx).push(cx, object);
            }
            From::RootSet | From::RootDropped => self.from_root.as_ref().unwrap().set(cx, object),
            From::ScopeEnded => {}
        }
    }

    fn read<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        from: From,
        local: Option<Rooted<'_, ActorAt<'_>>>,
    ) -> ActorAt<'a> {
        match from {
            From::Slot => self.from_slot.get(cx).next.get().unwrap(),
            From::Lock => self.from_list.get(cx).borrow()[0],
            From::Cells => {
                let stack = self.from_stack.as_mut().unwrap().open(cx);
                let object = stack.cells(cx, 1..2)[0].get();
                cx.adopt(object)
            }
            From::Popped | From::Truncated | From::Overwritten | From::StackDropped => {
                self.from_stack.as_mut().unwrap().open(cx).top(cx, 0)
            }
            From::RootSet | From::RootDropped => self.from_root.as_ref().unwrap().get(cx),
            From::ScopeEnded => local.unwrap().get(cx),
        }
    }

    fn take<B: Barrier>(&mut self, cx: &Mutator<'_, B>, from: From) {
        let other = self.to_slot.get(cx);
        match from {
            From::Slot => self.from_slot.get(cx).next.set(cx, None),
            From::Lock => RefLock::borrow_mut(self.from_list.get(cx), cx).clear(),
            From::Popped => drop(self.from_stack.as_mut().unwrap().open(cx).pop(cx)),
            From::Truncated => self.from_stack.as_mut().unwrap().open(cx).truncate(cx, 0),
            From::Overwritten => self.from_stack.as_mut().unwrap().open(cx).set(cx, 1, other),
            From::Cells => self.from_stack.as_mut().unwrap().open(cx).cells(cx, 1..2)[0].set(other),
            From::StackDropped => drop(self.from_stack.take()),
            From::RootSet => self.from_root.as_ref().unwrap().set(cx, other),
            From::RootDropped => drop(self.from_root.take()),
            From::ScopeEnded => {}
        }
    }

    /// Writes the pointer to its new place. `Local` and `Kept` are the caller's.
    fn write<B: Barrier>(&mut self, cx: &Mutator<'_, B>, to: To, object: ActorAt<'_>) {
        let object = cx.adopt(object);
        match to {
            To::Slot => self.to_slot.get(cx).next.set(cx, Some(object)),
            To::Lock => RefLock::borrow_mut(self.to_list.get(cx), cx).push(object),
            To::NewRoot => self.new_root = Some(cx.persist(object)),
            To::RootSet => self.to_root.set(cx, object),
            To::Pushed => self.to_stack.open(cx).push(cx, object),
            To::NewStack => self.new_stack.insert(Stack::new(cx)).open(cx).push(cx, object),
            To::Overwritten => self.to_stack.open(cx).set(cx, 0, object),
            To::Cells => self.to_stack.open(cx).cells(cx, 0..1)[0].set(object),
            To::NewObject | To::Local | To::Kept => {}
        }
    }
}

/// Whether the two can be had together: a local of a scope dies with it.
fn fits(from: From, to: To) -> bool {
    from != From::ScopeEnded || !matches!(to, To::Local | To::NewObject)
}

/// Moves the pointer after `before` pieces. Returns how many objects died, all of which are reachable throughout; none
/// if the cycle was past marking by then.
pub fn moved<B: Barrier>(from: From, to: To, before: usize, taken: Taken) -> Option<usize> {
    let deaths = Deaths::default();
    heap::<B>().enter(|cx| {
        let mut places = Places::new(cx, &deaths);
        let flow = cx.scope(|cx, out| {
            let object = actor(cx, &deaths, None);
            let local = (from == From::ScopeEnded).then(|| cx.root(object));
            places.set_up(cx, from, object);
            if pieces(cx, before).is_break() {
                return None;
            }
            {
                let object = places.read(cx, from, local);
                if taken == Taken::First {
                    places.take(cx, from);
                }
                match to {
                    To::Local => drop(cx.root(object)),
                    To::NewObject => drop(cx.root(actor(cx, &deaths, Some(object)))),
                    To::Kept => drop(out.keep(cx, object)),
                    _ => places.write(cx, to, object),
                }
            }
            check(cx);
            if let Taken::Later(pause) = taken
                && pieces(cx, pause).is_continue()
            {
                places.take(cx, from);
                check(cx);
            }
            // While this scope's locals live.
            Some(if from == From::ScopeEnded { None } else { Some(deaths_at_the_end(cx, &deaths)) })
        });
        flow.map(|dead| dead.unwrap_or_else(|| deaths_at_the_end(cx, &deaths)))
    })
}

/// Moves the pointer to a local, out of an object to which the root that is scanned last leads: it is grey when all roots
/// are scanned, even where objects are traced meanwhile. The object is an actor, or with `lock` a list.
pub fn moved_from_last_root<B: Barrier>(lock: bool, before: usize) -> Option<usize> {
    let deaths = Deaths::default();
    heap::<B>().enter(|cx| {
        let (mut actors, mut lists) = (None, None);
        if lock {
            let list = cx.alloc(RefLock::new(vec![actor(cx, &deaths, None)]));
            lists.insert(Stack::<Gc<'static, List<'static>>>::new(cx)).open(cx).push(cx, list);
        } else {
            let object = actor(cx, &deaths, None);
            actors.insert(ActorStack::new(cx)).open(cx).push(cx, actor(cx, &deaths, Some(object)));
        }
        cx.collect();
        if pieces(cx, before).is_break() {
            return None;
        }
        if let Some(actors) = &mut actors {
            let holder = actors.open(cx).top(cx, 0);
            _ = cx.root(holder.next.get().unwrap());
            holder.next.set(cx, None);
        }
        if let Some(lists) = &mut lists {
            let holder = lists.open(cx).top(cx, 0);
            _ = cx.root(holder.borrow()[0]);
            RefLock::borrow_mut(holder, cx).clear();
        }
        Some(deaths_at_the_end(cx, &deaths))
    })
}

/// What is reached only through a weak pointer becomes strong after `before` pieces.
pub fn upgraded<B: Barrier>(to: To, before: usize) -> Option<usize> {
    let deaths = Deaths::default();
    heap::<B>().enter(|cx| {
        let mut places = Places::new(cx, &deaths);
        cx.scope(|cx, out| {
            let weak: Rooted<'_, Weak<'_, Actor<'_>>> = cx.root(Gc::downgrade(actor(cx, &deaths, None), cx));
            if pieces(cx, before).is_break() {
                return None;
            }
            let object = weak.get(cx).upgrade(cx)?;
            match to {
                To::Local => drop(cx.root(object)),
                To::NewObject => drop(cx.root(actor(cx, &deaths, Some(object)))),
                To::Kept => drop(out.keep(cx, object)),
                _ => places.write(cx, to, object),
            }
            Some(deaths_at_the_end(cx, &deaths))
        })
    })
}

/// From one stack to another that is made for the purpose, from there to a third, and the second is destroyed.
pub fn passed_through_a_stack<B: Barrier>(before: usize, between: usize) -> Option<usize> {
    let deaths = Deaths::default();
    heap::<B>().enter(|cx| {
        let mut places = Places::new(cx, &deaths);
        let object = actor(cx, &deaths, None);
        places.set_up(cx, From::Popped, object);
        if pieces(cx, before).is_break() {
            return None;
        }
        let object = places.read(cx, From::Popped, None);
        places.write(cx, To::NewStack, object);
        places.take(cx, From::Popped);
        if pieces(cx, between).is_continue() {
            let mut through = places.new_stack.take().unwrap();
            let object = through.open(cx).pop(cx).unwrap();
            drop(through);
            places.write(cx, To::Pushed, object);
        }
        Some(deaths_at_the_end(cx, &deaths))
    })
}

/// The interleavings at which a program loses something, in words. `run` answers `None` when it came too late.
pub fn losses(mut run: impl FnMut(usize, Taken) -> Option<usize>) -> Vec<String> {
    let mut losses = Vec::new();
    for before in 0.. {
        let mut late = 0;
        for taken in TAKEN {
            match run(before, taken) {
                None => late += 1,
                Some(0) => {}
                Some(dead) => losses.push(format!("{dead} lost, moved after {before} pieces, taken {taken:?}")),
            }
        }
        if late == TAKEN.len() {
            assert!(before > 0, "the program never ran");
            return losses;
        }
        assert!(before < 200, "the cycle does not end");
    }
    unreachable!()
}

fn no_move_loses_anything<B: Barrier>() {
    for from in From::ALL {
        for to in To::ALL.into_iter().filter(|&to| fits(from, to)) {
            let lost = losses(|before, taken| moved::<B>(from, to, before, taken));
            assert!(lost.is_empty(), "{} {from:?} -> {to:?}: {lost:#?}", B::NAME);
        }
    }
}

fn no_upgrade_loses_anything<B: Barrier>() {
    for to in To::ALL {
        let lost = losses(|before, _| upgraded::<B>(to, before));
        assert!(lost.is_empty(), "{} {to:?}: {lost:#?}", B::NAME);
    }
}

fn stacks_may_be_made_and_destroyed_while_marking<B: Barrier>() {
    for between in 0..12 {
        let lost = losses(|before, _| passed_through_a_stack::<B>(before, between));
        assert!(lost.is_empty(), "{} between {between}: {lost:#?}", B::NAME);
    }
}

for_each_policy! {
    no_move_loses_anything
    no_upgrade_loses_anything
    stacks_may_be_made_and_destroyed_while_marking
}

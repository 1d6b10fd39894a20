//! The types of objects in the heap.
//!
//! A field that changes after its object is made is a [`Slot`], whose [`Slot::set`] has the write barrier; all others
//! are plain. Skipped fields hold no pointers, and may be cells.

use std::cell::Cell;

use grisaille::{Array, Barrier, Gc, HeapFull, Key, List, Map, Mutator, Slot, Str, Trace};

use crate::code::index;
use crate::machine::{Frame, Full};
use crate::value::{Stored, Value};

/// A function with the variables it captured.
#[derive(Trace)]
pub struct Closure<'gc> {
    /// The index of the function in the program.
    pub function: u32,
    /// Copies from that function, for calls.
    pub entry: u32,
    pub slots: u32,
    pub arity: u32,
    pub upvalues: Option<Array<'gc, Gc<'gc, Upvalue<'gc>>>>,
}

impl<'gc> Closure<'gc> {
    /// The function of what is below a fiber's own frames: its end.
    pub const END_OF_FIBER: u32 = u32::MAX;

    #[inline(always)]
    pub fn upvalue(&self, index: u8) -> Gc<'gc, Upvalue<'gc>> {
        match self.upvalues {
            Some(upvalues) => upvalues.as_slice()[usize::from(index)],
            None => unreachable!("the compiler counts upvalues"),
        }
    }
}

/// A captured variable: a slot of the value stack while the slot is in use, afterwards a value of its own.
#[derive(Trace)]
pub struct Upvalue<'gc> {
    /// The slot, or [`Upvalue::CLOSED`].
    #[trace(skip)]
    pub slot: Cell<u32>,
    pub value: Slot<Stored<'gc>>,
}

impl Upvalue<'_> {
    pub const CLOSED: u32 = u32::MAX;
}

/// A class.
#[derive(Trace)]
pub struct Class<'gc> {
    pub name: Str<'gc>,
    /// A number that no other class has or will have, by which [`Site`](crate::code::Site)s remember the class.
    pub id: u32,
    /// The fields that any instance ever had. None is removed.
    pub fields: Names<'gc>,
    /// The methods' names, inherited ones included, and the methods.
    pub method_names: Names<'gc>,
    pub methods: Row<'gc>,
    /// The method `init`, which is called for each new instance.
    pub init: Slot<Option<Gc<'gc, Closure<'gc>>>>,
}

/// A table of names, each with an index, in the order in which they came.
pub type Names<'gc> = Map<'gc, Str<'gc>, u32>;

/// Returns the index of a name, which is added if it is new.
pub fn index_of<'gc, B: Barrier>(
    cx: &'gc Mutator<'_, B>,
    names: &Names<'gc>,
    name: Str<'gc>,
) -> Result<u32, HeapFull<u32>> {
    if let Some(known) = names.get(name) {
        return Ok(known);
    }
    let next = index(names.len());
    names.try_insert(cx, name, next)?;
    Ok(next)
}

/// An instance of a class.
#[derive(Trace)]
pub struct Instance<'gc> {
    pub class: Gc<'gc, Class<'gc>>,
    /// The class's number, compared without a read of the class.
    pub class_id: u32,
    pub fields: Row<'gc>,
}

/// A method with its receiver.
#[derive(Trace)]
pub struct Bound<'gc> {
    pub receiver: Stored<'gc>,
    pub method: Gc<'gc, Closure<'gc>>,
}

/// A function that is not written in Lox.
#[derive(Trace)]
pub struct Native {
    #[trace(skip)]
    pub function: NativeFunction,
}

/// The functions that are not written in Lox. (They are few and known, so a number says which; where an embedder's
/// functions are open-ended, `grisaille::Native` is for them.)
#[derive(Clone, Copy, Debug)]
pub enum NativeFunction {
    /// Returns the seconds that the process has used.
    Clock,
    /// Returns a value's text.
    ToString,
    /// Makes a fiber of a function of one parameter or none.
    Fiber,
    /// Runs a fiber until it yields or ends. The value is the function's argument, or what the fiber's `yield` returns.
    Resume,
    /// Goes back to the code that resumed the running fiber, with a value for its `resume` to return.
    Yield,
    /// Returns whether a fiber has come to its end.
    IsDone,
    List,
    Append,
    At,
    Put,
    TakeLast,
    Length,
    Map,
    Lookup,
    Store,
    Delete,
}

/// A coroutine: a function that can be left in the middle, and gone on with.
#[derive(Trace)]
pub struct Fiber<'gc> {
    pub function: Gc<'gc, Closure<'gc>>,
    #[trace(skip)]
    pub state: Cell<FiberState>,
    /// The fiber's part of the machine's stacks, while it is suspended.
    pub values: grisaille::Fiber<'gc, Stored<'gc>>,
    pub frames: grisaille::Fiber<'gc, Frame<'gc>>,
    /// Where the values lay on the stack when the fiber was suspended, to which its frames refer.
    #[trace(skip)]
    pub base: Cell<u32>,
    /// The captured variables that are still in use by the fiber's frames, which are closed meanwhile.
    pub upvalues: List<'gc, Parked<'gc>>,
}

impl<'gc> Fiber<'gc> {
    pub fn new(function: Gc<'gc, Closure<'gc>>) -> Self {
        Fiber {
            function,
            state: Cell::new(FiberState::New),
            values: grisaille::Fiber::new(),
            frames: grisaille::Fiber::new(),
            base: Cell::new(0),
            upvalues: List::new(),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FiberState {
    New,
    Suspended,
    Running,
    Done,
}

/// A captured variable of a fiber that does not run, and its slot among the fiber's values.
#[derive(Clone, Copy, Trace)]
pub struct Parked<'gc> {
    pub slot: u32,
    pub upvalue: Gc<'gc, Upvalue<'gc>>,
}

/// A fiber that was resumed, and where its part of the stacks begins.
#[derive(Clone, Copy, Trace)]
pub struct FiberMark<'gc> {
    pub fiber: Gc<'gc, Fiber<'gc>>,
    pub base: u32,
    pub frames: u32,
}

/// What a map can be asked for: numbers by value, strings by their text.
#[derive(Clone, Copy, Trace, Key)]
pub enum MapKey<'gc> {
    Number(u64),
    Str(Str<'gc>),
}

/// A table of values.
pub type Table<'gc> = Map<'gc, MapKey<'gc>, Stored<'gc>>;

/// Values by index, as many as need be. A row grows by moving to a larger array; the collector marks a large array in
/// pieces, and the write barrier works at the element.
#[derive(Trace)]
pub struct Row<'gc>(Slot<Option<Array<'gc, Slot<Stored<'gc>>>>>);

impl<'gc> Row<'gc> {
    /// An instance seldom has all the fields of a class that has more than this.
    const GUESS_MAX: usize = 16;

    pub fn new() -> Self {
        Row(Slot::new(None))
    }

    /// Returns the place of a value, if the row is long enough.
    #[inline(always)]
    pub fn slot(&self, index: u32) -> Option<&'gc Slot<Stored<'gc>>> {
        self.0.get()?.as_slice().get(index as usize)
    }

    /// Returns a value, which is absent if it was never set.
    pub fn get(&self, index: u32) -> Stored<'gc> {
        self.slot(index).map_or(Value::Absent.pack(), Slot::get)
    }

    /// Sets a value. A row that has to grow makes room for `expected` values, up to `GUESS_MAX`.
    pub fn set<B: Barrier>(
        &self,
        cx: &'gc Mutator<'_, B>,
        index: u32,
        value: Stored<'gc>,
        expected: usize,
    ) -> Result<(), Full> {
        if let Some(slot) = self.slot(index) {
            slot.set(cx, value);
            return Ok(());
        }
        let old = self.0.get().map_or(&[][..], |array| array.as_slice());
        let length = expected.min(Self::GUESS_MAX).max(2 * old.len()).max(index as usize + 1);
        let array = cx.try_alloc_array(length, |at| match old.get(at) {
            Some(slot) => Slot::new(slot.get()),
            None => Slot::new(if at == index as usize { value } else { Value::Absent.pack() }),
        })?;
        self.0.set(cx, Some(array));
        Ok(())
    }
}

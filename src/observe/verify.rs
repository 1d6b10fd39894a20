//! [`Heap::verify`]: walks the heap at any moment between two steps and compares everything with everything else.
//!
//! It decides what is an object by the bitmaps alone, and looks at a header only where they say that one stands. So
//! an object that was freed while something still pointed to it is reported, and not touched. It shares no code with
//! the marker: it lists pointers, and keeps its own bits.
//!
//! What it checks, in this order:
//!
//! * the flags agree with the phase;
//! * every block: what is allocated parses without a gap (I3, I4), unused holes are unallocated and marked ahead as a
//!   whole or not at all (I1, I2), marks cover whole objects and nothing else, and are gone outside of marking;
//! * the accounts agree with a recount: blocks, bytes, objects (I5);
//! * roots, weak cells and interned strings name allocated objects;
//! * each grey object is queued once (or lost from a full queue in a block that says so);
//! * every pointer in an allocated object leads to an allocated object;
//! * while marking, the policy's invariant. *Found* is what marking would find if the mutator stopped now: what is
//!   marked, and what grey objects and roots still to be scanned lead to through white objects. Black objects and
//!   roots must point to what is found (which is the weak tri-colour invariant); under a policy that shades what is
//!   stored at any time, black objects must point to what is marked (the strong one);
//! * once it is decided what dies, whatever lives points to what lives.

use core::fmt;
use core::ptr::NonNull;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};

use bitvec::prelude::{BitArray, Lsb0};

use crate::barrier::Barrier;
use crate::barrier::rules::{New, Rules};
use crate::cycle::collector::Collector;
use crate::cycle::phase::Phase;
use crate::heap::Heap;
use crate::mutator::Mutator;
use crate::pointer::weak::{is_weak_cell, target_of};
use crate::roots::Surveyed;
use crate::roots::local::PointerArea;
use crate::space::bitmap;
use crate::space::block::{BLOCK_SIZE, BlockPtr, FIRST_GRANULE, GRANULE, GRANULES, Kind, WORDS};
use crate::space::header::{HEADER_SIZE, KEY, ObjectPtr, QUEUED, TypeInfo};
use crate::trace::Tracer;

/// What [`Heap::verify`] found wrong: a bug in the collector, or in `unsafe` code beside it.
///
/// Its text says what is wrong and how the mutator gets there, from a root on: each line is a root or an object, by
/// its type, with the number of the pointer that leads on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyError {
    what: String,
    path: Vec<String>,
}

impl VerifyError {
    /// What is wrong, without the path.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// The way from a root to what is wrong, where it concerns an object that a root leads to.
    pub fn path(&self) -> &[String] {
        &self.path
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if !self.path.is_empty() {
            write!(f, "\n  path: {}", self.path.join(" -> "))?;
        }
        Ok(())
    }
}

impl core::error::Error for VerifyError {}

impl<B: Barrier> Heap<B> {
    /// Checks the whole heap against itself: bitmaps and headers, accounts, roots, the grey set and the policy's
    /// invariant, whatever phase the heap is in. Changes nothing.
    ///
    /// For tests, and for those who look for a bug: it takes time in proportion to the heap (some 50 ns an object),
    /// and memory for a copy of its bitmaps (5 % of the heap). It never recurses. In a correct build it finds
    /// nothing.
    ///
    /// ```
    /// use grisaille::{Budget, Heap};
    ///
    /// let mut heap = Heap::new();
    /// let _root = heap.enter(|cx| {
    ///     let root = cx.persist(cx.alloc("kept".to_string()));
    ///     cx.step(Budget::work(1)); // in the middle of a cycle
    ///     root
    /// });
    /// assert_eq!(heap.verify(), Ok(()));
    /// ```
    ///
    /// # Errors
    /// The first thing that is wrong, with the path that leads there.
    pub fn verify(&self) -> Result<(), VerifyError> {
        Verifier::new(self.collector(), &B::RULES).run()
    }
}

impl<B: Barrier> Mutator<'_, B> {
    /// Checks the whole heap against itself, as [`Heap::verify`] does and at the same cost. It takes `&mut` although
    /// it changes nothing: it reads every object, and so must not be called while a [`RefMut`](crate::RefMut) lives.
    ///
    /// ```
    /// # use grisaille::{Budget, Heap};
    /// Heap::new().enter(|cx| {
    ///     let _kept = cx.root(cx.alloc(1));
    ///     while !cx.step(Budget::work(1)).cycle_ended {
    ///         cx.verify().unwrap();
    ///     }
    /// });
    /// ```
    ///
    /// # Errors
    /// The first thing that is wrong, with the path that leads there.
    pub fn verify(&mut self) -> Result<(), VerifyError> {
        Verifier::new(self.collector(), &B::RULES).run()
    }
}

type Bits = BitArray<[u64; WORDS], Lsb0>;
type Verdict<T = ()> = Result<T, VerifyError>;

/// A block and what the walk over it found.
struct Walked {
    block: BlockPtr,
    /// It is not in the hands of a sweep: all of it may be looked at.
    filed: bool,
    /// The headers of allocated objects. In a block that is still to be swept: of those that survive.
    starts: Bits,
    marked: Bits,
    /// What marking would find.
    found: Bits,
}

/// Where an object's header stands: a block by number, and the granule.
#[derive(Clone, Copy, PartialEq, Eq)]
struct At {
    block: usize,
    granule: usize,
}

/// Where a root lies.
#[derive(Clone, Copy)]
enum Place {
    Local(usize),
    Escape(usize),
    Root(usize),
    Stack([usize; 2]),
    Guarded(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Local(index) => write!(f, "local {index}"),
            Place::Escape(index) => write!(f, "value {index} that leaves its scope"),
            Place::Root(index) => write!(f, "root {index}"),
            Place::Stack([stack, index]) => write!(f, "stack {stack}[{index}]"),
            Place::Guarded(index) => write!(f, "object {index} that a guardian gives back"),
        }
    }
}

struct RootSeen {
    object: ObjectPtr,
    place: Place,
    /// The collector will look at it before this cycle's marking ends.
    pending: bool,
    /// Its handle lives: the mutator can get at it.
    alive: bool,
}

struct Verifier<'h> {
    c: &'h Collector,
    rules: &'static Rules,
    blocks: Vec<Walked>,
    /// Number of a block by its address.
    numbers: HashMap<usize, usize>,
    roots: Vec<RootSeen>,
    /// Grey objects that are scanned in part, with the piece that is next: what comes before it counts as black.
    in_pieces: HashMap<ObjectPtr, usize>,
}

impl<'h> Verifier<'h> {
    fn new(c: &'h Collector, rules: &'static Rules) -> Self {
        Verifier { c, rules, blocks: Vec::new(), numbers: HashMap::new(), roots: Vec::new(), in_pieces: HashMap::new() }
    }

    fn run(mut self) -> Verdict {
        self.flags()?;
        self.walk()?;
        self.list_roots();
        for root in &self.roots {
            // The roots of dropped handles too: the next scan comes to them once more.
            if self.locate(root.object).is_none() {
                let place = root.place;
                let what = format!("{place} points to {:#x}, where no object is: it was freed", root.object.addr());
                return Err(VerifyError { what, path: vec![place.to_string()] });
            }
        }
        self.weak_tables()?;
        self.queue()?;
        self.edges()?;
        if self.is_marking() {
            self.find();
            self.nothing_is_lost()?;
        }
        Ok(())
    }

    /// Marks are being made: some objects are black, some may be grey.
    fn is_marking(&self) -> bool {
        matches!(self.c.phase.get(), Phase::Mark | Phase::MarkTermination)
    }

    /// It is decided what dies: whatever is unmarked.
    fn is_condemned(&self) -> bool {
        self.c.phase.get() == Phase::Weak
    }

    fn flags(&self) -> Verdict {
        let (c, phase) = (self.c, self.c.phase.get());
        if c.marking.get() != (self.is_marking() && self.rules.incremental) {
            return fail(format!("in phase {phase} barriers are {}", if c.marking.get() { "on" } else { "off" }));
        }
        if c.condemned.get() != self.is_condemned() {
            return fail(format!(
                "in phase {phase} objects are {}condemned",
                if c.condemned.get() { "" } else { "not " }
            ));
        }
        if c.window.get() && phase != Phase::Mark {
            return fail(format!("the window is open in phase {phase}"));
        }
        Ok(())
    }

    // ---- blocks

    fn walk(&mut self) -> Verdict {
        let blocks = self.c.blocks.borrow();
        let all = blocks.each().map(|block| (block, true)).chain(blocks.unfiled().map(|block| (block, false)));
        for (block, filed) in all {
            if self.numbers.insert(block.base().as_ptr().addr(), self.numbers.len()).is_some() {
                return fail(format!("{block:?} is listed twice"));
            }
            let zero = Bits::ZERO;
            self.blocks.push(Walked { block, filed, starts: zero, marked: zero, found: zero });
        }
        let (mut used, mut bytes, mut objects) = (0, 0, 0);
        for number in 0..self.blocks.len() {
            used += self.blocks[number].block.run() * BLOCK_SIZE;
            let (more_bytes, more_objects) = self.walk_block(number)?;
            bytes += more_bytes;
            objects += more_objects;
        }
        if used != blocks.used() {
            return fail(format!("the blocks take {used} bytes, and the arena says {}", blocks.used()));
        }
        drop(blocks);
        let stats = self.c.stats();
        if bytes as u64 != stats.bytes_live {
            return fail(format!("the objects take {bytes} bytes, and the books say {}", stats.bytes_live));
        }
        let booked = stats.objects_allocated - stats.objects_freed;
        if objects as u64 != booked {
            return fail(format!("there are {objects} objects, and the books say {booked}"));
        }
        Ok(())
    }

    /// Checks one block, and returns the bytes and the number of its objects.
    fn walk_block(&mut self, number: usize) -> Verdict<(usize, usize)> {
        let Walked { block, filed, .. } = self.blocks[number];
        let marker = &self.c.marker;
        // SAFETY: `occupied` may be read of any block: the mutator alone writes it, in blocks that are filed, and
        // while a block is in a sweep's hands whoever has it only reads this bitmap too (I7).
        let mut allocated = unsafe { words(block, marker.occupied()) };
        // SAFETY: the other one is read of filed blocks only, which are the mutator's (I7).
        let marked = if filed { unsafe { words(block, marker.marked()) } } else { [0; WORDS] };
        if filed && bitmap::count(&allocated) < block.live.get() as usize {
            return fail(format!("{block:?} has lost granules that survived its last sweep"));
        }
        if let Some((from, to)) = self.c.fresh_of(block) {
            bitmap::set_run(&mut allocated, from, to - from);
        }
        let unused = self.c.unused_of(block);
        let (allocated, marked) = (Bits::new(allocated), Bits::new(marked));
        if let Some((from, to)) = unused
            && (allocated[from..to].any() || marked[from..to].any() && !marked[from..to].all())
        {
            return fail(format!("the open hole {from}..{to} of {block:?} is partly taken or partly marked ahead"));
        }
        let (mut bytes, mut objects, mut marked_granules) = (0, 0, 0);
        let mut at = 0;
        while let Some(start) = allocated[at..].first_one().map(|more| at + more) {
            let (info, size) = self.plausible(block, start)?;
            let name = (info.name)();
            let end = start + size.div_ceil(GRANULE);
            let fits = if block.is_large() {
                start == FIRST_GRANULE && size + FIRST_GRANULE * GRANULE <= block.run() * BLOCK_SIZE
            } else {
                start >= FIRST_GRANULE && end <= GRANULES
            };
            if !fits {
                return fail(format!("{name} of {size} bytes at granule {start} of {block:?} does not fit there"));
            }
            let end = end.min(GRANULES);
            if !allocated[start..end].all() {
                return fail(format!("{name} at granule {start} of {block:?} is allocated in part"));
            }
            if marked[start..end].any() && !marked[start..end].all() {
                return fail(format!("{name} at granule {start} of {block:?} is marked in part"));
            }
            if block.kind() == Kind::Plain && info.drop.is_some() {
                return fail(format!("{name} has drop glue, and lies in {block:?} of a kind without"));
            }
            self.blocks[number].starts.set(start, true);
            bytes += size;
            objects += 1;
            marked_granules += if marked[start] { end - start } else { 0 };
            at = end;
        }
        let ahead = unused.map_or(0, |(from, to)| marked[from..to].count_ones());
        if marked.count_ones() != marked_granules + ahead {
            return fail(format!("{block:?} has marks where no object is"));
        }
        if !self.is_marking() && !self.is_condemned() && marked.any() {
            return fail(format!("{block:?} has marks in phase {}", self.c.phase.get()));
        }
        self.blocks[number].marked = marked;
        Ok((bytes, objects))
    }

    /// The type and the size, in bytes, of the object whose header stands there. What is not plausible as a header is
    /// not followed.
    fn plausible(&self, block: BlockPtr, granule: usize) -> Verdict<(&'static TypeInfo, usize)> {
        // SAFETY: a granule of a taken block is initialized memory where `occupied` says that it is an object's (I3).
        let word = unsafe { block.at(granule).cast::<usize>().read() };
        let address = word & !15;
        let in_heap = self.numbers.contains_key(&(address & !(BLOCK_SIZE - 1)));
        // A pointer into the heap, a small number, poison: all that payloads are usually made of.
        if word & 15 & !(QUEUED | KEY) != 0 || address < 4096 || address as u64 >> 56 != 0 || in_heap {
            return fail(format!("no header at granule {granule} of {block:?}, but {word:#x}"));
        }
        // SAFETY: a header was written where a run in `occupied` starts, and where its last object ended (I3).
        let object = unsafe { block.object(granule) };
        let info = object.info();
        let granules = if info.granules != 0 {
            Some(info.granules as usize)
        } else {
            let elements = object.length().checked_mul(info.element as usize);
            let bytes = elements.and_then(|bytes| bytes.checked_add(HEADER_SIZE + info.prefix as usize));
            bytes.map(|bytes| bytes.div_ceil(GRANULE))
        };
        match granules.and_then(|granules| granules.checked_mul(GRANULE)) {
            Some(size) => Ok((info, size)),
            None => fail(format!("{} at granule {granule} of {block:?} has an absurd length", (info.name)())),
        }
    }

    // ---- objects

    /// Where the object is, if one is allocated there.
    fn locate(&self, object: ObjectPtr) -> Option<At> {
        let block = *self.numbers.get(&(object.addr() & !(BLOCK_SIZE - 1)))?;
        let granule = object.granule();
        (object.addr().is_multiple_of(GRANULE) && self.blocks[block].starts[granule]).then_some(At { block, granule })
    }

    fn object(&self, at: At) -> ObjectPtr {
        // SAFETY: `At`s come from `starts`, where allocated objects have their headers (I3).
        unsafe { self.blocks[at.block].block.object(at.granule) }
    }

    fn is_marked(&self, at: At) -> bool {
        self.blocks[at.block].marked[at.granule]
    }

    fn is_found(&self, at: At) -> bool {
        self.blocks[at.block].found[at.granule]
    }

    /// Lists the pointers that the object holds, in the order in which its `Trace` passes them.
    fn children(&self, at: At, list: &mut Vec<ObjectPtr>) {
        self.children_of_pieces(at, 0, 0, list);
    }

    /// Whether the mark loop will scan an object from its beginning, though it has come to a later piece: the entries of
    /// a map that was rehashed meanwhile are not where they were.
    fn begins_again(&self, at: At, piece: usize) -> bool {
        self.children_of_pieces(at, piece, 0, &mut Vec::new())
    }

    /// Lists the pointers of the pieces from one on, until another; 0 stands for the end. True: the mark loop would begin
    /// again.
    fn children_of_pieces(&self, at: At, from: usize, until: usize, list: &mut Vec<ObjectPtr>) -> bool {
        list.clear();
        let object = self.object(at);
        let info = object.info();
        if !info.needs_trace {
            return false;
        }
        let mut tracer = Tracer::listing(list);
        let mut piece = from;
        loop {
            // SAFETY: the info is the object's own, which is allocated and so complete: no constructor is running,
            // and no guard over it is live, since the verifier has the mutator to itself.
            piece = unsafe { (info.trace)(object, piece, NonNull::from(&mut tracer).cast()) };
            if piece == 0 || piece == until {
                return tracer.begins_again;
            }
        }
    }

    /// Where scanning goes on in a grey object: at its beginning, unless it is scanned in part.
    fn next_piece(&self, at: At) -> usize {
        self.in_pieces.get(&self.object(at)).copied().unwrap_or(0)
    }

    /// Calls `f` for every allocated object.
    fn each_object(&self, mut f: impl FnMut(At) -> Verdict) -> Verdict {
        for (block, walked) in self.blocks.iter().enumerate() {
            for granule in walked.starts.iter_ones() {
                f(At { block, granule })?;
            }
        }
        Ok(())
    }

    // ---- what names objects

    fn list_roots(&mut self) {
        let (c, roots) = (self.c, &mut self.roots);
        let (rescan, last_look) = (self.rules.rescan_dirty_roots, self.rules.takes_snapshot_lazily());
        let mut area = |area: &PointerArea, place: fn(usize) -> Place| {
            let mut index = 0;
            area.survey(&mut |object, unscanned, dirty| {
                let pending = unscanned || dirty && rescan;
                roots.push(RootSeen { object, place: place(index), pending, alive: true });
                index += 1;
            });
        };
        area(&c.shadow, Place::Local);
        area(&c.escapes, Place::Escape);
        let mut table = |root: Surveyed<'_>, place: Place| {
            let pending = root.unscanned || root.dirty && rescan;
            roots.extend(root.objects.iter().map(|&object| RootSeen { object, place, pending, alive: root.alive }));
        };
        c.roots.borrow().survey(last_look, &mut |root| {
            let place = Place::Root(root.place[1]);
            table(root, place);
        });
        c.stacks.borrow().survey(c.cycle.get(), last_look, &mut |root| {
            let place = Place::Stack(root.place);
            table(root, place);
        });
        let mut index = 0;
        c.guardians.borrow().survey(c.cycle.get(), &mut |object, pending| {
            roots.push(RootSeen { object, place: Place::Guarded(index), pending, alive: true });
            index += 1;
        });
    }

    /// Weak cells and interned strings name allocated objects: those that die are forgotten before they are swept.
    fn weak_tables(&self) -> Verdict {
        for string in self.c.strings.borrow().each() {
            if self.locate(string).is_none() {
                return fail(format!(
                    "an interned string at {:#x} was freed, and is still in the table",
                    string.addr()
                ));
            }
        }
        let mut freed = None;
        self.c.guardians.borrow().each_registered(&mut |object| {
            if self.locate(object).is_none() {
                freed = Some(object.addr());
            }
        });
        if let Some(addr) = freed {
            return fail(format!("a guarded object at {addr:#x} was freed"));
        }
        self.each_object(|at| {
            let cell = self.object(at);
            if is_weak_cell(cell.info())
                // SAFETY: asked of weak cells only.
                && let Some(target) = unsafe { target_of(cell) }.get()
                && self.locate(target).is_none()
            {
                let what = format!("a weak cell names {:#x}, which was freed", target.addr());
                return Err(VerifyError { what, path: self.path_to(at) });
            }
            Ok(())
        })
    }

    /// Each grey object is queued once, and nothing else is grey.
    fn queue(&mut self) -> Verdict {
        let mut queued: HashSet<ObjectPtr> = HashSet::new();
        for (object, piece) in self.c.marker.queued_objects() {
            let Some(at) = self.locate(object) else {
                return fail(format!("the queue holds {:#x}, where no object is", object.addr()));
            };
            // A whole-object write may have made it black meanwhile: such an entry is skipped when its turn comes.
            if !object.is_queued() {
                continue;
            }
            if !self.is_marked(at) {
                return fail(format!("{} is queued, and not marked", self.name(at)));
            }
            if !queued.insert(object) {
                return fail(format!("{} is queued twice", self.name(at)));
            }
            if piece != 0 && !self.begins_again(at, piece) {
                self.in_pieces.insert(object, piece);
            }
        }
        if !self.is_marking() && !queued.is_empty() {
            return fail(format!("{} objects are queued in phase {}", queued.len(), self.c.phase.get()));
        }
        let mut lost = false;
        self.each_object(|at| {
            let object = self.object(at);
            if !object.is_queued() || queued.contains(&object) {
                return Ok(());
            }
            lost = true;
            if self.is_marking() && self.is_marked(at) && self.blocks[at.block].block.lost_grey.get() {
                return Ok(());
            }
            let what = format!("{} says that it is queued, and is not", self.name(at));
            Err(VerifyError { what, path: self.path_to(at) })
        })?;
        if (lost || !queued.is_empty()) && self.c.marker.is_empty() {
            return fail("there are grey objects, and the marker says that there are none".into());
        }
        Ok(())
    }

    /// No pointer in an allocated object leads to what was freed. (Not those of unreachable objects either: marking
    /// follows all that a marked object holds, so what survives is closed.)
    fn edges(&self) -> Verdict {
        let mut children = Vec::new();
        self.each_object(|at| {
            self.children(at, &mut children);
            for (number, &child) in children.iter().enumerate() {
                if self.locate(child).is_none() {
                    let what = format!(
                        "pointer {number} of {} leads to {:#x}, where no object is: it was freed",
                        self.name(at),
                        child.addr()
                    );
                    return Err(VerifyError { what, path: self.path_to(at) });
                }
            }
            Ok(())
        })?;
        if !self.is_condemned() {
            return Ok(());
        }
        for root in self.roots.iter().filter(|root| root.alive) {
            if let Some(at) = self.locate(root.object)
                && !self.is_marked(at)
            {
                let what = format!("{} is condemned, and reachable", self.name(at));
                return Err(VerifyError { what, path: vec![root.place.to_string(), self.name(at)] });
            }
        }
        self.each_object(|at| {
            self.children(at, &mut children);
            for &child in &children {
                if self.is_marked(at)
                    && let Some(to) = self.locate(child)
                    && !self.is_marked(to)
                {
                    let what = format!("{} is condemned, and {} that lives points to it", self.name(to), self.name(at));
                    return Err(VerifyError { what, path: self.path_to(at) });
                }
            }
            Ok(())
        })
    }

    // ---- the policy

    /// The second mark: what this cycle's marking would find if the mutator stopped now.
    fn find(&mut self) {
        let mut work: Vec<At> = Vec::new();
        for root in &self.roots {
            if root.pending
                && let Some(at) = self.locate(root.object)
            {
                work.push(at);
            }
        }
        for block in 0..self.blocks.len() {
            self.blocks[block].found = self.blocks[block].starts & self.blocks[block].marked;
            for granule in self.blocks[block].found.iter_ones() {
                let at = At { block, granule };
                if self.object(at).is_queued() {
                    work.push(at);
                }
            }
        }
        let mut children = Vec::new();
        while let Some(at) = work.pop() {
            let seen = self.blocks[at.block].found.replace(at.granule, true);
            // Marking does not look into black objects again. Grey ones are pushed once, above.
            if seen && !self.object(at).is_queued() {
                continue;
            }
            self.children_of_pieces(at, self.next_piece(at), 0, &mut children);
            for &child in &children {
                if let Some(to) = self.locate(child)
                    && !self.is_found(to)
                {
                    work.push(to);
                }
            }
        }
    }

    /// Whatever a root or a black object points to is found.
    fn nothing_is_lost(&self) -> Verdict {
        for root in self.roots.iter().filter(|root| root.alive) {
            if let Some(at) = self.locate(root.object)
                && !self.is_found(at)
            {
                let what = format!("{} is reachable, and marking will not find it", self.name(at));
                return Err(VerifyError { what, path: vec![root.place.to_string(), self.name(at)] });
            }
        }
        let strong = self.rules.shade_new == New::Shade;
        let mut children = Vec::new();
        self.each_object(|at| {
            // What a grey object shows of itself that was scanned is as good as black.
            let scanned = self.next_piece(at);
            if !self.is_marked(at) || self.object(at).is_queued() && scanned == 0 {
                return Ok(());
            }
            self.children_of_pieces(at, 0, scanned, &mut children);
            for (number, &child) in children.iter().enumerate() {
                let Some(to) = self.locate(child) else { continue };
                if strong && !self.is_marked(to) || !self.is_found(to) {
                    let what = format!(
                        "pointer {number} of a black {} leads to a white {} {}",
                        self.name(at),
                        self.name(to),
                        if strong {
                            "(the policy is to keep the strong invariant)"
                        } else {
                            "that marking will not find"
                        }
                    );
                    let mut path = self.path_to(at);
                    path.push(self.name(to));
                    return Err(VerifyError { what, path });
                }
            }
            Ok(())
        })
    }

    // ---- reports

    fn name(&self, at: At) -> String {
        (self.object(at).info().name)().to_string()
    }

    /// The shortest way from a live root to the object, in words: breadth first over allocated objects.
    fn path_to(&self, target: At) -> Vec<String> {
        // Where each object was first come from: a root, or an object and the number of its pointer.
        let mut came: HashMap<ObjectPtr, Result<Place, (ObjectPtr, usize)>> = HashMap::new();
        let mut work = VecDeque::new();
        for root in self.roots.iter().filter(|root| root.alive) {
            if let (Some(at), Entry::Vacant(entry)) = (self.locate(root.object), came.entry(root.object)) {
                entry.insert(Ok(root.place));
                work.push_back(at);
            }
        }
        let goal = self.object(target);
        let mut children = Vec::new();
        while let Some(at) = work.pop_front() {
            if at == target {
                break;
            }
            self.children(at, &mut children);
            for (number, &child) in children.iter().enumerate() {
                if let (Some(to), Entry::Vacant(entry)) = (self.locate(child), came.entry(child)) {
                    entry.insert(Err((self.object(at), number)));
                    work.push_back(to);
                }
            }
        }
        let mut path = vec![self.name(target)];
        let mut object = goal;
        loop {
            match came.get(&object) {
                Some(Err((from, number))) => {
                    let name = self.locate(*from).map_or_else(String::new, |at| self.name(at));
                    path.push(format!("{name}[pointer {number}]"));
                    object = *from;
                }
                Some(Ok(place)) => {
                    path.push(place.to_string());
                    break;
                }
                None => {
                    path.push("(no root leads there)".into());
                    break;
                }
            }
        }
        path.reverse();
        path
    }
}

fn fail<T>(what: String) -> Verdict<T> {
    Err(VerifyError { what, path: Vec::new() })
}

/// A copy of a bitmap. Reads word by word, and makes no reference: the sweeper may read the same bitmap.
///
/// # Safety
/// No other thread may write this bitmap meanwhile (I7).
unsafe fn words(block: BlockPtr, which: usize) -> [u64; WORDS] {
    // SAFETY: in bounds; not written meanwhile, by the caller's word.
    core::array::from_fn(|word| unsafe { block.bits_word(which, word).read() })
}

#[cfg(test)]
mod tests;

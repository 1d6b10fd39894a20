//! Heaps as an interpreter's: objects whose fields are values, linked in the order of allocation or at random.

use std::any::Any;
use std::ops::RangeInclusive;

use grisaille::{Gc, Mutator, Slot, Stack, Trace};

use super::Random;

/// The types of the objects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A number: no value.
    Number,
    /// One value.
    Cell,
    /// Two values.
    Pair,
    /// An array of that many values.
    Array(usize),
    /// Two values between two words that are none.
    Closure,
    /// Five values.
    Instance,
    /// Two values, and a word that is none: the one type beside all others.
    Node,
    /// Three values.
    Three,
    /// Four values.
    Four,
}

impl Kind {
    /// Returns the number of values.
    fn values(self) -> usize {
        match self {
            Kind::Number => 0,
            Kind::Cell => 1,
            Kind::Pair | Kind::Closure | Kind::Node => 2,
            Kind::Three => 3,
            Kind::Four => 4,
            Kind::Instance => 5,
            Kind::Array(len) => len,
        }
    }

    /// Returns the bytes of an object, header included, with values of two words.
    fn bytes(self) -> usize {
        let words = match self {
            Kind::Number | Kind::Array(_) | Kind::Node => 1,
            Kind::Closure => 2,
            _ => 0,
        };
        8 * (1 + words + 2 * self.values())
    }
}

/// The types of a heap's objects.
#[derive(Clone)]
pub enum Layout {
    /// Six types in equal parts, in random order.
    Interpreter,
    /// [`Kind::Node`].
    OneType,
    /// Arrays of random lengths.
    Arrays(RangeInclusive<usize>),
    /// Structs of as many values.
    Structs(RangeInclusive<usize>),
}

impl Layout {
    fn pick(&self, random: &mut Random) -> Kind {
        let mut between = |range: &RangeInclusive<usize>| {
            let len = range.end() - range.start() + 1;
            range.start() + random.below(1 << 16) % len
        };
        match self {
            Layout::Interpreter => match between(&(0..=5)) {
                0 => Kind::Number,
                1 => Kind::Cell,
                2 => Kind::Pair,
                3 => Kind::Array(between(&(2..=4))),
                4 => Kind::Closure,
                _ => Kind::Instance,
            },
            Layout::OneType => Kind::Node,
            Layout::Arrays(lengths) => Kind::Array(between(lengths)),
            Layout::Structs(lengths) => match between(lengths) {
                2 => Kind::Pair,
                3 => Kind::Three,
                4 => Kind::Four,
                _ => unreachable!("there are structs of two to four values"),
            },
        }
    }
}

/// Where the objects lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Links {
    /// Breadth first: what an object leads to lies side by side.
    InOrder,
    /// Each object at a random place.
    Shuffled,
}

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Content {
    /// A pointer to the object of that number.
    Object(usize),
    /// Something else, of which the number says what.
    Plain(usize),
}

/// What objects a heap has, and what their fields hold.
///
/// A share of the values, at random places, are pointers. They lead to the objects in their order, so that each object is
/// reached from the first; those that are left when all are reached lead to objects at random. The other values are numbers,
/// booleans and nil.
pub struct Plan {
    kinds: Vec<Kind>,
    contents: Vec<Content>,
    /// The places of the objects in the order of allocation.
    places: Vec<usize>,
}

impl Plan {
    /// Makes a plan in which so many per cent of the values are pointers.
    pub fn new(layout: Layout, links: Links, objects: usize, pointers: usize) -> Plan {
        let mut random = Random::new();
        let (mut kinds, mut contents) = (Vec::new(), Vec::new());
        // The objects that are reached so far.
        let mut reached = 1;
        for at in 0..objects {
            // The first objects have values and pointers only, so that there are always some that were reached.
            let is_first = at < 100 || reached < at + 50;
            let kind = loop {
                let kind = layout.pick(&mut random);
                if !is_first || kind.values() > 0 {
                    break kind;
                }
            };
            kinds.push(kind);
            for _ in 0..kind.values() {
                let is_pointer = random.below(1 << 16) * 100 < pointers << 16 || is_first && reached < objects;
                contents.push(if !is_pointer {
                    Content::Plain(random.below(1 << 16))
                } else if reached < objects {
                    reached += 1;
                    Content::Object(reached - 1)
                } else {
                    Content::Object((random.next() >> 8) % objects)
                });
            }
        }
        assert_eq!(reached, objects);
        let mut places: Vec<usize> = (0..objects).collect();
        if links == Links::Shuffled {
            for index in (1..objects).rev() {
                places.swap(index, (random.next() >> 8) % (index + 1));
            }
        }
        Plan { kinds, contents, places }
    }

    /// Returns the plan with values changed at random, so that there are as many pointers as that.
    pub fn with_edges(mut self, edges: usize) -> Plan {
        let mut random = Random::new();
        let objects = self.objects();
        let mut pointers = self.edges();
        // A pointer may be taken out if it leads to an object that another one reaches: those behind the last new one.
        let mut next = 1;
        let spare = self.contents.iter().position(|content| {
            next += usize::from(*content == Content::Object(next));
            next == objects
        });
        let spare = spare.expect("all objects are reached") + 1;
        while pointers != edges {
            let at = spare + (random.next() >> 8) % (self.contents.len() - spare);
            match self.contents[at] {
                Content::Plain(_) if pointers < edges => {
                    self.contents[at] = Content::Object((random.next() >> 8) % objects);
                    pointers += 1;
                }
                Content::Object(_) if pointers > edges => {
                    self.contents[at] = Content::Plain(random.below(1 << 16));
                    pointers -= 1;
                }
                _ => {}
            }
        }
        self
    }

    pub fn objects(&self) -> usize {
        self.kinds.len()
    }

    /// Returns the number of pointers in all fields.
    pub fn edges(&self) -> usize {
        self.contents.iter().filter(|content| matches!(content, Content::Object(_))).count()
    }

    /// Returns the bytes of all objects, headers included, where a value has two words.
    pub fn bytes(&self) -> usize {
        self.kinds.iter().map(|kind| kind.bytes()).sum()
    }

    /// Calls `make` with the type of each object, in the order of allocation.
    fn allocate(&self, mut make: impl FnMut(Kind)) {
        let mut numbers = vec![0; self.objects()];
        self.places.iter().enumerate().for_each(|(number, &place)| numbers[place] = number);
        numbers.iter().for_each(|&number| make(self.kinds[number]));
    }

    /// Calls `link` with the place of each object, the index of a field, and what it holds: the place of another object, or
    /// a number.
    fn link(&self, mut link: impl FnMut(usize, usize, Result<usize, usize>)) {
        let mut contents = self.contents.iter();
        for (kind, &place) in self.kinds.iter().zip(&self.places) {
            for (field, content) in contents.by_ref().take(kind.values()).enumerate() {
                link(
                    place,
                    field,
                    match *content {
                        Content::Object(number) => Ok(self.places[number]),
                        Content::Plain(number) => Err(number),
                    },
                );
            }
        }
    }
}

/// Makes the objects of a plan, and returns what keeps them alive.
pub type Make = fn(&mut Mutator<'_>, &Plan) -> Box<dyn Any>;

/// The values of an interpreter, and its objects. `Stored` is what a field holds.
macro_rules! interpreter {
    ($module:ident, $Stored:ident) => {
        pub mod $module {
            use std::any::Any;

            use grisaille::{Array, Gc, Mutator, Pack, Packed, Slot, Stack, Trace};

            use super::{Kind, Plan};

            #[allow(dead_code, reason = "one of the two is used")]
            type Plain<V> = V;
            type Field<'gc> = Slot<$Stored<Value<'gc>>>;

            #[derive(Clone, Copy, Trace, Pack)]
            pub enum Value<'gc> {
                Nil,
                Boolean(bool),
                Integer(i32),
                Float(f64),
                Number(Gc<'gc, u64>),
                Cell(Gc<'gc, Cell<'gc>>),
                Pair(Gc<'gc, Pair<'gc>>),
                Array(Array<'gc, Field<'gc>>),
                Closure(Gc<'gc, Closure<'gc>>),
                Instance(Gc<'gc, Instance<'gc>>),
                Node(Gc<'gc, Node<'gc>>),
                Three(Gc<'gc, Three<'gc>>),
                Four(Gc<'gc, Four<'gc>>),
            }

            #[derive(Trace)]
            pub struct Cell<'gc> {
                value: Field<'gc>,
            }

            #[derive(Trace)]
            pub struct Pair<'gc> {
                car: Field<'gc>,
                cdr: Field<'gc>,
            }

            #[derive(Trace)]
            pub struct Closure<'gc> {
                _code: u64,
                this: Field<'gc>,
                environment: Field<'gc>,
                _arity: u64,
            }

            #[derive(Trace)]
            pub struct Instance<'gc> {
                class: Field<'gc>,
                fields: [Field<'gc>; 4],
            }

            #[derive(Trace)]
            pub struct Node<'gc> {
                left: Field<'gc>,
                right: Field<'gc>,
                _number: u64,
            }

            #[derive(Trace)]
            pub struct Three<'gc> {
                values: [Field<'gc>; 3],
            }

            #[derive(Trace)]
            pub struct Four<'gc> {
                values: [Field<'gc>; 4],
            }

            fn nil<'gc>() -> Field<'gc> {
                Slot::new(Value::Nil.into())
            }

            impl<'gc> Value<'gc> {
                fn new(cx: &'gc Mutator<'_>, kind: Kind) -> Value<'gc> {
                    match kind {
                        Kind::Number => Value::Number(cx.alloc(7)),
                        Kind::Cell => Value::Cell(cx.alloc(Cell { value: nil() })),
                        Kind::Pair => Value::Pair(cx.alloc(Pair { car: nil(), cdr: nil() })),
                        Kind::Array(len) => Value::Array(cx.alloc_array(len, |_| nil())),
                        Kind::Closure => {
                            Value::Closure(cx.alloc(Closure { _code: 7, this: nil(), environment: nil(), _arity: 2 }))
                        }
                        Kind::Instance => {
                            Value::Instance(cx.alloc(Instance { class: nil(), fields: [nil(), nil(), nil(), nil()] }))
                        }
                        Kind::Node => Value::Node(cx.alloc(Node { left: nil(), right: nil(), _number: 7 })),
                        Kind::Three => Value::Three(cx.alloc(Three { values: [nil(), nil(), nil()] })),
                        Kind::Four => Value::Four(cx.alloc(Four { values: [nil(), nil(), nil(), nil()] })),
                    }
                }

                fn plain(number: usize) -> Value<'gc> {
                    match number % 4 {
                        0 => Value::Nil,
                        1 => Value::Boolean(number % 8 < 4),
                        2 => Value::Integer(number as i32),
                        _ => Value::Float(number as f64),
                    }
                }

                fn field(&self, index: usize) -> &Field<'gc> {
                    match self {
                        Value::Cell(cell) => &cell.value,
                        Value::Pair(pair) => [&pair.car, &pair.cdr][index],
                        Value::Array(array) => &array[index],
                        Value::Closure(closure) => [&closure.this, &closure.environment][index],
                        Value::Instance(instance) if index == 0 => &instance.class,
                        Value::Instance(instance) => &instance.fields[index - 1],
                        Value::Node(node) => [&node.left, &node.right][index],
                        Value::Three(three) => &three.values[index],
                        Value::Four(four) => &four.values[index],
                        _ => unreachable!("no object with fields"),
                    }
                }
            }

            /// Makes the objects of a plan, with these values.
            pub fn make(cx: &mut Mutator<'_>, plan: &Plan) -> Box<dyn Any> {
                let mut stack: Stack<Value<'static>> = Stack::with_capacity(cx, plan.objects());
                let mut all = stack.open(cx);
                plan.allocate(|kind| all.push(cx, Value::new(cx, kind)));
                plan.link(|place, field, content| {
                    let content = match content {
                        Ok(other) => all.at(cx, other),
                        Err(number) => Value::plain(number),
                    };
                    all.at(cx, place).field(field).set(cx, content.into());
                });
                Box::new(cx.persist(all.at(cx, plan.places[0])))
            }
        }
    };
}

interpreter!(wide, Plain);
interpreter!(packed, Packed);

/// As many bytes as a [`Kind::Node`], and pointers of one type.
#[derive(Trace)]
struct Linked<'gc> {
    edges: [Slot<Option<Gc<'gc, Linked<'gc>>>>; 2],
    _rest: [u64; 3],
}

/// Makes the objects of a plan of one type, with plain pointers in the place of values.
pub fn pointers(cx: &mut Mutator<'_>, plan: &Plan) -> Box<dyn Any> {
    let mut stack: Stack<Gc<'static, Linked<'static>>> = Stack::with_capacity(cx, plan.objects());
    let mut all = stack.open(cx);
    plan.allocate(|kind| {
        assert_eq!(kind, Kind::Node);
        all.push(cx, cx.alloc(Linked { edges: [Slot::new(None), Slot::new(None)], _rest: [7; 3] }));
    });
    plan.link(|place, field, content| {
        all.at(cx, place).edges[field].set(cx, content.ok().map(|other| all.at(cx, other)));
    });
    Box::new(cx.persist(all.at(cx, plan.places[0])))
}

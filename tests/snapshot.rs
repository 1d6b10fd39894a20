//! Snapshots: what is alive, why, and in which formats it can be read.

use grisaille::{
    AnyGc, Array, Budget, Color, Gc, Heap, HeapBuilder, Insertion, List, Map, Phase, Slot, Snapshot, Stack,
    StopTheWorld, Str, Trace, Weak,
};
use serde_json::Value as Json;

#[derive(Clone, Copy, Trace)]
enum Value<'gc> {
    Nil,
    Pair(Gc<'gc, Pair<'gc>>),
    Text(Str<'gc>),
}

#[derive(Trace)]
struct Pair<'gc> {
    car: Slot<Value<'gc>>,
    cdr: Slot<Value<'gc>>,
}

#[derive(Trace)]
struct Bag<'gc> {
    #[trace(skip)]
    _number: u64,
    few: [Slot<Option<AnyGc<'gc>>>; 2],
    list: List<'gc, Value<'gc>>,
    table: Map<'gc, u64, Value<'gc>>,
    /// A field whose name Rust would not take.
    r#type: Option<Weak<'gc, Pair<'gc>>>,
}

fn pair<'gc>(cx: &'gc grisaille::Mutator<'_>, car: Value<'gc>, cdr: Value<'gc>) -> Gc<'gc, Pair<'gc>> {
    cx.alloc(Pair { car: Slot::new(car), cdr: Slot::new(cdr) })
}

#[test]
fn a_path_names_root_types_and_fields() {
    let stack = Heap::new().enter(|cx| {
        let text = cx.alloc_str("deep");
        let inner = pair(cx, Value::Nil, Value::Text(text));
        let outer = pair(cx, Value::Pair(inner), Value::Nil);
        let mut stack: Stack<Value<'static>> = Stack::new(cx);
        stack.open(cx).push(cx, Value::Nil);
        stack.open(cx).push(cx, Value::Pair(outer));
        let (text, inner) = (Str::addr(text), Gc::addr(inner));
        let snapshot = cx.snapshot();
        let path = snapshot.path_to(text).unwrap();
        assert_eq!(path.to_string(), "stack 0[1] -> Pair.car -> Pair.cdr -> Str \"deep\"");
        assert_eq!((path.root(), path.steps().len()), ("stack 0[1]", 3));
        assert_eq!(snapshot.path_to(inner).unwrap().steps().last().unwrap(), "Pair");
        assert_eq!(snapshot.path_to(inner + 8), None);
        assert_eq!(snapshot.path_to(0), None);
        stack
    });
    drop(stack);
}

#[test]
fn fields_with_several_pointers_and_the_kits_objects_have_numbers() {
    Heap::new().enter(|cx| {
        let [a, b, c, d] = [1u32, 2, 3, 4].map(|n| cx.alloc_str(&n.to_string()));
        let bag = cx.alloc(Bag {
            _number: 7,
            few: [Slot::new(Some(a.into())), Slot::new(Some(b.into()))],
            list: List::new(),
            table: Map::new(),
            r#type: None,
        });
        bag.list.push(cx, Value::Nil);
        bag.list.push(cx, Value::Text(c));
        bag.table.insert(cx, 1, Value::Text(d));
        let array: Array<'_, Value<'_>> = {
            let text = cx.alloc_str("5");
            cx.alloc_array(2, |index| if index == 0 { Value::Nil } else { Value::Text(text) })
        };
        let last = array[1];
        let Value::Text(last) = last else { unreachable!() };
        let _roots = (cx.root(bag), cx.root(array));
        let [a, b, c, d, last] = [a, b, c, d, last].map(Str::addr);
        let snapshot = cx.snapshot();
        let path = |address| snapshot.path_to(address).unwrap().to_string();
        assert_eq!(path(a), "local 0 -> Bag.few[0] -> Str \"1\"");
        assert_eq!(path(b), "local 0 -> Bag.few[1] -> Str \"2\"");
        assert!(path(c).starts_with("local 0 -> Bag.list -> List<Value>[0] -> Str"), "{}", path(c));
        assert!(path(d).starts_with("local 0 -> Bag.table -> Map<u64, Value>"), "{}", path(d));
        assert_eq!(path(last), "local 1 -> Array<Value>[0] -> Str \"5\"");
    });
}

#[test]
fn a_census_counts_what_is_reachable_and_a_difference_shows_a_leak() {
    let mut heap = Heap::new();
    heap.enter(|cx| {
        let list = cx.root_cell(Value::Nil);
        for _ in 0..10 {
            list.set(cx, Value::Pair(pair(cx, Value::Nil, list.get(cx))));
            pair(cx, Value::Nil, Value::Nil);
        }
        let before = cx.snapshot();
        assert_eq!((before.objects(), before.reachable()), (20, 10));
        assert_eq!(before.census().of("Pair"), (10, 400));
        assert_eq!(before.of_type("Pair").count(), 20);
        list.set(cx, Value::Pair(pair(cx, Value::Text(cx.alloc_str("leak")), list.get(cx))));
        let growth = cx.snapshot().census().since(&before.census());
        let rows: Vec<_> = growth.rows().map(|(_, objects, bytes)| (objects, bytes)).collect();
        assert_eq!(rows, [(1, 40), (1, 24)]);
        let table = growth.to_string();
        assert!(table.contains("+1") && table.lines().count() == 3, "{table}");
        list.set(cx, Value::Nil);
        let shrunk = cx.snapshot().census().since(&before.census());
        assert!(shrunk.rows().all(|(_, objects, _)| objects == -10), "{shrunk}");
    });
}

#[test]
fn what_an_ephemeron_keeps_is_reached_when_its_key_is() {
    Heap::new().enter(|cx| {
        // The key is further from the root than the ephemeron, and reached later.
        let key = pair(cx, Value::Nil, Value::Nil);
        let value = pair(cx, Value::Nil, Value::Nil);
        let ephemeron = cx.alloc_ephemeron(key, value);
        let far = pair(cx, Value::Pair(pair(cx, Value::Pair(key), Value::Nil)), Value::Nil);
        let _first = cx.root(ephemeron);
        let second = cx.root_cell(Value::Pair(far));
        let (key, value) = (Gc::addr(key), Gc::addr(value));
        let snapshot = cx.snapshot();
        assert!(snapshot.path_to(value).unwrap().to_string().ends_with(".value -> Pair"));
        second.set(cx, Value::Nil);
        let snapshot = cx.snapshot();
        assert_eq!((snapshot.path_to(key), snapshot.path_to(value)), (None, None));
    });
}

#[test]
fn a_weak_pointer_keeps_nothing() {
    Heap::new().enter(|cx| {
        let target = pair(cx, Value::Nil, Value::Nil);
        let _weak = cx.root(Gc::downgrade(target, cx));
        let target = Gc::addr(target);
        assert_eq!(cx.snapshot().path_to(target), None);
    });
}

fn read(snapshot: &Snapshot) -> Json {
    let mut text = Vec::new();
    snapshot.write_heapsnapshot(&mut text).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// A node of a file: name, size and edges, each as name and target.
type Node = (String, u64, Vec<(String, usize)>);

/// Returns the nodes of a file.
fn nodes(file: &Json) -> Vec<Node> {
    let numbers = |name: &str| -> Vec<usize> {
        file[name].as_array().unwrap().iter().map(|number| number.as_u64().unwrap() as usize).collect()
    };
    let strings: Vec<&str> = file["strings"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    let fields = file["snapshot"]["meta"]["node_fields"].as_array().unwrap().len();
    let (nodes, edges) = (numbers("nodes"), numbers("edges"));
    assert_eq!(nodes.len(), fields * file["snapshot"]["node_count"].as_u64().unwrap() as usize);
    assert_eq!(edges.len(), 3 * file["snapshot"]["edge_count"].as_u64().unwrap() as usize);
    let mut edges = edges.chunks(3);
    let all = nodes
        .chunks(fields)
        .map(|node| {
            let own = edges.by_ref().take(node[4]);
            let own = own.map(|edge| {
                assert!(edge[2].is_multiple_of(fields) && edge[2] < nodes.len());
                let name = if edge[0] == 1 { edge[1].to_string() } else { strings[edge[1]].to_string() };
                (name, edge[2] / fields)
            });
            (strings[node[1]].to_string(), node[3] as u64, own.collect())
        })
        .collect();
    assert!(edges.next().is_none());
    all
}

#[test]
fn a_file_for_the_developer_tools_has_the_same_graph() {
    let mut heap = Heap::new();
    let _root = heap.enter(|cx| {
        let text = cx.alloc_str("a \"quoted\"\n\u{1}text\\ é");
        let inner = pair(cx, Value::Nil, Value::Text(text));
        let root = cx.persist(pair(cx, Value::Pair(inner), Value::Pair(inner)));
        pair(cx, Value::Nil, Value::Nil);
        root
    });
    let snapshot = heap.snapshot();
    let nodes = nodes(&read(&snapshot));
    assert_eq!(nodes.len(), 2 + snapshot.objects());
    assert_eq!(nodes[0].2, [("0".to_string(), 1)]);
    let [(root, first)] = &*nodes[1].2 else { panic!("{nodes:?}") };
    assert!(root.starts_with("root "), "{root}");
    let (name, bytes, edges) = &nodes[*first];
    assert_eq!((&**name, *bytes), ("Pair", 40));
    assert_eq!(edges.iter().map(|(name, _)| &**name).collect::<Vec<_>>(), ["car", "cdr"]);
    assert_eq!(edges[0].1, edges[1].1);
    let text = nodes[edges[0].1].2[0].1;
    assert_eq!(nodes[text].0, "a \"quoted\"\n\u{1}text\\ é");
    let sizes: u64 = nodes.iter().map(|node| node.1).sum();
    assert_eq!(sizes, heap.stats().bytes_live());
}

#[test]
fn a_graph_has_colours_and_clusters() {
    let mut heap = Heap::builder().automatic(false).barrier::<Insertion>().build().unwrap();
    heap.enter(|cx| {
        let mut stack: Stack<Gc<'static, Slot<Option<AnyGc<'static>>>>> = Stack::new(cx);
        for _ in 0..3 {
            let object = cx.alloc(Slot::new(Some(AnyGc::from(cx.alloc(1u64)))));
            stack.open(cx).push(cx, object);
        }
        let mut seen = Vec::new();
        while cx.phase() != Phase::Weak {
            cx.step(Budget::work(1));
            let mut dot = Vec::new();
            cx.snapshot().write_dot(&mut dot).unwrap();
            let dot = String::from_utf8(dot).unwrap();
            assert!(dot.contains("subgraph cluster_stack0"), "{dot}");
            for color in ["fillcolor=white", "fillcolor=gray70", "fillcolor=black"] {
                if dot.contains(color) {
                    seen.push(color);
                }
            }
        }
        seen.dedup();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, ["fillcolor=black", "fillcolor=gray70", "fillcolor=white"]);
        assert_eq!(cx.color(cx.alloc(1)), Color::Black);
    });
}

#[test]
fn a_snapshot_changes_nothing_at_any_moment_of_a_cycle() {
    fn run<B: grisaille::Barrier>(builder: HeapBuilder<B>) {
        let mut heap = builder.automatic(false).build().unwrap();
        heap.enter(|cx| {
            let list = cx.root_cell(None::<Gc<'_, Slot<Option<AnyGc<'_>>>>>);
            for _ in 0..100 {
                let next = list.get(cx).map(AnyGc::from);
                list.set(cx, Some(cx.alloc(Slot::new(next))));
                cx.alloc("garbage".to_string());
            }
            for _ in 0..3 {
                loop {
                    let before = (cx.stats(), cx.phase());
                    let snapshot = cx.snapshot();
                    assert_eq!(snapshot.reachable(), 100, "{}", cx.phase());
                    assert_eq!((cx.stats(), cx.phase(), cx.verify()), (before.0, before.1, Ok(())));
                    if cx.step(Budget::work(40)).cycle_ended {
                        break;
                    }
                }
            }
            assert_eq!(cx.snapshot().objects(), 100);
        });
    }
    run(Heap::builder());
    run(Heap::builder().barrier::<Insertion>());
    run(Heap::builder().barrier::<StopTheWorld>());
}

//! The heap in the format of V8's heap snapshots.

use std::collections::HashMap;
use std::io::{self, Write};

use super::{EdgeKind, Snapshot, short};

/// What the numbers of the file mean, as V8 writes it (`src/profiler/heap-snapshot-generator.cc`).
const META: &str = r#"{"node_fields":["type","name","id","self_size","edge_count","trace_node_id","detachedness"],"node_types":[["hidden","array","string","object","code","closure","regexp","number","native","synthetic","concatenated string","sliced string","symbol","bigint","object shape"],"string","number","number","number","number","number"],"edge_fields":["type","name_or_index","to_node"],"edge_types":[["context","element","property","internal","hidden","shortcut","weak"],"string_or_number","node"],"trace_function_info_fields":["function_id","name","script_name","script_id","line","column"],"trace_node_fields":["id","function_info_index","count","size","children"],"sample_fields":["timestamp_us","last_assigned_id"],"location_fields":["object_index","script_id","line","column"]}"#;

/// Number of fields of a node.
const NODE_FIELDS: usize = 7;

// Types of nodes and of edges, by their place in `META`.
const STRING: usize = 2;
const OBJECT: usize = 3;
const SYNTHETIC: usize = 9;
const ELEMENT: usize = 1;
const PROPERTY: usize = 2;
const WEAK: usize = 6;

/// Nodes in front of the objects: the root of all, and the heap's roots.
const SYNTHETIC_NODES: usize = 2;

/// The strings of the file, each of which has a number.
#[derive(Default)]
struct Strings {
    numbers: HashMap<String, usize>,
    in_order: Vec<String>,
}

impl Strings {
    fn number(&mut self, text: &str) -> usize {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = self.in_order.len();
        self.numbers.insert(text.to_string(), number);
        self.in_order.push(text.to_string());
        number
    }
}

impl Snapshot {
    /// Writes the heap in the format of V8's heap snapshots: a file `name.heapsnapshot` opens in the memory panel of the
    /// developer tools of Chrome, which shows types, retained sizes and paths to the roots.
    ///
    /// Objects that no root leads to are in the file, and seen there as unreachable. The value of an ephemeron appears as
    /// owned by the ephemeron.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// let _kept = cx.root(cx.alloc(1u64));
    /// let mut file = Vec::new(); // or a std::fs::File, in a BufWriter
    /// cx.snapshot().write_heapsnapshot(&mut file).unwrap();
    /// assert!(file.starts_with(b"{\"snapshot\":"));
    /// # });
    /// ```
    ///
    /// # Errors
    /// Passes the errors of the writer on.
    pub fn write_heapsnapshot(&self, mut writer: impl Write) -> io::Result<()> {
        let (w, mut strings) = (&mut writer, Strings::default());
        let nodes = self.objects.len() + SYNTHETIC_NODES;
        let edges = self.edges.len() + self.roots.len() + 1;
        write!(w, r#"{{"snapshot":{{"meta":{META},"node_count":{nodes},"edge_count":{edges},"#)?;
        write!(w, r#""trace_function_count":0}},{newline}"nodes":["#, newline = '\n')?;

        let mut node = |w: &mut dyn Write, number: usize, kind: usize, name: &str, bytes: usize, edges: usize| {
            let comma = if number == 0 { "" } else { ",\n" };
            let name = strings.number(name);
            write!(w, "{comma}{kind},{name},{},{bytes},{edges},0,0", 2 * number + 1)
        };
        node(w, 0, SYNTHETIC, "", 0, 1)?;
        node(w, 1, SYNTHETIC, "(roots)", 0, self.roots.len())?;
        for (object, number) in self.objects.iter().zip(SYNTHETIC_NODES..) {
            let short = short(object.type_name);
            let (kind, name) = match &object.text {
                Some(text) => (STRING, text),
                None => (OBJECT, &short),
            };
            node(w, number, kind, name, object.bytes, object.edges.len())?;
        }
        write!(w, "],\n\"edges\":[{ELEMENT},0,{}", NODE_FIELDS)?;
        let place = |object: u32| (object as usize + SYNTHETIC_NODES) * NODE_FIELDS;
        for root in &self.roots {
            write!(w, ",\n{PROPERTY},{},{}", strings.number(&root.place), place(root.to))?;
        }
        for object in &self.objects {
            for edge in &self.edges[object.edges.clone()] {
                let to = place(edge.to);
                match (edge.kind, &edge.label) {
                    (EdgeKind::Weak, label) => {
                        write!(w, ",\n{WEAK},{},{to}", strings.number(&label.to_string()))?;
                    }
                    (_, label) if label.field.is_none() => {
                        write!(w, ",\n{ELEMENT},{},{to}", label.index.unwrap_or_default())?;
                    }
                    (_, label) => write!(w, ",\n{PROPERTY},{},{to}", strings.number(&label.to_string()))?,
                }
            }
        }
        write!(w, "],\n\"trace_function_infos\":[],\"trace_tree\":[],\"samples\":[],\"locations\":[],\n\"strings\":[")?;
        for (number, text) in strings.in_order.iter().enumerate() {
            w.write_all(if number == 0 { b"" } else { b",\n" })?;
            write_json(w, text)?;
        }
        w.write_all(b"]}\n")?;
        w.flush()
    }
}

/// Writes a string of JSON (RFC 8259, section 7).
fn write_json(w: &mut impl Write, text: &str) -> io::Result<()> {
    w.write_all(b"\"")?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(w, "\\{c}")?,
            c if u32::from(c) < 0x20 => write!(w, "\\u{:04x}", u32::from(c))?,
            c => write!(w, "{c}")?,
        }
    }
    w.write_all(b"\"")
}

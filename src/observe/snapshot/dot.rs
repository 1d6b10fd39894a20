//! The heap as a graph for Graphviz.

use std::io::{self, Write};

use super::{EdgeKind, Snapshot};
use crate::mark::color::Color;

impl Snapshot {
    /// Writes the heap as a graph in Graphviz' language: `dot -Tsvg heap.dot` draws it. Objects have their colour (white,
    /// grey, black), those that no root leads to a dashed frame; each stack is a cluster; weak pointers are dashed. For
    /// heaps of some hundred objects.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// let _kept = cx.root(cx.alloc(1u64));
    /// let mut dot = Vec::new();
    /// cx.snapshot().write_dot(&mut dot).unwrap();
    /// assert!(dot.starts_with(b"digraph heap {"));
    /// # });
    /// ```
    ///
    /// # Errors
    /// Passes the errors of the writer on.
    pub fn write_dot(&self, mut writer: impl Write) -> io::Result<()> {
        let w = &mut writer;
        writeln!(w, "digraph heap {{\n  rankdir=LR;\n  node [shape=box, style=filled, fontname=\"sans-serif\"];")?;
        for (number, object) in self.objects.iter().enumerate() {
            let (fill, text) = match object.color {
                Color::White => ("white", "black"),
                Color::Grey => ("gray70", "black"),
                Color::Black => ("black", "white"),
            };
            let style = if object.reached.is_some() { "filled" } else { "\"filled,dashed\"" };
            let name = quoted(&object.name());
            writeln!(w, "  o{number} [label={name}, fillcolor={fill}, fontcolor={text}, style={style}];")?;
        }
        for (from, object) in self.objects.iter().enumerate() {
            for edge in &self.edges[object.edges.clone()] {
                let style = match edge.kind {
                    EdgeKind::Strong => "",
                    EdgeKind::Weak => ", style=dashed",
                    EdgeKind::WhileAlive(_) => ", style=dotted",
                };
                writeln!(w, "  o{from} -> o{} [label={}{style}];", edge.to, quoted(&edge.label.to_string()))?;
            }
        }
        let mut stacks: Vec<usize> = self.roots.iter().filter_map(|root| root.stack).collect();
        stacks.dedup();
        for stack in stacks {
            writeln!(w, "  subgraph cluster_stack{stack} {{\n    label=\"stack {stack}\";")?;
            for (number, root) in self.roots.iter().enumerate().filter(|(_, root)| root.stack == Some(stack)) {
                writeln!(w, "    r{number} [label={}, shape=plaintext];", quoted(&root.place))?;
            }
            writeln!(w, "  }}")?;
        }
        for (number, root) in self.roots.iter().enumerate() {
            if root.stack.is_none() {
                writeln!(w, "  r{number} [label={}, shape=plaintext];", quoted(&root.place))?;
            }
            writeln!(w, "  r{number} -> o{};", root.to)?;
        }
        writeln!(w, "}}")?;
        w.flush()
    }
}

/// A string of Graphviz' language.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

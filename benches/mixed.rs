//! Marking an interpreter's heap: objects of many types, whose fields hold values of an enum.
//!
//! Where every pointer leads to one type, the processor predicts what a mark loop does. An interpreter's values lead to one
//! of many. Each section has the two side by side, as ratios from interleaved repetitions within one run.
//!
//! | section | what it answers |
//! |---|---|
//! | `types` | objects of six types, linked at random or in order, beside one type with as many bytes and edges |
//! | `arrays` | arrays of two to four values, beside structs with the same values |
//!
//! ```text
//! cargo bench --bench mixed                # both, about a minute
//! cargo bench --bench mixed -- arrays
//! ```
//!
//! A repetition is a full collection of a live heap, of which nothing dies; timed is the thread's processor time. Each heap is
//! collected twice before.

mod common;

use std::time::Duration;

use common::report::{Case, Ratio, interleave, table};
use common::values::{self, Layout, Links, Plan};
use common::{size, thread_time};
use grisaille::{Heap, Sweep};

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    println!(
        "# Marking mixed objects\n\nIn bold the ratio of the medians; then the smallest and the largest ratio of one repetition."
    );
    for (name, section) in [("types", types as fn()), ("arrays", arrays)] {
        if wanted.is_empty() || wanted.iter().any(|wanted| name.contains(wanted.as_str())) {
            section();
        }
    }
}

/// A case: a heap of its own, which is collected.
fn case<'a>(name: &str, plan: &Plan, make: values::Make) -> Case<'a> {
    let mut heap = Heap::builder().automatic(false).sweep(Sweep::Lazy).build().expect("a configuration that works");
    let kept = heap.enter(|cx| make(cx, plan));
    let objects = plan.objects() as u64;
    let mut collect = move || {
        let _kept = &kept;
        heap.enter(|cx| {
            let (before, start) = (cx.stats().objects_marked(), thread_time());
            cx.collect();
            let time = thread_time() - start;
            assert_eq!(cx.stats().objects_marked() - before, objects, "objects were not marked");
            time
        })
    };
    let nanoseconds = move |time: Duration| time.as_nanos() as f64 / objects as f64;
    for _ in 0..2 {
        collect();
    }
    Case::new(name, move || nanoseconds(collect()))
}

const ORDERS: [(Links, &str); 2] = [(Links::InOrder, "in order"), (Links::Shuffled, "shuffled")];

fn types() {
    let objects = size(1_000_000, 5_000);
    for (pointers, share) in [(60, "three of five values are pointers"), (100, "all values are pointers")] {
        for (links, order) in ORDERS {
            let one = Plan::new(Layout::OneType, links, objects, pointers);
            let mixed = Plan::new(Layout::Interpreter, links, objects, pointers).with_edges(one.edges());
            let mut cases = vec![
                case("one type, pointers", &one, values::pointers),
                case("one type, values", &one, values::wide::make),
                case("six types, values", &mixed, values::wide::make),
                case("one type, packed values", &one, values::packed::make),
                case("six types, packed values", &mixed, values::packed::make),
            ];
            interleave(&mut cases, size(11, 0));
            table(
                &format!("Six types beside one, {order}, {share}"),
                "ns an object",
                &format!(
                    "{objects} objects, {} edges; {:.1} bytes an object of the six types, {:.1} of the one.",
                    mixed.edges(),
                    mixed.bytes() as f64 / objects as f64,
                    one.bytes() as f64 / objects as f64,
                ),
                &cases,
                &[
                    Ratio("six types, values", "one type, values"),
                    Ratio("six types, packed values", "one type, packed values"),
                ],
            );
        }
    }
}

fn arrays() {
    for (links, order) in ORDERS {
        let objects = size(1_000_000, 5_000);
        for (lengths, name) in [(2..=4, "2 to 4 values"), (2..=2, "2 values"), (3..=3, "3 values"), (4..=4, "4 values")]
        {
            let [structs, arrays] = [Layout::Structs(lengths.clone()), Layout::Arrays(lengths)]
                .map(|layout| Plan::new(layout, links, objects, 60));
            let mut cases = vec![
                case("structs", &structs, values::wide::make),
                case("arrays", &arrays, values::wide::make),
                case("structs, packed values", &structs, values::packed::make),
                case("arrays, packed values", &arrays, values::packed::make),
            ];
            interleave(&mut cases, size(11, 0));
            table(
                &format!("Arrays of {name} beside structs, {order}"),
                "ns an object",
                &format!("{objects} objects, {} edges.", structs.edges()),
                &cases,
                &[Ratio("arrays, packed values", "structs, packed values")],
            );
        }
    }
}

//! What an observer is told, under each policy, and what the crate's own observers write.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use grisaille::{
    Barrier, Budget, CycleLog, Deletion, Event, Gc, Heap, HeapBuilder, Hybrid, Insertion, Moment, Phase, RootsFirst,
    Slot, StopTheWorld, Timeline, Trace, Watermark,
};

#[derive(Trace)]
struct Node<'gc> {
    next: Slot<Option<Gc<'gc, Node<'gc>>>>,
}

/// What was told, in order.
type Told = Arc<Mutex<Vec<(Moment, Event)>>>;

fn recorder(told: &Told) -> impl FnMut(&Moment, Event) + Send + 'static {
    let told = Arc::clone(told);
    move |moment, event| told.lock().unwrap().push((*moment, event))
}

/// Lists grow and die, with a write in each turn.
fn churn<B: Barrier>(heap: &mut Heap<B>, turns: usize) {
    heap.enter(|cx| {
        let list = cx.root_cell(None::<Gc<'_, Node<'_>>>);
        for turn in 0..turns {
            let next = list.get(cx);
            let node = cx.alloc(Node { next: Slot::new(None) });
            node.next.set(cx, next);
            list.set(cx, (turn % 1000 != 0).then_some(node));
            cx.safepoint();
        }
    });
}

fn small<B: Barrier>() -> HeapBuilder<B> {
    Heap::builder().floor(256 << 10).barrier()
}

fn tells_what_happens<B: Barrier>() {
    let (told, mut heap) = (Told::default(), small::<B>().build().unwrap());
    heap.observe(recorder(&told));
    churn(&mut heap, 100_000);
    let stats = heap.stats();
    heap.stop_observing();
    churn(&mut heap, 10_000);
    let told = Arc::into_inner(told).expect("the observer is dropped").into_inner().unwrap();
    let count = |what: fn(&Event) -> bool| told.iter().filter(|(_, event)| what(event)).count() as u64;

    assert!(stats.cycles() >= 2, "{stats}");
    assert_eq!(count(|event| *event == Event::PhaseBegins(Phase::Idle)), stats.cycles());
    assert_eq!(count(|event| *event == Event::StepBegins), stats.steps());
    assert_eq!(count(|event| matches!(event, Event::StepEnds { .. })), stats.steps());
    assert_eq!(count(|event| matches!(event, Event::Paused(_))), stats.pauses());
    let cycles_marked = told.iter().map(|(moment, _)| moment.cycle).max().unwrap();
    assert_eq!(count(|event| matches!(event, Event::RootsScanned)), cycles_marked);
    let longest = told.iter().filter_map(|(_, event)| match event {
        Event::Paused(time) => Some(*time),
        _ => None,
    });
    assert_eq!(longest.max(), Some(stats.longest_pause()));
    let (mut marked, mut freed) = (0, 0);
    for (moment, event) in &told {
        if let Event::Marked { bytes, dead, .. } = event {
            (marked, freed) = (marked + *bytes as u64, freed + *dead as u64);
            assert_eq!(moment.phase, Phase::Weak);
        }
        if let Event::PhaseBegins(phase) = event {
            assert_eq!(moment.phase, *phase);
        }
    }
    assert_eq!((marked, freed), (stats.bytes_marked(), stats.bytes_freed()));
    // Phases follow each other, and a cycle's number grows by one with each marking.
    let phases: Vec<(u64, Phase)> = told
        .iter()
        .filter_map(|(moment, event)| match event {
            Event::PhaseBegins(phase) => Some((moment.cycle, *phase)),
            _ => None,
        })
        .collect();
    for (before, after) in phases.iter().zip(&phases[1..]) {
        let marks_on = (before.1, after.1) == (Phase::MarkTermination, Phase::Mark);
        assert!(before.1 < after.1 || before.1 == Phase::Idle || after.1 == Phase::Idle || marks_on, "{phases:?}");
        let starts = after.1 == Phase::Mark && !marks_on;
        assert_eq!(after.0, before.0 + u64::from(starts), "{phases:?}");
    }
}

#[test]
fn an_observer_is_told_what_happens() {
    tells_what_happens::<RootsFirst>();
    tells_what_happens::<Hybrid>();
    tells_what_happens::<Insertion>();
    tells_what_happens::<Deletion>();
    tells_what_happens::<Watermark>();
    tells_what_happens::<StopTheWorld>();
}

#[test]
fn what_barriers_shade_is_told() {
    let (told, mut heap) = (Told::default(), Heap::builder().barrier::<Insertion>().automatic(false).build().unwrap());
    heap.observe(recorder(&told));
    heap.enter(|cx| {
        let first = cx.root(cx.alloc(Node { next: Slot::new(None) }));
        cx.step(Budget::work(1));
        assert_eq!(cx.phase(), Phase::Mark);
        let second = cx.alloc(Node { next: Slot::new(None) });
        first.get(cx).next.set(cx, Some(second));
        cx.collect();
    });
    assert!(told.lock().unwrap().iter().any(|(_, event)| *event == Event::BarrierFlushed { pointers: 1 }));
}

#[test]
fn a_refusal_and_memory_that_goes_back_are_told() {
    let (told, mut heap) = (Told::default(), Heap::builder().limit(16 << 20).automatic(false).build().unwrap());
    heap.observe(recorder(&told));
    heap.enter(|cx| {
        while cx.try_alloc([0u64; 100]).is_ok() {}
        cx.collect();
    });
    let told = told.lock().unwrap();
    let refused = told.iter().position(|(_, event)| matches!(event, Event::Refused { .. }));
    let went_back = told.iter().rposition(|(_, event)| matches!(event, Event::Decommitted { .. }));
    assert!(refused.is_some() && refused < went_back, "{refused:?} {went_back:?}");
    let bytes: usize = told
        .iter()
        .filter_map(|(_, event)| match event {
            Event::Decommitted { bytes } => Some(*bytes),
            _ => None,
        })
        .sum();
    assert_eq!(bytes as u64, heap.stats().bytes_returned());
}

#[test]
fn an_observer_that_panics_is_told_nothing_more_and_the_heap_goes_on() {
    /// Panics when it is told something, and when it is dropped.
    struct Fragile(Arc<Mutex<usize>>);

    impl grisaille::Observer for Fragile {
        fn event(&mut self, _: &Moment, _: Event) {
            *self.0.lock().unwrap() += 1;
            panic!("an observer panics, as the test wants");
        }
    }

    impl Drop for Fragile {
        fn drop(&mut self) {
            panic!("an observer panics once more, as the test wants");
        }
    }
    let (told, mut heap) = (Arc::default(), Heap::new());
    heap.observe(Fragile(Arc::clone(&told)));
    heap.enter(|cx| {
        let kept = cx.root(cx.alloc(7));
        cx.collect();
        assert_eq!(*kept.get(cx), 7);
    });
    assert_eq!(*told.lock().unwrap(), 1);
    assert_eq!(heap.verify(), Ok(()));
}

#[test]
fn an_observer_that_enters_another_heap_is_refused_as_any_other_code_is() {
    let (told, mut heap, mut other) = (Told::default(), Heap::new(), Heap::new());
    let mut record = recorder(&told);
    heap.observe(move |moment: &Moment, event: Event| {
        record(moment, event);
        other.enter(|cx| cx.collect());
    });
    heap.enter(|cx| cx.collect());
    assert_eq!(told.lock().unwrap().len(), 1);
}

/// A file in memory that can be read while something writes to it.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_log_has_a_line_for_each_cycle() {
    let (text, mut heap) = (Shared::default(), small::<RootsFirst>().build().unwrap());
    heap.observe(CycleLog::new(text.clone()));
    churn(&mut heap, 100_000);
    heap.enter(|cx| cx.collect());
    let (text, stats) = (text.text(), heap.stats());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len() as u64, stats.cycles(), "{text}");
    let (mut steps, mut longest) = (0, 0.0f64);
    for (at, line) in lines.iter().enumerate() {
        assert!(line.starts_with(&format!("gc {} @", at + 1)), "{text}");
        let word_before = |word: &str| {
            let words: Vec<&str> = line.split([' ', ';', ',']).filter(|word| !word.is_empty()).collect();
            let at = words.windows(2).position(|pair| pair[1] == word).unwrap_or_else(|| panic!("{word}: {line}"));
            words[at].parse::<f64>().unwrap()
        };
        steps += word_before("steps") as u64;
        let at = line.find(" ms longest").unwrap();
        longest = longest.max(line[..at].rsplit(' ').next().unwrap().parse().unwrap());
        assert!(word_before("shaded") >= 0.0);
    }
    assert_eq!(steps, stats.steps(), "{text}");
    assert!((longest - stats.longest_pause().as_secs_f64() * 1e3).abs() < 0.001, "{text}{stats}");
}

#[test]
fn a_timeline_is_whole_when_its_heap_is_dropped() {
    let (text, mut heap) = (Shared::default(), small::<RootsFirst>().build().unwrap());
    heap.observe((Timeline::new(text.clone()), None::<CycleLog<Vec<u8>>>));
    churn(&mut heap, 100_000);
    let stats = heap.stats();
    drop(heap);
    let events: serde_json::Value = serde_json::from_str(&text.text()).unwrap();
    let events = events.as_array().unwrap();
    let named = |name: &str| events.iter().filter(|event| event["name"] == name).collect::<Vec<_>>();
    assert_eq!(named("step").len() as u64, stats.steps());
    assert_eq!(named("interrupted").len() as u64, stats.pauses());
    assert!(named("sweep").len() as u64 >= stats.cycles());
    assert!(named("heap").iter().any(|event| event["args"]["bytes"].as_u64() > Some(1 << 16)));
    // The mutator's lane is without gaps, and nothing in it overlaps.
    let mut end = 0.0;
    for event in events.iter().filter(|event| event["tid"] == 1 && event["ph"] == "X") {
        let (from, time) = (event["ts"].as_f64().unwrap(), event["dur"].as_f64().unwrap());
        assert!((from - end).abs() < 0.01 && time >= 0.0, "{from} after {end}");
        end = from + time;
    }
    let interrupted: f64 = named("interrupted").iter().map(|event| event["dur"].as_f64().unwrap()).sum();
    assert!(Duration::from_secs_f64(interrupted / 1e6) >= stats.longest_pause());
}

#[test]
fn a_writer_that_fails_is_written_to_no_more() {
    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut heap = small::<RootsFirst>().build().unwrap();
    heap.observe((CycleLog::new(Full), Timeline::new(Full)));
    churn(&mut heap, 50_000);
    assert!(heap.stats().cycles() > 0);
}

//! Each peer does each workload, at sizes so small that a test build takes no time, or says why not; and all compute the
//! same.

use std::thread;

use grisaille_peers::peer::Peer;
use grisaille_peers::sample::Sample;
use grisaille_peers::workload::Workload;

fn size(workload: Workload) -> usize {
    match workload {
        Workload::BinaryTrees => 6,
        Workload::Gcbench => 4,
        _ => 1000,
    }
}

/// Takes a sample on a thread of its own, with the stack that recursion needs in a build without optimization.
fn sample(peer: &'static Peer, workload: Workload, watch: bool) -> Option<Sample> {
    let run = move || Sample::take(peer, workload, size(workload), watch);
    thread::Builder::new().stack_size(256 << 20).spawn(run).unwrap().join().unwrap()
}

#[test]
fn all_compute_the_same() {
    for &workload in Workload::ALL {
        let mut expected = None;
        for peer in Peer::ALL {
            let Some(sample) = sample(peer, workload, false) else { continue };
            let expected = *expected.get_or_insert(sample.checksum);
            assert_eq!(sample.checksum, expected, "{workload:?} on {}", peer.name);
            assert!(sample.nanoseconds_a_unit > 0.0, "{workload:?} on {} was not timed", peer.name);
        }
        assert!(expected.is_some());
    }
}

#[test]
fn stalls_are_seen_where_there_are_ticks() {
    for &workload in Workload::ALL {
        for peer in Peer::ALL {
            let Some(sample) = sample(peer, workload, true) else { continue };
            let seen = sample.stall_wall.is_some_and(|stall| stall > 0);
            assert_eq!(seen, workload.ticks(), "{workload:?} on {}", peer.name);
        }
    }
}

/// A workload that is missing has a reason, but for peers that are another one used in another way: they come after it,
/// and their names begin with its name.
#[test]
fn nothing_is_left_out_silently() {
    for (index, peer) in Peer::ALL.iter().enumerate() {
        let base = |before: &&Peer| peer.name.split(',').next() == before.name.split(',').next();
        let is_another_use = Peer::ALL[..index].iter().any(|before| base(&before));
        assert!(Peer::ALL[..index].iter().all(|before| before.name != peer.name));
        for &workload in Workload::ALL {
            match (peer.row(workload), peer.reason(workload)) {
                (Some(_), None) | (None, Some(_)) => {}
                (Some(_), Some(_)) => panic!("{} does {workload:?}, and says that it cannot", peer.name),
                (None, None) => assert!(is_another_use, "{} does not say why it leaves out {workload:?}", peer.name),
            }
        }
    }
}

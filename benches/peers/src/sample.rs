//! [`Sample`]: what one run of one workload on one peer reports, as a line of JSON.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::peer::Peer;
use crate::run::Run;
use crate::workload::Workload;

/// The figures of one process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sample {
    /// Wall time a unit.
    pub nanoseconds_a_unit: f64,
    /// Seconds of the timed part.
    pub timed_seconds: f64,
    /// Seconds of all, with set-up and teardown.
    pub seconds: f64,
    /// The longest stall in nanoseconds of wall time, where ticks were watched.
    pub stall_wall: Option<u64>,
    /// The longest stall in nanoseconds of the thread's processor time.
    pub stall_processor: Option<u64>,
    /// The most memory that was resident at once, in bytes, if the system says so.
    pub peak: Option<u64>,
    /// What was resident when the process began, in bytes.
    pub at_start: Option<u64>,
    /// What the workload computed.
    pub checksum: u64,
}

impl Sample {
    /// Runs a workload here, if the peer does it.
    pub fn take(peer: &Peer, workload: Workload, size: usize, watch: bool) -> Option<Sample> {
        let row = peer.row(workload)?;
        let at_start = memory("VmRSS:");
        let start = Instant::now();
        let mut run = Run::new(watch);
        let checksum = row(&mut run, size);
        let nanoseconds = |time: std::time::Duration| time.as_nanos() as u64;
        Some(Sample {
            nanoseconds_a_unit: run.nanoseconds_a_unit(),
            timed_seconds: run.time().as_secs_f64(),
            seconds: start.elapsed().as_secs_f64(),
            stall_wall: run.stall().map(|stall| nanoseconds(stall.wall)),
            stall_processor: run.stall().map(|stall| nanoseconds(stall.processor)),
            peak: memory("VmHWM:"),
            at_start,
            checksum,
        })
    }
}

/// A line of `/proc/self/status`, in bytes. Linux only.
fn memory(line: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kilobytes = status.lines().find_map(|l| l.strip_prefix(line))?;
    Some(kilobytes.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
}

//! A row of the tables: the summary of several runs of one policy, heap and stack.

use std::fs;
use std::io;
use std::path::Path;

use grisaille::Phase;

use crate::policy::Policy;
use crate::sample::Cause;
use crate::timeline::{Run, WINDOWS, histogram};

/// Quantiles: shares of all interruptions that are not longer than the reported one.
pub const QUANTILES: [f64; 5] = [0.5, 0.9, 0.99, 0.999, 0.9999];
/// The indices of p50, p99 and p99.9 in [`QUANTILES`].
pub const TOLD_QUANTILES: [usize; 3] = [0, 2, 3];

/// The causes of interruptions, in the order of the second table.
pub const CULPRITS: [&str; 8] =
    ["start", "mark", "mark termination", "weak", "sweep", "release", "new memory", "mutator"];

/// Returns the index of a cause in [`CULPRITS`].
fn culprit(cause: Cause) -> usize {
    match cause {
        Cause::Step(Phase::Idle | Phase::SweepTermination) => 0,
        Cause::Step(Phase::Mark) => 1,
        Cause::Step(Phase::MarkTermination) => 2,
        Cause::Step(Phase::Weak) => 3,
        Cause::Step(Phase::Sweep) => 4,
        Cause::Step(Phase::Release) => 5,
        Cause::Step(phase) => unreachable!("no row is for the phase {phase}"),
        Cause::Memory => 6,
        Cause::Outside(_) => 7,
    }
}

/// See the module. Times are nanoseconds of the thread's processor time, but for `longest_wall`.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// The live heap in MB.
    pub live: usize,
    /// Slots of the stack.
    pub stack: usize,
    /// The policy or the control.
    pub policy: Policy,
    /// The time of an undisturbed batch; the least over the runs.
    pub usual: f64,
    /// Interruptions of all runs, by [`QUANTILES`].
    pub quantiles: [f64; QUANTILES.len()],
    /// The longest interruption: the smallest over the runs.
    pub longest: f64,
    /// The longest interruption by the wall clock.
    pub longest_wall: f64,
    /// The longest by [`CULPRITS`]: the smallest over the runs of each.
    pub longest_by: [f64; CULPRITS.len()],
    /// Minimum mutator utilisation over [`WINDOWS`]: the largest over the runs.
    pub utilisation: [f64; WINDOWS.len()],
    /// Share of the mutator's time that interruptions took, all runs together.
    pub interrupted: f64,
    /// Share of the mutator's time that went to sweeping.
    pub sweeping: f64,
    /// Cycles that ended, in all runs.
    pub cycles: f64,
}

impl Row {
    /// Makes the row of several runs.
    pub fn new(live: usize, stack: usize, policy: Policy, runs: &[Run]) -> Row {
        let least = |of: &dyn Fn(&Run) -> u64| runs.iter().map(of).min().unwrap_or(0) as f64;
        let total: u64 = runs.iter().map(|run| run.total).sum();
        let share = |of: &dyn Fn(&Run) -> u64| runs.iter().map(of).sum::<u64>() as f64 / total.max(1) as f64;
        let mut all = histogram();
        for run in runs {
            all += &run.cpu;
        }
        let longest_by = |at: usize, run: &Run| {
            run.by_cause.iter().filter(|(cause, _)| culprit(**cause) == at).map(|(_, time)| *time).max().unwrap_or(0)
        };
        Row {
            live,
            stack,
            policy,
            usual: least(&|run| run.usual),
            quantiles: QUANTILES.map(|quantile| all.value_at_quantile(quantile) as f64),
            longest: least(&|run| run.longest_cpu),
            longest_wall: least(&|run| run.longest_wall),
            longest_by: core::array::from_fn(|at| least(&|run| longest_by(at, run))),
            utilisation: core::array::from_fn(|at| runs.iter().map(|run| run.utilisation[at]).fold(0.0, f64::max)),
            interrupted: share(&|run| run.interrupted),
            sweeping: share(&|run| run.sweeping),
            cycles: runs.iter().map(|run| run.cycles).sum::<u64>() as f64,
        }
    }

    /// Returns the cause of the longest interruption.
    pub fn longest_culprit(&self) -> Option<&'static str> {
        let longest = self.longest_by.iter().copied().fold(0.0, f64::max);
        let at = self.longest_by.iter().position(|&time| time > 0.0 && time == longest)?;
        Some(CULPRITS[at])
    }

    fn numbers(&self) -> impl Iterator<Item = f64> {
        [self.usual, self.longest, self.longest_wall, self.interrupted, self.sweeping, self.cycles]
            .into_iter()
            .chain(self.quantiles)
            .chain(self.longest_by)
            .chain(self.utilisation)
    }

    fn to_line(&self) -> String {
        let numbers: Vec<String> = self.numbers().map(|number| number.to_string()).collect();
        format!("{},{},{},{}", self.live, self.stack, self.policy, numbers.join(","))
    }

    fn from_line(line: &str) -> Option<Row> {
        let mut fields = line.split(',');
        let (live, stack) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        let policy = Policy::named(fields.next()?)?;
        let mut numbers = fields.map(|field| field.parse::<f64>().ok());
        let mut next = || numbers.next().flatten();
        let [usual, longest, longest_wall, interrupted, sweeping, cycles] = array(&mut next)?;
        let (quantiles, longest_by, utilisation) = (array(&mut next)?, array(&mut next)?, array(&mut next)?);
        Some(Row {
            live,
            stack,
            policy,
            usual,
            quantiles,
            longest,
            longest_wall,
            longest_by,
            utilisation,
            interrupted,
            sweeping,
            cycles,
        })
    }
}

fn array<const N: usize>(next: &mut impl FnMut() -> Option<f64>) -> Option<[f64; N]> {
    let mut all = [0.0; N];
    for place in &mut all {
        *place = next()?;
    }
    Some(all)
}

/// Files a row, in the place of one for the same policy, heap and stack.
pub fn file(rows: &mut Vec<Row>, row: Row) {
    let key = |row: &Row| (row.live, row.stack, row.policy);
    rows.retain(|other| key(other) != key(&row));
    rows.push(row);
    rows.sort_by_key(key);
}

/// The rows that an earlier call left; none where there is no such file.
pub fn read(path: &Path) -> io::Result<Vec<Row>> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text?,
    };
    text.lines()
        .map(|line| Row::from_line(line).ok_or_else(|| io::Error::other(format!("{}: no row: {line}", path.display()))))
        .collect()
}

/// Leaves the rows to a later call.
pub fn write(path: &Path, rows: &[Row]) -> io::Result<()> {
    fs::write(path, rows.iter().map(|row| row.to_line() + "\n").collect::<String>())
}

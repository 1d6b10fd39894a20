//! [`Child`]: the arguments of a process that takes one sample.

use std::process::{ExitCode, exit};
use std::thread;

use clap::Args;

use crate::peer::Peer;
use crate::sample::Sample;
use crate::workload::Workload;

/// Bytes of stack: more than any peer was seen to need.
const STACK: usize = 4 << 30;

/// Takes one sample in this process, and prints it as a line of JSON.
#[derive(Debug, Clone, Args)]
pub struct Child {
    /// Who.
    #[arg(long)]
    pub peer: String,
    /// What.
    #[arg(long)]
    pub workload: Workload,
    /// The small sizes.
    #[arg(long)]
    pub quick: bool,
    /// Measure the longest stall instead of the time.
    #[arg(long)]
    pub watch: bool,
}

impl Child {
    /// Does it, on a thread that has all the stack that a peer may need: some trace and drop by recursion. Memory of the
    /// stack is taken, and counted, when it is used.
    pub fn run(self) -> ExitCode {
        let thread = thread::Builder::new().stack_size(STACK).spawn(move || self.run_here()).expect("a thread");
        thread.join().unwrap_or(ExitCode::FAILURE)
    }

    fn run_here(&self) -> ExitCode {
        let Some(peer) = Peer::ALL.iter().find(|peer| peer.name == self.peer) else {
            eprintln!("there is no peer `{}`", self.peer);
            return ExitCode::FAILURE;
        };
        match Sample::take(peer, self.workload, self.workload.size(self.quick), self.watch) {
            Some(sample) => {
                println!("{}", serde_json::to_string(&sample).expect("numbers"));
                // Whatever a peer would still clean up is not measured.
                exit(0)
            }
            None => {
                eprintln!("{}: {}", peer.name, peer.reason(self.workload).unwrap_or("not this workload"));
                ExitCode::FAILURE
            }
        }
    }

    /// The arguments that say the same.
    pub fn arguments(&self) -> Vec<String> {
        let workload = clap::ValueEnum::to_possible_value(&self.workload).expect("all have a name");
        let mut arguments = vec![
            "child".to_owned(),
            "--peer".to_owned(),
            self.peer.clone(),
            "--workload".to_owned(),
            workload.get_name().to_owned(),
        ];
        arguments.extend(self.quick.then(|| "--quick".to_owned()));
        arguments.extend(self.watch.then(|| "--watch".to_owned()));
        arguments
    }
}

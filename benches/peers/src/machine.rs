//! The machine that the figures were measured on.

use std::fmt::Write;
use std::fs::read_to_string;
use std::process::Command;

use rustix::system::uname;

/// The machine, the compiler and the command, as a list.
pub fn describe() -> String {
    let mut text = String::new();
    let cpu = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "an unknown processor".into());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_else(|| "unknown".into());
    let pages = read_to_string("/sys/kernel/mm/transparent_hugepage/enabled").unwrap_or_else(|_| "unknown".into());
    let system = uname();
    let _ =
        writeln!(text, "* machine: {cpu}, {cores} cores, memory {memory}, transparent huge pages: {}", pages.trim());
    let _ = writeln!(text, "* system: {} {}", system.sysname().to_string_lossy(), system.release().to_string_lossy());
    let _ = writeln!(text, "* compiler: {}", compiler().unwrap_or_else(|| "unknown".into()));
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let _ = writeln!(text, "* command: `cargo run --release -- {}`", arguments.join(" "));
    text
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn compiler() -> Option<String> {
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("-V").output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

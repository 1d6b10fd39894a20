//! What the compiler must refuse, and what it must accept.
//!
//! Each program in `tests/ui` and `tests/hostile` is compiled by trybuild. Its message is compared on the toolchain that made the
//! `.stderr` files; on others, where the wording differs, it must fail to compile all the same. To renew the messages
//! after a change: `TRYBUILD=overwrite cargo test --test ui`, then read them.

use std::path::{Path, PathBuf};
use std::{env, fs, process};

/// The version of the compiler whose messages are beside the programs.
const TOOLCHAIN: &str = "rustc 1.95.";

fn is_known_toolchain() -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = process::Command::new(rustc).arg("--version").output();
    version.is_ok_and(|output| output.stdout.starts_with(TOOLCHAIN.as_bytes()))
}

/// Returns the programs that must be refused.
fn refused() -> Vec<PathBuf> {
    let paths = ["tests/ui", "tests/hostile/refused"]
        .into_iter()
        .flat_map(|directory| fs::read_dir(directory).unwrap())
        .map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let mut refused: Vec<_> =
        paths.filter(|path| name(path).ends_with(".rs") && !name(path).starts_with("pass_")).collect();
    refused.sort();
    refused
}

/// Makes a directory of the same programs without their messages.
fn without_messages() -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ui");
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    for path in refused() {
        fs::copy(&path, directory.join(path.file_name().unwrap())).unwrap();
    }
    directory
}

#[test]
fn ui() {
    let tests = trybuild::TestCases::new();
    tests.pass("tests/ui/pass_*.rs");
    tests.pass("tests/hostile/accepted/*.rs");
    if is_known_toolchain() {
        refused().iter().for_each(|path| tests.compile_fail(path));
    } else {
        // SAFETY: this binary has one test, and no other thread runs yet.
        unsafe { env::set_var("TRYBUILD", "overwrite") };
        tests.compile_fail(without_messages().join("*.rs"));
    }
}

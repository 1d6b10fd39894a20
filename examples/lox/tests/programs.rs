//! Runs the interpreter's binary on programs, and compares its output, messages and exit codes byte for byte.
//!
//! Every program in `examples/lox/programs` runs under every policy, with and without `--stress`. The output must not
//! depend on when the collector ran, nor on its configuration.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// No program here takes a tenth of this, even in a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The program of the README: too long for `--stress`. `trees_small` is the same on a small scale.
const HEADLINE: &str = "binary_trees";
/// 100,000 fibers: too long for `--stress`, too.
const RING: &str = "ring_of_fibers";

// ---- running it

/// What a run of the interpreter did.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

const BINARY: &str = env!("CARGO_BIN_EXE_lox");

/// Runs the interpreter to its end.
fn lox<S: AsRef<std::ffi::OsStr>>(arguments: &[S], input: &str) -> Outcome {
    let mut child = Command::new(BINARY)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the interpreter starts");
    let (mut stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        // Both pipes are used at once: neither may fill up while the other is read.
        let stdout = scope.spawn(|| read(stdout));
        let stderr = scope.spawn(|| read(stderr));
        if let Some(stdin) = &mut stdin {
            // A program may close its input unread.
            let _ = stdin.write_all(input.as_bytes());
        }
        drop(stdin);
        let start = Instant::now();
        let mut nap = Duration::from_micros(200);
        let status = loop {
            match child.try_wait().expect("the interpreter can be waited for") {
                Some(status) => break Some(status),
                None if start.elapsed() > PATIENCE => {
                    // The program may have ended this very moment.
                    let _ = child.kill();
                    let _ = child.wait();
                    break None;
                }
                None => {
                    thread::sleep(nap);
                    nap = (nap * 2).min(Duration::from_millis(10));
                }
            }
        };
        let mut outcome = Outcome {
            code: status.and_then(|status| status.code()),
            stdout: stdout.join().expect("stdout was read"),
            stderr: stderr.join().expect("stderr was read"),
        };
        match status {
            None => outcome.stderr.push_str("\n(the test ended it: it took too long)\n"),
            // A signal, on Unix: an abort, or worse.
            Some(status) if status.code().is_none() => {
                let _ = writeln!(outcome.stderr, "\n(it ended by {status})");
            }
            Some(_) => {}
        }
        outcome
    })
}

/// Reads everything that comes out of a pipe.
fn read(pipe: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes).expect("a pipe can be read");
    }
    String::from_utf8(bytes).expect("these programs print UTF-8")
}

/// Makes a file of that name and text. Names must differ between tests, which run at the same time.
fn script(name: &str, source: impl AsRef<[u8]>) -> String {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lox");
    fs::create_dir_all(&directory).expect("the directory for temporary files can be made");
    let path = directory.join(format!("{name}.lox"));
    fs::write(&path, source).expect("a temporary file can be written");
    path.into_os_string().into_string().expect("the path is UTF-8")
}

/// Runs the text as a program.
fn run(name: &str, source: &str) -> Outcome {
    lox(&[script(name, source)], "")
}

// ---- the programs

/// Returns the programs with their expected output, by name.
fn programs() -> Vec<(String, PathBuf, String)> {
    programs_in("programs")
}

/// Returns the programs of a directory. What is in a directory in that one has its own flags.
fn programs_in(directory: &str) -> Vec<(String, PathBuf, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let mut found = Vec::new();
    for entry in fs::read_dir(&directory).expect("there are programs") {
        let path = entry.expect("the directory can be read").path();
        if path.is_dir() {
            continue;
        }
        let expected = path.with_extension("expected");
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("lox") => {
                let expected = fs::read_to_string(&expected)
                    .unwrap_or_else(|error| panic!("{} has no expected output: {error}", path.display()));
                let name = path.file_stem().expect("it has a name").to_string_lossy().into_owned();
                found.push((name, path, expected));
            }
            Some("expected") => assert!(path.with_extension("lox").is_file(), "{} is left over", path.display()),
            _ => panic!("{} is neither a program nor its output", path.display()),
        }
    }
    found.sort();
    found
}

/// Runs every program with these arguments, with and without `--stress`.
fn run_programs(arguments: &[&str]) {
    let mut failures = String::new();
    let mut count = 0;
    let lox = programs().into_iter().map(|program| (program, &[][..]));
    let extended = programs_in("programs/extended").into_iter().map(|program| (program, &["--extensions"][..]));
    for ((name, path, expected), flags) in lox.chain(extended) {
        for stress in [&[][..], &["--stress"]] {
            if [HEADLINE, RING].contains(&&*name) && !stress.is_empty() {
                continue;
            }
            let mut arguments = [arguments, flags, stress].concat();
            arguments.push(path.to_str().expect("the path is UTF-8"));
            let outcome = self::lox(&arguments, "");
            count += 1;
            describe_failure(&mut failures, &arguments, &outcome, &expected);
        }
    }
    assert!(count >= 20, "only {count} programs were found");
    assert!(failures.is_empty(), "{failures}");
}

/// Adds a report where the run did not print exactly the expected output and end well.
fn describe_failure(report: &mut String, arguments: &[&str], outcome: &Outcome, expected: &str) {
    if outcome.code == Some(0) && outcome.stdout == expected && outcome.stderr.is_empty() {
        return;
    }
    let _ = writeln!(report, "\nlox {}: exit code {:?}", arguments.join(" "), outcome.code);
    let mut lines = outcome.stdout.lines();
    let mut wanted = expected.lines();
    for number in 1.. {
        match (lines.next(), wanted.next()) {
            (None, None) => break,
            (got, want) if got == want => {}
            (got, want) => {
                let _ = writeln!(report, "  line {number}: expected {want:?}, got {got:?}");
                break;
            }
        }
    }
    for line in outcome.stderr.lines().take(20) {
        let _ = writeln!(report, "  stderr: {line}");
    }
}

macro_rules! every_program {
    ($($name:ident: $barrier:literal, $sweep:literal;)*) => {
        $(
            #[test]
            fn $name() {
                run_programs(&["--barrier", $barrier, "--sweep", $sweep]);
            }
        )*
    };
}

every_program! {
    programs_under_roots_first: "roots-first", "concurrent";
    programs_under_roots_first_with_lazy_sweep: "roots-first", "lazy";
    programs_under_roots_first_with_eager_sweep: "roots-first", "eager";
    programs_under_hybrid: "hybrid", "concurrent";
    programs_under_insertion: "insertion", "concurrent";
    programs_under_deletion: "deletion", "concurrent";
    programs_under_watermark: "watermark", "concurrent";
    programs_under_stop_the_world: "stop-the-world", "concurrent";
}

#[test]
fn the_program_of_the_readme() {
    let (_, path, expected) = programs().into_iter().find(|(name, ..)| name == HEADLINE).expect("it exists");
    let path = path.to_str().expect("the path is UTF-8");
    let outcome = lox(&[path, "--stats"], "");
    assert_eq!((outcome.code, outcome.stdout), (Some(0), expected), "{}", outcome.stderr);
    // It allocates a hundred times what it keeps, so the collector must have run.
    assert!(statistic(&outcome.stderr, "cycles") >= 1, "{}", outcome.stderr);
}

// ---- the command line

/// A number from the table that `--stats` prints.
fn statistic(table: &str, name: &str) -> u64 {
    let row = table.lines().find_map(|line| line.strip_prefix(name));
    let row = row.unwrap_or_else(|| panic!("no row {name:?} in\n{table}"));
    row.trim().parse().unwrap_or_else(|_| panic!("{name:?} is not a number in\n{table}"))
}

#[test]
fn stats_go_to_stderr() {
    let script = script("stats", "print \"out\";");
    let outcome = lox(&[&script, "--stats"], "");
    assert_eq!((outcome.code, &*outcome.stdout), (Some(0), "out\n"));
    for row in ["cycles", "longest pause", "objects allocated", "bytes freed", "bytes held"] {
        assert!(outcome.stderr.contains(row), "no {row:?} in\n{}", outcome.stderr);
    }
    assert!(statistic(&outcome.stderr, "objects allocated") > 0);

    // A program that fails has statistics too, below its message.
    let script = self::script("stats_of_a_failure", "nope;");
    let outcome = lox(&["--stats", &script], "");
    assert_eq!((outcome.code, &*outcome.stdout), (Some(70), ""));
    assert!(outcome.stderr.starts_with("Undefined variable 'nope'.\n[line 1] in script\n"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("cycles"), "{}", outcome.stderr);
}

#[test]
fn the_collectors_work_can_be_watched() {
    let source = "class Pair {} var kept; for (var i = 0; i < 200000; i = i + 1) { kept = Pair(); } print \"done\";";
    let script = script("watched", source);
    let timeline = std::env::temp_dir().join(format!("lox-timeline-{}.json", std::process::id()));
    let path = timeline.to_str().expect("the path is UTF-8");
    let outcome = lox(&[&script, "--stats", "--log-cycles", "--timeline", path], "");
    assert_eq!((outcome.code, &*outcome.stdout), (Some(0), "done\n"), "{}", outcome.stderr);
    let cycles = statistic(&outcome.stderr, "cycles");
    let lines = outcome.stderr.lines().filter(|line| line.starts_with("gc ")).count() as u64;
    assert!(cycles > 0 && lines == cycles, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("pauses, 99.9 %"), "{}", outcome.stderr);
    let written = std::fs::read_to_string(&timeline).expect("there is a timeline");
    assert!(written.ends_with("}\n]\n") && written.contains(r#""name":"sweep""#), "{written}");
    std::fs::remove_file(timeline).expect("the file is this test's");

    let outcome = lox(&[&script, "--timeline", "/nowhere/timeline.json"], "");
    assert_eq!((outcome.code, &*outcome.stdout), (Some(74), ""), "{}", outcome.stderr);
    assert!(outcome.stderr.starts_with("Could not write \"/nowhere/timeline.json\": "), "{}", outcome.stderr);
}

#[test]
fn what_the_heap_holds_at_the_end_can_be_seen() {
    let script = script("held", "class Thing {} var kept = Thing(); kept.name = \"a thing\"; Thing();");
    let directory = std::env::temp_dir().join(format!("lox-held-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory can be made");
    let [snapshot, dot] = ["held.heapsnapshot", "held.dot"].map(|name| directory.join(name));
    let arguments = ["--heap-snapshot", snapshot.to_str().expect("UTF-8"), "--dot", dot.to_str().expect("UTF-8")];
    let outcome = lox(&[&["--census", &*script][..], &arguments].concat(), "");
    assert_eq!((outcome.code, &*outcome.stdout), (Some(0), ""), "{}", outcome.stderr);
    let row = outcome.stderr.lines().find(|line| line.ends_with("  Instance"));
    assert_eq!(row.map(|row| row.split_whitespace().next().unwrap_or_default()), Some("1"), "{}", outcome.stderr);
    let snapshot = std::fs::read_to_string(snapshot).expect("it is written");
    assert!(snapshot.contains("\"a thing\"") && snapshot.contains("\"Instance\""), "{snapshot}");
    assert!(std::fs::read_to_string(dot).expect("it is written").starts_with("digraph"), "no graph");
    std::fs::remove_dir_all(directory).expect("the directory is this test's");

    let outcome = lox(&[&script, "--dot", "/nowhere/held.dot"], "");
    assert_eq!(outcome.code, Some(74), "{}", outcome.stderr);
}

#[test]
fn stress_collects_where_nothing_else_would() {
    let script = script(
        "stress",
        "class Thing {} var kept = Thing(); for (var i = 0; i < 500; i = i + 1) { Thing(); } print kept;",
    );
    let calm = lox(&[&script, "--stats"], "");
    let stressed = lox(&[&script, "--stats", "--stress"], "");
    assert_eq!((calm.code, &*calm.stdout), (Some(0), "Thing instance\n"));
    assert_eq!((stressed.code, &*stressed.stdout), (Some(0), "Thing instance\n"));
    assert_eq!(statistic(&calm.stderr, "cycles"), 0, "{}", calm.stderr);
    assert!(statistic(&stressed.stderr, "cycles") > 0, "{}", stressed.stderr);
    assert!(statistic(&stressed.stderr, "objects freed") > 100, "{}", stressed.stderr);
}

#[test]
fn help_names_every_option() {
    let outcome = lox(&["--help"], "");
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""));
    let words = [
        "--barrier",
        "roots-first",
        "hybrid",
        "insertion",
        "deletion",
        "watermark",
        "stop-the-world",
        "--sweep",
        "concurrent",
        "lazy",
        "eager",
        "--stats",
        "--log-cycles",
        "--timeline",
        "--census",
        "--heap-snapshot",
        "--dot",
        "--stress",
        "--heap-limit",
        "--help",
        "FILE",
    ];
    for word in words {
        assert!(outcome.stdout.contains(word), "no {word:?} in\n{}", outcome.stdout);
    }
}

#[test]
fn wrong_arguments_end_with_64() {
    let script = script("wrong_arguments", "print 1;");
    let script = script.as_str();
    let wrong: [&[&str]; 8] = [
        &[script, script],
        &["--nonsense"],
        &["--barrier", "purple", script],
        &["--barrier"],
        &["--sweep", "under-the-rug", script],
        &["--heap-limit", "much", script],
        &["--heap-limit", "-1", script],
        &["--heap-limit"],
    ];
    for arguments in wrong {
        let outcome = lox(arguments, "");
        assert_eq!((outcome.code, &*outcome.stdout), (Some(64), ""), "{arguments:?}");
        assert!(!outcome.stderr.is_empty(), "{arguments:?} went without a message");
    }
}

#[test]
fn a_missing_file_ends_with_74() {
    let outcome = lox(&["there/is/no/such.lox"], "");
    assert_eq!((outcome.code, &*outcome.stdout), (Some(74), ""));
    assert_eq!(outcome.stderr, "Could not open file \"there/is/no/such.lox\".\n");
}

#[test]
fn the_order_of_arguments_does_not_matter() {
    let script = script("order", "print \"ran\";");
    for arguments in [["--stress", "--barrier=deletion", &script], [&script, "--barrier=deletion", "--stress"]] {
        let outcome = lox(&arguments, "");
        assert_eq!(outcome, Outcome { code: Some(0), stdout: "ran\n".into(), stderr: String::new() });
    }
}

// ---- the heap's limit

/// More than enough for what the programs below keep when they behave.
const LIMIT: &str = "8000000";

#[test]
fn out_of_memory_is_a_runtime_error() {
    let endless = [
        ("objects", "class Link { init(next) { this.next = next; } }\nvar list;\nwhile (true)\n  list = Link(list);\n"),
        ("strings", "var text = \"twice \";\nwhile (true)\n  text = text + text;\n"),
        ("closures", "var last;\nwhile (true) {\n  var before = last;\n  fun f() { return before; }\n  last = f;\n}\n"),
    ];
    for (what, source) in endless {
        let script = script(&format!("endless_{what}"), source);
        for barrier in ["roots-first", "hybrid", "insertion", "deletion", "watermark", "stop-the-world"] {
            let outcome = lox(&["--heap-limit", LIMIT, "--barrier", barrier, &script], "");
            assert_eq!((outcome.code, &*outcome.stdout), (Some(70), ""), "{what}, {barrier}: {}", outcome.stderr);
            // Which allocation fails is not fixed, so the frames above the script's may differ.
            let mut lines = outcome.stderr.lines();
            assert_eq!(lines.next(), Some("Out of memory."), "{what}, {barrier}: {}", outcome.stderr);
            let last = lines.next_back().unwrap_or_default();
            assert!(last.starts_with("[line ") && last.ends_with("] in script"), "{what}, {barrier}: {last:?}");
        }
    }
}

/// Regression: the machine's own objects ended the process by a panic where the heap was full.
#[test]
fn the_machine_counts_against_the_limit() {
    let constants =
        repeat(0..125, |f| format!("fun f{f}() {{ {} }}\n", repeat(0..250, |i| format!("{};", 250 * f + i))));
    // Where values take one word there is room for all frames, but not beside these.
    let taken = if cfg!(feature = "packed") { 75 } else { 0 };
    let taken = repeat(0..taken, |k| format!("fun k{k}() {{ {} }} ", repeat(0..250, |i| format!("{};", 250 * k + i))));
    let slots = format!("{taken}fun f(n) {{ {} return f(n - 1); }}\nf(0);", repeat(0..240, |i| format!("var v{i};")));
    let captured = format!(
        "fun f(n) {{ {} fun g() {{ {} }} return f(n - 1); }}\nf(0);",
        repeat(0..200, |i| format!("var v{i};")),
        repeat(0..200, |i| format!("v{i};"))
    );
    let globals =
        repeat(0..125, |f| format!("fun f{f}() {{ {} }}\n", repeat(0..250, |i| format!("v{};", 250 * f + i))));
    for (what, source, calls) in [
        ("constants", constants, false),
        ("slots", slots, true),
        ("captured", captured, true),
        ("globals", globals, false),
    ] {
        let outcome = lox(&["--heap-limit", "262144", &script(&format!("machine_{what}"), source)], "");
        assert_eq!((outcome.code, &*outcome.stdout), (Some(70), ""), "{what}: {}", outcome.stderr);
        let (message, trace) = outcome.stderr.split_once('\n').expect("a message");
        assert_eq!(message, "Out of memory.", "{what}");
        let calls = if calls { ("[line 1] in f()\n", "[line 2] in script\n") } else { ("", "") };
        assert!(trace.starts_with(calls.0) && trace.ends_with(calls.1), "{what}: {trace}");
    }
}

#[test]
fn garbage_does_not_count_against_the_limit() {
    // Some hundred times the limit in all, of which a thousand links live at a time.
    let script = script(
        "garbage_below_the_limit",
        "class Link { init(next) { this.next = next; } }
         for (var i = 0; i < 300; i = i + 1) {
           var list = nil;
           for (var j = 0; j < 1000; j = j + 1) list = Link(list);
         }
         var text = \"x\";
         for (var i = 0; i < 12; i = i + 1) text = text + text;
         for (var i = 0; i < 5000; i = i + 1) text + text;
         print \"done\";",
    );
    for barrier in ["roots-first", "hybrid", "insertion", "deletion", "watermark", "stop-the-world"] {
        let outcome = lox(&["--heap-limit", LIMIT, "--barrier", barrier, &script], "");
        let expected = Outcome { code: Some(0), stdout: "done\n".into(), stderr: String::new() };
        assert_eq!(outcome, expected, "{barrier}");
    }
}

/// Runs the interpreter with so many KiB of addresses, and no more.
#[cfg(target_os = "linux")]
fn starved(kib: usize, arguments: &[&str]) -> std::process::Output {
    let limited = format!("ulimit -v {kib}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &limited]).arg(BINARY).args(arguments).stdin(Stdio::null());
    command.output().expect("there is a shell")
}

/// Regression: without a limit of its own the heap grows until the system has no memory left; a string that could not
/// be concatenated ended the process by an abort.
#[test]
#[cfg(target_os = "linux")]
fn a_system_without_memory_is_a_runtime_error() {
    // AddressSanitizer takes more addresses than there is memory, whatever the program does.
    if cfg!(grisaille_poison = "asan") {
        return;
    }
    let endless = [
        ("objects", "class Link { init(next) { this.next = next; } } var list; while (true) list = Link(list);"),
        ("strings", "var text = \"twice \"; while (true) text = text + text;"),
        ("halves", "var text = \"\u{10FF41}\"; while (true) text = text + text;"),
        (
            "names",
            "var list; class L {} var t = \"a\"; while (true) { t = t + \"b\"; var l = L(); l.t = t; l.n = list; list = l; }",
        ),
        ("closures", "var last; while (true) { var before = last; fun f() { return before; } last = f; }"),
        (
            "classes",
            "var last; class B {} fun f(p) { class A < p { m() { return p; } } return A; } last = B; while (true) last = f(last);",
        ),
    ];
    for (what, source) in endless {
        let script = script(&format!("starved_{what}"), source);
        // Also with the sweeper's thread, which starts with the first sweep that is large enough, when there may be no
        // memory for it.
        for sweep in ["lazy", "concurrent"] {
            let output = starved(330_000, &["--sweep", sweep, &script]);
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(70), "{what}, {sweep}: {} {stderr}", output.status);
            assert!(stderr.starts_with("Out of memory.\n[line 1] in "), "{what}, {sweep}: {stderr}");
        }
    }
    // Not enough to begin with.
    let output = starved(60_000, &[&script("starved", "print 1;")]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(70), "{} {stderr}", output.status);
    assert!(stderr.starts_with("Could not start: "), "{stderr}");
}

/// Regression: a request for memory by a long source ended the process by an abort while it was compiled.
#[test]
#[cfg(target_os = "linux")]
fn a_system_without_memory_is_a_compile_error() {
    if cfg!(grisaille_poison = "asan") {
        return;
    }
    let million = 1 << 20;
    let sources: [(&str, Vec<u8>, &str); 5] = [
        ("code", b"{nil;nil;true;nil==nil;}\n".repeat(million), "Out of memory.\n"),
        ("literal", [b"\"", &*b"x".repeat(30 * million), b"\";"].concat(), "Out of memory.\n"),
        ("bytes", [b"\"", &*b"\xFF".repeat(20 * million), b"\";"].concat(), "Out of memory.\n"),
        ("name", [b"var ", &*b"x".repeat(30 * million), b";"].concat(), "Out of memory.\n"),
        // The error itself takes no memory.
        ("error", [b"nil \"", &*b"x".repeat(30 * million), b"\";"].concat(), "': Expect ';' after expression.\n"),
    ];
    for (what, source, end) in sources {
        let script = script(&format!("starved_by_{what}"), &source);
        let output = starved(305_000, &[&script]);
        let stderr = String::from_utf8_lossy(&output.stderr[output.stderr.len().saturating_sub(1000)..]);
        assert_eq!(output.status.code(), Some(65), "{what}: {} {stderr}", output.status);
        assert!(stderr.ends_with(end), "{what}: {stderr}");
    }
    let script = script("starved_by_itself", "nil;".repeat(25 * million));
    let output = starved(305_000, &[&script]);
    let message = format!("Not enough memory to read \"{script}\".\n");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr)), (Some(74), message.into()));
}

// ---- output that cannot be written

/// Runs the interpreter with output that has no room. Returns its exit code and its standard error.
#[cfg(target_os = "linux")]
fn with_full_stdout(arguments: &[&str]) -> (Option<i32>, String) {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
    let output = Command::new(BINARY).args(arguments).stdin(Stdio::null()).stdout(full).output();
    let output = output.expect("the interpreter starts");
    (output.status.code(), String::from_utf8(output.stderr).expect("messages are UTF-8"))
}

/// Regression: the error of the program was lost behind that of its output, and so was its exit code.
#[test]
#[cfg(target_os = "linux")]
fn an_error_is_told_where_nothing_can_be_printed() {
    let unwritten = "Could not write: No space left on device (os error 28).\n";
    let wrong = script("full_runtime_error", "print \"before\";\nnope;\n");
    for arguments in [&[&*wrong][..], &["--stress", &wrong]] {
        let message = format!("Undefined variable 'nope'.\n[line 2] in script\n{unwritten}");
        assert_eq!(with_full_stdout(arguments), (Some(70), message));
    }
    let right = script("full", "print \"before\";\n");
    assert_eq!(with_full_stdout(&[&right]), (Some(74), unwritten.into()));
    // More than is written at once.
    let much = script("full_much", "for (var i = 0; i < 20000; i = i + 1) print \"some line of text\"; nope;");
    assert_eq!(with_full_stdout(&[&much]), (Some(74), unwritten.into()));
    let compile_error = script("full_compile_error", "print ;");
    let message = "[line 1] Error at ';': Expect expression.\n";
    assert_eq!(with_full_stdout(&[&compile_error]), (Some(65), message.into()));
    assert_eq!(with_full_stdout(&["--help"]), (Some(74), unwritten.into()));
    assert_eq!(with_full_stdout(&[]), (Some(74), unwritten.into()), "a prompt");
}

/// Regression: the interpreter panicked when the standard error could not be written.
#[test]
#[cfg(target_os = "linux")]
fn nothing_is_lost_where_no_error_can_be_told() {
    for (name, source, code, stdout) in [
        ("right", "print \"out\";", 0, "out\n"),
        ("wrong", "print \"out\"; nope;", 70, "out\n"),
        ("bad", "print ;", 65, ""),
    ] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
        let script = script(&format!("full_stderr_{name}"), source);
        let output = Command::new(BINARY).args([&*script, "--stats"]).stderr(full).output();
        let output = output.expect("the interpreter starts");
        assert_eq!((output.status.code(), &*output.stdout), (Some(code), stdout.as_bytes()), "{name}");
    }
}

// ---- the prompt

#[test]
fn the_prompt_runs_line_after_line() {
    let input =
        "print 1 + 2;\nvar a = 3;\nprint nope;\nprint a + ;\nfun f() { return a * 2; }\nprint f();\nprint \"end\";";
    for arguments in [&[][..], &["--stress"]] {
        let outcome = lox(arguments, input);
        // An error in one line neither undoes the lines before nor ends the prompt.
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        assert_eq!(outcome.stdout, "> 3\n> > > > > 6\n> end\n> \n");
        assert_eq!(
            outcome.stderr,
            "Undefined variable 'nope'.\n[line 1] in script\n[line 1] Error at ';': Expect expression.\n"
        );
    }
}

#[test]
fn the_prompt_ends_with_its_input() {
    let outcome = lox::<&str>(&[], "");
    assert_eq!(outcome, Outcome { code: Some(0), stdout: "> \n".into(), stderr: String::new() });
}

// ---- messages

#[test]
fn compile_errors_are_all_reported() {
    let outcome = run(
        "compile_errors",
        "var a = ;
print \"one\" two;
{ var b = b; }
return 1;
a + 1 = 2;
this.x;
class Ring < Ring {}
fun f(x, x) {}
print 3 $ 4;
print \"never
closed;
",
    );
    assert_eq!((outcome.code, &*outcome.stdout), (Some(65), ""));
    assert_eq!(
        outcome.stderr,
        "[line 1] Error at ';': Expect expression.
[line 2] Error at 'two': Expect ';' after value.
[line 3] Error at 'b': Can't read local variable in its own initializer.
[line 4] Error at 'return': Can't return from top-level code.
[line 5] Error at '=': Invalid assignment target.
[line 6] Error at 'this': Can't use 'this' outside of a class.
[line 7] Error at 'Ring': A class can't inherit from itself.
[line 8] Error at 'x': Already a variable with this name in this scope.
[line 9] Error: Unexpected character.
[line 12] Error: Unterminated string.
"
    );
}

#[test]
fn a_compile_error_at_the_end_says_so() {
    let outcome = run("compile_error_at_end", "print 1;\nprint (2\n");
    let stderr = "[line 3] Error at end: Expect ')' after expression.\n";
    assert_eq!(outcome, Outcome { code: Some(65), stdout: String::new(), stderr: stderr.into() });
}

#[test]
fn a_runtime_error_shows_who_called_whom() {
    let source = "class Bell {
  init(times) {
    this.times = times;
  }
  ring() {
    fun strike(n) {
      return this.times + n;
    }
    return strike(\"ding\");
  }
}

fun play(bell) {
  print \"before\";
  return bell.ring();
}

play(Bell(3));
print \"after\";
";
    let script = script("stack_trace", source);
    for arguments in [&[&*script][..], &["--stress", &script]] {
        let outcome = lox(arguments, "");
        // What was printed before the error is not lost.
        assert_eq!((outcome.code, &*outcome.stdout), (Some(70), "before\n"));
        assert_eq!(
            outcome.stderr,
            "Operands must be two numbers or two strings.
[line 7] in strike()
[line 9] in ring()
[line 15] in play()
[line 18] in script
"
        );
    }
}

#[test]
fn runtime_errors_by_their_messages() {
    let errors = [
        ("print nope;", "Undefined variable 'nope'."),
        ("nope = 1;", "Undefined variable 'nope'."),
        ("nil();", "Can only call functions and classes."),
        ("\"text\"();", "Can only call functions and classes."),
        ("class C {} C()();", "Can only call functions and classes."),
        ("fun f(a) {} f();", "Expected 1 arguments but got 0."),
        ("class C {} C(1);", "Expected 0 arguments but got 1."),
        ("class C { init(a, b) {} } C(1);", "Expected 2 arguments but got 1."),
        ("(1).x;", "Only instances have properties."),
        ("class C {} C.x;", "Only instances have properties."),
        ("var s = \"s\"; s.x = 1;", "Only instances have fields."),
        ("true.x();", "Only instances have methods."),
        ("class C {} C().x;", "Undefined property 'x'."),
        ("class C {} C().m();", "Undefined property 'm'."),
        ("var a = 1; class B < a {}", "Superclass must be a class."),
        ("-\"s\";", "Operand must be a number."),
        ("1 + \"s\";", "Operands must be two numbers or two strings."),
        ("nil + nil;", "Operands must be two numbers or two strings."),
        ("\"s\" - 1;", "Operands must be numbers."),
        ("nil < 1;", "Operands must be numbers."),
    ];
    for (number, (source, message)) in errors.into_iter().enumerate() {
        let outcome = run(&format!("runtime_error_{number}"), &format!("\n{source}\n"));
        let stderr = format!("{message}\n[line 2] in script\n");
        assert_eq!(outcome, Outcome { code: Some(70), stdout: String::new(), stderr }, "{source}");
    }
}

#[test]
fn values_print_as_in_c() {
    let values = [
        ("nil", "nil"),
        ("true", "true"),
        ("1 > 2", "false"),
        ("-0", "-0"),
        ("100000", "100000"),
        ("1000000", "1e+06"),
        ("123456.7", "123457"),
        ("0.0001", "0.0001"),
        ("0.00001", "1e-05"),
        ("1 / 3", "0.333333"),
        ("1 / 0", "inf"),
        ("-1 / 0", "-inf"),
        ("\"text\"", "text"),
        ("clock", "<native fn>"),
        ("toString", "<native fn>"),
        ("toString(1 / 3) + toString(nil) + toString(true) + toString(\"s\")", "0.333333niltrues"),
        ("f", "<fn f>"),
        ("C", "C"),
        ("C()", "C instance"),
        ("C().m", "<fn m>"),
    ];
    let mut source = String::from("fun f() {} class C { m() {} }\n");
    let mut expected = String::new();
    for (value, text) in values {
        let _ = writeln!(source, "print {value};");
        let _ = writeln!(expected, "{text}");
    }
    let outcome = run("values", &source);
    assert_eq!(outcome, Outcome { code: Some(0), stdout: expected, stderr: String::new() });
}

/// Runs the text as a program with fibers, lists and maps.
fn run_extended(name: &str, source: &str) -> Outcome {
    lox(&["--extensions", &script(name, source)], "")
}

#[test]
fn errors_of_fibers_name_all_calls_under_way() {
    let runtime_error = |stderr: &str| Outcome { code: Some(70), stdout: String::new(), stderr: stderr.into() };
    let deep = "fun g() { return nil + 1; }\nfun f() { g(); }\nvar x = Fiber(f);\nfun h() { resume(x, nil); }\nh();";
    assert_eq!(
        run_extended("fiber_error", deep),
        runtime_error(
            "Operands must be two numbers or two strings.\n\
             [line 1] in g()\n[line 2] in f()\n[line 4] in h()\n[line 5] in script\n"
        )
    );
    for (source, message) in [
        ("yield(1);", "Can only yield in a fiber."),
        ("resume(1, 2);", "Only fibers can be resumed."),
        ("fun f() {} var x = Fiber(f); resume(x, 1); resume(x, 1);", "Can only resume a fiber that is suspended."),
        ("fun f(a, b) {} Fiber(f);", "A fiber's function has at most one parameter."),
        ("Fiber(1);", "A fiber is made of a function."),
        ("at(List(), 0);", "The list has no such element."),
        ("takeLast(List());", "The list has no such element."),
        ("store(Map(), nil, 0);", "Only numbers and strings can be keys."),
        ("append(Map(), 1);", "Only lists have elements."),
        ("Fiber();", "Expected 1 arguments but got 0."),
    ] {
        assert_eq!(run_extended("fiber_message", source), runtime_error(&format!("{message}\n[line 1] in script\n")));
    }
    let recursion = run_extended("fiber_overflow", "fun f() { resume(Fiber(f), nil); } f();");
    assert!(recursion.code == Some(70) && recursion.stderr.starts_with("Stack overflow.\n"), "{}", recursion.stderr);
    let itself = "var x; fun f() { resume(x, nil); } x = Fiber(f); resume(x, nil);";
    assert!(run_extended("fiber_itself", itself).stderr.starts_with("Can only resume a fiber that is suspended."));
    assert_eq!(run("no_fibers", "Fiber;").stderr, "Undefined variable 'Fiber'.\n[line 1] in script\n");
}

#[test]
fn what_nobody_can_resume_is_collected() {
    let source = "fun knot(value) { var self = yield(nil); var more = List(); append(more, self); yield(more); }
        for (var i = 0; i < 30000; i = i + 1) {
            var fiber = Fiber(knot);
            resume(fiber, nil);
            resume(fiber, fiber);
        }";
    let outcome = lox(&["--extensions", "--stats", &script("knots", source)], "");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(statistic(&outcome.stderr, "bytes held") < 20 << 20, "{}", outcome.stderr);
}

// ---- limits

/// A text for each number, joined.
fn repeat(range: std::ops::Range<usize>, text: impl Fn(usize) -> String) -> String {
    range.map(text).collect()
}

#[test]
fn limits_are_those_of_clox() {
    let constants = |n| format!("fun f() {{ {} }}\nprint \"fits\";", repeat(0..n, |i| format!("{i};")));
    let locals = |n| format!("fun f() {{ {} }}\nprint \"fits\";", repeat(0..n, |i| format!("var v{i};")));
    let upvalues = |n: usize| {
        format!(
            "fun f() {{ {} fun g() {{ {} fun h() {{ {} }} }} }}\nprint \"fits\";",
            repeat(0..200, |i| format!("var v{i};")),
            repeat(200..n, |i| format!("var v{i};")),
            repeat(0..n, |i| format!("v{i};")),
        )
    };
    let parameters = |n| format!("fun f(a{}) {{}}\nprint \"fits\";", repeat(1..n, |i| format!(", a{i}")));
    let arguments = |n| format!("fun f() {{ var a; f(a{}); }}\nprint \"fits\";", repeat(1..n, |_| ", a".into()));
    // A `nil;` is two bytes of code; these many surround it in a loop, and in a jump.
    let body = |bytes: usize| "nil;".repeat(bytes / 2);
    let looped = |bytes: usize| format!("while (false) {{ {} }}\nprint \"fits\";", body(bytes - 9));
    let jumped = |bytes: usize| format!("if (true) {{}} else {{ {} }}\nprint \"fits\";", body(bytes - 1));

    let cases = [
        ("constants", constants(256), constants(257), "[line 1] Error at '256': Too many constants in one chunk."),
        // Slot zero belongs to the function itself.
        ("locals", locals(255), locals(256), "[line 1] Error at 'v255': Too many local variables in function."),
        ("upvalues", upvalues(256), upvalues(257), "[line 1] Error at 'v256': Too many closure variables in function."),
        (
            "parameters",
            parameters(255),
            parameters(256),
            "[line 1] Error at 'a255': Can't have more than 255 parameters.",
        ),
        ("arguments", arguments(255), arguments(256), "[line 1] Error at 'a': Can't have more than 255 arguments."),
        ("loops", looped(0xFFFF), looped(0x1_0001), "[line 1] Error at '}': Loop body too large."),
        ("jumps", jumped(0xFFFF), jumped(0x1_0001), "[line 1] Error at '}': Too much code to jump over."),
    ];
    for (name, fits, exceeds, message) in cases {
        let outcome = run(&format!("limit_of_{name}_kept"), &fits);
        assert_eq!(outcome, Outcome { code: Some(0), stdout: "fits\n".into(), stderr: String::new() }, "{name}");
        let outcome = run(&format!("limit_of_{name}_exceeded"), &exceeds);
        assert_eq!((outcome.code, &*outcome.stdout), (Some(65), ""), "{name}: {}", outcome.stderr);
        assert_eq!(outcome.stderr.lines().next(), Some(message), "{name}");
    }
}

#[test]
fn the_stack_has_64_frames() {
    let deep =
        |n: usize| format!("fun f(n) {{\n  if (n == 0) return \"bottom\";\n  return f(n - 1);\n}}\nprint f({n});");
    // The script is a frame too.
    let outcome = run("frames_kept", &deep(62));
    assert_eq!(outcome, Outcome { code: Some(0), stdout: "bottom\n".into(), stderr: String::new() });
    let outcome = run("frames_exceeded", &deep(63));
    let stderr = format!("Stack overflow.\n{}[line 5] in script\n", "[line 3] in f()\n".repeat(63));
    assert_eq!(outcome, Outcome { code: Some(70), stdout: String::new(), stderr });
}

/// The deepest that the interpreter goes: `DEPTH_MAX` of its compiler.
const DEPTH_MAX: usize = 50_000;

#[test]
fn nesting_has_a_limit() {
    type Source = fn(usize) -> String;
    // What fits: the statement and its expression are two levels, or three where something encloses them.
    let cases: [(&str, usize, Source); 5] = [
        ("blocks", DEPTH_MAX, |n| "{".repeat(n) + &"}".repeat(n)),
        ("groups", DEPTH_MAX - 2, |n| "print ".to_string() + &"(".repeat(n) + "1" + &")".repeat(n) + ";"),
        ("negations", DEPTH_MAX - 2, |n| "print ".to_string() + &"-".repeat(n) + "1;"),
        ("functions", DEPTH_MAX, |n| "fun f(){".repeat(n) + &"}".repeat(n)),
        ("classes", DEPTH_MAX, |n| "class C{m(){".repeat(n) + &"}}".repeat(n)),
    ];
    for (name, fits, source) in cases {
        let outcome = run(&format!("nested_{name}_kept"), &source(fits));
        assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{name}");
        let outcome = run(&format!("nested_{name}_exceeded"), &source(fits + 1));
        assert_eq!((outcome.code, &*outcome.stdout), (Some(65), ""), "{name}");
        let (place, message) = outcome.stderr.split_once(": ").expect("a message");
        assert!(place.starts_with("[line 1] Error at '"), "{name}: {place}");
        assert_eq!(message, "Too many levels of nesting.\n", "{name}: one error, and nothing after it");
    }
}

/// Regression: the compiler recursed until it was out of stack, and the process died.
#[test]
fn no_nesting_is_deep_enough_to_kill_the_compiler() {
    // Each nests deep enough to have done that.
    let (long, short) = (1_200_000, 3_000_000);
    let endless = [
        ("blocks", short, "{"),
        ("groups", short, "("),
        ("not", short, "!"),
        ("minus", short, "-"),
        ("right operands", short, "-("),
        ("calls", long, "f("),
        ("method calls", long, "a.m("),
        ("assignments", long, "a="),
        ("property assignments", long, "a.b="),
        ("ands", long, "nil and "),
        ("ors", long, "nil or "),
        ("functions", long, "fun f(){"),
        ("classes", long, "class C{m(){"),
        ("superclasses", long, "class A<"),
        ("ifs", long, "if(nil)"),
        ("else ifs", long, "if(nil)nil;else "),
        ("whiles", long, "while(nil)"),
        ("fors", long, "for(;;)"),
        ("initializers", long, "for(var a=-"),
        ("blocks and functions", long, "{fun f(){"),
        ("returns", long, "fun f(){return -"),
    ];
    for (name, count, opening) in endless {
        let outcome = run(&format!("endless_{}", name.replace(' ', "_")), &opening.repeat(count));
        assert_eq!((outcome.code, &*outcome.stdout), (Some(65), ""), "{name}: {}", outcome.stderr);
        assert!(outcome.stderr.starts_with("[line 1] Error at '"), "{name}: {}", outcome.stderr);
    }
    // Sources that look deep and are compiled by a loop have no limit.
    let flat = [
        ("chain of calls", "fun f() { return f; } f".to_string() + &"()".repeat(short) + ";"),
        ("string", "\"".to_string() + &"(".repeat(short) + "\";"),
        ("sequence", "{}".repeat(short)),
    ];
    for (name, source) in flat {
        let outcome = run(&format!("flat_{}", name.replace(' ', "_")), &source);
        assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{name}");
    }
}

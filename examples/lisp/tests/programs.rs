//! Runs the interpreter's binary on programs: their output must not depend on the policy, nor on when the collector
//! ran.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const POLICIES: [&str; 6] = ["roots-first", "hybrid", "insertion", "deletion", "watermark", "stop-the-world"];

fn lisp(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lisp"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the interpreter starts");
    // A program may close its input unread.
    let _ = child.stdin.take().expect("it has an input").write_all(input.as_bytes());
    child.wait_with_output().expect("the interpreter ends")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("these programs print UTF-8")
}

fn script(name: &str, source: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.scm"));
    fs::write(&path, source).expect("a temporary file can be written");
    path.into_os_string().into_string().expect("the path is UTF-8")
}

/// Returns the programs with their expected output.
fn programs() -> Vec<(PathBuf, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs");
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("there are programs") {
        let path = entry.expect("the directory can be read").path();
        if path.extension().is_some_and(|extension| extension == "scm") {
            let expected = fs::read_to_string(path.with_extension("expected")).expect("it has an expected output");
            found.push((path, expected));
        }
    }
    assert!(found.len() >= 6, "only {} programs were found", found.len());
    found
}

#[test]
fn programs_under_every_policy() {
    for (path, expected) in programs() {
        for policy in POLICIES {
            for stress in [&[][..], &["--stress"]] {
                let arguments = [stress, &["--barrier", policy, path.to_str().expect("it is UTF-8")]].concat();
                let output = lisp(&arguments, "");
                assert_eq!(text(&output.stdout), expected, "{arguments:?}: {}", text(&output.stderr));
                assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {}", text(&output.stderr));
            }
        }
    }
}

/// A number from the table that `--stats` prints.
fn statistic(table: &str, name: &str) -> u64 {
    let row = table.lines().find_map(|line| line.strip_prefix(name));
    row.and_then(|row| row.trim().parse().ok()).unwrap_or_else(|| panic!("no row {name:?} in\n{table}"))
}

#[test]
fn stress_collects_and_the_heap_is_whole() {
    let script = script("whole", "(define (f n) (if (= n 0) '() (cons n (f (- n 1))))) (write (length (f 300)))");
    let output = lisp(&["--stress", "--check", "--stats", &script], "");
    assert_eq!(text(&output.stdout), "300");
    assert!(statistic(text(&output.stderr), "cycles") > 0, "{}", text(&output.stderr));
}

#[test]
fn recursion_that_is_too_deep_is_an_error() {
    // Each kind of call that is nested natively, beyond the depth that is allowed.
    let kinds = [
        "(+ 1 (f n))",
        "(+ 1 (apply f (list n)))",
        "(car (map f (list n)))",
        "(+ 1 (call/cc (lambda (k) (+ 1 (f n)))))",
        "(+ 1 (guard (e ((eq? e 1) 1)) (+ 1 (f n))))",
        "(+ 1 (dynamic-wind list (lambda () (f n)) list))",
        "(+ 1 (eval '(+ 1 (f 1))))",
        "(+ 1 (let ((x (or (f n) 1))) (f (f x))))",
        "(+ 1 (f (f (f (f (f (f n) n) n) n) n) n) n)",
        "(call-with-values (lambda () (f n)) list)",
        "(+ 1 (force (delay (f n))))",
        "(+ 1 (parameterize ((p 1)) (f n)))",
        "(+ 1 (with-exception-handler (lambda (e) (raise e)) (lambda () (f n))))",
    ];
    for kind in kinds {
        let source = format!(
            "(define p (make-parameter 1))
             (define (f n . rest) {kind})
             (define (try) (guard (e (#t (error-object-message e))) (f 1)))
             (write (list (try) (try)))"
        );
        let script = script("deep", &source);
        let output = lisp(&["--depth", "20000", &script], "");
        assert_eq!(text(&output.stdout), "(\"recursion too deep\" \"recursion too deep\")", "{kind}: {output:?}");
    }
    let script = script("not_deep", "(define (f n) (if (= n 0) 0 (+ 1 (f (- n 1))))) (write (f 100000)) (f 1000000)");
    let output = lisp(&["--depth", "100500", &script], "");
    assert_eq!(text(&output.stdout), "100000", "{output:?}");
    let output = lisp(&[&script], "");
    assert_eq!(
        (output.status.code(), text(&output.stderr)),
        (Some(70), &*format!("Error: recursion too deep ({script}:1)\n"))
    );
}

#[test]
fn tail_calls_add_no_roots() {
    let turns = [
        "(define (f n) (if (= n 0) 'end (f (- n 1)))) (f 1000000)",
        "(define (g n) (cond ((= n 0) 'end) (else (let ((m (car (list n)))) (and #t (or #f (begin (g (- m 1))))))))) (g 300000)",
        "(define (id x) x) (define (h n) (if (= n 0) 'end (h (- (id n) 1)))) (h 300000)",
        "(define (a n) (if (= n 0) 'end (apply a (list (- n 1))))) (a 300000)",
        "(define (v n) (if (= n 0) 'end (call-with-values (lambda () (- n 1)) v))) (v 300000)",
        "(do ((i 0 (+ i 1)) (x '() (list (vector i)))) ((= i 300000) 'end))",
        "(for-each (lambda (x) (list x)) (make-list 100000 '(1)))",
    ];
    for turn in turns {
        let script = script("tail", &format!("(define (run) {turn} (write 'done)) (run)"));
        let output = lisp(&["--stats", "--depth", "50", &script], "");
        assert_eq!(text(&output.stdout), "done", "{turn}: {}", text(&output.stderr));
        let table = text(&output.stderr);
        let (live, allocated) = (statistic(table, "bytes held"), statistic(table, "bytes allocated"));
        assert!(live < 40 << 20, "{turn}: {live} of {allocated} bytes are held");
    }
}

#[test]
fn errors_are_reported() {
    for (source, message) in [
        ("(car 5)", "a pair was expected, not 5"),
        ("(error \"bad thing:\" 1 'two \"three\")", "bad thing: 1 two \"three\""),
        ("(raise 'x)", "this was raised: x"),
        ("nowhere", "nowhere is not defined"),
        ("(set! nowhere 1)", "nowhere is not defined"),
        ("(define (f x) x) (f)", "f takes 1 arguments, and was called with 0"),
        ("(5 6)", "a procedure was expected, not 5"),
        ("(write 1", "the text ends within a datum"),
        ("(if)", "this is no if form: (if)"),
        ("(vector-ref (vector 1 2) 2)", "there is no element 2 in what has 2 elements"),
        ("(quotient 1 0)", "division by zero"),
        ("(let ((l (list 1 2 3))) (set-cdr! (cddr l) l) (append l '()))", "a list was expected, not #0=(1 2 3 . #0#)"),
        ("(let ((x 1) (y)) x)", "a list of 2 was expected, not (y)"),
        ("(make-vector 100000000000000000)", "out of memory: "),
        ("(define k #f) (call/cc (lambda (c) (set! k c))) (k 1)", "a continuation was called after its call/cc"),
    ] {
        let output = lisp(&[&script("error", source)], "");
        let said = text(&output.stderr).to_string();
        assert!(said.starts_with(&format!("Error: {message}")), "{source}: {said}");
        assert_eq!(output.status.code(), Some(70), "{source}");
    }
    let output = lisp(&["/no/such/file"], "");
    assert_eq!(output.status.code(), Some(74));
    let output = lisp(&["--nonsense"], "");
    assert_eq!(output.status.code(), Some(64));
    assert_eq!(lisp(&[&script("exit", "(display 1) (exit 3)")], "").status.code(), Some(3));
}

#[test]
fn errors_name_their_place() {
    for (source, line) in [
        ("(define (f x)\n  (+ 1\n     (car x)))\n(f 5)", 3),
        ("(define (g) (error \"bad\" 1))\n\n(+ 1\n (g))", 1),
        ("(define (f n)\n  (+ (f (- n 1))\n     1))\n(f 1)", 2),
        ("(define (f) (g))\n(define (g) 1)\n(list\n  (f)\n  (g 1))", 5),
        ("(for-each\n  (lambda (x)\n    (vector-ref x 0))\n  '(1))", 3),
        ("(define-syntax m (syntax-rules () ((_ a) (car a))))\n(define (h)\n  (m 7))\n(h)", 3),
        ("(define (f)\n  (let ((x 1)\n        (y)) x))", 2),
        ("(display \"\")\n(define (f)\n  (if))", 3),
        ("(display \"\")\n\nnowhere", 3),
        ("(display \"\")\n(list 1\n  nowhere)", 2),
        ("(display \"\")\n\n(list 1\n  (list 2", 3),
        ("(display \"\")\n)", 2),
        ("(raise-continuable 1)\n", 1),
    ] {
        let script = script("place", source);
        let output = lisp(&[&script], "");
        let said = text(&output.stderr).trim_end();
        assert!(said.ends_with(&format!(" ({script}:{line})")), "{source}: {said}");
    }
    let part = script("part", "(define x 1)\n\n(car\n x)");
    let output = lisp(&[&script("whole", &format!("(load \"{part}\")"))], "");
    assert!(text(&output.stderr).ends_with(&format!(" ({part}:3)\n")), "{output:?}");
}

#[test]
fn a_full_heap_is_an_error() {
    let source = "(define all '())
                  (define (fill n) (set! all (cons (make-vector 100 n) all)) (fill (+ n 1)))
                  (write (guard (e (#t (set! all '()) 'full)) (fill 0)))
                  (write (length (let loop ((n 1000) (l '())) (if (= n 0) l (loop (- n 1) (cons n l))))))";
    let script = script("full", source);
    for policy in POLICIES {
        let output = lisp(&["--barrier", policy, "--heap-limit", "8000000", &script], "");
        assert_eq!(text(&output.stdout), "full1000", "{policy}: {output:?}");
    }
}

#[test]
fn the_prompt_reads_until_a_form_is_complete() {
    let output = lisp(&[], "(+ 1 2)\n(define (f x)\n(* x 2))\n(f 4) 'a\n(car 1)\n\"still here\"\n(exit 5)\n");
    assert_eq!(text(&output.stdout), "> 3\n>   > 8\na\n> > \"still here\"\n> ");
    assert_eq!(text(&output.stderr), "Error: a pair was expected, not 1\n");
    assert_eq!(output.status.code(), Some(5));
}

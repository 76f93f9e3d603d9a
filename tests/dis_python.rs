//! `dis FILE.py`: instructions below their lines of source, with a mark where a version looks.
#![cfg(feature = "cli")]

use std::path::PathBuf;
use std::process::{Command, Stdio};

fn dis(name: &str, source: &str, policies: &[&str]) -> (Option<i32>, String, String) {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, source).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_singletrack"));
    command.arg("dis").arg(&path);
    if !policies.is_empty() {
        command.args(["--policy", &policies.join(",")]);
    }
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// The marks of the rows with this instruction.
fn marks<'a>(listing: &'a str, opcode: &str) -> Vec<&'a str> {
    let rows = listing.lines().filter(|line| line.split_whitespace().any(|word| word == opcode));
    rows.map(|row| row.char_indices().nth(60).map_or("", |(at, _)| row[at..].trim())).collect()
}

#[test]
fn a_line_of_source_stands_above_its_instructions_and_each_version_has_its_marks() {
    let source = "import threading\nlock = threading.Lock()\nx = 0\ndef work(n):\n    global x\n    \
                  while n:\n        with lock:\n            x += 1\n        n -= 1\n";
    let policies = ["3.9", "3.10", "3.13", "3.14", "3.15"];
    let (code, listing, _) = dis("marks.py", source, &policies);
    assert_eq!(code, Some(0));
    assert!(listing.starts_with("1 python-3.2, 2 python-3.10, 3 python-3.13, 4 python-3.14, "));
    assert!(listing.contains("\nDisassembly of work(n):\n  4 | def work(n):\n"), "{listing}");
    assert!(listing.contains("\n  8 |             x += 1\n  8"), "{listing}");
    let work = listing.split("Disassembly of work").nth(1).unwrap();
    assert_eq!(marks(work, "BEFORE_WITH"), ["1 · · 4 ·  with"]);
    assert_eq!(marks(work, "WITH_EXIT"), ["1 2 3 4 5  C call"]);
    assert_eq!(marks(work, "JUMP_BACK"), ["1 2 3 4 5  back edge"]);
    assert_eq!(marks(work, "RETURN"), ["1 2 · · ·  return"]);
    assert!(marks(work, "POP_JUMP_IF_FALSE")[0].starts_with("1 2 · · ·  if taken: jump forward"));
    assert_eq!(marks(work, "INPLACE"), ["1 · · · ·"; 2]);
}

#[test]
fn without_policies_nothing_is_marked_and_what_is_refused_says_where() {
    let (_, listing, _) = dis("plain.py", "print(f'{1}')\n", &[]);
    assert!(!listing.contains('·') && listing.contains("  1 | print(f'{1}')"), "{listing}");
    let (code, _, error) = dis("refused.py", "x = 1\neval('x')\n", &["3.13"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("refused.py:2:1"), "{error}");
    let (_, listing, _) = dis("coroutine.py", "async def f(): await f()\n", &["3.14t"]);
    assert!(listing.contains("AWAIT"), "{listing}");
}

//! Python programs, run by the machine and by CPython 3.12: they print the same. And what is outside
//! the subset is refused, before anything runs, with its place.
#![cfg(feature = "python")]

#[path = "common/cpython.rs"]
mod cpython;
#[path = "common/refused.rs"]
mod refused;
#[path = "common/skipped.rs"]
mod skipped;

use cpython::cpython;
use refused::refused;
use singletrack::python::run::{Ran, program, run_single};
use skipped::skipped;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const FUEL: u64 = 20_000_000;

fn programs() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut programs: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|e| e == "py")).collect();
    programs.sort();
    programs
}

fn run(text: &str) -> Ran {
    run_single(&program(text).unwrap_or_else(|refusal| panic!("{refusal}")), FUEL)
}

#[test]
fn programs_print_what_cpython_prints() {
    for path in programs() {
        let text = fs::read_to_string(&path).unwrap();
        let ran = run(&text);
        assert_eq!(ran.stopped, None, "{}", path.display());
        assert_eq!(ran.failures, [], "{}", path.display());
        let Some(python) = cpython() else {
            skipped(format_args!("no CPython 3.12 to compare {} with", path.display()));
            continue;
        };
        let output = Command::new(python).arg(&path).stdin(Stdio::null()).output().unwrap();
        let expected = String::from_utf8(output.stdout).unwrap();
        assert_eq!(ran.output, expected, "{}", path.display());
    }
}

#[test]
fn what_is_outside_the_subset_is_refused_with_its_place_and_a_remedy() {
    refused("x = 1\nmatch x:\n    case 1: pass\n", "2:1", "write `if` and `elif`");
    refused("class A(metaclass=B): pass\n", "1:9", "a metaclass");
    refused("x = eval('1')\n", "1:5", "`eval`");
    refused("import numpy\n", "1:8", "the module `numpy`");
    refused("from threading import settrace\n", "1:1", "`threading.settrace`");
    refused("import threading\nt = threading.settrace\n", "2:5", "`threading.settrace`");
    refused("import re\n", "1:8", "use the methods of `str`");
    refused("x = 1\nx.__dict__\n", "2:1", "`__dict__`");
    refused("class A:\n    def __del__(self): pass\n", "2:5", "`__del__`");
    refused("class A:\n    x = [y := 1 for z in []]\n", "2:10", "class body");
    refused("x = 99999999999999999999\n", "1:5", "more than 64 bits");
    refused("async def f():\n    return (await x for x in y)\n", "2:12", "write a list");
    refused("class A:\n    def __await__(self): pass\n", "2:5", "`__await__`");
    refused("import asyncio\nasyncio.create_subprocess_exec\n", "2:1", "`asyncio.create_sub");
    refused("x = bytearray(1)\n", "1:5", "`bytearray`");
    refused("x = 1j\n", "1:5", "a complex number");
    refused("class A(dict): pass\n", "1:9", "a class derived from `dict`");
}

#[test]
fn a_name_that_is_bound_anew_is_no_module_any_more() {
    let text = "import queue\ndef put(queue):\n    queue.put(1)\nq = queue.Queue()\nput(q)\n\
                print(q.get())\nqueue = [2]\nprint(queue.pop())\n";
    assert_eq!(run(text).output, "1\n2\n");
}

#[test]
fn what_is_no_python_is_refused_with_a_caret() {
    let text = "x = 1\nif x\n    y = 2\n";
    let refusal = program(text).unwrap_err();
    assert!(refusal.syntax, "{refusal}");
    assert_eq!(refusal.at.line, 2);
    let shown = refusal.shown("race.py", text);
    assert!(shown.starts_with("race.py:2:5: syntax error: "), "{shown}");
    assert!(shown.ends_with("    if x\n        ^"), "{shown}");
    refused("await x\n", "1:1", "'await' outside async function");
    refused("def f():\n    async with x: pass\n", "2:5", "'async with' outside async function");
    refused("def f():\n    async for x in y: pass\n", "2:5", "'async for' outside async function");
    refused("def f():\n    return [x async for x in y]\n", "2:12", "asynchronous comprehension");
    refused("break\n", "1:1", "outside loop");
    refused("def f():\n    nonlocal x\n", "2:5", "no binding for nonlocal");
}

#[test]
fn code_that_is_nested_too_deeply_is_refused() {
    for (open, close) in [("[", "]"), ("f(", ")"), ("-", ""), ("not ", ""), ("x + ", "x")] {
        let text = format!("x = {}1{}\n", open.repeat(20_000), close.repeat(20_000));
        assert!(program(&text).is_err(), "{open}");
    }
}

#[test]
fn an_empty_file_does_nothing() {
    assert_eq!(run("").output, "");
    assert_eq!(run("# no code\n").output, "");
}

#[test]
fn what_nobody_awaits_or_asks_for_is_told_on_stderr() {
    let errors = |body: &str| {
        let ran = run(&format!(
            "import asyncio\nasync def f():\n    raise ValueError('lost')\nasync def main():\n    \
             loop = asyncio.get_running_loop()\n    {body}\n    await asyncio.sleep(0)\n    \
             await asyncio.sleep(0)\nasyncio.run(main())\n"
        ));
        assert_eq!((ran.failures, ran.stopped), (vec![], None), "{body}");
        ran.errors
    };
    assert_eq!(errors("f()"), "RuntimeWarning: coroutine 'f' was never awaited\n");
    let lost = errors("asyncio.create_task(f())");
    assert!(lost.starts_with("Task exception was never retrieved\n"), "{lost}");
    assert!(lost.ends_with("ValueError: lost\n"), "{lost}");
    let called = errors("loop.call_soon(lambda: 1 / 0)");
    assert_eq!(called, "Exception in callback\nZeroDivisionError: division by zero\n");
    assert_eq!(errors("asyncio.create_task(f()).add_done_callback(lambda t: t.exception())"), "");
    assert_eq!(errors("asyncio.create_task(f()).cancel()"), "");
}

#[test]
fn an_exception_ends_its_thread_and_names_its_line() {
    let ran = run("import threading\ndef f():\n    return 1 / 0\nt = threading.Thread(target=f)\n\
                   t.start()\nt.join()\nprint('on')\n");
    assert_eq!(ran.output, "on\n");
    let [(1, failure)] = &ran.failures[..] else { panic!("{ran:?}") };
    assert_eq!(failure.text, "ZeroDivisionError: division by zero");
    assert_eq!(failure.at.line, 3);
}

fn stopped(text: &str) -> (String, u32) {
    let (why, at) = run(text).stopped.unwrap_or_else(|| panic!("{text} was not stopped"));
    (why, at.line)
}

#[test]
fn what_would_not_end_is_stopped_and_names_its_line() {
    let (why, line) = stopped("x = 1\nwhile True:\n    x = 1\n");
    assert!(why.contains("too many instructions") && (2..=3).contains(&line), "{why}, {line}");
    for bomb in ["x = [0] * 10**9\n", "x = 'a' * 10**12\n", "x = list(range(10**12))\n"] {
        let (why, line) = stopped(bomb);
        assert!(why.contains("memory"), "{bomb}: {why}");
        assert_eq!(line, 1, "{bomb}");
    }
    let (why, line) = stopped("x = []\nwhile True:\n    x.append(x)\n");
    assert!(why.contains("memory") || why.contains("instructions"), "{why}, {line}");
    let (why, line) = stopped("import threading\nl = threading.Lock()\nl.acquire()\nl.acquire()\n");
    assert!(why.contains("deadlock"), "{why}");
    assert_eq!(line, 4);
}

#[test]
fn deep_recursion_is_an_exception() {
    let ran = run("def f(n):\n    return f(n + 1)\nf(0)\n");
    assert!(ran.failures[0].1.text.starts_with("RecursionError"), "{ran:?}");
    assert_eq!(ran.failures[0].1.at.line, 2);
}

#[test]
fn an_overflow_says_that_ints_have_64_bits() {
    for text in ["2 ** 63", "9223372036854775807 + 1", "-9223372036854775807 - 2", "1 << 64"] {
        let ran = run(&format!("x = {text}\n"));
        assert!(ran.failures[0].1.text.contains("64 bits"), "{text}: {ran:?}");
    }
}

#[test]
fn a_finally_runs_once_on_each_way_out() {
    let text = "def f(n):\n    try:\n        if n:\n            return 'r'\n    finally:\n        \
                print('f')\n        if n == 2:\n            raise ValueError('x')\n\
                print(f(0), f(1))\ntry:\n    f(2)\nexcept ValueError as e:\n    print(e)\n";
    assert_eq!(run(text).output, "f\nf\nNone r\nf\nx\n");
}

/// Lists that are held by a class, a closure, a generator at rest, a bound method, a default value and
/// what is to come of an iterator.
const HOLDERS: &str = "\
class Node:
    shared = [1]
    def __init__(self, next):
        self.next = next
    def get(self):
        return self.next
def closure():
    seen = [2]
    return lambda: seen
def generator():
    held = [3]
    yield 0
    yield held
def function(held=[5]):
    return held
keep = Node(Node(None))
seen, later, get = closure(), generator(), Node([4]).get
next(later)
rest = iter([[0], [6]])
next(rest)
for i in range(100000):
    Node([i])
print(keep.next.next, Node.shared, seen(), next(later), get(), function(), next(rest))
";

#[test]
fn the_collector_keeps_what_is_needed() {
    let ran = run(HOLDERS);
    assert_eq!((ran.output.as_str(), ran.stopped), ("None [1] [2] [3] [4] [5] [6]\n", None));
}

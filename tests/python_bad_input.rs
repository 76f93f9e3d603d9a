//! Bad input for Python programs: what is no program, what does not end, what takes all memory, what
//! is nested too deeply. Each is a clean stop that names the line.
#![cfg(feature = "python")]

#[path = "common/refused.rs"]
mod refused;

use refused::refused;
use singletrack::python::run::{Ran, program, run_single};

const FUEL: u64 = 3_000_000;

fn run(text: &str) -> Ran {
    run_single(&program(text).unwrap_or_else(|refusal| panic!("{refusal}\n{text}")), FUEL)
}

#[test]
fn syntax_errors_have_a_line_a_column_and_a_caret() {
    refused("x = (1,\n", "2:1", "syntax error");
    refused("def f(:\n    pass\n", "1:7", "syntax error");
    refused("x = 'abc\n", "1:5", "syntax error");
    refused("if x = 1:\n    pass\n", "1:6", "syntax error");
    refused("for in range(3):\n    pass\n", "1:5", "syntax error");
    refused("x = 1\n  y = 2\n", "2:1", "syntax error");
    refused("return 1\n", "1:1", "syntax error");
    refused("nonlocal x\n", "1:1", "not allowed at module level");
    refused("def f(a, a): pass\n", "1:10", "duplicate argument 'a'");
    refused("f(a=1, a=2)\n", "1:8", "keyword argument repeated: a");
    refused("*a, *b = 1, 2\n", "1:5", "multiple starred");
    refused("async def f():\n    yield from x\n", "2:5", "inside async function");
    refused("x = yield\n", "1:5", "'yield' outside function");
    refused("print 'x'\n", "1:7", "syntax error");
    let text = "x = 1\ny = = 2\n";
    let shown = program(text).unwrap_err().shown("a.py", text);
    assert!(shown.ends_with("    y = = 2\n        ^"), "{shown}");
}

#[test]
fn the_most_likely_unsupported_constructs_have_a_remedy() {
    refused("x = 1\nmatch x:\n    case 1:\n        pass\n", "2:1", "write `if` and `elif`");
    refused("class A(metaclass=M): pass\n", "1:9", "a metaclass");
    refused("class M(type): pass\n", "1:9", "derived from `type`");
    refused("x = eval('1')\n", "1:5", "write the expression itself");
    refused("exec('x = 1')\n", "1:1", "write the statements themselves");
    refused("import ctypes\n", "1:8", "a program is Python only");
    refused("import numpy as np\n", "1:8", "use lists");
    refused("x = 2 ** 3 + 123456789012345678901\n", "1:14", "write a smaller one");
    refused("f = open('x.txt')\n", "1:5", "write the data itself");
    refused("x = bytearray(3)\n", "1:5", "use bytes");
    refused("class A(dict): pass\n", "1:9", "keep the value in an attribute");
    refused("x = frozenset([1])\n", "1:5", "use a set or a tuple");
    refused("from . import x\n", "1:1", "put all into one file");
    refused("class A:\n    def __del__(self): pass\n", "2:5", "`__del__`");
}

#[test]
fn an_int_that_needs_more_than_64_bits_is_an_error_that_says_so() {
    for text in ["x = 1\nfor i in range(100): x *= 7\n", "x = 2 ** 64\n", "x = 1 << 70\n"] {
        let ran = run(text);
        assert!(ran.failures[0].1.text.contains("64 bits"), "{text}: {ran:?}");
    }
    let ran = run("def f(n): return 1 if n == 0 else n * f(n - 1)\nprint(f(20))\nprint(f(21))\n");
    assert_eq!(ran.output, "2432902008176640000\n");
    assert_eq!(ran.failures[0].1.at.line, 1);
}

fn stopped(text: &str) -> (String, u32) {
    let ran = run(text);
    let (why, at) = ran.stopped.unwrap_or_else(|| panic!("{text} was not stopped"));
    assert!(!why.contains('\n'), "{why}");
    (why, at.line)
}

#[test]
fn memory_bombs_are_stopped_in_their_line() {
    for bomb in [
        "[0] * 10**9",
        "'x' * 10**10",
        "list(range(10**12))",
        "tuple(range(10**12))",
        "set(range(10**12))",
        "dict.fromkeys(range(10**12))",
        "sorted(range(10**12))",
        "sum(range(10**12))",
        "'ab'.ljust(10**12)",
        "','.join(['x' * 10**6] * 10**5)",
        "('x' * 10**6).replace('x', 'y' * 10**6)",
        "f'{big}' + ''.join([big] * 5000)",
        "'%s' * 5000 % tuple([big] * 5000)",
        "('{}' * 5000).format(*[big] * 5000)",
        "[[0] * 10**6 for i in range(10**6)]",
    ] {
        let (why, line) = stopped(&format!("big = 'b' * 10**6\nx = {bomb}\n"));
        assert!(why.contains("memory"), "{bomb}: {why}");
        assert_eq!(line, 2, "{bomb}");
    }
    let (why, line) = stopped("s = 'x'\nwhile True:\n    s = s + s\n");
    assert!(why.contains("memory") && line == 3, "{why}, {line}");
    let (why, line) = stopped("d = {}\nwhile True:\n    d[len(d)] = [d] * 50\n");
    assert!(why.contains("memory") && line == 3, "{why}, {line}");
    let (why, _) = stopped("l = [1]\nwhile True:\n    l.extend(l)\n");
    assert!(why.contains("memory"), "{why}");
    let (why, _) = stopped("import itertools\nx = list(itertools.count())\n");
    assert!(why.contains("memory") || why.contains("instructions"), "{why}");
}

#[test]
fn endless_loops_are_stopped_in_their_line() {
    for (text, lines) in [
        ("while True: pass\n", 1..=1),
        ("x = 0\nwhile x < 1:\n    x -= 1\n", 2..=3),
        ("def f():\n    while True:\n        yield 1\nfor x in f(): pass\n", 2..=4),
        ("import itertools\nfor x in itertools.count(): pass\n", 2..=2),
        ("x = 5 in iter(int, 1)\n", 1..=1),
    ] {
        let (why, line) = stopped(text);
        assert!(why.contains("too many instructions"), "{text}: {why}");
        assert!(lines.contains(&line), "{text}: line {line}");
    }
}

#[test]
fn deep_recursion_is_a_recursion_error_of_python() {
    for text in [
        "def f(): return f()\nf()\n",
        "class A:\n    def __repr__(self): return repr(self)\nprint(A())\n",
        "class A:\n    def __eq__(self, o): return self == o\nA() == 1\n",
        "class A:\n    def __getattr__(self, n): return getattr(self, n + 'x')\nA().x\n",
        "def f(): yield from f()\nlist(f())\n",
        "f = lambda: f()\nf()\n",
        "l = []\nfor i in range(5000): l = [l]\nprint(l)\n",
        "l = []; m = []\nfor i in range(5000): l = [l]; m = [m]\nprint(l == m)\n",
        "t = ()\nfor i in range(100000): t = (t,)\nd = {t: 1}\n",
        "t = (int,)\nfor i in range(100000): t = (t,)\nprint(isinstance('', t))\n",
    ] {
        let ran = run(text);
        assert_eq!(ran.stopped, None, "{text}");
        assert!(ran.failures[0].1.text.starts_with("RecursionError"), "{text}: {ran:?}");
    }
    let text = "def f(n):\n    try:\n        return f(n + 1)\n    except RecursionError:\n        \
                return 'caught'\nprint(f(0))\n";
    assert_eq!(run(text).output, "caught\n");
}

#[test]
fn containers_that_hold_themselves_end() {
    let text = "l = [1]; l.append(l); d = {}; d['d'] = d\nprint(l, d, l == l, len(l), l in [l])\n\
                import copy\nm = copy.deepcopy(l)\nprint(m[1] is m, l.index(l))\n";
    assert_eq!(run(text).output, "[1, [...]] {'d': {...}} True 2 True\nTrue 1\n");
    let ran = run("l = []; l.append(l)\nsorted([l, l])\nmax(l, l)\n");
    assert_eq!(ran.stopped, None, "{ran:?}");
}

#[test]
fn source_that_is_nested_too_deeply_is_refused() {
    let deep = 5000;
    let texts = [
        format!("x = {}\n", "(".repeat(deep)),
        format!("x = {}1{}\n", "[".repeat(deep), "]".repeat(deep)),
        format!("x = {}1{}\n", "{1: ".repeat(deep), "}".repeat(deep)),
        format!("x = y{}\n", "[0]".repeat(deep)),
        format!("x = y{}\n", ".z".repeat(deep)),
        format!("x = y{}\n", "()".repeat(deep)),
        format!("x = {}1\n", "lambda: ".repeat(deep)),
        format!("x = {}1\n", "1 if 0 else ".repeat(deep)),
        format!("x = {}1\n", "1 + ".repeat(deep)),
        format!("x = {}1\n", "1 ** ".repeat(deep)),
        format!("x = {}1\n", "~".repeat(deep)),
        format!("x = {}1{}\n", "f(*".repeat(deep), ")".repeat(deep)),
        format!("if x: pass\n{}", "elif x: pass\n".repeat(deep)),
        (0..deep).map(|n| format!("{}if x:\n", " ".repeat(n))).collect::<String>(),
        (0..200).map(|n| format!("{}def f():\n", " ".repeat(n))).collect::<String>()
            + &" ".repeat(200)
            + "pass\n",
    ];
    for text in texts {
        let shown: String = text.chars().take(60).collect();
        assert!(program(&text).is_err(), "{shown}");
    }
    // A long list, and a long chain of comparisons or of `and`, are not deep.
    let long =
        format!("x = [{}]\ny = {}1\nz = {}2\n", "1, ".repeat(2000), "1 and ".repeat(900), "1 < ");
    assert_eq!(run(&long).failures, []);
}

#[test]
fn a_file_is_read_as_cpython_reads_it() {
    assert_eq!(run("").output, "");
    assert_eq!(run("\n\n   \n# nothing\n").output, "");
    assert_eq!(run("\u{feff}print(1)\n").output, "1\n");
    assert_eq!(run("print(1)\r\nif True:\r\n    print(2)\r\n").output, "1\n2\n");
    assert_eq!(run("x = '''a\r\nb'''\r\nprint(len(x), repr(x))\r\n").output, "3 'a\\nb'\n");
    assert_eq!(run("print(1)\rprint(2)\r").output, "1\n2\n");
    assert_eq!(run("# -*- coding: utf-8 -*-\nprint('é')\n").output, "é\n");
    assert_eq!(run("# vim: set fileencoding=latin-1 :\nprint('e')\n").output, "e\n");
    refused("# -*- coding: latin-1 -*-\nprint('é')\n", "1:1", "save it as UTF-8");
    let text = "x = []  # type: list[int]\ndef f(a, b):\n    # type: (int, str) -> None\n    \
                print(a, b)\nf(1, 'x')\n";
    assert_eq!(run(text).output, "1 x\n");
    refused(&"x = 1\n".repeat(200_000), "1:1", "shorten it");
    refused("print(1)\0\n", "1:9", "syntax error");
}

#[test]
fn a_generator_that_is_left_inside_its_finally_can_be_closed() {
    let text = "def g():\n    try:\n        yield 1\n        yield 2\n    finally:\n        print('end')\n\
                x = g()\nprint(next(x))\nx.close()\nprint('closed')\n";
    assert_eq!(run(text).output, "1\nend\nclosed\n");
}

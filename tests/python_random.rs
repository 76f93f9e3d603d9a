//! Random Python: programs that print what CPython 3.12 prints, and texts that never make the front
//! end or the machine panic.
#![cfg(feature = "python")]

#[path = "common/cpython.rs"]
mod cpython;
#[path = "common/skipped.rs"]
mod skipped;

use cpython::cpython;
use singletrack::python::run::{program, run_single};
use skipped::skipped;
use std::fs;
use std::process::Command;

/// SplitMix64.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % below as u64).unwrap()
    }

    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.next(list.len())]
    }

    fn expression(&mut self, depth: usize) -> String {
        const LEAVES: &[&str] = &[
            "0", "1", "-3", "7", "2.5", "-0.5", "True", "None", "'ab'", "''", "a", "b", "s", "l",
            "t", "d", "[1, 2]", "(1,)", "{'k': 1}", "{1, 2}", "range(4)",
        ];
        if depth == 0 {
            return self.pick(LEAVES).to_owned();
        }
        let mut part = || self.expression(depth - 1);
        let (x, y) = (part(), part());
        match self.next(14) {
            0..3 => {
                let operator = self.pick(&["+", "-", "*", "//", "%", "/", "&", "|", "^"]);
                format!("({x} {operator} {y})")
            }
            3 => {
                let operator = self.pick(&["==", "!=", "<", "<=", "in", "not in", "is"]);
                format!("({x} {operator} {y})")
            }
            4 => format!("({x} if {y} else {})", self.expression(0)),
            5 => format!("({x} and {y})"),
            6 => format!("(not {x})"),
            7 => {
                let function = self
                    .pick(&["len", "str", "repr", "sorted", "list", "sum", "max", "abs", "bool"]);
                format!("{function}({x})")
            }
            8 => format!("({x})[{y}]"),
            9 => format!("({x})[{}:{}]", self.next(3), self.next(5)),
            10 => format!("[i for i in {x} if {}]", self.pick(&["i", "i != 1", "True"])),
            11 => format!("[{x}, {y}]"),
            12 => format!(
                "f'{{{}!r}}-{{{}}}'",
                self.pick(&["a", "s", "l"]),
                self.pick(&["b", "t", "d"])
            ),
            _ => {
                let method = self.pick(&[
                    "s.upper()",
                    "s.split('b')",
                    "l.index(2)",
                    "d.get('k')",
                    "t.count(1)",
                    "','.join(s)",
                    "l.copy()",
                    "s.find('b')",
                    "list(d.items())",
                ]);
                method.to_owned()
            }
        }
    }

    /// A program that prints the value of each expression, or what it raises.
    fn program(&mut self, expressions: usize) -> String {
        let mut text =
            String::from("a = 3\nb = -2\ns = 'abc'\nl = [2, 1, 2]\nt = (1, 'x')\nd = {'k': 5}\n");
        for number in 0..expressions {
            let e = self.expression(1 + number % 3);
            text += &format!(
                "def f{number}():\n    return {e}\ntry:\n    print({number}, repr(f{number}()))\n\
                 except Exception as e:\n    print({number}, type(e).__name__)\n"
            );
        }
        text
    }
}

#[test]
fn random_expressions_are_worth_what_they_are_in_cpython() {
    let Some(python) = cpython() else {
        skipped("no CPython 3.12 to compare with");
        return;
    };
    for seed in 0..60 {
        let text = Numbers(seed).program(150);
        let ran = run_single(&program(&text).unwrap(), 10_000_000);
        assert_eq!(ran.stopped, None, "seed {seed}");
        let command = Command::new(&python).args(["-W", "ignore", "-c", &text]).output().unwrap();
        let expected = String::from_utf8(command.stdout).unwrap();
        for (ours, theirs) in ran.output.lines().zip(expected.lines()) {
            // What ints of 64 bits cannot hold is said to be so.
            if ours.ends_with("OverflowError") {
                continue;
            }
            let number = ours.split(' ').next().unwrap();
            let at = text.find(&format!("def f{number}():")).unwrap();
            let code = text[at..].lines().nth(1).unwrap();
            assert_eq!(ours, theirs, "seed {seed}: {code}");
        }
        assert_eq!(ran.output.lines().count(), expected.lines().count(), "seed {seed}");
    }
}

#[test]
fn no_text_makes_the_front_end_or_the_machine_panic() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python");
    let texts: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "py"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let mut numbers = Numbers(1);
    let mut compiled = 0;
    for round in 0..800 {
        let mut lines: Vec<&str> = texts[round % texts.len()].lines().collect();
        let start = numbers.next(lines.len());
        lines.drain(..start);
        lines.truncate(1 + numbers.next(25));
        for _ in 0..1 + numbers.next(3) {
            let (from, to) = (numbers.next(lines.len()), numbers.next(lines.len()));
            lines.swap(from, to);
        }
        let mut text = lines.join("\n");
        if numbers.next(2) == 0 && !text.is_empty() {
            let at = numbers.next(text.len());
            let at = (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap();
            let word = numbers
                .pick(&["(", "]", "lambda: ", "yield ", "*", "=", "[0]", "\n", ".x", "del "]);
            text.insert_str(at, word);
        }
        if let Ok(program) = program(&text) {
            compiled += 1;
            run_single(&program, 20_000);
        }
    }
    assert!(compiled > 60, "only {compiled} of 800 texts were Python");
}

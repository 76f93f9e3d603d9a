//! Text to program and back: what is read, what is refused, and where.

#[path = "common/vm_check.rs"]
mod vm_check;

use proptest::prelude::*;
use singletrack::vm::assembler::assemble;
use singletrack::vm::disassembler::dis;
use singletrack::vm::op::{OPCODES, Op, Operand};
use singletrack::vm::program::Position;
use singletrack::vm::verifier::{Fault, Verified, VerifyError};
use std::fs;
use std::path::Path;
use vm_check::{Style, check_any_text, check_print, proper_program};

const INCREMENT: &str = include_str!("../examples/programs/increment.gil");

#[test]
fn every_opcode_is_itself() {
    for (at, opcode) in OPCODES.iter().enumerate() {
        let number = if opcode.operand == Operand::None { 0 } else { 7 };
        assert_eq!((opcode.make)(7).parts(), (at, number), "{}", opcode.name);
    }
}

#[test]
fn x_plus_1_is_four_instructions() {
    let program = assemble(INCREMENT).unwrap();
    let ops: Vec<Op> = program.functions[0].code.iter().map(|i| i.op).collect();
    let plus = [Op::LoadGlobal(0), Op::LoadConst(0), Op::Add, Op::StoreGlobal(0)];
    assert_eq!(ops[..4], plus);
    assert_eq!(program.threads.len(), 2);
    assert_eq!((program.globals[0].name.as_str(), program.globals[0].value), ("x", 0));
}

#[test]
fn the_listing_looks_like_pythons() {
    let text = "\
global x
thread f(3)
def f(n):
again:
    LOAD_GLOBAL x
    LOAD_CONST -12
    LESS_THAN
    POP_JUMP_IF_FALSE out
    JUMP_BACKWARD again
out:
    SLEEP 5
    LOAD_FAST n
    RETURN_VALUE
";
    let listing = "\
Disassembly of f(n):
  5     >>    0 LOAD_GLOBAL              0 (x)
  6           1 LOAD_CONST               0 (-12)
  7           2 LESS_THAN
  8           3 POP_JUMP_IF_FALSE        5 (to 5)
  9           4 JUMP_BACKWARD            0 (to 0)
 11     >>    5 SLEEP                    5 (5 ms)
 12           6 LOAD_FAST                0 (n)
 13           7 RETURN_VALUE
";
    assert_eq!(dis(&assemble(text).unwrap()), listing);
}

#[test]
fn all_programs_that_ship_are_sound() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/programs");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(text.starts_with("# "), "a reader is told first what this is about");
        check_any_text(&text);
        Verified::new(assemble(&text).unwrap()).unwrap();
        count += 1;
    }
    assert!(count >= 4);
}

#[test]
fn an_error_names_line_column_and_what_was_expected() {
    for (text, line, column, found, expected) in [
        ("frobnicate", 1, 1, "`frobnicate`", "no function has begun"),
        ("global 7", 1, 8, "`7`", "the name of a global"),
        ("global", 1, 7, "the end of the line", "the name of a global"),
        ("global x = y", 1, 12, "`y`", "a whole number of 64 bits"),
        ("global x = 9223372036854775808", 1, 12, "`9223372036854775808`", "64 bits"),
        ("global x\nglobal x", 2, 8, "`x`", "no other global"),
        ("event", 1, 6, "the end of the line", "the name of an event"),
        ("condition c(d)", 1, 13, "`d`", "a lock that is declared"),
        ("lock d\ncondition c()", 2, 13, "`)`", "the name of a lock"),
        ("lock c\ncondition c", 2, 11, "`c`", "no other lock"),
        ("condition c\ncondition c", 2, 11, "`c`", "no other condition"),
        ("semaphore s = -1", 1, 15, "`-1`", "permits"),
        ("def f():\n  EVENT_SET x", 2, 13, "`x`", "an event that is declared"),
        ("lock a b", 1, 8, "`b`", "the end of the line"),
        ("thread f", 1, 8, "`f`", "function that is declared"),
        ("thread f(1\ndef f(a):\nRETURN_VALUE", 1, 11, "the end of the line", "`,` or `)`"),
        ("def f(a, a):", 1, 10, "`a`", "no other parameter"),
        ("def f()", 1, 8, "the end of the line", "`:`"),
        ("def f():\ndef f():", 2, 5, "`f`", "no other function"),
        ("out:", 1, 1, "`out`", "`def NAME():` first"),
        ("def f():\na:\n  a:", 3, 3, "`a`", "does not have yet"),
        ("def f():\n  7:", 2, 3, "`7`", "a label"),
        ("def f():\n  LOAD_GLOBL x", 2, 3, "`LOAD_GLOBL`", "perhaps LOAD_GLOBAL"),
        ("def f():\n  jump_back f", 2, 3, "`jump_back`", "perhaps JUMP_BACKWARD"),
        ("def f():\n  @@@", 2, 3, "`@@@`", "an opcode, such as"),
        ("def f():\n  LOAD_GLOBAL y", 2, 15, "`y`", "a global that is declared"),
        ("def f():\n  LOAD_CONST", 2, 13, "the end of the line", "a whole number"),
        ("def f():\n  LOAD_FAST n", 2, 13, "`n`", "a parameter, or a name"),
        ("def f():\n  ADD 1", 2, 7, "`1`", "the end of the line"),
        ("def f():\n  CALL g", 2, 8, "`g`", "a function that is declared"),
        ("def f():\n  ACQUIRE a", 2, 11, "`a`", "a lock that is declared"),
        ("def f():\n  SLEEP 65536", 2, 9, "`65536`", "0 to 65535"),
        ("def f():\nx:\ndef g():\n  JUMP_FORWARD x", 4, 16, "`x`", "a label of this function"),
    ] {
        let error = assemble(text).unwrap_err();
        assert_eq!(error.position, Position { line, column }, "{text}: {error}");
        assert_eq!(error.found, found, "{text}");
        assert!(error.expected.contains(expected), "{text}: {error}");
    }
}

/// The condition's value with `a = 7` and `b = 13`.
fn value(condition: &str) -> i64 {
    let program = assemble(&format!("global a = 7\nglobal b = 13\nexpect {condition}")).unwrap();
    let shown = program.expects[0].shown(&program);
    let again = assemble(&format!("global a = 7\nglobal b = 13\nexpect {shown}")).unwrap();
    assert_eq!(again.expects[0].condition, program.expects[0].condition, "{shown}");
    program.expects[0].condition.value(&[7, 13])
}

#[test]
fn an_expectation_means_what_it_means_in_python() {
    for (condition, expected) in [
        ("a + b == 20", 1),
        ("a+b==20", 1),
        ("a + b == 21", 0),
        ("a - b - 1", -7),
        ("a - (b - 1)", -5),
        ("1 + 2 * a", 15),
        ("(1 + 2) * -a", -21),
        ("a - -1", 8),
        ("--a", 7),
        ("-9223372036854775808 < a", 1),
        ("0 <= a <= 10", 1),
        ("0 <= b <= 10", 0),
        ("a < b > a != b", 1),
        ("(a < b) == 1", 1),
        ("a == b == 0", 0),
        ("(a == b) == 0", 1),
        ("not a == 8", 1),
        ("not a", 0),
        ("not not a", 1),
        ("a == 8 or b >= 13", 1),
        ("0 or a and b", 13),
        ("(0 or a) and 0", 0),
        ("not (a and b) or a < 0 and b < 0", 0),
        ("a   # a comment", 7),
    ] {
        assert_eq!(value(condition), expected, "{condition}");
    }
}

#[test]
fn what_is_no_expectation_is_refused_with_its_place() {
    let deep = "(".repeat(100_000);
    let long = "a + ".repeat(100_000) + "a";
    for (condition, column, expected) in [
        ("", 7, "a global, a number"),
        ("a ==", 12, "a global, a number"),
        ("a = 2", 10, "the end of the line"),
        ("x == 2", 8, "a global that is declared"),
        ("(a == 2", 15, "`)`"),
        ("a + not b", 12, "a global, a number"),
        ("a b", 10, "the end of the line"),
        ("9223372036854775808", 8, "a whole number of 64 bits"),
        ("a / 2", 10, "the end of the line"),
        (&deep, 8, "at most 500 words"),
        (&long, 8, "at most 500 words"),
    ] {
        let error = assemble(&format!("global a\nexpect {condition}")).unwrap_err();
        let short: String = condition.chars().take(40).collect();
        assert_eq!(error.position, Position { line: 2, column }, "{short}: {error}");
        assert!(error.expected.contains(expected), "{short}: {error}");
    }
}

fn refused(body: &str) -> VerifyError {
    let text = format!("global x\nevent e\nlock a\nthread f\ndef f():\n{body}\n");
    Verified::new(assemble(&text).unwrap()).unwrap_err()
}

#[test]
fn what_cannot_run_is_refused_with_its_line() {
    for (body, line, fault) in [
        ("ADD", 6, Fault::Underflow { pops: 2, depth: 0 }),
        ("RETURN_VALUE", 6, Fault::Underflow { pops: 1, depth: 0 }),
        ("LOAD_CONST 1\nLOAD_CONST 2\nRETURN_VALUE", 8, Fault::LeftOver(1)),
        ("LOAD_CONST 1", 6, Fault::NoReturn),
        ("", 5, Fault::NoReturn),
        ("JUMP_FORWARD out\nout:", 6, Fault::NotThere(Operand::Target)),
        ("here:\nJUMP_FORWARD here", 7, Fault::Direction),
        ("JUMP_BACKWARD on\non:\nLOAD_CONST 0\nRETURN_VALUE", 6, Fault::Direction),
        ("on:\nLOAD_CONST 1\nJUMP_BACKWARD on", 7, Fault::Unbalanced { one: 0, other: 1 }),
        ("EVENT_IS_SET e\nEVENT_IS_SET e\nRETURN_VALUE", 8, Fault::LeftOver(1)),
        ("CALL f\nRETURN_VALUE", 5, Fault::Recursion),
        ("CALL g\nRETURN_VALUE\ndef g():\nCALL f\nRETURN_VALUE", 5, Fault::Recursion),
    ] {
        let error = refused(body);
        assert_eq!(error.fault, fault, "{body}: {error}");
        assert_eq!(error.position.line, line, "{body}: {error}");
        let text = error.to_string();
        assert!(text.contains("; ") && !text.contains('\n'), "lacks a remedy: {text}");
    }
}

#[test]
fn threads_are_counted_and_their_arguments_too() {
    let function = "def f(a):\nLOAD_FAST a\nRETURN_VALUE\n";
    let verify =
        |threads: &str| Verified::new(assemble(&format!("{threads}\n{function}")).unwrap());
    assert_eq!(verify("").unwrap_err().fault, Fault::Threads(0));
    assert_eq!(verify(&"thread f(1)\n".repeat(65)).unwrap_err().fault, Fault::Threads(65));
    let error = verify("thread f(1)\n  thread f").unwrap_err();
    assert_eq!(error.fault, Fault::Arguments { given: 0, wanted: 1 });
    assert_eq!(error.position, Position { line: 2, column: 3 });
    assert!(verify("thread f(1)").is_ok());
}

/// Text that looks like a program more often than chance would have it.
fn texts() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        prop::sample::select(OPCODES.iter().map(|opcode| opcode.name).collect::<Vec<_>>())
            .prop_map(str::to_owned),
        prop::sample::select(vec![
            "global",
            "lock",
            "event",
            "condition",
            "semaphore",
            "expect",
            "+",
            "==",
            "not",
            "thread",
            "def",
            "f",
            "x",
            "(",
            ")",
            ":",
            ",",
            "=",
            "\n",
            "\n  ",
            "0",
            "-1",
            "def f():\n",
            "global x\n",
            "thread f\n",
            "x:\n",
            "#",
            "\t",
            "é",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    prop::collection::vec(word, 0..30).prop_map(|words| words.join(" "))
}

proptest! {
    /// Shows V5.
    #[test]
    fn v5_any_text_is_refused_at_a_place_or_can_be_printed_and_read(text in texts()) {
        check_any_text(&text);
    }

    /// Shows V5.
    #[test]
    fn v5_proper_programs_survive_printing(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let style = Style { threads: 2, statements: 4, spins: true, private: false };
        check_print(&proper_program(&bytes, style));
    }
}

//! The order of what threads could notice: our compiler's beside that of every CPython there is, for
//! all examples, questions and idioms.
//!
//! Compared are, for each statement of each function, the loads and stores of globals, cells, attributes
//! and items, calls, `with`, `yield` and `return`, in their order. A statement may be in the code more
//! than once, such as the test of a `while` and a `finally`: then each different copy counts once.
//! What is left out has its reason where it is left out.
#![cfg(feature = "cli")]

mod common;
#[path = "common/skipped.rs"]
mod skipped;

use common::watchdog;
use serde_json::{Value, json};
use singletrack::lab::fidelity::idioms::{IDIOMS, SETTING};
use singletrack::lab::fidelity::python::Interpreter;
use singletrack::python::code::instruction::Op;
use singletrack::python::code::program::{Code, CodeKind, Program};
use singletrack::python::run::program;
use skipped::skipped;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// A line, what happens, and to what.
type Event = (u32, String, String);
/// Of each function, by name and line: the different runs of events of each statement.
type Order = BTreeMap<(String, u32), BTreeMap<u32, BTreeSet<Vec<(String, String)>>>>;

const SCRIPT: &str = include_str!("common/order.py");

fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = vec![("the setting of the idioms".to_owned(), SETTING.to_owned())];
    for folder in ["examples", "examples/questions", "examples/article", "examples/levels"] {
        for entry in std::fs::read_dir(root.join(folder)).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "py") {
                all.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    for idiom in IDIOMS {
        let module = idiom.module();
        let module = module.strip_prefix(SETTING).unwrap_or(&module);
        all.push((idiom.name.to_owned(), module.to_owned()));
    }
    all
}

/// What the instructions of a code do that others could notice.
fn events(program: &Program, code: &Code) -> Vec<Event> {
    let name = |names: &[std::sync::Arc<str>], at: u32| names[at as usize].to_string();
    let mut found: Vec<Event> = Vec::new();
    let mut comprehensions = Vec::new();
    for (at, op) in code.ops.iter().enumerate() {
        let line = code.positions[at].line;
        let class = code.kind == CodeKind::Class;
        let (kind, of) = match *op {
            Op::LoadGlobal(at) | Op::LoadClassName(_, at) => ("load", name(&program.globals, at)),
            Op::StoreGlobal(at) => ("store", name(&program.globals, at)),
            Op::DeleteGlobal(at) => ("delete", name(&program.globals, at)),
            Op::StoreFast(at) if class => ("store", name(&code.locals, at)),
            Op::LoadCell(at) => ("load cell", name(&code.cell_names, at)),
            Op::StoreCell(at) => ("store cell", name(&code.cell_names, at)),
            Op::LoadAttr(at) | Op::LoadMethod(at) | Op::LoadSuper(at) => {
                ("attr", name(&program.names, at))
            }
            Op::StoreAttr(at) => ("store attr", name(&program.names, at)),
            Op::DeleteAttr(at) => ("delete attr", name(&program.names, at)),
            Op::Subscript => ("item", String::new()),
            Op::StoreSubscript => ("store item", String::new()),
            Op::DeleteSubscript => ("delete item", String::new()),
            Op::BeforeWith => ("with", String::new()),
            Op::Yield => ("yield", String::new()),
            Op::Return => ("return", String::new()),
            Op::GetIter => ("iterate", String::new()),
            Op::MakeFunction(inner) => {
                let inner = &program.codes[inner as usize];
                if inner.kind == CodeKind::Comprehension {
                    comprehensions.push(events(program, inner));
                }
                continue;
            }
            Op::Call(1) if code.ops[at - 1] == Op::GetIter && !comprehensions.is_empty() => {
                // CPython 3.12 has its code in this place.
                found.pop();
                let inner = comprehensions.pop().unwrap_or_default();
                found.extend(inner.into_iter().filter(|event| event.1 != "return"));
                continue;
            }
            Op::Call(_)
            | Op::CallMethod(_)
            | Op::CallKeywords(_)
            | Op::CallMethodKeywords(_)
            | Op::CallSpread
            | Op::MakeClass(_) => ("call", String::new()),
            _ => continue,
        };
        // A class begins by reading the module's `__name__` in CPython.
        if of != "__class__" && of != "__name__" {
            found.push((line, kind.to_owned(), of));
        }
    }
    found
}

/// Sorts events by function and statement.
struct Sorter<'a> {
    source: &'a str,
    statements: Vec<u32>,
    version: [u32; 3],
    /// In 2.7 the variables of comprehensions are variables of the function.
    inner: BTreeSet<String>,
}

impl Sorter<'_> {
    fn text(&self, line: u32) -> &str {
        self.source.lines().nth(line as usize - 1).unwrap_or("").trim()
    }

    fn statement(&self, line: u32) -> u32 {
        self.statements.iter().copied().take_while(|start| *start <= line).last().unwrap_or(line)
    }

    /// Whether what a compiler emits for this line is no matter of order.
    fn is_left_out(&self, line: u32) -> bool {
        let text = self.text(line);
        // Up to 3.9 the test of a `while` stands there once, and its body on the same line follows;
        // from then on once only if the body never comes to its end.
        let one_line_while = text.starts_with("while") && !text.ends_with(':');
        one_line_while && (self.version < [3, 10, 0] || text.ends_with("break"))
    }

    fn is_noticed(&self, function: &str, event: &Event) -> bool {
        let (line, kind, name) = event;
        let text = self.text(*line);
        match kind.as_str() {
            // The end of a function returns None wherever the compiler likes.
            "return" => {
                let mut words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
                words.any(|word| word == "return") || function == "<lambda>"
            }
            // AssertionError is made by a call, or not, depending on the version.
            "call" => !text.starts_with("assert"),
            "load" if name == "AssertionError" => false,
            "load" | "store" if self.version < [3, 0, 0] => !self.inner.contains(name),
            "iterate" => false,
            _ => true,
        }
    }

    /// Only a function's `return` is one.
    fn add(&self, order: &mut Order, name: &str, line: u32, is_function: bool, events: &[Event]) {
        let function = order.entry((name.to_owned(), line)).or_default();
        let mut run: (u32, Vec<(String, String)>) = (0, Vec::new());
        let mut finish = |run: &mut (u32, Vec<(String, String)>), next: u32| {
            let (statement, mut events) = std::mem::replace(run, (next, Vec::new()));
            tidy(&mut events);
            if !events.is_empty() && !self.is_left_out(statement) {
                function.entry(statement).or_default().insert(events);
            }
        };
        let noticed = events.iter().filter(|event| self.is_noticed(name, event));
        for event in noticed.filter(|event| is_function || event.1 != "return") {
            let statement = self.statement(event.0);
            if statement != run.0 {
                finish(&mut run, statement);
            }
            run.1.push((event.1.clone(), event.2.clone()));
        }
        finish(&mut run, 0);
    }
}

/// What differs in form only: `super()` is a call or an instruction, and a name that `except` has bound
/// is set to None before it is deleted.
fn tidy(events: &mut Vec<(String, String)>) {
    // What stands behind a `return` is not reached.
    events.dedup_by(|next, before| next.0 == "return" && before.0 == "return");
    while let Some(at) = events.iter().position(|(kind, name)| kind == "load" && name == "super") {
        events.remove(at);
        if events.get(at).is_some_and(|(kind, _)| kind == "call") {
            events.remove(at);
        }
    }
    while let Some(at) = events
        .windows(2)
        .position(|pair| pair[0].0 == "store" && pair[1].0 == "delete" && pair[0].1 == pair[1].1)
    {
        events.drain(at..at + 2);
    }
}

fn ours(program: &Program, sorter: &Sorter<'_>) -> Order {
    let mut order = Order::new();
    let own = program.codes.iter().enumerate();
    let own = own.filter(|(at, _)| !program.preludes.iter().any(|p| *p as usize == *at));
    for (_, code) in own {
        if code.kind == CodeKind::Comprehension || code.kind.is_library() || code.coroutine {
            continue;
        }
        let line = if code.kind == CodeKind::Module { 1 } else { code.positions[0].line };
        let is_function = code.kind == CodeKind::Function;
        sorter.add(&mut order, &code.name, line, is_function, &events(program, code));
    }
    order
}

fn theirs(answer: &Value, sorter: &Sorter<'_>) -> Order {
    let mut order = Order::new();
    for code in answer["codes"].as_array().unwrap() {
        // Between awaits each version has another way to send and to yield.
        if code["coroutine"] == true {
            continue;
        }
        let events: Vec<Event> = serde_json::from_value(code["events"].clone()).unwrap();
        let name = code["name"].as_str().unwrap();
        let line = if name == "<module>" { 1 } else { code["line"].as_u64().unwrap() as u32 };
        sorter.add(&mut order, name, line, code["function"] == true, &events);
    }
    order
}

fn ask(python: &Interpreter, sources: &[(String, String)]) -> Vec<Value> {
    let mut child = Command::new(&python.path)
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let question = json!(sources).to_string();
    child.stdin.take().unwrap().write_all(question.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{}: {e}", python.name()))
}

#[test]
fn loads_stores_and_calls_come_in_the_order_of_every_cpython() {
    let _bound = watchdog("order beside dis", 120);
    let sources = sources();
    let programs: Vec<_> = sources
        .iter()
        .map(|(name, text)| program(text).map_err(|e| format!("{name}: {e}")))
        .collect();
    let pythons = Interpreter::find();
    if pythons.is_empty() {
        skipped("no CPython is installed here");
    }
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for python in pythons {
        let answers = ask(&python, &sources);
        for (((name, source), program), answer) in sources.iter().zip(&programs).zip(&answers) {
            let program = program.as_ref().unwrap_or_else(|why| panic!("{why}"));
            if answer.is_null() {
                assert!(python.version < [3, 8, 0], "{} cannot compile {name}", python.name());
                continue;
            }
            let inner = program.codes.iter().filter(|c| c.kind == CodeKind::Comprehension);
            let sorter = Sorter {
                source,
                statements: serde_json::from_value(answer["statements"].clone()).unwrap(),
                version: python.version,
                inner: inner.flat_map(|c| c.locals.iter().map(ToString::to_string)).collect(),
            };
            let (ours, theirs) = (ours(program, &sorter), theirs(answer, &sorter));
            compared += 1;
            if ours != theirs {
                wrong.push(difference(&python.name(), name, &ours, &theirs));
            }
        }
    }
    println!("{compared} programs compared");
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}

fn difference(python: &str, name: &str, ours: &Order, theirs: &Order) -> String {
    let mut text = format!("{python}: {name}\n");
    let keys: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    for key in keys {
        let (a, b) = (ours.get(key), theirs.get(key));
        let lines = a.into_iter().chain(b).flat_map(|function| function.keys());
        for line in lines.collect::<BTreeSet<_>>() {
            let (a, b) = (a.and_then(|o| o.get(line)), b.and_then(|o| o.get(line)));
            if a != b {
                text += &format!("  {key:?} line {line}\n    ours {a:?}\n    {python} {b:?}\n");
            }
        }
    }
    text
}

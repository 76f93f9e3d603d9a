//! What holds for any text and any two small threads.
//!
//! *Promises*: the fuzz targets `python_front` and `python_explore` and the tests of their seeds
//! check the same.

use singletrack::gil::Threading;
use singletrack::python::explore::outcome::Ending;
use singletrack::python::explore::policies::Looks;
use singletrack::python::explore::replay::replay;
use singletrack::python::explore::search::{Limits, explore};
use singletrack::python::run::{program, run_single};

/// How many instructions of a text are executed.
const FUEL: u64 = 20_000;

/// A text is refused with a place in it and in one line, or it is compiled and runs for a while.
pub fn check_any_source(text: &str) {
    match program(text) {
        Err(refusal) => {
            // As CPython reads a file: each kind of line end is one.
            let unified = text.replace("\r\n", "\n").replace('\r', "\n");
            let lines = u32::try_from(unified.split('\n').count()).unwrap();
            let at = refusal.at;
            assert!((1..=lines).contains(&at.line), "{refusal} of {lines} lines");
            let line = unified.split('\n').nth(at.line as usize - 1).unwrap_or("");
            assert!(at.column as usize <= line.chars().count() + 1, "{refusal}: {line:?}");
            assert!(!refusal.to_string().contains('\n'), "{refusal}");
            refusal.shown("any.py", text);
        }
        Ok(program) => {
            let ran = run_single(&program, FUEL);
            if let Some((why, _)) = &ran.stopped {
                assert!(!why.contains('\n'), "{why}");
            }
        }
    }
}

/// What a thread may do, a statement for each byte.
const STATEMENTS: &[&str] = &[
    "x += 1",
    "x = y",
    "y = x + 1",
    "l.append(x)",
    "l[0] += 1",
    "d['k'] = d.get('k', 0) + 1",
    "o.n += 1",
    "o.add()",
    "lock.acquire()",
    "lock.release()",
    "other.acquire()",
    "other.release()",
    "event.wait()",
    "event.set()",
    "q.put(x)",
    "q.get()",
    "q.get_nowait()",
    "if x: y = 2",
    "for i in range(2): x += i",
    "x = call(x)",
    "print(x)",
    "with lock: x += 2",
    "assert x < 3",
    "d.pop('k')",
    "y = len(l)",
    "del l[0]",
    "s.add(x)",
    "x, y = y, x",
    "cond.acquire(); cond.notify(); cond.release()",
    "cond.acquire(); cond.wait(); cond.release()",
    "raise ValueError(x)",
    "y = next(count)",
];

const SETTING: &str = "\
import threading, queue, itertools
x = y = 0
l = [0]; d = {}; s = set()
lock = threading.Lock(); other = threading.RLock(); event = threading.Event()
cond = threading.Condition(); q = queue.Queue(); count = itertools.count()
class O:
    n = 0
    def add(self): self.n = self.n + 1
o = O()
def call(z): return z + 1
";

/// The policy and the program of two threads that some bytes stand for.
pub fn small_program(bytes: &[u8]) -> (&'static str, String) {
    const POLICIES: &[&str] = &["2.7", "3.9", "3.10", "3.12", "3.13", "free-threaded"];
    let policy = POLICIES[usize::from(bytes.first().copied().unwrap_or(0)) % POLICIES.len()];
    let rest = bytes.get(1..).unwrap_or(&[]);
    let (first, second) = rest.split_at(rest.len() / 2);
    let mut text = SETTING.to_owned();
    for (name, body) in [("f", first), ("g", second)] {
        text.push_str(&format!("def {name}():\n    global x, y\n"));
        for byte in body.iter().take(5) {
            let statement = STATEMENTS[usize::from(*byte) % STATEMENTS.len()];
            text.push_str(&format!("    {statement}\n"));
        }
    }
    text.push_str("a = threading.Thread(target=f, daemon=True)\n");
    text.push_str("b = threading.Thread(target=g, daemon=True)\n");
    text.push_str("a.start(); b.start(); a.join(); b.join()\nprint(x, y, l)\n");
    (policy, text)
}

/// The explorer ends, and every schedule that it has found comes to its outcome again.
pub fn check_any_threads(bytes: &[u8]) {
    let (policy, text) = small_program(bytes);
    let program = program(&text).unwrap_or_else(|refusal| panic!("{refusal}\n{text}"));
    let threading: Threading = policy.parse().unwrap();
    let looks = Looks::Under(threading, false);
    let limits = Limits {
        memory: 16 << 20,
        instructions: 300_000,
        step: 20_000,
        samples: 10,
        ..Limits::default()
    };
    let exploration = explore(&program, looks, limits);
    assert!(!exploration.found.is_empty() || exploration.bound.is_some(), "{text}");
    for found in &exploration.found {
        let again = replay(&program, looks, &exploration.contended, &found.moves);
        assert_eq!(again.impossible, None, "under {policy}:\n{text}");
        // What goes round for ever has no last step.
        if let Ending::Finished | Ending::Deadlock(_) = found.outcome.ending {
            assert_eq!(again.outcome.as_ref(), Some(&found.outcome), "under {policy}:\n{text}");
        }
    }
}

//! Random programs of two threads: what the CPythons of this machine show is among the outcomes that
//! the explorer finds under that version's policy. What is not among them is cut down to a small
//! program.
//!
//! Each interpreter runs all programs in one process, each some times, with a short switch interval and
//! a timer that is as exact as can be: else a thread would wait for longer than a program takes. Without
//! an interpreter the test says so and passes. `PROPTEST_RNG_SEED` names other programs.
#![cfg(feature = "python")]

#[path = "common/cases.rs"]
mod cases;
#[path = "common/skipped.rs"]
mod skipped;
use cases::in_proportion;
use singletrack::gil::Threading;
use singletrack::python::explore::policies::Looks;
use singletrack::python::explore::search::{Limits, explore};
use singletrack::python::run::program;
use skipped::skipped;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const STATEMENTS: &[&str] = &[
    "x += 1",
    "x = y",
    "y = x + 1",
    "l.append(x)",
    "l[0] += 1",
    "d[0] = d.get(0, 0) + 1",
    "o.n += 1",
    "o.add()",
    "x = call(x)",
    "y = len(l)",
    "s.add(x)",
    "x, y = y, x",
    "x = x + (1 if z else 2)",
    "for i in range(2): x += i",
    "with lock: x += 2",
    "y = next(count)",
    "l.extend([x, y])",
    "d.update({1: x})",
    "x = max(x, y)",
    "y = y * 2 + 1",
    "c.update({0: x})",
    "c.subtract({0: 1})",
    "c[1] += 1",
    "q.append(x)",
    "q.rotate(1)",
    "y = sum(map(call, l))",
    "x = min(l, key=call)",
    "y = sorted(l, key=call)[0]",
    "l[:] = list(filter(call, l))",
    "s.update(call(e) for e in l)",
    "x = x + int(any(call(e) for e in l))",
    "try:\n        for e in q: y = y + e\n    except RuntimeError: y = -1",
    "try: l.sort(key=call)\n    except ValueError: y = -2",
    "try:\n        for e in d: x = x + call(e)\n    except RuntimeError: y = -3",
    "try: y = len(copy.deepcopy(d))\n    except RuntimeError: y = -4",
    "heapq.heappush(l, x)",
    "l.insert(0, heapq.heappop(l) if l else 0)",
    "o.n = functools.reduce(max, l, x)",
    "y, z = divmod(x, 3)",
    "l.reverse()",
    "x = d.setdefault(2, x) + d.pop(2, 1)",
    "x = x + sum([call(e) for e in l])",
    "y = len({e: x for e in l})",
    "with cm: x = x + 1",
    "try: x = x + 1\n    finally: y = x",
    "try: l.pop()\n    except IndexError: y = -5",
    "try: del d[0]\n    except KeyError: y = -6",
    "while y > 0 and y < 4: y = y + 1",
    "x = x + p.size",
    "p.size = x",
    "y = cached(x)",
    "x = x + next(each)",
    "l[:1] = [x, y]",
    "y = [e for e in l if e == p].count(p)",
    "s.discard(x)",
    "s |= set(l)",
    "x = int(str(x)) + 1",
    "t = (x, y)\n    y, x = t",
    "l += [x]",
    "y = x if x in s else x + 1",
    "o.many.append(len(o.many))",
    "inner = lambda: x\n    x = inner() + 1",
    "x = x + isinstance(x, int)",
    "y = max(call(x), call(y))",
    "l.sort()",
    "y = sum(1 for e in reversed(l))",
    "x = x + len(list(zip(l, l)))",
    "x = x + next(numbered)[0]",
    "y = sum(next(pairs))",
    "x = x + next(called)",
    "for i, e in enumerate(l): x = x + i",
    "for i, e in numbered:\n        if i % 2: break\n        y = y + e",
];

const SETTING: &str = "import threading, itertools, collections, copy, heapq, functools\n\
    class O:\n    n = 0\n    def add(self): self.n = self.n + 1\n\
    def call(a): return a + 1\n\
    class CM(object):\n    def __enter__(self): return self\n    def __exit__(self, *a): return None\n\
    class P(object):\n    def __init__(self): self.n = 1\n    \
    @property\n    def size(self): return self.n\n    \
    @size.setter\n    def size(self, n): self.n = n\n    \
    def __eq__(self, other): return other == self.n\n\
    memo = {}\n\
    def cached(a):\n    if a not in memo: memo[a] = call(a)\n    return memo[a]\n";

const FRESH: &str = "x = 0; y = 1; z = 0; l = [0]; d = {}; s = set(); o = O()\n\
    lock = threading.Lock(); count = itertools.count()\n\
    c = collections.Counter(); q = collections.deque([1, 2], 3)\n\
    cm = CM(); p = P(); each = iter([1, 2, 3, 4, 5, 6]); o.many = []; memo.clear()\n\
    numbered = enumerate([5, 6, 7, 8, 9, 5, 6, 7]); pairs = iter(zip([1, 2, 3, 4, 5, 6], [3, 4, 5, 6, 7, 8]))\n\
    called = iter(map(call, [1, 2, 3, 4, 5, 6]))\n";

type Bodies = (Vec<usize>, Vec<usize>);

fn functions((first, second): &Bodies) -> String {
    let body = |name: &str, list: &[usize]| {
        let lines: String = list.iter().map(|at| format!("    {}\n", STATEMENTS[*at])).collect();
        format!("def {name}():\n    global x, y, z, l, s\n{lines}    pass\n")
    };
    body("f", first) + &body("g", second)
}

const SHOWN: &str = "'%d %d %r %r %r %d %r %r %r %r' % (x, y, l, sorted(d.items()), sorted(s), o.n, \
                     sorted(c.items()), list(q), p.n, o.many)";

/// The program for the explorer.
fn explored(bodies: &Bodies) -> String {
    format!(
        "{SETTING}{FRESH}{}a = threading.Thread(target=f)\nb = threading.Thread(target=g)\n\
         a.start()\nb.start()\na.join()\nb.join()\nprint({SHOWN})\n",
        functions(bodies)
    )
}

/// One script for an interpreter: all programs, many times, each behind a barrier.
fn script(all: &[Bodies], times: usize) -> String {
    let mut text = String::from(
        "import sys, threading, itertools\nfrom time import sleep\n\
         try:\n    import ctypes\n    PR_SET_TIMERSLACK = 29\n    \
         ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)\nexcept Exception: pass\n\
         try:\n    sys.setswitchinterval(1e-6)\n\
         except AttributeError:\n    sys.setcheckinterval(0)\n",
    );
    text.push_str(
        "def both(f, g):\n    ready = []\n    def go(h):\n        ready.append(1)\n        \
        while len(ready) < 2: sleep(0)\n        h()\n    \
        ts = [threading.Thread(target=go, args=(h,)) for h in (f, g)]\n    \
        for t in ts: t.start()\n    for t in ts: t.join()\n",
    );
    text.push_str(SETTING);
    for (number, bodies) in all.iter().enumerate() {
        let fresh: String = FRESH.lines().map(|line| format!("    {line}\n")).collect();
        text.push_str(&functions(bodies));
        text.push_str(&format!(
            "seen = {{}}\nfor _ in range({times}):\n{fresh}    both(f, g)\n    \
             seen[{SHOWN}] = 1\nfor each in sorted(seen): print('{number}|' + each)\n"
        ));
    }
    text
}

fn interpreters() -> Vec<(&'static str, PathBuf)> {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".pyenv"));
    let Some(root) = std::env::var_os("PYENV_ROOT").map(PathBuf::from).or_else(home) else {
        return Vec::new();
    };
    let found = std::fs::read_dir(root.join("versions")).into_iter().flatten().flatten();
    let mut out = Vec::new();
    for entry in found {
        let name = entry.file_name().into_string().unwrap_or_default();
        let version = ["2.7", "3.9", "3.10", "3.12", "3.13"]
            .into_iter()
            .find(|version| name.starts_with(&format!("{version}.")));
        let path = entry.path().join("bin/python");
        if let (Some(version), true) = (version, path.exists()) {
            out.push((version, path));
        }
    }
    out
}

/// What an interpreter has shown, by the number of the program.
fn shown(python: &PathBuf, all: &[Bodies], times: usize) -> BTreeMap<usize, BTreeSet<String>> {
    let mut command = Command::new(python);
    command.arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Not as an argument: many programs are too long for one. It is read whole before it runs.
    child.stdin.take().unwrap().write_all(script(all, times).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let mut seen: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let (number, text) = line.split_once('|').unwrap();
        seen.entry(number.parse().unwrap()).or_default().insert(text.to_owned());
    }
    seen
}

/// What the explorer finds; `None` if it could not try all.
fn predicted(bodies: &Bodies, version: &str) -> Option<BTreeSet<String>> {
    let threading: Threading = version.parse().unwrap();
    let program = program(&explored(bodies)).unwrap();
    let limits = Limits { memory: 64 << 20, instructions: 3_000_000, ..Limits::default() };
    let exploration = explore(&program, Looks::Under(threading, false), limits);
    if exploration.bound.is_some() {
        return None;
    }
    let outcomes = exploration.found.into_iter();
    Some(outcomes.map(|found| found.outcome.output.trim_end().to_owned()).collect())
}

/// Leaves out one statement after the other while what was shown is still not predicted.
fn shrunk(bodies: Bodies, version: &str, python: &PathBuf) -> (Bodies, String) {
    let fails = |bodies: &Bodies| {
        let predicted = predicted(bodies, version)?;
        let seen = shown(python, std::slice::from_ref(bodies), 1000);
        seen.into_values().flatten().find(|text| !predicted.contains(text))
    };
    let mut smallest = bodies;
    let mut wrong = fails(&smallest).unwrap_or_default();
    loop {
        let (first, second) = &smallest;
        let without = |list: &[usize], at: usize| {
            list.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, s)| *s).collect::<Vec<_>>()
        };
        let smaller = (0..first.len())
            .map(|at| (without(first, at), second.clone()))
            .chain((0..second.len()).map(|at| (first.clone(), without(second, at))));
        let Some((next, text)) = smaller.into_iter().find_map(|b| fails(&b).map(|text| (b, text)))
        else {
            return (smallest, wrong);
        };
        (smallest, wrong) = (next, text);
    }
}

/// SplitMix64.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % below as u64).unwrap()
    }

    fn body(&mut self) -> Vec<usize> {
        (0..1 + self.below(3)).map(|_| self.below(STATEMENTS.len())).collect()
    }
}

#[test]
fn what_cpython_shows_is_among_what_is_explored() {
    let interpreters = interpreters();
    if interpreters.is_empty() {
        skipped("no CPython to compare with");
        return;
    }
    let seed = std::env::var("PROPTEST_RNG_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut numbers = Numbers(seed.unwrap_or(7));
    let count = in_proportion(8);
    let all: Vec<Bodies> = (0..count).map(|_| (numbers.body(), numbers.body())).collect();
    for (version, python) in interpreters {
        let (mut compared, mut outcomes) = (0, 0);
        for (number, seen) in shown(&python, &all, 12) {
            let Some(predicted) = predicted(&all[number], version) else { continue };
            compared += 1;
            outcomes += seen.len();
            if let Some(wrong) = seen.iter().find(|text| !predicted.contains(*text)) {
                let (small, text) = shrunk(all[number].clone(), version, &python);
                let (program, small) = (functions(&all[number]), functions(&small));
                panic!(
                    "CPython {version} shows {wrong}, which is not explored, for\n{program}\n\
                     cut down: {text} for\n{small}"
                );
            }
        }
        eprintln!("{version}: {compared} programs, {outcomes} outcomes seen and predicted");
        assert!(2 * compared >= all.len(), "{version}: only {compared} could be explored");
    }
}

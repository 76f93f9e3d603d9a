//! The idioms: what can stand between a load and a store, each as one piece of Python.
//!
//! *Promises*: the explorer and the real interpreters get the same text, so what one predicts is what
//! the other does. A group says in which versions its idioms were measured to lose an update.
//! *Leaves out*: asking (`lab/fidelity/idiom_table.rs`).
//!
//! ```text
//!   SETTING, `before` ─▶ def work(n):
//!                            `own`                     once for each thread
//!                            for _ in range(n):
//!                                `body`                an update, which may be lost
//!   `read`  ─▶ how many updates there were: each pass makes it one more
//! ```
//! A pass to warm up, then two threads with `n` passes each: the explorer has `n` = 1, an interpreter
//! 20,000. All of it is Python 2.7's too, if Python 2.7 can have it.

use crate::gil::rules::threading::Threading;
use crate::python::explore::outcome::Ending;
use crate::python::explore::policies::Looks;
use crate::python::explore::search::{Limits, explore};
use crate::python::run::single::program;

/// What idioms have in common: what a policy has to look at to lose an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// Straight-line code.
    Straight,
    /// A conditional jump is taken, forward.
    ForwardTaken,
    /// Python code returns to the call.
    PyReturn,
    /// A call into C that is specialised.
    FastCall,
    /// Any other call into C.
    Call,
    /// Python code is entered.
    Enter,
    /// A loop goes back.
    BackEdge,
    /// A `with` is left.
    With,
    /// The store is inside of the `with`.
    InsideWith,
    /// A comprehension of nothing.
    NoRound,
    /// What never loses.
    Safe,
}

impl Group {
    /// All of them.
    pub const ALL: [Group; 11] = [
        Group::Straight,
        Group::ForwardTaken,
        Group::PyReturn,
        Group::FastCall,
        Group::Call,
        Group::Enter,
        Group::BackEdge,
        Group::With,
        Group::InsideWith,
        Group::NoRound,
        Group::Safe,
    ];

    /// In a few words.
    pub fn name(self) -> &'static str {
        match self {
            Group::Straight => "straight line",
            Group::ForwardTaken => "jump forward taken",
            Group::PyReturn => "return from Python",
            Group::FastCall => "fast C call",
            Group::Call => "C call",
            Group::Enter => "Python code entered",
            Group::BackEdge => "back edge",
            Group::With => "with",
            Group::InsideWith => "inside of with",
            Group::NoRound => "empty comprehension",
            Group::Safe => "safe",
        }
    }

    /// Whether such an idiom loses an update in this version of CPython: up to 3.13 as it was
    /// measured, then as the sources say. Without a lock all but the safe ones lose.
    pub fn loses(self, version: Option<(u32, u32)>) -> bool {
        let Some(version) = version else { return self != Group::Safe };
        match self {
            Group::Straight => version < (3, 10),
            Group::ForwardTaken | Group::PyReturn | Group::FastCall => version < (3, 11),
            Group::Call | Group::Enter | Group::BackEdge | Group::With => true,
            Group::InsideWith => version < (3, 10) || version == (3, 14),
            Group::NoRound => version < (3, 12),
            Group::Safe => false,
        }
    }
}

/// An update that can be lost, or cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Idiom {
    /// What it has in common with others.
    pub group: Group,
    /// Its name: mostly its code.
    pub name: &'static str,
    /// Lines of the module.
    pub before: &'static str,
    /// Lines at the beginning of each thread.
    pub own: &'static str,
    /// The lines of one pass.
    pub body: &'static str,
    /// How many passes have left a trace.
    pub read: &'static str,
}

/// What all idioms find in their module.
pub const SETTING: &str = "\
import threading, itertools, collections, time
x = 0; z = 0; o = 1; m = -1; t = (1,); a = [3]; word = 'a'
l = [0]; l2 = []; l6 = []; lst = [2, 1]; dq = collections.deque(); s = set(); cnt = itertools.count()
d = {1: 0}; d3 = {}; d4 = {}; ds = {}; dd = collections.defaultdict(int); c = collections.Counter({1: 0})
lk = threading.Lock(); L = threading.Lock(); R = threading.RLock()
err = ValueError('e'); ev = threading.Event(); cond = threading.Condition()
def f(): return 1
def g(): return x
def kw(one=1): return one
def same(v): return v
def gene():
    yield 1
def reading():
    while True: yield x
class O(object):
    n = 0; one = 1; k = 0
    def m(self): return 1
    def get(self): return x
class Special(object):
    def __init__(self): self.n = 1
    def __getitem__(self, i): return 1
    def __len__(self): return 1
    def __contains__(self, i): return True
    def __eq__(self, other): return True
    def __call__(self): return 1
    def __bool__(self): return True
    def __next__(self): return 1
    next = __next__
    def __iter__(self): return iter((1,))
    def __add__(self, other): return 1
    def __radd__(self, other): return other + 1
    def __str__(self): return 'a'
    def __lt__(self, other): return True
    def __setitem__(self, i, v): pass
class Reads(object):
    def __getitem__(self, i): return x
    def __call__(self): return x
    def __len__(self): return x
    def __next__(self): return x
    next = __next__
    def __str__(self): return '%d' % x
class Leaving(object):
    def __enter__(self): return self
    def __exit__(self, *a): self.y = x
class CM(object):
    def __enter__(self): return self
    def __exit__(self, *a): return None
ob = O(); ob.n = 0; sp = Special(); cm = CM(); reads = Reads(); leaving = Leaving()
";

const fn idiom(group: Group, name: &'static str, body: &'static str, read: &'static str) -> Idiom {
    Idiom { group, name, before: "", own: "", body, read }
}

/// A statement that updates `x`, and is its own name.
const fn x(group: Group, body: &'static str) -> Idiom {
    idiom(group, body, body, "x")
}

use Group::{
    BackEdge, Call, Enter, FastCall, ForwardTaken, InsideWith, NoRound, PyReturn, Safe, Straight,
    With,
};

/// A `with` on a lock that only this thread has, so that nobody waits for it.
const fn own(group: Group, name: &'static str, body: &'static str) -> Idiom {
    Idiom { own: "mine = threading.Lock()", ..idiom(group, name, body, "x") }
}

/// What was lost, or was not.
pub const IDIOMS: &[Idiom] = &[
    x(Straight, "x += 1"),
    x(Straight, "x = x + 1"),
    idiom(Straight, "ob.n += 1", "ob.n += 1", "ob.n"),
    idiom(Straight, "O.k += 1", "O.k += 1", "O.k"),
    idiom(Straight, "l[0] += 1", "l[0] += 1", "l[0]"),
    idiom(Straight, "l[0:1] = [l[0] + 1]", "l[0:1] = [l[0] + 1]", "l[0]"),
    idiom(Straight, "d[1] += 1", "d[1] += 1", "d[1]"),
    idiom(Straight, "Counter: c[1] += 1", "c[1] += 1", "c[1]"),
    idiom(Straight, "defaultdict: dd[1] += 1", "dd[1] += 1", "dd[1]"),
    idiom(Straight, "look, then set a key", "d3[1] = d3[1] + 1 if 1 in d3 else 1", "d3[1]"),
    Idiom {
        before: "def make():\n    n = 0\n    def add():\n        nonlocal n\n        n += 1\n    \
                 def get(): return n\n    return add, get\nadd, get = make()",
        ..idiom(Straight, "nonlocal: n += 1", "add()", "get()")
    },
    x(Straight, "x += (o == 1)"),
    x(Straight, "x += (o is not None)"),
    x(Straight, "x += (1 in d)"),
    x(Straight, "x += (0 < o < 2)"),
    x(Straight, "x += (0 < z < 2) + 1"),
    x(Straight, "x += not z"),
    x(Straight, "x += -m"),
    x(Straight, "x += t[0]"),
    x(Straight, "x += ob.one"),
    x(Straight, "x = [x + 1][0]"),
    x(Straight, "x = {1: x + 1}[1]"),
    x(Straight, "y, i = x, 1; x = y + i"),
    x(Straight, "x = x + (f'{o}' == '1')"),
    x(Straight, "x = x + ('%s' % o == '1')"),
    x(Straight, "x = (y := x) + 1"),
    x(Straight, "x = x + (1 if o else 1)"),
    x(Straight, "x += o and 1"),
    x(Straight, "x += o or 2"),
    x(Straight, "x += z or 1"),
    idiom(Straight, "if …: entered", "y = x\nif o: y = y + 0\nx = y + 1", "x"),
    idiom(Straight, "try: pass", "y = x\ntry: pass\nexcept ValueError: pass\nx = y + 1", "x"),
    idiom(Straight, "try … finally", "y = x\ntry: pass\nfinally: y = y + 1\nx = y", "x"),
    idiom(Straight, "for … in (): pass", "y = x\nfor i in (): pass\nx = y + 1", "x"),
    idiom(Straight, "while …: break", "y = x\nwhile o: break\nx = y + 1", "x"),
    x(Straight, "x = reads[0] + 1"),
    x(Straight, "x += t[0:1][0]"),
    x(Straight, "x += (t + t)[0]"),
    idiom(Straight, "for … in a generator: x", "for i in reading(): x = i + 1; break", "x"),
    idiom(Straight, "import", "y = x\nimport time\nx = y + 1", "x"),
    idiom(
        ForwardTaken,
        "raise, except",
        "try: y = x; raise err\nexcept ValueError: x = y + 1",
        "x",
    ),
    idiom(Straight, "a function is made", "y = x\nh = lambda: 0\nx = y + 1", "x"),
    x(ForwardTaken, "x = x + (1 if z else 1)"),
    x(ForwardTaken, "x = x + (z and 5 or 1)"),
    x(ForwardTaken, "x = x + ((o or z) and 1)"),
    idiom(ForwardTaken, "if …: not entered", "y = x\nif z: y = 0\nx = y + 1", "x"),
    idiom(ForwardTaken, "if not …: not entered", "y = x\nif not o: y = 0\nx = y + 1", "x"),
    idiom(ForwardTaken, "if …: … else: taken", "y = x\nif z: y = 0\nelse: y = y + 1\nx = y", "x"),
    idiom(ForwardTaken, "if … or …", "y = x\nif o or z: y = y + 1\nx = y", "x"),
    idiom(ForwardTaken, "assert", "y = x\nassert o\nx = y + 1", "x"),
    idiom(ForwardTaken, "while …: not entered", "y = x\nwhile z: pass\nx = y + 1", "x"),
    own(
        ForwardTaken,
        "raise inside of with",
        "try:\n    with mine: y = x; raise err\nexcept ValueError: x = y + 1",
    ),
    x(PyReturn, "x = g() + 1"),
    x(PyReturn, "x = ob.get() + 1"),
    x(PyReturn, "x = (lambda: x)() + 1"),
    x(FastCall, "x += len(t)"),
    x(FastCall, "x = len(reads) + 1"),
    x(FastCall, "x += isinstance(o, int)"),
    x(FastCall, "x += (type(o) is int)"),
    idiom(FastCall, "l.append as a statement", "y = x\nl2.append(1)\nx = y + 1", "x"),
    x(Call, "x = x + (l2.append(1) or 1)"),
    idiom(Call, "dq.append as a statement", "y = x\ndq.append(1)\nx = y + 1", "x"),
    x(Call, "x = reads() + 1"),
    x(Call, "x = next(reads) + 1"),
    x(Call, "x = int(str(reads)) + 1"),
    x(Call, "x = list(map(lambda i: x, t))[0] + 1"),
    Idiom {
        own: "mine = reading()",
        ..idiom(Call, "next(a generator)", "x = next(mine) + 1", "x")
    },
    x(Call, "x += dict(a=1)['a']"),
    x(Call, "x += len('{}'.format(1))"),
    x(Call, "x = int('%d' % x) + 1"),
    x(Call, "x += len([i for i in range(1)])"),
    x(Call, "x += (time.time() > 0)"),
    idiom(Call, "range", "y = x\nrange(1)\nx = y + 1", "x"),
    x(Call, "x += int(1)"),
    x(Call, "x += int('1')"),
    x(Call, "x += abs(1)"),
    x(Call, "x += len(str(o))"),
    x(Call, "x += len(repr(o))"),
    x(Call, "x += max(0, 1)"),
    x(Call, "x += sum(t)"),
    x(Call, "x += sorted(t)[0]"),
    x(Call, "x += sorted(t, reverse=True)[0]"),
    x(Call, "x += list(t)[0]"),
    x(Call, "x += tuple(t)[0]"),
    x(Call, "x += len(set(t))"),
    x(Call, "x += ord('b') - 97"),
    x(Call, "x += bool(o)"),
    x(Call, "x += hasattr(ob, 'n')"),
    x(Call, "x += issubclass(O, object)"),
    x(Call, "x += len(word.upper())"),
    x(Call, "x += len(word.join(t and ['', '']))"),
    x(Call, "x += {1: 1}.pop(1)"),
    x(Call, "x += d.get(9, 1)"),
    x(Call, "x += len(list(d.keys()))"),
    x(Call, "x += (lst.sort() is None)"),
    x(Call, "x += t.count(1)"),
    x(Call, "x += (next(cnt) >= 0)"),
    idiom(Call, "d[1] = d.get(1, 0) + 1", "d[1] = d.get(1, 0) + 1", "d[1]"),
    idiom(Call, "setattr(getattr() + 1)", "setattr(ob, 'n', getattr(ob, 'n') + 1)", "ob.n"),
    idiom(Call, "an object is made", "y = x\nO()\nx = y + 1", "x"),
    idiom(
        Call,
        "raise ValueError()",
        "try: y = x; raise ValueError()\nexcept ValueError: x = y + 1",
        "x",
    ),
    own(Call, "acquire and release", "y = x\nmine.acquire()\nx = y + 1\nmine.release()"),
    x(Enter, "x += f()"),
    x(Enter, "x += kw(one=1)"),
    x(Enter, "x += (lambda: 1)()"),
    x(Enter, "x += ob.m()"),
    x(Enter, "x += O.m(ob)"),
    x(Enter, "x += sp()"),
    x(Enter, "x += sp[0]"),
    x(Enter, "x += len(sp)"),
    x(Enter, "x += (0 in sp)"),
    x(Enter, "x += (sp == 0)"),
    x(Enter, "x += (sp < 0)"),
    x(Enter, "x += sp + 0"),
    x(Enter, "x += sp"),
    x(Enter, "x += next(sp)"),
    x(Enter, "x += bool(sp)"),
    x(Enter, "x = x + (1 if sp else 0)"),
    x(Enter, "x += len(str(sp))"),
    x(Enter, "x += Special().n"),
    x(Enter, "x += sorted(t, key=lambda i: i)[0]"),
    x(Enter, "x += list(map(lambda i: i, t))[0]"),
    x(Enter, "x += next(gene())"),
    idiom(Enter, "sp[0] = 1", "y = x\nsp[0] = 1\nx = y + 1", "x"),
    idiom(Enter, "Counter, a fresh key", "c[-len(c)] += 1", "sum(c.values())"),
    idiom(Enter, "from a package import", "y = x\nfrom collections import deque\nx = y + 1", "x"),
    idiom(Enter, "event.is_set()", "y = x\nev.is_set()\nx = y + 1", "x"),
    idiom(Enter, "current_thread()", "y = x\nthreading.current_thread()\nx = y + 1", "x"),
    idiom(Enter, "a class is made", "y = x\nclass Made(object): pass\nx = y + 1", "x"),
    x(Enter, "x = same(x) + 1"),
    idiom(BackEdge, "for", "y = x\nfor i in t: pass\nx = y + 1", "x"),
    idiom(BackEdge, "for … in a generator", "y = x\nfor i in gene(): pass\nx = y + 1", "x"),
    idiom(BackEdge, "for … continue", "y = x\nfor i in t: continue\nx = y + 1", "x"),
    idiom(BackEdge, "while", "y = x; i = 3\nwhile i: i -= 1\nx = y + 1", "x"),
    x(BackEdge, "x = [x for i in t][0] + 1"),
    x(BackEdge, "x += [i for i in t][0]"),
    x(BackEdge, "x += {i: i for i in t}[1]"),
    x(BackEdge, "x += len({i for i in t})"),
    x(BackEdge, "x += sum(i for i in t)"),
    idiom(With, "with, __enter__ in Python", "y = x\nwith cm: pass\nx = y + 1", "x"),
    idiom(With, "with another lock", "y = x\nwith lk: pass\nx = y + 1", "x"),
    own(With, "with an own lock", "y = x\nwith mine: pass\nx = y + 1"),
    idiom(With, "inside of __exit__", "with leaving: pass\nx = leaving.y + 1", "x"),
    idiom(With, "with condition", "y = x\nwith cond: pass\nx = y + 1", "x"),
    own(With, "from inside of with", "with mine: y = x\nx = y + 1"),
    idiom(With, "inside, __enter__ in Python", "y = x\nwith cm: x = y + 1", "x"),
    own(InsideWith, "with lock: x = y + 1", "y = x\nwith mine: x = y + 1"),
    own(InsideWith, "with lock as v: x = y + 1", "y = x\nwith mine as v: x = y + 1"),
    Idiom {
        own: "mine = threading.RLock()",
        ..idiom(InsideWith, "with rlock: x = y + 1", "y = x\nwith mine: x = y + 1", "x")
    },
    x(NoRound, "x += len([i for i in ()]) + 1"),
    idiom(Safe, "l.append(1)", "l2.append(1)", "len(l2)"),
    idiom(Safe, "l += [1]", "l6 += [1]", "len(l6)"),
    idiom(Safe, "l.extend([1])", "l2.extend([1])", "len(l2)"),
    idiom(Safe, "l.insert(0, 1)", "a.insert(0, 1)", "len(a)"),
    idiom(Safe, "dq.append(1)", "dq.append(1)", "len(dq)"),
    idiom(Safe, "dq.appendleft(1)", "dq.appendleft(1)", "len(dq)"),
    idiom(Safe, "s.add(next(count))", "s.add(next(cnt))", "len(s)"),
    idiom(Safe, "d[next(count)] = 1", "d4[next(cnt)] = 1", "len(d4)"),
    idiom(Safe, "setdefault, append", "ds.setdefault(1, []).append(1)", "len(ds[1])"),
    idiom(Safe, "x += 1 under a lock", "with L: x += 1", "x"),
    idiom(Safe, "x += f() under a lock", "with L: x += f()", "x"),
    idiom(Safe, "x += int(1) under an RLock", "with R:\n    with R: x += int(1)", "x"),
    idiom(Safe, "acquire, release", "L.acquire()\nx += int(1)\nL.release()", "x"),
];

impl Idiom {
    /// The module: all but what starts the threads.
    pub fn module(&self) -> String {
        let indented = |text: &str, by: &str| {
            text.lines().map(|line| format!("{by}{line}\n")).collect::<String>()
        };
        format!(
            "{SETTING}{}\ndef work(n):\n    global x, l6\n{}    for _ in range(n):\n{}",
            self.before,
            indented(self.own, "    "),
            indented(self.body, "        "),
        )
    }

    /// A program of two threads with one pass each, in warm code. It prints 2 if none is lost.
    pub fn program(&self) -> String {
        let read = self.read;
        format!(
            "{}work(1)\nbase = {read}\n\
             both = [threading.Thread(target=work, args=(1,)) for _ in range(2)]\n\
             for each in both: each.start()\nfor each in both: each.join()\nprint({read} - base)\n",
            self.module()
        )
    }

    /// Whether the explorer finds a schedule that loses an update.
    ///
    /// # Errors
    /// Why it cannot say: the program is outside of the subset, has another outcome than a number of
    /// updates, or too many worlds.
    pub fn predicted(&self, threading: Threading) -> Result<bool, String> {
        let program = program(&self.program()).map_err(|refusal| refusal.to_string())?;
        let exploration = explore(&program, Looks::Under(threading, false), Limits::default());
        if let Some(bound) = exploration.bound {
            return Err(bound);
        }
        let mut lost = false;
        for found in exploration.found {
            let outcome = found.outcome;
            if outcome.ending != Ending::Finished || !outcome.failures.is_empty() {
                return Err(outcome.line(&[]));
            }
            lost |= outcome.output.trim() != "2";
        }
        Ok(lost)
    }
}

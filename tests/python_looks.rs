//! What looks at a container says so: else the explorer takes the look for something that concerns nobody,
//! leaves orders out, and says that there are no more.
//!
//! Each expression stands in a thread behind a write; another thread reads what was written, and then
//! changes the container. That the expression sees the change, and the other thread the write, is one order
//! of real Pythons, and must be among the explorer's.
#![cfg(feature = "python")]

mod common;

use common::watchdog;
use singletrack::gil::Threading;
use singletrack::python::explore::policies::Looks;
use singletrack::python::explore::search::{Limits, explore};
use singletrack::python::run::program;
use std::collections::BTreeSet;

const DICT: &[&str] = &[
    "dict(d)",
    "list(d)",
    "tuple(d)",
    "set(d)",
    "sorted(d)",
    "d.copy()",
    "copy.copy(d)",
    "str(d)",
    "repr(d)",
    "f'{d}'",
    "'%s' % d",
    "'{}'.format(d)",
    "{**d}",
    "[*d]",
    "len(d)",
    "bool(len(d) > 1)",
    "2 in d",
    "d.get(2)",
    "d.items()",
    "list(d.items())",
    "list(d.values())",
    "sum(d)",
    "sum(d.values())",
    "max(d)",
    "min(d.values())",
    "any(d)",
    "all(d)",
    "d == {1: 1}",
    "d != {1: 1}",
    "d | {}",
    "{} | d",
    "collections.Counter(d)",
    "collections.OrderedDict(d)",
    "collections.defaultdict(int, d)",
    "collections.deque(d)",
    "dict(d.items())",
    "d.keys() & {2}",
    "d.keys() == {1}",
    "d.keys() | {5}",
    "2 in d.values()",
    "(2, 2) in d.items()",
    "len(d.items())",
    "collections.Counter(d.values())",
    "dict(**{\"a\": 1}) and list(d)",
    "dict(zip(d, d))",
    "[].extend(d) or 0",
    "{9: 9}.update(d) or 0",
    "set().union(d)",
    "set([2]).issubset(d)",
    "set([2]) & set(d)",
    "list(reversed(d))",
    "list(reversed(d.items()))",
    "dict.fromkeys(d)",
    "d.setdefault(2, 7)",
    "d.pop(2, None)",
    "d.popitem()",
    "copy.deepcopy(d)",
    "str(d.items())",
    "list(itertools.chain(d))",
    "hash(tuple(d))",
    "','.join(map(str, d))",
    "\"%(1)s\" % {\"1\": len(d)}",
    "iter(d)",
    "enumerate(d)",
    "iter(d.items())",
    "iter(d.values())",
    "reversed(d.keys())",
    "zip(d, d)",
    "map(str, d)",
    "filter(None, d)",
    "itertools.islice(d, 5)",
    "itertools.chain(d, d)",
    "(y for y in d)",
    "list(d | {3: 3})",
    "dict([(1, d)])",
    "[d][0]",
    "max(d, key=str)",
    "sorted(d, key=str)",
    "functools.reduce(lambda a, b: a + b, d)",
    "bool(d.get(2))",
    "not d.get(2)",
    "d.values()",
    "list(filter(None, d))",
    "math.prod(d)",
    "math.fsum(d)",
];

const LIST: &[&str] = &[
    "list(d)",
    "tuple(d)",
    "set(d)",
    "sorted(d)",
    "d.copy()",
    "copy.copy(d)",
    "d[:]",
    "d[::-1]",
    "str(d)",
    "[*d]",
    "len(d)",
    "2 in d",
    "d.count(2)",
    "d + []",
    "[] + d",
    "d * 2",
    "2 * d",
    "d == [1]",
    "d < [1, 2]",
    "d > [1]",
    "sum(d)",
    "max(d)",
    "any(d)",
    "all(d)",
    "reversed(d)",
    "list(reversed(d))",
    "enumerate(d)",
    "zip(d, d)",
    "iter(d)",
    "dict.fromkeys(d)",
    "collections.Counter(d)",
    "collections.deque(d)",
    "set().union(d)",
    "set([2]) - set(d)",
    "set([1, 2]).difference(d)",
    "[9].extend(d)",
    "max(d, default=0)",
    "min(d, key=str)",
    "bool(d[1:])",
    "d[-1]",
    "d[-1:]",
    "\"\".join(map(str, d))",
    "f\"{d}\"",
    "math.prod(d)",
    "math.fsum(d)",
    "bisect.bisect(d, 2)",
    "heapq.nsmallest(5, d)",
    "heapq.nlargest(1, d)",
    "itertools.islice(d, 1, None)",
    "list(itertools.product(d, d))",
    "list(itertools.combinations(d, 1))",
    "list(itertools.permutations(d))",
    "itertools.accumulate(d)",
    "functools.reduce(lambda a, b: a+b, d)",
    "(lambda *a: a)(*d)",
    "d.index(2) if 2 in d else -1",
    "copy.deepcopy(d)",
    "[d[i] for i in range(len(d))]",
    "range(len(d))",
    "slice(len(d))",
    "[y for y in d]",
    "{y for y in d}",
    "repr([d])",
    "str((d,))",
    "[d] == [[1]]",
    "isinstance(d, list) and len(d)",
    "d.pop()",
    "sum(d, 0)",
    "list(map(lambda y: y, d))",
    "\"%s\" % (d,)",
    "d and d[-1]",
    "d or 3",
    "bool(d)",
    "[1, 2] == d",
    "(1, 2) in [tuple(d)]",
    "[[1, 2]].index(d) if [1,2] == d else 0",
    "[[1, 2]].count(d)",
    "[1, 2] in [d]",
];

const SET: &[&str] = &[
    "list(d)",
    "set(d)",
    "sorted(d)",
    "d.copy()",
    "str(d)",
    "len(d)",
    "2 in d",
    "d | {3}",
    "d & {2}",
    "d - {1}",
    "d ^ {1}",
    "{2} & d",
    "{2} - d",
    "{3} | d",
    "d == {1}",
    "d <= {1}",
    "d < {1, 2}",
    "{2} <= d",
    "d.isdisjoint({2})",
    "{2}.isdisjoint(d)",
    "d.issubset({1})",
    "{1, 2}.issubset(d)",
    "d.issuperset({2})",
    "d.union([3])",
    "d.intersection([2])",
    "{2}.intersection(d)",
    "{2}.difference(d)",
    "{1}.union(d)",
    "{1}.symmetric_difference(d)",
    "{1}.update(d)",
    "iter(d)",
    "enumerate(d)",
    "sum(d)",
    "max(d)",
    "[*d]",
    "{*d}",
    "collections.Counter(d)",
    "dict.fromkeys(d)",
    "bool(d - {1})",
];

const DEQUE: &[&str] = &[
    "list(d)",
    "tuple(d)",
    "d.copy()",
    "copy.copy(d)",
    "str(d)",
    "len(d)",
    "2 in d",
    "d.count(2)",
    "d[-1]",
    "iter(d)",
    "enumerate(d)",
    "reversed(d)",
    "list(reversed(d))",
    "zip(d)",
    "sum(d)",
    "max(d)",
    "[*d]",
    "d == collections.deque([1])",
    "collections.deque(d)",
    "d + collections.deque([1])",
    "d.maxlen",
    "bool(d)",
    "sorted(d)",
    "d * 2",
];

const COUNTER: &[&str] = &[
    "list(d)",
    "d.most_common()",
    "d + collections.Counter([5])",
    "d - collections.Counter([1])",
    "d & collections.Counter([2])",
    "d | collections.Counter([2])",
    "collections.Counter(d)",
    "list(d.elements())",
    "d.elements()",
    "d.total()",
    "d.copy()",
    "sum(d.values())",
    "str(d)",
    "d == collections.Counter([1])",
    "+d",
    "collections.Counter([7]) + d",
    "d.most_common(1)",
    "iter(d)",
    "collections.Counter([1]).update(d)",
    "d[2]",
];

/// What is made here, and gone through behind it.
const LAZY: &[&str] = &[
    "iter(",
    "enumerate(",
    "zip(",
    "map(",
    "filter(",
    "reversed(",
    "itertools.",
    "(y for",
    "d.items()",
    "d.values()",
    "d.elements()",
];

fn outcomes(container: &str, change: &str, expression: &str, meanwhile: &str) -> BTreeSet<String> {
    let shown = match LAZY.iter().any(|lazy| expression.starts_with(lazy)) {
        true => "list(it)",
        false => "str(it)",
    };
    let (started, joined) = match meanwhile {
        "f()" => ("for t in ts: t.start()", "for t in ts: t.join()"),
        _ => ("ts[0].start()", "ts[0].join()"),
    };
    let text = format!(
        "import threading, collections, copy, itertools, functools, heapq, bisect, math\n\
         d = {container}\nx = 0\nr = None\nres = None\ndef f():\n    pass\n\
         def a():\n    global x, res\n    x = 1\n    {meanwhile}\n    it = {expression}\n    \
         try:\n        res = {shown}\n    except RuntimeError:\n        res = 'err'\n\
         def b():\n    global r\n    r = x\n    {change}\n\
         ts = [threading.Thread(target=a), threading.Thread(target=b)]\n{started}\n{joined}\nprint(r, res)\n"
    );
    let program = program(&text).unwrap_or_else(|refusal| panic!("{expression}: {refusal}"));
    let threading: Threading = "3.12".parse().unwrap();
    let found = explore(&program, Looks::Under(threading, false), Limits::default());
    assert_eq!(found.bound, None, "{expression}");
    found.found.into_iter().map(|found| found.outcome.output.trim_end().to_owned()).collect()
}

/// What a container is made as, what changes it, and what looks at it.
const CONTAINERS: [(&str, &str, &[&str]); 5] = [
    ("{1: 1}", "d[2] = 2", DICT),
    ("[1]", "d.append(2)", LIST),
    ("{1}", "d.add(2)", SET),
    ("collections.deque([1])", "d.append(2)", DEQUE),
    ("collections.Counter([1])", "d[2] += 1", COUNTER),
];

#[test]
fn what_looks_at_a_container_says_so() {
    let _dog = watchdog("what_looks_at_a_container_says_so", 120);
    let mut missing = Vec::new();
    for (container, change, expressions) in CONTAINERS {
        for expression in expressions {
            let one_order = outcomes(container, change, expression, "ts[1].start(); ts[1].join()");
            assert_eq!(one_order.len(), 1, "{expression}: {one_order:?}");
            let all = outcomes(container, change, expression, "f()");
            if !all.is_superset(&one_order) {
                missing.push(format!("{expression}: {one_order:?} is not among {all:?}"));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

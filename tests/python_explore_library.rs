//! The library under the explorer: what CPython's is written in, and so where others come between.
#![cfg(feature = "python")]

use singletrack::python::explore::policies::Looks;
use singletrack::python::explore::search::{Limits, explore};
use singletrack::python::run::single::program;

/// All that a program comes to under CPython's versions of which each has a way of its own: what it
/// printed last, or what it ended with, in order.
fn endings(before: &str, one: &str, other: &str, shown: &str) -> Vec<Vec<String>> {
    let text = format!(
        "import threading, random, copy, collections\nfrom collections import Counter, deque\n\
         got = []\n{before}\ndef one():\n    {one}\ndef other():\n    {other}\n\
         ts = [threading.Thread(target=f) for f in (one, other)]\n\
         for t in ts: t.start()\nfor t in ts: t.join()\nprint({shown})\n"
    );
    let program = program(&text).unwrap_or_else(|refusal| panic!("{refusal}\n{text}"));
    let under = |version: &str| {
        let looks = Looks::Under(version.parse().unwrap(), false);
        let all = explore(&program, looks, Limits::default());
        assert_eq!(all.bound, None, "{text}");
        let mut lines: Vec<String> =
            all.found.iter().map(|found| found.outcome.line(&[]).replace("prints ", "")).collect();
        lines.sort();
        lines.dedup();
        lines
    };
    ["3.9", "3.12"].map(under).to_vec()
}

/// The endings, which are the same in all versions.
fn ends(before: &str, one: &str, other: &str, shown: &str) -> String {
    let all = endings(before, one, other, shown);
    assert_eq!(all[0], all[1], "3.9 and 3.12: {one} beside {other}");
    all[0].join(" | ")
}

#[test]
fn a_counter_adds_another_mapping_in_python_and_single_items_in_c() {
    let two = |call: &str| ends("c = Counter(a=1)", call, call, "c['a']");
    assert_eq!(two("c.update(['a'])"), "3");
    assert_eq!(two("c.update({'a': 1})"), "2 | 3");
    assert_eq!(two("c.update(a=1)"), "2 | 3");
    assert_eq!(two("c.subtract(['a'])"), "-1 | 0");
    assert_eq!(two("c.subtract({'a': 1})"), "-1 | 0");
    // An empty one takes all at once.
    assert_eq!(ends("c = Counter()", "c.update({'a': 1})", "pass", "c['a']"), "1");
}

#[test]
fn a_deque_that_changes_while_somebody_goes_through_it_says_so() {
    let through = "for x in d: got.append(x)";
    let error = |got: &str| {
        format!("RuntimeError: deque mutated during iteration in thread 1, line 6, {got}")
    };
    let all = endings("d = deque([1, 2], 2)", through, "d.append(3)", "got");
    let newer = [error("[1, 2]"), error("[1]"), "[1, 2]".to_owned(), "[2, 3]".to_owned()];
    assert_eq!(all[1], newer);
    // 3.9 looks between the beginning of a loop and its first item, too.
    let older = [&newer[..2], &[error("[]")], &newer[2..]].concat();
    assert_eq!(all[0], older);
    for all in endings("d = deque([1, 2])", through, "d.append(3); d.pop()", "got") {
        assert!(all.contains(&error("[1]")), "{all:?}");
    }
    // What is put in the place of another changes nothing about its order.
    let all = ends("d = deque([1, 2])", through, "d[1] = 3", "got");
    assert_eq!(all, "[1, 2] | [1, 3]");
    // One call in C is one step.
    assert_eq!(ends("d = deque([1])", "got.extend(d)", "d.append(2)", "got"), "[1, 2] | [1]");
}

#[test]
fn a_list_that_is_sorted_by_a_key_is_empty_meanwhile() {
    let before = "l = [2, 1]\ndef key(x): return x";
    let all = ends(before, "l.sort(key=key)", "got.append(len(l))", "got, l");
    assert_eq!(all, "[0] [1, 2] | [2] [1, 2]");
    let all = ends(before, "l.sort(key=key)", "l.append(0)", "l");
    assert!(all.contains("ValueError: list modified during sort"), "{all}");
    assert!(all.contains("[0, 1, 2]") && all.contains("[1, 2, 0]"), "{all}");
    // A copy is what `sorted` sorts, and one without a key of one's own is one step.
    assert_eq!(
        ends(before, "got.extend(sorted(l, key=key))", "l.append(0)", "got"),
        "[0, 1, 2] | [1, 2]"
    );
    assert_eq!(ends(before, "l.sort()", "got.append(len(l))", "got"), "[2]");
}

#[test]
fn what_is_copied_deeply_can_change_meanwhile() {
    let all = ends(
        "l = [[1], [1]]",
        "got.extend(copy.deepcopy(l))",
        "l[0][0] = 2; int(); l[1][0] = 2",
        "got",
    );
    assert_eq!(all, "[[1], [1]] | [[1], [2]] | [[2], [1]] | [[2], [2]]");
    let all = ends("l = [1]", "got.extend(copy.copy(l))", "l.append(2)", "got");
    assert_eq!(all, "[1, 2] | [1]");
    let all = ends("d = {1: [1], 2: [2]}", "copy.deepcopy(d)", "d[3] = [3]", "len(d)");
    assert!(all.contains("RuntimeError: dictionary changed size during iteration"), "{all}");
}

#[test]
fn what_chance_takes_from_a_list_can_be_gone() {
    let all = ends("l = [1, 2]", "got.append(random.choice(l))", "l.pop()", "got");
    assert!(all.contains("IndexError: list index out of range"), "{all}");
    assert!(all.contains("[1]") && all.contains("[2]"), "{all}");
    for all in endings("l = [1, 2, 3]", "random.shuffle(l)", "l.pop()", "len(l)") {
        assert!(all.iter().any(|line| line.contains("IndexError: list index")), "{all:?}");
        assert!(all.iter().any(|line| line == "2"), "{all:?}");
    }
}

#[test]
fn behind_what_is_c_in_cpython_and_python_here_others_run() {
    for (before, call) in [
        ("import operator", "operator.add(0, 1)"),
        ("import bisect\nl = [0]", "bisect.bisect(l, 0)"),
        ("import heapq\nl = []", "1 + (heapq.heappush(l, 1) or 0)"),
        ("import functools\nl = [1]", "functools.reduce(max, l)"),
    ] {
        for all in endings(&format!("x = 0\n{before}"), &adds(call), &adds(call), "x") {
            assert_eq!(all, ["1", "2"], "{call}");
        }
    }
}

/// Adds what a call gives to x, which it has read before.
fn adds(call: &str) -> String {
    format!("global x\n    x = x + {call}")
}

//! Kinds of answers: cut loops, few switches and samples, starvation, lost wake-ups, chance, schedules
//! as text.
#![cfg(feature = "python")]

mod common;

use common::watchdog;
use singletrack::python::explore::moves::{read_moves, write_moves};
use singletrack::python::explore::outcome::Ending;
use singletrack::python::explore::policies::Looks;
use singletrack::python::explore::replay::replay;
use singletrack::python::explore::search::{Exploration, Found, Limits, explore};
use singletrack::python::run::single::program;

fn looks(version: &str) -> Looks {
    Looks::Under(version.parse().unwrap(), false)
}

fn with(text: &str, version: &str, limits: Limits) -> Exploration {
    let program = program(text).unwrap_or_else(|refusal| panic!("{refusal}\n{text}"));
    explore(&program, looks(version), limits)
}

fn printed(exploration: &Exploration) -> Vec<&str> {
    let mut all: Vec<&str> =
        exploration.found.iter().map(|found| found.outcome.output.as_str()).collect();
    all.sort_unstable();
    all
}

/// Threads that run these functions.
fn threads(before: &str, functions: &str) -> String {
    format!(
        "import threading, random\n{before}\nts = [threading.Thread(target=f) for f in ({functions},)]\n\
         for t in ts: t.start()\nfor t in ts: t.join()\n"
    )
}

#[test]
fn loops_are_cut_only_if_that_is_asked_for() {
    let text = threads("n = 0\ndef work():\n    global n\n    while n < 5: n = n + int(1)", "work");
    let all = with(&text, "3.13", Limits::default());
    assert_eq!(all.bound, None);
    assert!(all.found.iter().all(|found| found.outcome.ending == Ending::Finished), "{all:?}");
    let cut = with(&text, "3.13", Limits { iterations: Some(2), ..Limits::default() });
    assert_eq!(cut.bound.as_deref(), Some("loops were cut after 2 rounds"));
    assert_eq!(cut.found.len(), 1, "{:?}", cut.found);
    assert_eq!(cut.found[0].outcome.ending, Ending::Cut);
    assert!(!cut.found[0].is_wrong());
    let enough = with(&text, "3.13", Limits { iterations: Some(5), ..Limits::default() });
    assert_eq!((enough.bound, enough.found.len()), (None, all.found.len()));
}

#[test]
fn a_thread_that_goes_on_alone_for_ever_is_cut_and_the_program_has_no_fault() {
    let _bound = watchdog("a thread alone", 60);
    let text = "n = 0\nwhile True:\n    n = n + 1\n";
    let all = with(text, "3.13", Limits { step: 6_000_000, ..Limits::default() });
    assert_eq!(all.bound.as_deref(), Some("more than 6000000 instructions"));
    assert!(all.found.iter().all(|found| !found.is_wrong()), "{:?}", all.found);
    assert!(all.found.iter().any(|found| found.outcome.ending == Ending::Cut), "{:?}", all.found);
}

#[test]
fn a_loop_that_is_entered_anew_is_counted_anew() {
    let text = threads(
        "def inner():\n    for _ in range(3): pass\ndef work():\n    inner(); inner(); inner()",
        "work",
    );
    let limits = Limits { iterations: Some(3), ..Limits::default() };
    assert_eq!(with(&text, "3.13", limits).bound, None);
    let limits = Limits { iterations: Some(2), ..Limits::default() };
    assert!(with(&text, "3.13", limits).bound.is_some());
}

const COUNTER: &str = "x = 0\ndef work():\n    global x\n    x += 1\n    x += 1";

#[test]
fn all_schedules_with_few_switches_are_tried_and_others_sampled() {
    let text = threads(COUNTER, "work, work, work") + "print(x)\n";
    let switches = |k| Limits { switches: Some(k), samples: 40, ..Limits::default() };
    let none = with(&text, "3.9", Limits { samples: 0, ..switches(0) });
    assert_eq!(printed(&none), ["6\n"], "no switch, no loss");
    assert_eq!(none.bound.as_deref(), Some("schedules with more than 0 switches were left out"));
    let one = with(&text, "3.9", Limits { samples: 0, ..switches(1) });
    let full = with(&text, "3.9", Limits::default());
    let cheap = |all: &Exploration| {
        let found = all.found.iter().filter(|found| found.switches <= 1);
        let mut found: Vec<_> = found.map(|f| (f.outcome.clone(), f.switches)).collect();
        found.sort();
        found
    };
    assert_eq!(cheap(&one), cheap(&full));
    let sampled = with(&text, "3.9", switches(1));
    let what = sampled.sampled.clone().unwrap();
    assert_eq!((what.samples, what.changes, what.seed, what.threads), (40, 2, 1, 4));
    assert!(what.finds(3) > 0.0 && what.finds(3) < 1.0, "{what:?}");
    assert!(what.says().contains("40 samples"), "{}", what.says());
    assert!(sampled.found.len() >= one.found.len());
    let outcomes = |all: &Exploration| printed(all).join("");
    assert_eq!(outcomes(&sampled), outcomes(&with(&text, "3.9", switches(1))), "the same seed");
    assert!(printed(&sampled).iter().all(|text| printed(&full).contains(text)));
}

#[test]
fn too_little_memory_is_said_and_the_rest_is_sampled() {
    let text = threads(COUNTER, "work, work, work") + "print(x)\n";
    let limits = Limits { memory: 1 << 18, samples: 10, ..Limits::default() };
    let some = with(&text, "3.9", limits);
    assert_eq!(some.bound.as_deref(), Some("it needs more than 0 MB of memory"));
    assert_eq!(some.sampled.unwrap().samples, 10);
}

#[test]
fn a_thread_that_others_can_always_overtake_starves() {
    let text = threads(
        "lock = threading.Lock()\ndone = False\ndef hog():\n    while not done:\n        with lock: pass\n\
         def meek():\n    global done\n    with lock: done = True",
        "hog, meek",
    );
    let all = with(&text, "3.9", Limits::default());
    let starves = |found: &&Found| matches!(found.outcome.ending, Ending::Starvation(_));
    let found = all.found.iter().find(starves).unwrap_or_else(|| panic!("{:?}", all.found));
    let Ending::Starvation(line) = &found.outcome.ending else { unreachable!() };
    assert!(line.contains("thread 2 waits") && line.contains("line 9"), "{line}");
    assert!(found.is_wrong());
    assert!(all.found.iter().any(|found| found.outcome.ending == Ending::Finished));
    assert!(!all.found.iter().any(|found| found.outcome.ending == Ending::Endless));
}

#[test]
fn who_gets_its_turn_does_not_starve() {
    // A spinning thread ignores nobody for ever, if each gets its turn.
    let spins = threads(
        "ready = False\ndef spin():\n    while not ready: pass\ndef set():\n    global ready\n    ready = True",
        "spin, set",
    );
    let all = with(&spins, "3.13", Limits::default());
    assert!(all.found.iter().all(|found| found.outcome.is_fine()), "{:?}", all.found);
    // A wait with a time limit ends.
    let limited = threads(
        "event = threading.Event()\ndef waits():\n    while not event.wait(1): pass\n\
         def sets():\n    event.set()",
        "waits, sets",
    );
    let all = with(&limited, "3.13", Limits::default());
    assert!(all.found.iter().all(|found| found.outcome.is_fine()), "{:?}", all.found);
}

#[test]
fn a_lost_wakeup_is_called_one() {
    let text = threads(
        "cond = threading.Condition()\ndef waiter():\n    with cond:\n        cond.wait()\n\
         def notifier():\n    with cond:\n        cond.notify()",
        "waiter, notifier",
    );
    let program = program(&text).unwrap();
    let all = explore(&program, looks("3.13"), Limits::default());
    let dead = |found: &&Found| matches!(found.outcome.ending, Ending::Deadlock(_));
    let found = all.found.iter().find(dead).unwrap();
    let lost = replay(&program, looks("3.13"), &all.contended, &found.moves).lost.unwrap();
    assert!(lost.starts_with("a lost wake-up: thread 2 notified on line 8"), "{lost}");
    assert!(lost.contains("thread 1 began to wait on line 5"), "{lost}");
}

#[test]
fn each_of_a_few_random_numbers_is_tried() {
    let text = threads(
        "got = []\ndef work():\n    got.append(random.choice('abc') + str(random.randint(1, 2)))",
        "work",
    ) + "print(got[0])\n";
    let all = with(&text, "3.13", Limits::default());
    assert_eq!(printed(&all), ["a1\n", "a2\n", "b1\n", "b2\n", "c1\n", "c2\n"]);
    assert!(all.found.iter().all(|found| found.serial), "{:?}", all.found);
    assert!(!all.one_sequence);
    let many = text.replace("randint(1, 2)", "randint(1, 200)");
    let all = with(&many, "3.13", Limits::default());
    assert_eq!(all.found.len(), 3);
    assert!(all.one_sequence);
}

#[test]
fn a_schedule_is_a_text_and_comes_to_the_same_again() {
    let text = threads(
        "x = 0\nlock = threading.Lock()\ndef work():\n    global x\n    if lock.acquire(timeout=1):\n        \
         x = x + random.randrange(3)\n        lock.release()",
        "work, work",
    ) + "print(x)\n";
    let program = program(&text).unwrap();
    let all = explore(&program, looks("3.9"), Limits::default());
    assert!(all.found.len() > 3, "{:?}", all.found);
    for found in &all.found {
        let written = write_moves(&found.moves);
        let moves = read_moves(&written).unwrap();
        assert_eq!(moves, found.moves, "{written}");
        let again = replay(&program, looks("3.9"), &all.contended, &moves);
        assert_eq!(again.outcome.as_ref(), Some(&found.outcome), "{written}");
        assert_eq!((again.switches, again.impossible), (found.switches, None), "{written}");
    }
    assert!(all.found.iter().any(|found| write_moves(&found.moves).contains("=2")));
}

/// What `got` can be under the GIL, and without it.
fn got(reader: &str, writer: &str) -> [Vec<String>; 2] {
    let text = threads(
        &format!(
            "l = [0, 0]; d = {{0: 0}}; got = []\ndef reads():\n    got.append({reader})\n\
             def writes():\n    {writer}"
        ),
        "reads, writes",
    ) + "print(got[0])\n";
    ["3.13", "3.14t"].map(|version| {
        let all = with(&text, version, Limits::default());
        let mut printed: Vec<String> = printed(&all).iter().map(|t| t.trim().to_owned()).collect();
        printed.dedup();
        printed
    })
}

#[test]
fn without_a_lock_what_c_does_item_by_item_is_seen_in_between() {
    let writes = "l[0] = 1\n    l[1] = 10";
    assert_eq!(got("sum(l)", writes), [vec!["0", "11"], vec!["0", "1", "10", "11"]]);
    assert_eq!(got("max(l)", writes)[1], ["0", "1", "10"]);
    assert_eq!(got("10 in l", "l.insert(0, 10)\n    l.append(1)")[1], ["False", "True"]);
    let [lock, free] = got("(l[0], sum(l))", "l[:] = [2, 3]");
    assert_eq!(lock, ["(0, 0)", "(2, 5)"]);
    assert_eq!(free, ["(0, 0)", "(0, 3)", "(0, 5)", "(2, 5)"]);
    // Copies lock what they copy, and one item is one item.
    for reader in ["str(list(l))", "str(l[:])", "str(sorted(l))", "len(l)"] {
        let [lock, free] = got(reader, "l[:] = [2, 3]");
        assert_eq!(lock, free, "{reader}");
    }
    let changed = got("list(d.keys())", "d[1] = 1")[1].join(" ");
    assert!(changed.contains("[0]") && changed.contains("[0, 1]"), "{changed}");
}

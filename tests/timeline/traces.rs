//! Trace files of a few events: what each of them says, and what is said of one that is wrong.

use crate::whole::told;
use serde_json::{Value, json};
use singletrack::lab::timeline::timeline::{LaneKind, Timeline};
use singletrack::lab::timeline::trace_reader::read;

fn refused(text: &str) -> String {
    read(text.as_bytes()).unwrap_err().to_string()
}

/// A trace of these events.
fn of(events: &[Value]) -> Result<Timeline, String> {
    let file = json!({"otherData": {"tool": "singletrack"}, "traceEvents": events});
    read(file.to_string().as_bytes()).map_err(|why| why.to_string())
}

fn process(pid: u32, name: &str) -> Value {
    json!({"ph": "M", "name": "process_name", "pid": pid, "args": {"name": name}})
}

fn thread(pid: u32, tid: u64, name: &str) -> Value {
    json!({"ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": {"name": name}})
}

fn slice(tid: u64, ts: f64, dur: f64) -> Value {
    json!({"ph": "X", "cat": "runs", "name": "x", "pid": 1, "tid": tid, "ts": ts, "dur": dur})
}

/// An event of task `0x1`, in nanoseconds.
fn task(ph: &str, at: u64, more: &[(&str, Value)]) -> Value {
    let mut event = json!({"ph": ph, "cat": "task", "name": "a#1", "id": "0x1", "pid": 1, "tid": 7, "ts": at as f64 / 1e3});
    more.iter().for_each(|(key, value)| event[*key] = value.clone());
    event
}

fn arrow(ph: &str, pid: u32, at: u64, args: Value) -> Value {
    let ts = at as f64 / 1e3;
    json!({"ph": ph, "cat": "link", "name": "wake", "id": 4, "pid": pid, "tid": 7, "ts": ts, "args": args})
}

#[test]
fn each_event_of_a_trace_says_one_thing() {
    let own = thread(1, 8, "owner");
    let file = json!({
        "displayTimeUnit": "ns",
        "otherData": {"tool": "singletrack", "cmd": "gil convoy", "until_ns": "90000", "forgotten": 5, "seed": 7},
        "more": [1, {"2": 3}],
        "traceEvents": [
            process(1, "one"),
            {"ph": "M", "name": "process_labels", "pid": 1, "args": {"labels": "5 events forgotten"}},
            {"ph": "M", "name": "thread_sort_index", "pid": 1, "tid": 7, "args": {"sort_index": 3}},
            thread(1, 7, "loop"),
            {"ph": own["ph"], "name": own["name"], "pid": 1, "tid": 8, "args": {"name": "owner", "kind": "summary"}},
            process(2, "two"),
            thread(2, 7, "other"),
            {"ph": "X", "cat": "waits-for-lock", "name": "w", "pid": 1, "tid": 8, "ts": 0.001, "dur": 1.5,
             "args": {"b": "2", "a": 1}},
            slice(7, 2.0, 3.25),
            {"ph": "i", "name": "here", "pid": 1, "tid": 7, "ts": 2.5},
            {"ph": "X", "cat": "runs", "name": "y", "pid": 2, "tid": 7, "ts": 1.0, "dur": 0.0},
            task("b", 500, &[("args", json!({"name": "a", "task": 42}))]),
            task("b", 500, &[("state", json!("ready")), ("name", json!("is ready")), ("args", json!({"by": "me"}))]),
            task("e", 2_000, &[]),
            task("n", 2_200, &[("name", json!("point"))]),
            task("b", 2_000, &[("state", json!("runs"))]),
            task("e", 5_250, &[]),
            task("e", 5_250, &[]),
            arrow("s", 1, 2_100, json!({})),
            arrow("f", 1, 2_500, json!({"task": "0x1"})),
        ],
    });
    // Members keep the order of the file.
    let text = file.to_string().replace(r#""a":1,"b":"2""#, r#""b":"2","a":1"#);
    let timeline = read(text.as_bytes()).unwrap();
    let about = [("cmd", "gil convoy"), ("seed", "7")];
    assert!(timeline.about.iter().map(|(key, value)| (&**key, &**value)).eq(about));
    assert_eq!(timeline.until, 90_000);
    let [one, two] = &timeline.groups[..] else { panic!("{timeline:?}") };
    let lines = [
        "loop: 2000..5250 x (runs) 2500 here",
        "owner: 1..1501 w (waits for the GIL; b 2; a 1)",
        "a: 500..2000 is ready (ready, not running; by me) 2000..5250 a#1 (runs) 2200 point",
        "wake: loop 2100 to a 2500",
    ];
    assert_eq!(told(one), lines);
    assert_eq!(told(two), ["other: 1000..1000 y (runs)"]);
    assert_eq!((&*one.name, one.pid, one.forgotten), ("one", 1, 5));
    assert_eq!((&*two.name, two.pid, two.forgotten), ("two", 2, 0));
    let kinds = one.lanes.iter().map(|lane| (lane.kind, lane.id));
    assert!(kinds.eq([(LaneKind::Thread, 7), (LaneKind::Summary, 8), (LaneKind::Task, 42)]));
}

#[test]
fn a_trace_that_does_not_say_how_long_it_is_lasts_as_long_as_its_events() {
    let head = [process(1, "p"), thread(1, 7, "t")];
    let until = |event: Value| of(&[&head[..], &[event]].concat()).unwrap().until;
    assert_eq!(until(slice(7, 1.0, 2.0)), 3_000);
    assert_eq!(until(json!({"ph": "i", "name": "p", "pid": 1, "tid": 7, "ts": 4})), 4_000);
    let life = [task("b", 1, &[]), task("n", 6_000, &[]), task("e", 5_000, &[])];
    let timeline = of(&[&head[..], &life].concat()).unwrap();
    assert_eq!((timeline.until, timeline.groups[0].lanes[1].id), (6_000, 0));
    // The longest time that is exact: a hundred days and more.
    assert_eq!(until(slice(7, 8_999_999_999_999.0, 1.0)), 9_000_000_000_000_000);
}

#[test]
fn what_cannot_be_is_named_with_the_event_that_says_so() {
    let head = || vec![process(1, "p"), thread(1, 7, "t"), process(2, "q"), thread(2, 7, "u")];
    let open = task("b", 1_000, &[]);
    let state = |at| task("b", at, &[("state", json!("runs"))]);
    let none = json!({});
    let to = json!({"task": "0x1"});
    let no_tid = json!({"ph": "i", "name": "p", "pid": 1, "ts": 1});
    for (events, expected) in [
        (vec![process(1, "again")], "event 5: process 1 has two names"),
        (vec![thread(2, 7, "again")], "event 5: thread 7 has two names"),
        (vec![thread(3, 7, "t")], "event 5: process 3 has no name"),
        (vec![json!({"ph": "M", "name": "process_name"})], "event 5: it has no pid"),
        (vec![no_tid], "event 5: it has no tid"),
        (vec![json!({"ph": "b", "ts": 1})], "event 5: it has no id"),
        (vec![slice(7, 9_000_000_000_001.0, 0.0)], "event 5: its ts is no time"),
        (vec![slice(7, 0.0, -1.0)], "event 5: its dur is no length of time"),
        (vec![json!({"ph": "i", "pid": 1, "tid": 7})], "event 5: its ts is no time"),
        (
            vec![open.clone(), state(1_000), state(2_000)],
            "event 7: two states of task 0x1 at a time",
        ),
        (
            vec![open.clone(), state(2_000), task("e", 1_999, &[])],
            "event 7: a state of task 0x1 ends too early",
        ),
        (
            vec![open.clone(), task("e", 1_000, &[]), state(1_000)],
            "event 7: task 0x1 has not begun",
        ),
        (vec![task("n", 1_000, &[])], "event 5: task 0x1 has not begun"),
        (
            vec![
                open.clone(),
                state(1_000),
                task("e", 3_000, &[]),
                state(2_000),
                task("e", 4_000, &[]),
            ],
            "slices of a#1 overlap, 2.000 us in",
        ),
        (
            vec![arrow("s", 1, 1, none.clone()), arrow("s", 1, 2, none.clone())],
            "event 6: arrow 4 begins twice",
        ),
        (
            vec![arrow("s", 1, 2, none.clone()), arrow("f", 1, 1, none.clone())],
            "event 6: arrow 4 leads back in time, or to another process",
        ),
        (
            vec![arrow("s", 1, 1, none.clone()), arrow("f", 2, 2, none.clone())],
            "event 6: arrow 4 leads back in time, or to another process",
        ),
        (
            vec![arrow("s", 1, 1, to.clone())],
            "event 5: arrow 4 leads to task 0x1, which has not begun",
        ),
        (
            vec![open.clone(), arrow("s", 2, 1, to)],
            "event 6: arrow 4 leads to task 0x1, which has not begun",
        ),
        (vec![open], "task 0x1 begins and does not end"),
    ] {
        let all = [head(), events].concat();
        assert_eq!(of(&all).unwrap_err(), expected);
    }
    // The first fault is the one that is named.
    let two = [vec![slice(1, 0.0, 1.0)], head(), vec![no_one()]].concat();
    assert_eq!(of(&two).unwrap_err(), "event 1: thread 1 of process 1 has no name");
}

fn no_one() -> Value {
    json!({"ph": "?"})
}

#[test]
fn a_file_that_is_no_trace_of_ours_is_refused_in_a_line() {
    let tool = r#""otherData":{"tool":"singletrack"}"#;
    for (text, line) in [
        (
            format!("{{{tool},\"traceEvents\":[]}} x"),
            "it is no trace: trailing characters at line 1 column",
        ),
        (
            format!("{{{tool},{tool},\"traceEvents\":[]}}"),
            "it is no trace: duplicate field `otherData`",
        ),
        (
            format!("{{\"traceEvents\":[],{tool},\"traceEvents\":[]}}"),
            "it is no trace: duplicate field `traceEvents`",
        ),
        (format!("{{{tool}}}"), "another program has written it"),
        ("{\"traceEvents\":[]}".to_owned(), "another program has written it"),
        (format!("{{{tool},\"traceEvents\":[{{}}]}}"), "it is no trace: missing field `ph`"),
        (
            format!("{{{tool},\"traceEvents\":7}}"),
            "it is no trace: invalid type: integer `7`, expected a list of events",
        ),
        (
            format!("{{{tool},\"traceEvents\":[{{\"ph\":\"i\",\"args\":7}}]}}"),
            "it is no trace: invalid type: integer `7`, expected an object of texts and numbers",
        ),
        (
            format!("{{{tool},\"traceEvents\":[{{\"ph\":\"i\",\"id\":1.5}}]}}"),
            "it is no trace: invalid type: floating point `1.5`, expected a text or a whole number",
        ),
        (
            "7".to_owned(),
            "it is no trace: invalid type: integer `7`, expected an object with events",
        ),
        (format!("{{{tool},\"traceEvents\":["), "it ends in the middle, after 51 bytes"),
    ] {
        let refused = refused(&text);
        assert!(refused.starts_with(line), "{text}: {refused}");
    }
    assert!(read(format!("{{{tool},\"traceEvents\":[]}}").as_bytes()).is_ok());
    for (members, is_read) in [(1_000, true), (1_001, false)] {
        let args: serde_json::Map<_, _> = (0..members).map(|n| (n.to_string(), n.into())).collect();
        let point = json!({"ph": "i", "name": "p", "pid": 1, "tid": 7, "ts": 4, "args": args});
        let found = of(&[process(1, "p"), thread(1, 7, "t"), point]);
        assert_eq!(found.is_ok(), is_read, "{members} members: {found:?}");
    }
}

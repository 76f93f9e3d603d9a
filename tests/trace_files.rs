//! Trace files: what is written is read back, what is no trace is refused by name, and every file
//! that a command writes is a good one.
#![cfg(feature = "cli")]

use proptest::prelude::*;
use serde_json::{Value, json};
use singletrack::lab::compare::recorded::LENGTH;
use singletrack::lab::timeline::timeline::{
    Group, Lane, LaneKind, Link, Point, Span, State, Timeline,
};
use singletrack::lab::timeline::trace::write_trace;
use singletrack::lab::timeline::trace_reader::{TraceError, read};
use std::path::{Path, PathBuf};
use std::process::Command;

fn written(timeline: &Timeline) -> Vec<u8> {
    let mut file = Vec::new();
    write_trace(&mut file, timeline).unwrap();
    file
}

/// Spans of these lengths, one after another, with these gaps before.
fn spans(lengths: Vec<(u64, u64, usize, String)>) -> Vec<Span> {
    let mut at = 0;
    let span = |(gap, length, state, name): (u64, u64, usize, String)| {
        let from = at + gap;
        at = from + length;
        let details = vec![("n".to_owned(), length.to_string()), ("name".to_owned(), name.clone())];
        Span { from, to: at, state: State::ALL[state % State::ALL.len()], name, details }
    };
    lengths.into_iter().map(span).collect()
}

fn lane() -> impl Strategy<Value = Lane> {
    let length = (0..1u64 << 40, 0..1u64 << 40, 0..8usize, "\\PC{0,6}|[\"\\\\\n\u{1}]{1,3}");
    let points = proptest::collection::vec((0..1u64 << 40, "[a-z\"]{0,5}"), 0..3);
    (proptest::collection::vec(length, 0..6), 0..3usize, points, "[a-z \u{1f600}\"]{0,8}").prop_map(
        |(lengths, kind, points, name)| {
            let mut points: Vec<Point> =
                points.into_iter().map(|(at, name)| Point { at, name }).collect();
            points.sort_by_key(|point| point.at);
            let kind = [LaneKind::Thread, LaneKind::Task, LaneKind::Summary][kind];
            Lane { name, kind, id: 3, spans: spans(lengths), points }
        },
    )
}

/// A timeline whose links lead from a slice to a later one.
fn timeline() -> impl Strategy<Value = Timeline> {
    let group =
        (proptest::collection::vec(lane(), 0..5), 0..5u64).prop_map(|(lanes, forgotten)| {
            let mut group = Group { name: "g".into(), pid: 7, lanes, links: Vec::new(), forgotten };
            group.tell_apart();
            // A task's arrows are drawn on its thread, so only threads are sure to have them.
            let threads = group.lanes.iter().enumerate().filter(|(_, l)| l.kind != LaneKind::Task);
            let ends: Vec<(usize, u64)> = threads
                .flat_map(|(at, lane)| lane.spans.iter().map(move |span| (at, span.from)))
                .collect();
            for pair in ends.windows(2) {
                let (from, to) = (pair[0].min(pair[1]), pair[0].max(pair[1]));
                if from.1 <= to.1 {
                    group.links.push(Link { from, to, name: "wake".into() });
                }
            }
            group
        });
    let about = proptest::collection::vec("[a-z]{1,4}\"?", 0..3);
    (proptest::collection::vec(group, 0..3), about).prop_map(|(mut groups, about)| {
        (0..).zip(&mut groups).for_each(|(number, group)| group.pid += number);
        let about = about.into_iter().enumerate().map(|(n, value)| (format!("key {n}"), value));
        Timeline { about: about.collect(), until: 1 << 44, groups }
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(timeline in timeline()) {
        prop_assert_eq!(timeline.check(), Ok(()));
        let file = written(&timeline);
        prop_assert_eq!(read(&file), Ok(timeline), "{}", String::from_utf8_lossy(&file));
    }

    /// Wherever a file is cut off, it is refused as one that is.
    #[test]
    fn a_file_that_is_cut_off_is_refused(timeline in timeline(), share in 0.0..1.0f64) {
        let file = written(&timeline);
        let part = &file[..((file.len() - 2) as f64 * share) as usize];
        prop_assert_eq!(read(part), Err(TraceError::CutOff { bytes: part.len() }));
    }

    /// A byte changed, dropped or doubled, or anything at all: no panic, and what comes is in order.
    #[test]
    fn a_spoilt_file_is_refused_or_read_and_nothing_panics(
        timeline in timeline(),
        at in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
        anything in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let mut file = written(&timeline);
        let at = at.index(file.len());
        file[at] = byte;
        for bytes in [&file[..], &anything[..]] {
            if let Ok(timeline) = read(bytes) {
                prop_assert_eq!(timeline.check(), Ok(()));
            }
        }
    }
}

/// A trace with these events, after the names of a process and two threads.
fn of(events: Value) -> Result<Timeline, TraceError> {
    let name =
        |tid: u64| json!({"ph":"M","name":"thread_name","pid":1,"tid":tid,"args":{"name":"t"}});
    let mut all =
        vec![json!({"ph":"M","name":"process_name","pid":1,"args":{"name":"p"}}), name(1), name(2)];
    all.extend(events.as_array().unwrap().iter().cloned());
    let file = json!({"otherData": {"tool": "singletrack"}, "traceEvents": all});
    read(file.to_string().as_bytes())
}

fn slice(tid: u64, ts: f64, dur: f64) -> Value {
    json!({"ph":"X","cat":"runs","name":"x","pid":1,"tid":tid,"ts":ts,"dur":dur,"args":{}})
}

#[test]
fn what_is_wrong_with_a_trace_is_named() {
    let why = |events: Value| of(events).unwrap_err().to_string();
    let flow = |ph: &str, id: u64, ts: f64| json!({"ph":ph,"cat":"link","name":"wake","id":id,"pid":1,"tid":1,"ts":ts,"args":{}});
    let task =
        |ph: &str| json!({"ph":ph,"cat":"task","name":"a#1","id":"0x1","pid":1,"tid":1,"ts":1});
    assert!(of(json!([slice(1, 0.0, 2.0), slice(1, 2.0, 1.0), slice(2, 1.0, 1.0)])).is_ok());
    for (events, expected) in [
        (json!([slice(1, 0.0, 2.0), slice(1, 1.5, 1.0)]), "slices of t overlap, 1.500 us in"),
        (json!([slice(9, 0.0, 2.0)]), "event 4: thread 9 of process 1 has no name"),
        (json!([slice(1, -1.0, 2.0)]), "event 4: its ts is no time"),
        (json!([slice(1, 0.0, 1e300)]), "event 4: its dur is no length of time"),
        (json!([{"ph": "Q"}]), "event 4: its kind is \"Q\", which is none of ours"),
        (json!([slice(1, 0.0, 2.0), flow("s", 4, 1.0)]), "arrow 4 begins and does not end"),
        (json!([slice(1, 0.0, 2.0), flow("f", 4, 1.0)]), "event 5: arrow 4 ends and has not begun"),
        (
            json!([slice(1, 0.0, 2.0), flow("s", 4, 1.0), flow("f", 4, 2.0)]),
            "an arrow (wake) on t does not begin or end in a slice",
        ),
        (json!([task("b")]), "task 0x1 begins and does not end"),
        (json!([task("e")]), "event 4: task 0x1 has not begun"),
        (json!([task("b"), task("b")]), "event 5: its state is none of ours"),
    ] {
        assert_eq!(why(events.clone()), expected, "{events}");
    }
    let plain = |text: &str| read(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(plain("{}"), "another program has written it");
    assert_eq!(
        plain(r#"{"otherData":{"tool":"rt"},"traceEvents":[]}"#),
        "another program has written it"
    );
    assert!(plain("[1, 2]").starts_with("it is no trace: "));
    assert!(plain("hello").starts_with("it is no trace: "));
    assert_eq!(plain(""), "it ends in the middle, after 0 bytes");
    let deep = "[".repeat(100_000);
    assert!(read(deep.as_bytes()).is_err(), "no depth overflows the stack");
}

// ---- what the commands write ----

/// A file that is not there, and goes with this.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let name = format!("singletrack-trace-{}-{name}", std::process::id());
        Scratch(std::env::temp_dir().join(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Runs the command with `--trace FILE`, and reads the file twice: as ours, and as a viewer does.
fn traced(name: &str, words: &[&str]) -> Timeline {
    let scratch = Scratch::new(name);
    let mut command = Command::new(env!("CARGO_BIN_EXE_singletrack"));
    let output = command.args(words).arg("--trace").arg(&scratch.0).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    let bytes = std::fs::read(&scratch.0).unwrap();
    let timeline = read(&bytes).unwrap_or_else(|why| panic!("{words:?}: {why}"));
    as_a_viewer(&bytes, Path::new(name));
    timeline
}

/// Slices of a thread follow each other, each arrow has two ends in slices, each asynchronous slice an
/// end; without a line of the reader's.
fn as_a_viewer(bytes: &[u8], name: &Path) {
    let trace: Value = serde_json::from_slice(bytes).unwrap();
    assert_eq!(trace["displayTimeUnit"], "ns");
    assert!(trace["otherData"]["forgotten"].is_u64());
    let events = trace["traceEvents"].as_array().unwrap();
    let ns = |event: &Value, key: &str| (event[key].as_f64().unwrap() * 1000.0).round() as u64;
    let place = |event: &Value| (event["pid"].as_u64().unwrap(), event["tid"].as_u64().unwrap());
    let mut slices = std::collections::BTreeMap::<_, Vec<(u64, u64)>>::new();
    let mut open = std::collections::BTreeMap::<_, i64>::new();
    let mut flows = std::collections::BTreeMap::<_, Vec<&Value>>::new();
    for event in events {
        match event["ph"].as_str().unwrap() {
            "X" => {
                let from = ns(event, "ts");
                slices.entry(place(event)).or_default().push((from, from + ns(event, "dur")));
            }
            "b" => *open.entry(event["id"].to_string()).or_default() += 1,
            "e" => *open.entry(event["id"].to_string()).or_default() -= 1,
            "s" | "f" => flows.entry(event["id"].as_u64().unwrap()).or_default().push(event),
            ph => assert!(["M", "i", "n"].contains(&ph), "{event}"),
        }
    }
    assert!(slices.values().all(|of| of.is_sorted_by(|a, b| a.1 <= b.0)), "{name:?}: they overlap");
    assert!(open.values().all(|count| *count == 0), "{name:?}: {open:?}");
    for ends in flows.values() {
        let [from, to] = ends[..] else { panic!("{name:?}: {ends:?}") };
        assert_eq!((&from["ph"], &to["ph"], &to["bp"]), (&"s".into(), &"f".into(), &"e".into()));
        assert!(ns(from, "ts") <= ns(to, "ts"));
        for end in [from, to] {
            let at = ns(end, "ts");
            let of = &slices[&place(end)];
            assert!(of.iter().any(|&(a, b)| a <= at && (at < b || a == b)), "{name:?}: {end}");
        }
    }
}

#[test]
fn scenes_of_the_lock_write_good_traces() {
    for scene in ["convoy", "free-threaded", "starvation"] {
        let timeline = traced(scene, &["gil", scene, "--seconds", "0.1"]);
        assert!(timeline.groups.iter().all(|group| group.lanes.len() >= 2), "{scene}");
    }
    let simulated =
        ["gil", "battle", "--simulate", "4", "--seconds", "0.05", "--policy", "python-2,fair"];
    assert_eq!(traced("simulated", &simulated).groups.len(), 2);
}

#[test]
fn a_comparison_writes_what_every_model_did() {
    let words = ["compare", "fast-io", "cpu", "--rounds", "1", "--jobs", "12", "--workers", "2"];
    let timeline = traced("compare", &words);
    let models = singletrack::lab::compare::model::Model::ALL.len();
    assert_eq!(timeline.groups.len(), 2 * models, "two cases, every model");
    for group in &timeline.groups {
        let runs = group.lanes.iter().flat_map(|lane| &lane.spans);
        let runs = runs.filter(|span| span.state == State::Runs).count();
        assert!(runs > 0 && group.forgotten == 0, "{}", group.name);
    }
    let of = |name: &str| timeline.groups.iter().find(|group| group.name == name).unwrap();
    let lanes = |name: &str| -> Vec<&str> {
        of(name).lanes.iter().map(|lane| lane.name.as_str()).collect()
    };
    // A lane that came too late for a job is not there.
    let all = ["lane-0", "lane-1", "lane-2", "lane-3"];
    assert!(lanes("fast-io · threads-free").iter().all(|lane| all.contains(lane)));
    assert!(lanes("fast-io · threads-free").is_sorted());
    assert_eq!(lanes("fast-io · threads-py3.10")[0], "GIL owner");
    assert_eq!(lanes("fast-io · event-loop")[0], "loop");
    assert_eq!(lanes("cpu · processes")[0], "pool");
    assert!((2..=3).contains(&lanes("cpu · processes").len()), "the queue, and two workers");
    // Twelve jobs, each run once, whoever did it; on a machine that is busy with other things the
    // second of a film may be over before the last of them can begin.
    let jobs = |name: &str| {
        let spans = of(name).lanes.iter().flat_map(|lane| &lane.spans);
        let jobs = spans.filter(|span| span.name.starts_with("job ") && span.state == State::Runs);
        jobs.map(|span| span.name.clone()).collect::<std::collections::BTreeSet<_>>().len()
    };
    let over = |name: &str| {
        let spans = of(name).lanes.iter().flat_map(|lane| &lane.spans);
        spans.map(|span| u128::from(span.to)).max() >= Some(LENGTH.as_nanos())
    };
    assert!(jobs("cpu · sequential") == 12 || over("cpu · sequential"));
    let at_least = jobs("cpu · processes") >= 12; // those that made it ready may be seen as well
    assert!(at_least || over("cpu · processes"));
}

#[test]
fn every_scene_of_a_loop_writes_a_good_trace() {
    for scene in ["order", "sleep", "queue", "lock", "herd", "timeout", "busy"] {
        let timeline = traced(scene, &["loop", "step", scene]);
        let group = &timeline.groups[0];
        assert_eq!(group.lanes[0].name, "loop", "{scene}");
        assert!(group.lanes.len() > 2 && !group.links.is_empty(), "{scene}");
    }
}

#[test]
fn a_file_that_cannot_be_written_is_named_and_an_earlier_one_is_kept() {
    let words = ["loop", "step", "order", "--trace", "/nowhere/at/all.json"];
    let output = Command::new(env!("CARGO_BIN_EXE_singletrack")).args(words).output().unwrap();
    let line = String::from_utf8_lossy(&output.stderr);
    assert!(line.contains("/nowhere/at/all.json: No such file"), "{line}");
    assert_eq!(output.status.code(), Some(2));
    let output = Command::new(env!("CARGO_BIN_EXE_singletrack"))
        .args(["compare", "cpu", "--rounds", "1", "--jobs", "2", "--trace", "/dev/full"])
        .output()
        .unwrap();
    let line = String::from_utf8_lossy(&output.stderr);
    assert!(line.contains("/dev/full: No space left"), "{line}");
}

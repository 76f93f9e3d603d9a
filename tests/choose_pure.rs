//! The pure halves of `singletrack choose`: quantities, step files, shapes, identities, flips.
#![cfg(feature = "cli")]

#[path = "choose_pure/edges.rs"]
mod edges;

use proptest::prelude::*;
use singletrack::gil::stats::record::{EventKind, LockEvent, Recording, Track};
use singletrack::lab::choose::calibrate::rate;
use singletrack::lab::choose::chosen::{family, unconfirmed, with_others};
use singletrack::lab::choose::controls::{Control, Ruling};
use singletrack::lab::choose::flips::{Knob, Outcome, Probe, search};
use singletrack::lab::choose::identities::{Row, marks};
use singletrack::lab::choose::machine::{Machine, cpu_max};
use singletrack::lab::choose::probes::{Standing, ranges};
use singletrack::lab::choose::python::threads;
use singletrack::lab::choose::quantity::{shown_size, shown_time, size, time};
use singletrack::lab::choose::shape::{Part, Shape};
use singletrack::lab::choose::steps::{read, written};
use singletrack::lab::compare::judgement::{Cost, Duel, Entry, How, Judgement, RoundCosts};
use singletrack::lab::compare::model::{Family, Model};
use singletrack::lab::compare::step::Step;
use std::convert::Infallible;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

fn shape(parts: Vec<Part>, inflight: usize) -> Shape {
    Shape { parts, jobs: None, inflight }
}

fn any_part() -> impl Strategy<Value = Part> {
    let duration = (0u64..3_600_000_000_000).prop_map(Duration::from_nanos);
    prop_oneof![
        duration.clone().prop_map(Part::Cpu),
        duration.clone().prop_map(Part::Io),
        duration.prop_map(Part::Native),
        (0u32..=32 << 20).prop_map(Part::Send),
    ]
}

// ---- quantities and step files ----

proptest! {
    #[test]
    fn a_duration_reads_back_as_it_was_written(ns in 0u64..3_600_000_000_000) {
        let duration = Duration::from_nanos(ns);
        prop_assert_eq!(time("--cpu", &shown_time(duration)).unwrap(), duration);
    }

    #[test]
    fn a_size_reads_back_as_it_was_written(bytes in 0u32..=32 << 20) {
        prop_assert_eq!(size("--payload", &shown_size(bytes)).unwrap(), bytes);
    }

    #[test]
    fn no_text_is_more_than_refused(text in "\\PC{0,40}") {
        for refused in [time("--cpu", &text).err(), size("--payload", &text).err()] {
            let line = refused.map(|failure| failure.to_string()).unwrap_or_default();
            prop_assert!(!line.contains('\n'));
        }
        let _ = read("a.steps", &text);
    }

    #[test]
    fn steps_read_back_as_they_were_written(parts in prop::collection::vec(any_part(), 1..20)) {
        prop_assert_eq!(read("a.steps", &written(&parts)).unwrap(), parts);
    }

    #[test]
    fn a_wrong_line_is_named(
        parts in prop::collection::vec(any_part(), 0..10),
        word in "[a-z]{1,8}",
    ) {
        prop_assume!(!["cpu", "io", "native", "send"].contains(&word.as_str()));
        let text = format!("{}{word} 2ms\n", written(&parts));
        let line = read("a.steps", &text).unwrap_err().to_string();
        let expected = format!("a.steps:{}: {word}:", parts.len() + 1);
        prop_assert!(line.starts_with(&expected), "{}", line);
    }
}

#[test]
fn what_is_no_duration_is_refused_with_the_reason() {
    let why = |text: &str| time("--cpu", text).unwrap_err().to_string();
    assert!(why("2").contains("needs a unit"), "{}", why("2"));
    assert!(why("-2ms").contains("not negative"));
    assert!(why("9e30s").contains("longer than an hour"));
    for text in ["", "ms", "NaNms", "nan", "infs", "2 parsecs", "1e999s", "two ms", "0x2ms"] {
        assert!(why(text).contains("duration"), "{text}: {}", why(text));
    }
    assert_eq!(time("--cpu", "0").unwrap(), Duration::ZERO);
    assert_eq!(time("--io", " 2 µs ").unwrap(), Duration::from_micros(2));
}

#[test]
fn what_is_no_size_is_refused_with_the_reason() {
    let why = |text: &str| size("--payload", text).unwrap_err().to_string();
    assert!(why("4096").contains("needs a unit"));
    assert!(why("-1KiB").contains("not negative"));
    assert!(why("1e9MiB").contains("so much"));
    assert!(why("4 chunks").contains("size"));
    assert_eq!(size("--payload", "1.5KiB").unwrap(), 1536);
}

#[test]
fn a_step_file_has_comments_and_empty_lines_and_at_least_a_step() {
    let text = "# a request\n\n  io 20ms   # the database\ncpu 2ms\r\nsend 4KiB";
    let parts = [Part::Io(20 * MS), Part::Cpu(2 * MS), Part::Send(4096)];
    assert_eq!(read("a.steps", text).unwrap(), parts);
    let why = |text| read("a.steps", text).unwrap_err().to_string();
    assert!(why("").starts_with("a.steps: it holds no steps"));
    assert!(why("# nothing\n").contains("no steps"));
    assert!(why("cpu\n").starts_with("a.steps:1: cpu: how much is missing"));
    assert!(why("io 1ms\ncpu 2\n").starts_with("a.steps:2: cpu 2: a duration needs a unit"));
}

// ---- shapes ----

#[test]
fn a_shape_becomes_operations_and_questions() {
    let parts =
        vec![Part::Io(20 * MS), Part::Cpu(2 * MS), Part::Send(4096), Part::Cpu(Duration::ZERO)];
    let steps = [Step::Io(20_000), Step::Cpu(600), Step::Send(4096)];
    assert_eq!(shape(parts, 4).steps(300.0), steps);
}

#[test]
fn other_computing_keeps_its_places_and_proportions() {
    let two = shape(vec![Part::Cpu(MS), Part::Io(MS), Part::Cpu(3 * MS)], 4);
    assert_eq!(two.with_cpu(8 * MS).parts, [Part::Cpu(2 * MS), Part::Io(MS), Part::Cpu(6 * MS)]);
    let none = shape(vec![Part::Io(MS)], 4).with_cpu(MS);
    assert_eq!(none.parts, [Part::Cpu(MS), Part::Io(MS)]);
    let heavy = two.with_payload(10).with_payload(20);
    assert_eq!((heavy.payload(), heavy.parts.len()), (20, 4));
}

proptest! {
    #[test]
    fn a_round_has_the_jobs_that_were_asked_for_or_as_many_as_fit(
        cpu_us in 0u64..20_000,
        io_us in 0u64..100_000,
        inflight in 1usize..2000,
        jobs in prop::option::of(1usize..100_000),
        workers in 1usize..9,
    ) {
        let micros = Duration::from_micros;
        let parts = vec![Part::Io(micros(io_us)), Part::Cpu(micros(cpu_us + 1))];
        let shape = Shape { parts, jobs, inflight };
        let models = [Model::EventLoop, Model::ThreadsPy310, Model::Processes];
        let round = |time| shape.jobs_for(&models, workers, time, 12);
        let (short, long) = (round(Duration::from_secs(4)), round(Duration::from_secs(4000)));
        prop_assert!(1 <= short && short <= long && long <= Shape::MOST_JOBS);
        prop_assert!(jobs.is_none_or(|jobs| long <= jobs));
    }

    #[test]
    fn nobody_is_faster_than_the_steps_of_one_job_or_all_cores(
        cpu_us in 0u64..20_000,
        io_us in 0u64..100_000,
        inflight in 1usize..100,
        jobs in 1usize..1000,
        workers in 1usize..9,
    ) {
        let micros = Duration::from_micros;
        let shape = shape(vec![Part::Io(micros(io_us)), Part::Cpu(micros(cpu_us))], inflight);
        let (cpu, job) = (cpu_us as f64 / 1e6, (cpu_us + io_us) as f64 / 1e6);
        for model in Model::ALL {
            let least = shape.least_wall(jobs, model, workers);
            prop_assert!(least >= job * 0.999, "{model}: a job takes as long as its steps");
            prop_assert!(least * 1.001 >= jobs as f64 * cpu / workers as f64, "{model}");
        }
        let one = |model| shape.least_wall(jobs, model, workers);
        prop_assert!(one(Model::LoopProcesses) <= one(Model::EventLoop));
        prop_assert!(one(Model::ThreadsFree) <= one(Model::ThreadsPy310));
    }
}

#[test]
fn a_job_that_does_not_fit_is_too_long() {
    let long = shape(vec![Part::Cpu(Duration::from_secs(60))], 4);
    let short = shape(vec![Part::Cpu(20 * MS)], 4);
    let models = [Model::EventLoop, Model::Processes];
    assert!(long.is_too_long(&models, 2, Duration::from_secs(18)));
    assert!(!short.is_too_long(&models, 2, Duration::from_secs(18)));
}

// ---- the machine ----

#[test]
fn a_quota_of_cores_bounds_the_workers() {
    assert_eq!(cpu_max("200000 100000"), Some(2.0));
    assert_eq!(cpu_max("max 100000"), None);
    assert_eq!(cpu_max(""), None);
    assert_eq!(Machine::of(16, cpu_max("400000 100000")).usable, 4);
    assert_eq!(Machine::of(1, None).usable, 1);
}

proptest! {
    #[test]
    fn a_rate_lies_among_the_stretches(
        stretches in prop::collection::vec((1u64..1_000_000, 1u64..1_000_000_000), 1..20),
    ) {
        let rates: Vec<f64> =
            stretches.iter().map(|&(ops, ns)| ops as f64 / (ns as f64 / 1e6)).collect();
        let (found, drift) = rate(&stretches).unwrap();
        let (low, high) = rates.iter().fold((f64::MAX, 0.0f64), |(l, h), &r| (l.min(r), h.max(r)));
        prop_assert!(low <= found && found <= high);
        prop_assert!(drift >= 0.0 && drift <= (high - low) / found + 1e-9);
    }
}

#[test]
fn a_control_that_comes_out_wrong_says_what_that_means() {
    let of = |measured| Control { name: "pure spin", ideal: 1.0, measured };
    assert_eq!(of(1.0).refusal(), None);
    assert!(of(0.4).refusal().unwrap().to_string().contains("machine is busy"));
    assert!(of(1.9).refusal().unwrap().to_string().contains("faster than"));
    let slept = Control { name: "pure sleep", ideal: 4.0, measured: 5.0 };
    assert!(slept.refusal().unwrap().to_string().contains("answers came before their time"));
}

#[test]
fn a_wrong_control_is_tried_once_more_and_then_there_is_no_answer_unless_one_is_wanted_anyway() {
    let controls = |sleep, spin| {
        [("pure sleep", 4.0, sleep), ("pure spin", 1.0, spin)]
            .map(|(name, ideal, measured)| Control { name, ideal, measured })
    };
    let refusal = |controls: &[Control]| match Ruling::of(controls, 2, false) {
        Ruling::Refused(failure) => failure.to_string(),
        other => panic!("{other:?}"),
    };
    for calibrations in [1, 2] {
        assert_eq!(Ruling::of(&controls(3.9, 1.0), calibrations, false), Ruling::Race);
    }
    let (slow, fast) = (controls(2.0, 1.0), controls(4.0, 1.9));
    for wrong in [slow, fast] {
        assert_eq!(Ruling::of(&wrong, 1, false), Ruling::Again);
        assert_eq!(Ruling::of(&wrong, 1, true), Ruling::Race);
        assert_eq!(Ruling::of(&wrong, 2, true), Ruling::Race);
    }
    assert!(refusal(&slow).contains("`pure sleep`") && refusal(&fast).contains("`pure spin`"));
    assert!(refusal(&controls(0.5, 9.0)).contains("--anyway"), "the first is named, and a way out");
}

// ---- identities ----

fn row(model: Model, jobs: usize, wall: f64) -> Row {
    let at_once = if model == Model::Processes { 2 } else { 32 };
    let even = at_once as f64 * wall / jobs as f64;
    Row { model, jobs, wall, cpu: jobs as f64 * 0.002, p50: even, p99: even, at_once }
}

#[test]
fn a_row_that_arithmetic_allows_has_no_mark() {
    let shape = shape(vec![Part::Io(20 * MS), Part::Cpu(2 * MS)], 32);
    for (model, wall) in
        [(Model::EventLoop, 0.83), (Model::LoopProcesses, 0.45), (Model::Processes, 4.5)]
    {
        assert_eq!(marks(&shape, 2, &row(model, 400, wall)), [], "{model}");
    }
}

#[test]
fn a_row_that_breaks_an_identity_is_marked_and_explained() {
    let shape = shape(vec![Part::Io(20 * MS), Part::Cpu(2 * MS)], 32);
    let signs = |row| marks(&shape, 2, &row).iter().map(|mark| mark.sign).collect::<String>();
    assert_eq!(signs(row(Model::EventLoop, 400, 0.5)), "†", "800 ms of CPU on one thread");
    assert_eq!(signs(row(Model::LoopProcesses, 400, 0.5)), "", "on two cores it fits");
    let starved = Row { p50: 0.02, p99: 2.0, ..row(Model::ThreadsPy2, 400, 0.9) };
    assert_eq!(signs(starved), "‡");
    let idle = Row { cpu: 0.1, ..row(Model::EventLoop, 400, 0.9) };
    assert_eq!(signs(idle), "§");
    let sentence = &marks(&shape, 2, &starved)[0].sentence;
    assert!(sentence.contains("Little's law") && sentence.contains("p99 2.00 s"), "{sentence}");
    let few = Row { p50: 0.002, p99: 0.003, ..row(Model::ThreadsPy2, 400, 0.9) };
    let sentence = &marks(&shape, 2, &few)[0].sentence;
    assert!(sentence.ends_with("99 of 100 jobs took 3.00 ms or less: not so many were under way"));
}

// ---- flips ----

proptest! {
    #[test]
    fn a_flip_lies_between_the_two_values_that_are_named(
        from in 2_000u64..1_000_000_000,
        until in 1_000u64..1_000_000_000,
        share in 0.0..1.0f64,
    ) {
        prop_assume!(from != until);
        let (low, high) = (from.min(until), from.max(until));
        let threshold = low + ((high - low) as f64 * share) as u64;
        // Where the work itself is, the verdict stands.
        let stands = |value: u64| (value > threshold) == (from > until) && value != until;
        let mut asked = Vec::new();
        let found = search(Knob::Cpu, (from, until), |value| {
            asked.push(value);
            Ok::<_, Infallible>(Some(Probe { value, stands: stands(value), ahead: Model::EventLoop }))
        });
        let Ok(flip) = found;
        let Outcome::Flips { stands_at, flips_at, .. } = flip.outcome else { panic!("{flip:?}") };
        prop_assert!(!stands(flips_at) && (stands_at == from || stands(stands_at)));
        prop_assert!(asked.contains(&flips_at), "nothing is extrapolated");
        prop_assert!(flip.probes.len() <= 6 && flip.probes.len() == asked.len());
        prop_assert!((stands_at > flips_at) == (from > until));
    }
}

#[test]
fn a_verdict_that_stands_everywhere_and_time_that_is_up_are_said() {
    let stands =
        |value| Ok::<_, Infallible>(Some(Probe { value, stands: true, ahead: Model::EventLoop }));
    let Ok(flip) = search(Knob::Payload, (4096, 4 << 20), stands);
    assert_eq!(flip.outcome, Outcome::NotFound);
    assert_eq!(flip.words(), "no flip found where payload is between 4.00 KiB and 4.00 MiB");
    let Ok(flip) = search(Knob::Cores, (2, 1), |_| Ok::<_, Infallible>(None));
    assert_eq!(flip.words(), "not measured where cores is 1: the time was up");
    let near = |value| {
        let (stands, ahead) = (value > 600_000, Model::EventLoop);
        Ok::<_, Infallible>(Some(Probe { value, stands, ahead }))
    };
    let Ok(flip) = search(Knob::Cpu, (2_000_000, 125_000), near);
    assert!(flip.words().starts_with("flips to event-loop where cpu is "), "{}", flip.words());
}

#[test]
fn a_winner_by_time_flips_where_it_is_ahead_no_more() {
    use Model::{EventLoop, LoopProcesses, Processes};
    let faster = Standing { best: vec![LoopProcesses], how: How::Faster };
    let walls = [(EventLoop, 1.9), (LoopProcesses, 1.0), (Processes, 9.0)];
    assert_eq!(faster.at(&walls), Some((true, LoopProcesses)));
    let level = [(EventLoop, 1.02), (LoopProcesses, 1.0), (Processes, 9.0)];
    assert_eq!(faster.at(&level), Some((false, EventLoop)));
    let cheaper = Standing { best: vec![EventLoop], how: How::Cheaper };
    assert_eq!(cheaper.at(&level), Some((true, EventLoop)));
    assert_eq!(cheaper.at(&walls), Some((false, LoopProcesses)));
    assert_eq!(cheaper.at(&[(LoopProcesses, 1.0)]), None);
    let family = Standing { best: vec![LoopProcesses, Processes], how: How::Faster };
    assert_eq!(family.at(&walls), Some((true, LoopProcesses)));
    assert_eq!(family.at(&level), Some((false, EventLoop)));
}

#[test]
fn only_settings_that_the_work_has_are_varied() {
    let knobs = |shape: &Shape, workers, models: &[Model]| {
        ranges(shape, workers, models).iter().map(|(knob, _)| *knob).collect::<Vec<_>>()
    };
    let pure = shape(vec![Part::Cpu(MS)], 8);
    assert_eq!(knobs(&pure, 1, &[Model::EventLoop]), [Knob::Cpu, Knob::Cpu]);
    let mixed = shape(vec![Part::Cpu(MS), Part::Io(MS)], 8);
    let all = knobs(&mixed, 2, &[Model::EventLoop, Model::Processes]);
    for knob in [Knob::Cpu, Knob::Payload, Knob::Inflight, Knob::Cores] {
        assert!(all.contains(&knob), "{all:?}");
    }
}

// ---- what is judged ----

fn entry(model: Model, walls: &[f64]) -> Entry {
    let cost = |(round, &wall): (usize, &f64)| {
        let costs = [Some(wall), Some(wall), Some(1.0), Some(1000.0)];
        RoundCosts { round, costs }
    };
    Entry { model, rounds: walls.iter().enumerate().map(cost).collect(), threads: 1, cut: false }
}

#[test]
fn a_model_beside_itself_is_judged_and_does_not_win() {
    let (a, b) = (entry(Model::EventLoop, &[1.0; 8]), entry(Model::EventLoop, &[1.01; 8]));
    let judgement = Judgement::of(&[&a, &b], 7).unwrap();
    assert_eq!((judgement.how, judgement.best.len(), judgement.duels.len()), (How::Same, 2, 1));
    assert_eq!(judgement.winner(), None);
}

#[test]
fn a_winner_by_little_is_to_be_confirmed_and_one_by_far_is_not() {
    let judged = |other| {
        let (a, b) = (entry(Model::EventLoop, &[1.0; 8]), entry(Model::ThreadsPy310, &[other; 8]));
        Judgement::of(&[&a, &b], 7).unwrap()
    };
    let nobody = |_| false;
    let again = [Model::EventLoop, Model::ThreadsPy310];
    assert_eq!(unconfirmed(&judged(1.2), nobody), again);
    assert_eq!(unconfirmed(&judged(1.2), |_| true), [], "arithmetic says so");
    assert_eq!(unconfirmed(&judged(2.0), nobody), []);
    assert_eq!(unconfirmed(&judged(1.01), nobody), []);
    let (a, b) = (entry(Model::EventLoop, &[1.0]), entry(Model::EventLoop, &[9.0]));
    let once = Judgement::of(&[&a, &Entry { cut: true, ..b }], 7).unwrap();
    assert_eq!(unconfirmed(&once, nobody), [Model::EventLoop; 2], "one bad moment");
}

#[test]
fn a_threads_time_is_split_by_what_it_has_to_do_with_the_lock() {
    let event = |ms: u64, what| LockEvent { at: ms * 1_000_000, what };
    let track = Track {
        name: "Thread-1".to_owned(),
        tid: 2,
        events: vec![
            event(0, EventKind::Waits),
            event(1, EventKind::Takes),
            event(3, EventKind::DropsVoluntarily),
            event(13, EventKind::Takes),
            event(14, EventKind::DropsVoluntarily),
        ],
        dropped: 0,
        began: None,
        times: None,
    };
    let recording = Recording { tracks: vec![track], until: 99_000_000 };
    let [(has, waits, no)] = threads(&recording)[..] else { panic!() };
    let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-9, "{found}");
    near(has, 0.003);
    near(waits, 0.001);
    near(no, 0.010);
}

#[test]
fn several_of_one_family_are_a_choice_and_all_that_ran_are_none() {
    let judged = |walls: &[(Model, f64)]| {
        let entries: Vec<Entry> = walls.iter().map(|(m, wall)| entry(*m, &[*wall; 8])).collect();
        let judgement = Judgement::of(&entries.iter().collect::<Vec<_>>(), 7).unwrap();
        family(&judgement)
    };
    let (processes, both) = ((Model::Processes, 1.0), (Model::LoopProcesses, 1.01));
    let slower = (Model::EventLoop, 2.0);
    assert_eq!(judged(&[processes, both, slower]), Some(Family::Processes));
    assert_eq!(judged(&[processes, both]), None, "nobody is behind");
    assert_eq!(judged(&[processes, (Model::ThreadsPy310, 1.01), slower]), None, "two families");
}

#[test]
fn who_did_not_meet_the_winner_again_and_is_not_shown_to_be_slower_is_one_of_the_best() {
    let processes = entry(Model::Processes, &[1.0; 8]);
    let both = |wall| entry(Model::LoopProcesses, &[wall; 8]);
    let met = |other: &Entry, walls: &[f64]| {
        let again = Judgement::of(&[&processes, other], 7).unwrap();
        let duel = Duel::of(&processes, &entry(Model::EventLoop, walls), 7);
        with_others(again, vec![duel])
    };
    let unclear = [0.8, 1.2, 0.9, 1.3, 0.7, 1.4, 1.0, 1.1];
    for wall in [1.01, 2.0] {
        let judgement = met(&both(wall), &unclear);
        assert!(judgement.best.contains(&Model::EventLoop), "{judgement:?}");
        assert_eq!((judgement.how, judgement.winner()), (How::Unclear, None));
        assert_eq!(family(&judgement), None);
    }
    assert_eq!(family(&met(&both(1.01), &[2.0; 8])), Some(Family::Processes));
    assert_eq!(met(&both(2.0), &[2.0; 8]).winner(), Some(Model::Processes));
}

#[test]
fn what_many_times_the_cpu_confirms_needs_no_other_rounds() {
    let (a, b) = (entry(Model::EventLoop, &[1.0]), entry(Model::ThreadsPy310, &[9.0]));
    let dear = |cpu: f64| {
        let mut other = b.clone();
        other.rounds[0].costs[Cost::Cpu as usize] = Some(cpu);
        Judgement::of(&[&a, &other], 7).unwrap()
    };
    assert_eq!(unconfirmed(&dear(4.0), |_| false), []);
    assert_eq!(unconfirmed(&dear(1.9), |_| false).len(), 2, "a busy machine makes as much of it");
}

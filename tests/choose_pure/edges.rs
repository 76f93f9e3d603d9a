//! Figures of work that can be had by head: what is written, planned, marked and searched, to the digit.

use crate::{MS, shape};
use singletrack::lab::choose::flips::{Flip, Knob, Outcome, Probe, search};
use singletrack::lab::choose::identities::{Row, marks};
use singletrack::lab::choose::quantity::{shown_size, shown_time, size, time};
use singletrack::lab::choose::shape::{Measured, Part, Shape};
use singletrack::lab::compare::model::Model;
use singletrack::lab::compare::step::Step;
use singletrack::lab::compare::verdict::Nature;
use singletrack::lab::report::stats::{Spread, duration, percentile, three_digits};
use std::convert::Infallible;
use std::time::Duration;

const fn us(count: u64) -> Duration {
    Duration::from_micros(count)
}

// ---- quantities ----

#[test]
fn a_quantity_is_written_in_the_largest_unit_that_it_fills() {
    for (ns, text) in [
        (0, "0"),
        (1, "1ns"),
        (999, "999ns"),
        (1_000, "1us"),
        (999_999, "999.999us"),
        (1_000_000, "1ms"),
        (999_999_999, "999.999999ms"),
        (1_000_000_000, "1s"),
        (3_600_000_000_000, "3600s"),
    ] {
        assert_eq!(shown_time(Duration::from_nanos(ns)), text);
    }
    for (bytes, text) in [
        (0, "0"),
        (1, "1B"),
        (1023, "1023B"),
        (1024, "1KiB"),
        (1536, "1.5KiB"),
        (1_048_575, "1023.9990234375KiB"),
        (1_048_576, "1MiB"),
        (32 << 20, "32MiB"),
    ] {
        assert_eq!(shown_size(bytes), text);
    }
}

#[test]
fn each_unit_is_read_up_to_the_most_that_a_step_may_be() {
    for (text, ns) in [
        ("0", 0),
        ("0ms", 0),
        ("-0ms", 0),
        ("7ns", 7),
        ("1.5ns", 2),
        ("7us", 7_000),
        ("7µs", 7_000),
        ("7μs", 7_000),
        (" 7 ms ", 7_000_000),
        ("7s", 7_000_000_000),
        ("3600s", 3_600_000_000_000),
    ] {
        assert_eq!(time("--cpu", text).unwrap(), Duration::from_nanos(ns), "{text}");
    }
    for (text, bytes) in [
        ("7B", 7),
        ("0.5B", 1),
        ("7kB", 7_000),
        ("7KB", 7_000),
        ("7KiB", 7_168),
        ("7MB", 7_000_000),
        ("32MiB", 32 << 20),
    ] {
        assert_eq!(size("--payload", text).unwrap(), bytes, "{text}");
    }
}

#[test]
fn what_is_refused_is_refused_with_its_reason() {
    for (text, why) in [
        ("3600.1s", "no step takes longer than an hour"),
        ("2", "a duration needs a unit"),
        ("two ms", "this is not a duration"),
        ("inf", "this is not a duration"),
        ("infs", "this is not a duration"),
        ("NaNms", "this is not a duration"),
        ("", "this is not a duration"),
        ("-1ms", "a duration is not negative"),
    ] {
        let refused = time("--cpu", text).unwrap_err().to_string();
        let word = if text.is_empty() { "''" } else { text };
        let head = format!("--cpu {word}: {why}");
        assert!(refused.starts_with(&head) && refused.contains("200us, 2ms or 1.5s"), "{refused}");
    }
    for (text, why) in [
        ("32.1MiB", "no job can carry so much"),
        ("2", "a size needs a unit"),
        ("two B", "this is not a size"),
        ("-1B", "a size is not negative"),
    ] {
        let refused = size("--payload", text).unwrap_err().to_string();
        let head = format!("--payload {text}: {why}");
        assert!(refused.starts_with(&head) && refused.contains("up to 32MiB"), "{refused}");
    }
}

// ---- shapes ----

fn mixed() -> Shape {
    let parts = vec![
        Part::Cpu(2 * MS),
        Part::Io(20 * MS),
        Part::Native(3 * MS),
        Part::Send(100),
        Part::Cpu(6 * MS),
        Part::Send(50),
        Part::Io(MS),
    ];
    shape(parts, 8)
}

#[test]
fn the_parts_of_a_job_add_up() {
    let shape = mixed();
    assert_eq!((shape.cpu(), shape.native(), shape.io()), (8 * MS, 3 * MS, 21 * MS));
    assert_eq!((shape.payload(), shape.waits()), (150, true));
    assert_eq!(
        shape.words(),
        "cpu 2ms · io 20ms · native 3ms · send 100B · cpu 6ms · send 50B · io 1ms · 8 at once"
    );
    let still = Shape { parts: vec![Part::Cpu(MS), Part::Io(Duration::ZERO)], ..shape.clone() };
    assert_eq!((still.waits(), still.payload(), still.native()), (false, 0, Duration::ZERO));
    assert_eq!(shape.nature(), Nature::Io { slow: true, many: false });
    assert_eq!(shape.with_inflight(16).nature(), Nature::SLOW_IO);
    assert_eq!(
        shape.with_cpu(18 * MS).nature(),
        Nature::CpuBound,
        "with what it computes natively"
    );
    assert_eq!(shape.with_inflight(16).parts, shape.parts);
    let measured = Measured::of(shape.parts.clone());
    assert_eq!((measured.parts, measured.inflight, measured.assumed.len()), (shape.parts, None, 0));
}

#[test]
fn steps_of_no_length_are_left_out_and_the_shortest_is_one_operation() {
    let zero = Duration::ZERO;
    let parts = vec![
        Part::Cpu(zero),
        Part::Native(zero),
        Part::Io(zero),
        Part::Send(0),
        Part::Cpu(Duration::from_nanos(1)),
        Part::Native(Duration::from_nanos(1)),
        Part::Io(Duration::from_nanos(1)),
        Part::Send(1),
        Part::Cpu(us(2500)),
        Part::Native(us(1500)),
        Part::Io(us(2500)),
        Part::Io(Duration::from_secs(1 << 40)),
    ];
    let steps = shape(parts, 1).steps(100.0);
    let least = [Step::Cpu(1), Step::Native(1), Step::Io(1), Step::Send(1)];
    assert_eq!(steps[..4], least);
    let rest = [Step::Cpu(250), Step::Native(150), Step::Io(2500), Step::Io(u32::MAX)];
    assert_eq!(steps[4..], rest);
}

#[test]
fn other_computing_and_other_payloads_stand_in_the_same_places() {
    let half = mixed().with_cpu(4 * MS);
    assert_eq!((half.parts[0], half.parts[4]), (Part::Cpu(MS), Part::Cpu(3 * MS)));
    assert_eq!((half.cpu(), half.native(), half.io()), (4 * MS, 3 * MS, 21 * MS));
    let waits = shape(vec![Part::Io(MS), Part::Cpu(Duration::ZERO)], 8).with_cpu(MS);
    assert_eq!(waits.parts[..2], [Part::Cpu(MS), Part::Io(MS)]);
    let loaded = mixed().with_payload(7);
    assert_eq!((loaded.parts[0], loaded.payload(), loaded.parts.len()), (Part::Send(7), 7, 6));
}

/// In milliseconds, for 100 jobs of 8 ms with the lock, 3 ms without it and 21 ms of waiting.
#[test]
fn the_least_that_a_model_takes_is_known_by_arithmetic() {
    for (model, inflight, workers, ms) in [
        (Model::Sequential, 8, 2, 3200.0),
        (Model::EventLoop, 8, 2, 1100.0),
        (Model::EventLoop, 2, 2, 1600.0),
        (Model::EventLoop, 1000, 2, 1100.0),
        (Model::ThreadsPy2, 8, 2, 800.0),
        (Model::ThreadsPy32, 8, 1, 1100.0),
        (Model::ThreadsPy310, 2, 2, 1600.0),
        (Model::Processes, 8, 2, 1600.0),
        (Model::Processes, 8, 0, 3200.0),
        (Model::ThreadsFree, 8, 2, 550.0),
        (Model::Interpreters, 8, 4, 400.0),
        (Model::LoopProcesses, 100, 4, 275.0),
    ] {
        let least = mixed().with_inflight(inflight).least_wall(100, model, workers) * 1e3;
        assert!((least - ms).abs() < 1e-6, "{model} {inflight} {workers}: {least}");
    }
    let one = mixed().least_wall(1, Model::EventLoop, 2);
    assert!((one - 0.032).abs() < 1e-9, "one job takes as long as its steps: {one}");
}

/// How many jobs a round has: (parts, jobs, at once), models, workers, seconds, rounds.
#[test]
fn a_round_is_planned_to_the_job() {
    use Model::{EventLoop, Processes, Sequential};
    let cpu = vec![Part::Cpu(MS)];
    let io = vec![Part::Io(100 * MS)];
    let both = &[EventLoop, Sequential][..];
    for (parts, jobs, inflight, models, workers, seconds, rounds, count) in [
        (&cpu, None, 1, &[Sequential][..], 2, 10.0, 5, 250),
        (&cpu, Some(100), 1, &[Sequential], 2, 10.0, 5, 100),
        (&cpu, Some(5000), 1, &[Sequential], 2, 10.1, 5, 2020),
        (&cpu, Some(5000), 1, &[Sequential], 2, 2.0202, 0, 2020),
        (&cpu, None, 1, &[Sequential], 2, 0.001, 5, 4),
        (&cpu, None, 1, &[Sequential], 3, 0.001, 5, 6),
        (&cpu, Some(3), 1, &[Sequential], 2, 0.001, 5, 3),
        (&cpu, None, 100, &[Sequential], 2, 1.0, 100, 200),
        (&cpu, Some(150), 100, &[Sequential], 2, 1.0, 100, 150),
        (&cpu, None, 100, &[Sequential], 2, 0.31, 100, 103),
        // Two processes: half a millisecond each, and the pipe's eighty microseconds.
        (&cpu, None, 1, &[Processes], 2, 1.0, 100, 17),
        // The loop needs 100 ms for 64 and 60 µs for each answer; the other is stopped after four
        // times that.
        (&io, None, 64, both, 2, 10.0, 4, 154),
        (&io, None, 64, both, 2, 10.0, 40, 128),
        (&io, None, 64, both, 2, 1.0, 40, 41),
        (&io, None, 10, &[EventLoop], 2, 1.0, 10, 20),
        (&io, None, 1_000, &[EventLoop], 2, 0.5, 5, 1_041),
        // However short its steps: to hand a job out takes its time, too.
        (&vec![], None, 1, &[Sequential], 2, 1.0, 1, 24_999),
        (&vec![Part::Cpu(Duration::from_nanos(1))], None, 32, both, 2, 1.2, 12, 4_999),
    ] {
        let shape = Shape { parts: parts.clone(), jobs, inflight };
        let planned = shape.jobs_for(models, workers, Duration::from_secs_f64(seconds), rounds);
        assert_eq!(planned, count, "{} {jobs:?} {models:?} {seconds} s, {rounds}", shape.words());
    }
}

#[test]
fn three_rounds_of_the_fewest_jobs_have_to_fit() {
    use Model::{EventLoop, Processes, Sequential};
    let (cpu, io) = (vec![Part::Cpu(MS)], vec![Part::Io(100 * MS)]);
    let all = vec![Part::Cpu(10 * MS), Part::Native(20 * MS), Part::Io(100 * MS)];
    for (parts, jobs, models, least_ms) in [
        (&cpu, None, &[Sequential][..], 12.0), // of two workers: four jobs, three times
        (&cpu, Some(1), &[Sequential], 3.0),
        (&cpu, Some(9), &[Sequential], 12.0),
        (&cpu, None, &[Processes], 6.96),
        (&io, None, &[EventLoop], 300.0), // a job takes as long as its steps
        (&io, None, &[EventLoop, Sequential], 600.0),
        (&all, None, &[EventLoop], 390.0),
    ] {
        let shape = Shape { parts: parts.clone(), jobs, inflight: 64 };
        let is_too_long = |ms: f64| shape.is_too_long(models, 2, Duration::from_secs_f64(ms / 1e3));
        let around = (is_too_long(least_ms * 0.999), is_too_long(least_ms * 1.001));
        assert_eq!(around, (true, false), "{} {jobs:?} {models:?}", shape.words());
    }
    let second = shape(vec![Part::Io(1_000 * MS)], 64);
    assert!(!second.is_too_long(&[EventLoop], 2, Duration::from_secs(3)), "they fit exactly");
}

// ---- identities ----

#[test]
fn a_row_is_marked_beyond_its_bound_and_not_at_it() {
    let shape = shape(vec![Part::Cpu(MS), Part::Native(MS), Part::Io(MS)], 32);
    // 500 jobs of 2 ms on one thread: a second, of wall and of CPU.
    let sound = Row {
        model: Model::EventLoop,
        jobs: 500,
        wall: 1.0,
        cpu: 1.0,
        p50: 0.064,
        p99: 0.5,
        at_once: 32,
    };
    let marks_of = |row: Row| marks(&shape, 2, &row);
    for (row, signs) in [
        (sound, ""),
        (Row { wall: 0.95, ..sound }, ""),
        (Row { wall: 0.949, ..sound }, "†"),
        (Row { cpu: 0.95, ..sound }, ""),
        (Row { cpu: 0.949, ..sound }, "§"),
        (Row { p50: 0.128, ..sound }, ""),
        (Row { p50: 0.128_1, ..sound }, "‡"),
        (Row { p50: 0.032, ..sound }, ""),
        (Row { p50: 0.031_9, ..sound }, "‡"),
        (Row { at_once: 1000, p50: 1.0, ..sound }, ""), // no more than there are
        (Row { at_once: 1000, p50: 2.1, ..sound }, "‡"),
        (Row { jobs: 0, p50: 9.0, ..sound }, ""),
        (Row { wall: 0.5, cpu: 0.5, p50: 0.1, ..sound }, "†‡§"),
    ] {
        let found: String = marks_of(row).iter().map(|mark| mark.sign).collect();
        assert_eq!(found, signs, "{row:?}");
    }
    let all = marks_of(Row { wall: 0.5, cpu: 0.25, p50: 0.1, ..sound });
    let begins = [
        "event-loop took 500 ms, and its steps come to 1.00 s at least",
        "event-loop: 32 under way and 1000 a second make 32.0 ms for each (Little's law), but half of \
         its jobs took 100 ms or more: the others took far less",
        "event-loop had 250 ms of CPU time for steps of 1.00 s",
    ];
    for (mark, begins) in all.iter().zip(begins) {
        assert!(mark.sentence.starts_with(begins), "{}", mark.sentence);
        assert_eq!(mark.model, Model::EventLoop);
    }
}

// ---- flips ----

/// The search where the verdict stands at values above this; whoever is ahead below.
fn above(threshold: u64, knob: Knob, from: u64, until: u64) -> Flip {
    let probe = |value| {
        let ahead = if value < 400 { Model::Processes } else { Model::EventLoop };
        Ok::<_, Infallible>(Some(Probe { value, stands: value > threshold, ahead }))
    };
    let Ok(flip) = search(knob, (from, until), probe);
    flip
}

#[test]
fn a_flip_is_searched_by_halves_in_proportion() {
    for (knob, threshold, from, until, probed, stands_at, flips_at, to) in [
        (Knob::Payload, 500, 4096, 0, &[0, 1024, 512, 362, 431][..], 512, 431, Model::EventLoop),
        (Knob::Payload, 300, 1024, 0, &[0, 512, 362, 304], 304, 0, Model::Processes),
        (
            Knob::Cpu,
            0,
            1_000_000,
            0,
            &[0, 31_623, 5_623, 2_371, 1_540, 1_241],
            1_241,
            0,
            Model::Processes,
        ),
        // No more than six are measured.
        (
            Knob::Cpu,
            0,
            1_000_000_000,
            0,
            &[0, 1_000_000, 31_623, 5_623, 2_371, 1_540],
            1_540,
            0,
            Model::Processes,
        ),
        (Knob::Inflight, 1, 2, 1, &[1], 2, 1, Model::Processes),
        (Knob::Inflight, 1, 3, 1, &[1, 2], 2, 1, Model::Processes),
        (Knob::Cores, 1000, 1300, 1000, &[1000], 1300, 1000, Model::EventLoop),
        (Knob::Cores, 1000, 1301, 1000, &[1000, 1141], 1141, 1000, Model::EventLoop),
    ] {
        let flip = above(threshold, knob, from, until);
        let values: Vec<u64> = flip.probes.iter().map(|probe| probe.value).collect();
        assert_eq!(values, probed, "{knob:?} from {from} until {until}");
        assert_eq!(flip.outcome, Outcome::Flips { stands_at, flips_at, to });
    }
    // The time is up after two: what is known by then is said.
    let mut left = 2;
    let Ok(flip) = search(Knob::Inflight, (64, 1), |value| {
        left -= 1;
        let probe = Probe { value, stands: false, ahead: Model::Sequential };
        Ok::<_, Infallible>((left >= 0).then_some(probe))
    });
    assert_eq!(flip.words(), "flips to sequential where in flight is 8 or less (at 64 it stands)");
}

#[test]
fn a_flip_is_told_by_its_two_sides() {
    let words = |knob, stands_at, flips_at| {
        let outcome = Outcome::Flips { stands_at, flips_at, to: Model::EventLoop };
        Flip { knob, from: 9, until: 1, outcome, probes: vec![] }.words()
    };
    for (knob, stands_at, flips_at, rest) in [
        (Knob::Cpu, 630_000, 500_000, "cpu is 500 µs or less (at 630 µs it stands)"),
        (Knob::Cpu, 500_000, 630_000, "cpu is 630 µs or more (at 500 µs it stands)"),
        (Knob::Payload, 1023, 1024, "payload is 1.00 KiB or more (at 1023 B it stands)"),
        (
            Knob::Payload,
            1_048_575,
            1_048_576,
            "payload is 1.00 MiB or more (at 1024 KiB it stands)",
        ),
        (Knob::Inflight, 8, 9, "in flight is 9 or more (at 8 it stands)"),
        (Knob::Cores, 2, 1, "cores is 1 or less (at 2 it stands)"),
    ] {
        assert_eq!(words(knob, stands_at, flips_at), format!("flips to event-loop where {rest}"));
    }
    let none =
        Flip { knob: Knob::Cores, from: 9, until: 1, outcome: Outcome::NotFound, probes: vec![] };
    assert_eq!(none.words(), "no flip found where cores is between 1 and 9");
    let none = Flip { outcome: Outcome::Untested, ..none };
    assert_eq!(none.words(), "not measured where cores is 1: the time was up");
}

// ---- figures ----

#[test]
fn a_figure_has_three_digits_and_the_unit_that_suits_it() {
    for (value, text) in [
        (9.994, "9.99"),
        (9.995, "10.0"),
        (99.94, "99.9"),
        (99.95, "100"),
        (0.0, "0.00"),
        (1e4, "10000"),
    ] {
        assert_eq!(three_digits(value), text);
    }
    for (seconds, text) in [
        (0.0, "0"),
        (0.000_999_4, "999 µs"),
        (0.000_999_5, "1.00 ms"),
        (0.999_4, "999 ms"),
        (0.999_5, "1.00 s"),
        (60.0, "60.0 s"),
    ] {
        assert_eq!(duration(seconds), text);
    }
}

#[test]
fn a_percentile_is_the_nearest_rank_and_a_median_of_two_lies_between() {
    let sorted = [10, 20, 30, 40];
    for (share, value) in [
        (-1.0, 10),
        (0.0, 10),
        (0.25, 10),
        (0.26, 20),
        (0.5, 20),
        (0.75, 30),
        (0.76, 40),
        (1.0, 40),
        (9.0, 40),
    ] {
        assert_eq!(percentile(&sorted, share), Some(value), "{share}");
    }
    assert_eq!(percentile(&[], 0.5), None);
    for (values, median) in [
        (&[5.0][..], 5.0),
        (&[8.0, 2.0], 5.0),
        (&[8.0, 1.0, 2.0, 4.0], 3.0),
        (&[3.0, 9.0, 1.0], 3.0),
    ] {
        let spread = Spread::of(values).unwrap();
        let (min, max) =
            values.iter().fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(*v), b.max(*v)));
        assert_eq!((spread.median, spread.min, spread.max), (median, min, max));
    }
}

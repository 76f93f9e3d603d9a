//! The pure halves of the lab: statistics, verdicts, URLs and answers, tables, command lines.
#![cfg(feature = "cli")]

use proptest::prelude::*;
use singletrack::base::random::SplitMix64;
use singletrack::lab::cli::{CliError, CompareRequest, Request, parse};
use singletrack::lab::compare::http::{Url, body};
use singletrack::lab::compare::lane::{LaneStats, WorkQueue};
use singletrack::lab::compare::model::{Family, Model};
use singletrack::lab::compare::output::document;
use singletrack::lab::compare::output::{duration, table};
use singletrack::lab::compare::result::{CaseResult, ModelResult, Switches, TimeSplit};
use singletrack::lab::compare::verdict::{Finish, Nature, Verdict};
use singletrack::lab::compare::{job::Job, server::Question};
use singletrack::lab::report::stats::{Spread, percentile};
use std::ffi::OsString;
use std::time::Duration;

fn spread(min: f64, median: f64, max: f64) -> Spread {
    Spread { median, min, max }
}

// --- statistics -------------------------------------------------------------------------

proptest! {
    #[test]
    fn a_spread_has_half_the_values_on_each_side(values in prop::collection::vec(0.0..1e9f64, 1..50)) {
        let spread = Spread::of(&values).unwrap();
        let below = values.iter().filter(|&&v| v < spread.median).count();
        let above = values.iter().filter(|&&v| v > spread.median).count();
        prop_assert!(below <= values.len() / 2 && above <= values.len() / 2);
        prop_assert!(values.iter().all(|&v| spread.min <= v && v <= spread.max));
        prop_assert!(values.contains(&spread.min) && values.contains(&spread.max));
    }

    #[test]
    fn a_percentile_is_the_least_value_with_that_share_below_it(
        mut values in prop::collection::vec(0u64..100, 1..200),
        share in 0.01..1.0f64,
    ) {
        values.sort_unstable();
        let found = percentile(&values, share).unwrap();
        let reaches = |limit: u64| {
            values.iter().filter(|&&v| v <= limit).count() as f64 >= share * values.len() as f64
        };
        let model = values.iter().copied().find(|&v| reaches(v)).unwrap();
        prop_assert_eq!(found, model);
    }

    #[test]
    fn a_shuffle_loses_nothing_and_repeats_itself(seed: u64, count in 0usize..40) {
        let mut once: Vec<usize> = (0..count).collect();
        let mut again = once.clone();
        SplitMix64::new(seed).shuffle(&mut once);
        SplitMix64::new(seed).shuffle(&mut again);
        prop_assert_eq!(&once, &again);
        once.sort_unstable();
        prop_assert_eq!(once, (0..count).collect::<Vec<_>>());
    }

    #[test]
    fn a_checksum_does_not_depend_on_who_did_what_when(
        values in prop::collection::vec(any::<u64>(), 1..40),
        seed: u64,
        lanes in 1usize..5,
    ) {
        let mut alone = LaneStats::default();
        for (number, &value) in values.iter().enumerate() {
            alone.record(number, value, Duration::from_nanos(1));
        }
        let mut order: Vec<usize> = (0..values.len()).collect();
        SplitMix64::new(seed).shuffle(&mut order);
        let mut shared = vec![LaneStats::default(); lanes];
        for (at, &number) in order.iter().enumerate() {
            shared[at % lanes].record(number, values[number], Duration::from_nanos(1));
        }
        let total = shared.into_iter().fold(LaneStats::default(), |mut total, stats| {
            total.merge(stats);
            total
        });
        prop_assert_eq!(total.checksum, alone.checksum);
        prop_assert_eq!(total.latencies_ns.len(), values.len());
    }

    #[test]
    fn a_checksum_sees_two_values_that_changed_places(a: u64, b: u64) {
        prop_assume!(a != b);
        let sum = |first, second| {
            let mut stats = LaneStats::default();
            stats.record(0, first, Duration::ZERO);
            stats.record(1, second, Duration::ZERO);
            stats.checksum
        };
        prop_assert_ne!(sum(a, b), sum(b, a));
    }
}

#[test]
fn a_queue_hands_out_every_job_once_and_none_after_it_is_closed() {
    let jobs: Vec<Job> = (0..3).map(|from| Job::Primes { from, count: 1 }).collect();
    let queue = WorkQueue::new(jobs.clone());
    assert_eq!(queue.take(), Some((0, &jobs[0])));
    assert_eq!(queue.take(), Some((1, &jobs[1])));
    queue.close();
    assert_eq!(queue.take(), None);
    assert_eq!(queue.take(), None);
}

#[test]
fn a_question_survives_the_wire() {
    let question = Question { seed: 0x0102_0304_0506_0708, late_us: 77, answer: 4096 };
    assert_eq!(Question::from_bytes(question.to_bytes()), question);
}

// --- verdicts ---------------------------------------------------------------------------

#[test]
fn rounds_apart_make_a_winner() {
    let walls = [
        (Model::Sequential, spread(1.9, 2.0, 2.1)),
        (Model::Processes, spread(0.9, 1.0, 1.1)),
        (Model::ThreadsFree, spread(1.2, 1.25, 1.3)),
    ];
    let verdict = Verdict::of(&walls, 3, Nature::CpuBound).unwrap();
    assert_eq!(verdict.winner(), Some(Model::Processes));
    assert_eq!(verdict.next, Some(Model::ThreadsFree));
    assert_eq!(
        verdict.to_string(),
        "processes won: 1.25 times as fast as the next, threads-free; \
         the rule of thumb (CPU bound → processes) agrees."
    );
    assert_eq!(verdict.rule(), "CPU bound: processes; agrees");
}

#[test]
fn rounds_that_overlap_make_no_winner() {
    let walls = [
        (Model::Processes, spread(0.9, 1.0, 1.2)),
        (Model::ThreadsFree, spread(1.1, 1.25, 1.3)),
        (Model::EventLoop, spread(2.0, 2.1, 2.2)),
    ];
    let verdict = Verdict::of(&walls, 3, Nature::SlowIo).unwrap();
    assert_eq!(verdict.winner(), None);
    assert_eq!(verdict.finish, Finish::Tie(vec![Model::Processes, Model::ThreadsFree]));
    assert_eq!(
        verdict.to_string(),
        "no measurable difference between processes and threads-free: their rounds overlap; \
         the rule of thumb (slow I/O, many connections → event loop) names none of them."
    );
    assert_eq!(verdict.rule(), "slow I/O, many connections: event loop; names none of them");
}

#[test]
fn a_tie_of_all_puts_no_rule_to_the_test() {
    let walls =
        [(Model::Processes, spread(0.9, 1.0, 1.2)), (Model::ThreadsFree, spread(1.1, 1.25, 1.3))];
    let verdict = Verdict::of(&walls, 3, Nature::CpuBound).unwrap();
    assert_eq!((verdict.winner(), verdict.agrees), (None, None));
}

#[test]
fn one_round_and_one_model_tell_nothing() {
    let one = (Model::Sequential, spread(1.0, 1.0, 1.0));
    let two = (Model::Processes, spread(2.0, 2.0, 2.0));
    let once = Verdict::of(&[one, two], 1, Nature::CpuBound).unwrap();
    assert_eq!((once.winner(), once.agrees), (None, None));
    assert!(once.to_string().starts_with("no measurable difference: one round"), "{once}");
    let alone = Verdict::of(&[one], 3, Nature::CpuBound).unwrap();
    assert_eq!((alone.winner(), alone.ratio), (None, 1.0));
    assert!(alone.to_string().starts_with("only sequential ran"), "{alone}");
    assert_eq!(Verdict::of(&[], 3, Nature::CpuBound), None);
}

#[test]
fn a_rule_whose_model_did_not_run_is_not_put_to_the_test() {
    let walls =
        [(Model::Sequential, spread(2.0, 2.0, 2.0)), (Model::EventLoop, spread(1.0, 1.0, 1.0))];
    let verdict = Verdict::of(&walls, 2, Nature::FastIo).unwrap();
    assert_eq!((verdict.winner(), verdict.agrees), (Some(Model::EventLoop), None));
    assert!(verdict.to_string().ends_with("was not put to the test."), "{verdict}");
}

#[test]
fn the_nature_of_work_is_read_from_its_time() {
    assert_eq!(Nature::measured(0.010, 0.001, 100), Nature::CpuBound);
    assert_eq!(Nature::measured(0.001, 0.010, 100), Nature::SlowIo);
    assert_eq!(Nature::measured(0.001, 0.010, 4), Nature::FastIo);
    assert_eq!(Nature::measured(0.000_01, 0.000_1, 100), Nature::FastIo);
}

#[test]
fn every_model_has_one_name_and_the_rule_knows_most() {
    for model in Model::ALL {
        assert_eq!(Model::from_name(model.name()), Some(model));
    }
    assert_eq!(Model::from_name("fibres"), None);
    let of = |family| Model::ALL.iter().filter(|model| model.belongs_to(family)).count();
    assert_eq!((of(Family::Processes), of(Family::Threads), of(Family::EventLoop)), (2, 4, 2));
}

proptest! {
    #[test]
    fn a_winner_beats_every_round_of_every_other(
        walls in prop::collection::vec((0.1..5.0f64, 0.0..1.0f64, 0.0..1.0f64), 2..8),
    ) {
        let walls: Vec<(Model, Spread)> = walls
            .into_iter()
            .zip(Model::ALL)
            .map(|((min, a, b), model)| (model, spread(min, min + a, min + a + b)))
            .collect();
        let verdict = Verdict::of(&walls, 3, Nature::CpuBound).unwrap();
        let beaten = |best: Spread, model| {
            walls.iter().all(|(other, wall)| *other == model || best.max < wall.min)
        };
        let clear = walls.iter().find(|(model, wall)| beaten(*wall, *model));
        prop_assert_eq!(verdict.winner(), clear.map(|(model, _)| *model));
        prop_assert!(verdict.ratio >= 1.0);
    }
}

// --- HTTP -------------------------------------------------------------------------------

#[test]
fn urls_come_apart() {
    let parts = |text: &str| {
        let url = Url::parse(text).unwrap();
        (url.host().to_owned(), url.port(), url.target().to_owned())
    };
    let expect = |host: &str, port, target: &str| (host.to_owned(), port, target.to_owned());
    assert_eq!(parts("http://a"), expect("a", 80, "/"));
    assert_eq!(parts("HTTP://a:8080/x/y?z=1"), expect("a", 8080, "/x/y?z=1"));
    assert_eq!(parts("http://a?q"), expect("a", 80, "/?q"));
    assert_eq!(parts("http://[::1]:81/"), expect("::1", 81, "/"));
    assert_eq!(parts("http://a/b#c"), expect("a", 80, "/b"));
}

#[test]
fn what_is_no_url_is_refused_in_one_line_that_quotes_it() {
    for text in [
        "https://a/",
        "ftp://a/",
        "a/b",
        "http://",
        "http://:80/",
        "http://a:0/",
        "http://a:x/",
        "http://a:99999/",
        "http://a:/",
        "http://[::1",
        "http://u:p@a/",
        "http://a/b c",
        "",
        "http://a/\r\nX: y",
    ] {
        let refusal = Url::parse(text).unwrap_err().to_string();
        assert!(!refusal.contains(['\n', '\r']), "{refusal:?}");
        assert!(refusal.contains("http"), "the remedy is missing: {refusal}");
    }
    let https = Url::parse("https://a/").unwrap_err().to_string();
    assert!(https.starts_with("https://a/: https is not spoken here"), "{https}");
}

#[test]
fn a_request_names_host_and_port() {
    let request = |text| String::from_utf8(Url::parse(text).unwrap().request()).unwrap();
    assert!(request("http://a/b?c").starts_with("GET /b?c HTTP/1.1\r\nHost: a\r\n"));
    assert!(request("http://[::1]:81/").contains("\r\nHost: [::1]:81\r\n"));
    assert!(request("http://a/").ends_with("\r\n\r\n"));
}

#[test]
fn a_chunked_body_is_joined() {
    let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                   5;x=y\r\nhello\r\n1\r\n!\r\n0\r\n\r\n";
    assert_eq!(body(answer).unwrap(), b"hello!");
}

#[test]
fn an_answer_that_is_cut_short_is_no_answer() {
    for answer in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhell",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx",
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 301 Moved\r\n\r\n",
    ] {
        assert!(body(answer).is_err(), "{}", String::from_utf8_lossy(answer));
    }
}

proptest! {
    #[test]
    fn no_answer_and_no_url_can_make_it_panic(
        answer in prop::collection::vec(any::<u8>(), 0..200),
        text in "(http://)?\\PC{0,30}",
    ) {
        let _ = body(&answer);
        let mut headed = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        headed.extend(answer);
        let _ = body(&headed);
        let _ = Url::parse(&text);
    }

    #[test]
    fn chunks_of_any_size_give_the_body_back(
        content in prop::collection::vec(any::<u8>(), 0..300),
        size in 1usize..50,
    ) {
        let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for chunk in content.chunks(size) {
            answer.extend(format!("{:x}\r\n", chunk.len()).bytes());
            answer.extend(chunk);
            answer.extend(b"\r\n");
        }
        answer.extend(b"0\r\n\r\n");
        prop_assert_eq!(body(&answer).unwrap(), content);
    }
}

// --- output -----------------------------------------------------------------------------

fn some_result() -> CaseResult {
    let model = |model, median: f64| ModelResult {
        model,
        jobs: 32,
        wall: spread(median * 0.9, median, median * 1.1),
        p50: median / 32.0,
        p99: median / 16.0,
        time: TimeSplit { on_cpu: median, gil_wait: 0.0, blocked: 0.000_25 },
        switches: Switches { forced: 3, voluntary: 0, ctx_voluntary: 14, ctx_involuntary: 5 },
        peak_rss_kib: 2048,
        checksum: 0xabcd,
    };
    let models = vec![model(Model::Sequential, 0.25), model(Model::ThreadsFree, 0.125)];
    CaseResult::of("cpu", Some(Nature::CpuBound), (3, 2, 2), models).unwrap()
}

#[test]
fn a_table_stands_in_columns() {
    let expected = "\
cpu: 32 jobs, 3 interleaved rounds, up to 2 at once, 2 pool workers
model           wall  jobs/s      p50      p99  on CPU  GIL wait  blocked  GIL drops  ctx switches     peak
sequential    250 ms     128  7.81 ms  15.6 ms  250 ms         0   250 µs  3 f + 0 v    14 v + 5 i  2.0 MiB
threads-free  125 ms     256  3.91 ms  7.81 ms  125 ms         0   250 µs  3 f + 0 v    14 v + 5 i  2.0 MiB
→ threads-free won: 2.00 times as fast as the next, sequential; the rule of thumb (CPU bound → processes) was not put to the test.
";
    assert_eq!(table(&some_result(), false), expected);
}

#[test]
fn colour_adds_nothing_but_colour() {
    let painted = table(&some_result(), true);
    assert!(painted.contains("\x1b[32mthreads-free"), "the winner is green:\n{painted}");
    let mut plain = painted;
    for code in ["\x1b[1m", "\x1b[32m", "\x1b[0m"] {
        plain = plain.replace(code, "");
    }
    assert_eq!(plain, table(&some_result(), false));
}

#[test]
fn durations_have_three_digits_and_a_unit() {
    let shown = [0.0, 4e-9, 1.234e-5, 0.000_999_6, 0.0123, 0.999_6, 12.34, 123.4].map(duration);
    let expected = ["0", "0.00 µs", "12.3 µs", "1.00 ms", "12.3 ms", "1.00 s", "12.3 s", "123 s"];
    assert_eq!(shown, expected);
}

#[test]
fn the_json_object_has_the_promised_fields() {
    let document = document(&[some_result()]);
    assert_eq!(document["schema_version"], 1);
    let keys = |value: &serde_json::Value| {
        value.as_object().unwrap().keys().cloned().collect::<Vec<String>>().join(" ")
    };
    assert_eq!(keys(&document), "cases machine schema_version");
    let case = &document["cases"][0];
    assert_eq!(keys(case), "case models rounds verdict");
    assert_eq!(keys(&case["verdict"]), "model ratio rule");
    let model = &case["models"][1];
    assert_eq!(
        keys(model),
        "checksum jobs jobs_per_s latency_ms model peak_rss_kib switches time_s wall_s"
    );
    assert_eq!(keys(&model["wall_s"]), "max median min");
    assert_eq!(keys(&model["latency_ms"]), "p50 p99");
    assert_eq!(keys(&model["time_s"]), "blocked gil_wait on_cpu");
    assert_eq!(keys(&model["switches"]), "ctx_involuntary ctx_voluntary forced voluntary");
    assert_eq!(case["verdict"]["model"], "threads-free");
    assert_eq!(model["jobs_per_s"], 256.0);
    assert_eq!(model["checksum"], "000000000000abcd");
}

// --- command lines ----------------------------------------------------------------------

fn line(words: &str) -> Vec<OsString> {
    ["singletrack", "compare"].into_iter().chain(words.split(' ')).map(OsString::from).collect()
}

fn comparison(words: &str) -> CompareRequest {
    match parse(line(words)) {
        Ok(Request::Compare(request)) => request,
        other => panic!("{words}: {other:?}"),
    }
}

#[test]
fn models_may_be_named_with_commas_or_spaces_before_or_after_the_case() {
    for words in [
        "cpu --model sequential,processes",
        "cpu --model sequential processes",
        "cpu --model sequential --model processes",
        "--model sequential processes cpu",
        "--model=sequential,processes cpu",
        "cpu --model sequential,processes,sequential",
    ] {
        let request = comparison(words);
        assert_eq!(request.race.models, [Model::Sequential, Model::Processes], "{words}");
        assert_eq!(request.cases.iter().map(|case| case.name()).collect::<Vec<_>>(), ["cpu"]);
    }
}

#[test]
fn nothing_named_means_three_cases_and_all_models() {
    let request = comparison("--json");
    let names: Vec<&str> = request.cases.iter().map(|case| case.name()).collect();
    assert_eq!(names, ["cpu", "slow-io", "fast-io"]);
    assert_eq!(request.race.models, Model::ALL);
    assert!(request.json);
}

#[test]
fn a_wrong_command_line_is_refused_in_one_line() {
    for (words, named) in [
        ("gpu", "gpu"),
        ("cpu --model fibres", "fibres"),
        ("--jobs 0", "--jobs"),
        ("--jobs many", "many"),
        ("--rounds 0", "--rounds"),
        ("--workers 0", "--workers"),
        ("--connections -1", "-1"),
        ("--frobnicate", "--frobnicate"),
        ("--color sometimes", "sometimes"),
        ("files", "files"),
        ("files /no/such/directory", "/no/such/directory"),
        ("files Cargo.toml", "Cargo.toml"),
        ("urls", "urls"),
        ("urls https://a/", "https://a/"),
    ] {
        let Err(CliError::Usage(refusal)) = parse(line(words)) else {
            panic!("`{words}` was not refused")
        };
        assert!(refusal.contains(named), "`{words}`: {refusal}");
        assert!(!refusal.contains('\n'), "`{words}`: {refusal}");
    }
}

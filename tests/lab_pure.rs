//! The pure halves of the lab: statistics, verdicts, URLs and answers, tables, command lines.
#![cfg(feature = "cli")]

#[path = "common/http_check.rs"]
mod http_check;

use http_check::read_in;
use proptest::prelude::*;
use singletrack::base::random::SplitMix64;
use singletrack::lab::cli::{CliError, Request, parse};
use singletrack::lab::compare::gate::Gate;
use singletrack::lab::compare::http::{AnswerReader, Outcome};
use singletrack::lab::compare::lane::{LaneStats, WorkQueue};
use singletrack::lab::compare::model::{Family, Model};
use singletrack::lab::compare::request::CompareRequest;
use singletrack::lab::compare::url::Url;
use singletrack::lab::compare::{job::Job, server::Question};
use singletrack::lab::report::stats::{Spread, percentile};
use std::ffi::OsString;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

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
fn a_queue_hands_out_nothing_once_its_time_is_up() {
    let jobs: Vec<Job> = (0..3).map(|from| Job::Primes { from, count: 1 }).collect();
    let queue = WorkQueue::new(jobs).within(Some(Duration::from_millis(1)));
    assert!(queue.take().is_some(), "the clock has not started");
    queue.begin();
    std::thread::sleep(Duration::from_millis(2));
    assert_eq!(queue.take(), None);
}

#[test]
fn a_gate_lets_all_begin_together_and_waits_for_nobody_who_failed() {
    let (gate, begun) = (Gate::new(), AtomicUsize::new(0));
    thread::scope(|scope| {
        let sound = || {
            let begin = |()| begun.fetch_add(1, Ordering::SeqCst);
            gate.pass(|| Ok::<_, ()>(()), begin)
        };
        let panics = || gate.pass(|| Ok::<_, ()>(()), |()| panic!("a lane that panics"));
        let sound: Vec<_> = (0..3).map(|_| scope.spawn(sound)).collect();
        let refused = scope.spawn(|| gate.pass(|| Err("no connection"), |()| ()));
        let panicked = scope.spawn(panics);
        gate.wait_ready(5);
        assert_eq!(begun.load(Ordering::SeqCst), 0, "nobody begins before the gate is opened");
        gate.open();
        gate.wait_ended(5);
        assert_eq!(begun.load(Ordering::SeqCst), 3);
        assert!(sound.iter().all(|thread| !thread.is_finished()), "they stay to be weighed");
        gate.release();
        assert_eq!(refused.join().unwrap(), Err("no connection"));
        assert!(panicked.join().is_err());
        sound.into_iter().for_each(|thread| assert!(thread.join().unwrap().is_ok()));
    });
}

#[test]
fn a_question_survives_the_wire() {
    let question = Question { seed: 0x0102_0304_0506_0708, late_us: 77, answer: 4096 };
    assert_eq!(Question::from_bytes(question.to_bytes()), question);
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

fn read(answer: &[u8]) -> Result<Outcome, String> {
    read_in(answer, &[]).0
}

fn page(answer: &[u8]) -> Vec<u8> {
    match read(answer) {
        Ok(Outcome::Page(body)) => body,
        other => panic!("{}: {other:?}", String::from_utf8_lossy(answer)),
    }
}

#[test]
fn a_chunked_body_is_joined() {
    let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                   5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: z\r\n\r\n";
    assert_eq!(page(answer), b"hello!");
}

#[test]
fn an_answer_ends_where_it_says_and_not_where_the_stream_does() {
    let whole = |answer: &[u8]| AnswerReader::new(100).feed(answer);
    for answer in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi and more",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    ] {
        assert_eq!(whole(answer), Ok(true), "{}", String::from_utf8_lossy(answer));
    }
    assert_eq!(whole(b"HTTP/1.1 200 OK\r\n\r\nabc"), Ok(false), "only the stream's end ends this");
    assert_eq!(page(b"HTTP/1.1 200 OK\r\n\r\nabc"), b"abc");
}

#[test]
fn odd_answers_that_are_right_are_read() {
    assert_eq!(page(b"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc"), b"abc", "bare line feeds");
    let early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
    assert_eq!(page(early), b"abc", "what comes before the answer is no answer");
    let twice = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3, 3\r\n\r\nabc";
    assert_eq!(page(twice), b"abc");
    assert_eq!(page(b"HTTP/1.0 200\r\n\r\n"), b"");
}

#[test]
fn a_redirect_leads_elsewhere_and_an_error_page_nowhere() {
    let moved = b"HTTP/1.1 301 Moved\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(read(moved), Ok(Outcome::Elsewhere("/there".into())));
    let lost = read(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno").unwrap_err();
    assert_eq!(lost, "the server answered 404 Not Found");
    assert!(read(b"HTTP/1.1 301 Moved\r\nContent-Length: 0\r\n\r\n").is_err(), "but where to?");
}

#[test]
fn an_answer_that_is_cut_short_or_wrong_is_no_answer() {
    for answer in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 2\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhell",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"SSH-2.0-x\r\n",
    ] {
        assert!(read(answer).is_err(), "{}", String::from_utf8_lossy(answer));
    }
}

#[test]
fn a_server_cannot_make_it_take_memory_without_end() {
    let long = [b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &[b'x'; 101]].concat();
    assert!(AnswerReader::new(100).feed(&long).is_err(), "a body");
    let mut reader = AnswerReader::new(100);
    assert_eq!(reader.feed(b"HTTP/1.1 200 OK\r\nX: "), Ok(false));
    let endless = (0..).map(|_| reader.feed(&[b'x'; 4096])).take(10_000).any(|fed| fed.is_err());
    assert!(endless, "a header");
    assert!(AnswerReader::new(100).feed(b"SSH").is_err(), "what is no HTTP is seen at once");
}

#[test]
fn a_location_is_read_from_where_it_was_found() {
    let here = Url::parse("http://a:81/b/c?d").unwrap();
    for (location, there) in [
        ("/x", "http://a:81/x"),
        ("x?y", "http://a:81/b/x?y"),
        ("./x", "http://a:81/b/x"),
        ("../../../x", "http://a:81/x"),
        ("..", "http://a:81/"),
        ("?y", "http://a:81/b/c?y"),
        ("", "http://a:81/b/c?d"),
        ("#z", "http://a:81/b/c?d"),
        ("//e/f", "http://e/f"),
        ("http://e:82/f", "http://e:82/f"),
    ] {
        assert_eq!(here.join(location).unwrap().to_string(), there, "{location}");
    }
    let refusal = here.join("https://a/").unwrap_err().to_string();
    assert!(refusal.starts_with("https://a/: https is not spoken here"), "{refusal}");
    assert!(here.join("/a b").is_err() && here.join("mailto:x").is_err());
}

proptest! {
    #[test]
    fn no_answer_and_no_url_can_make_it_panic(
        answer in prop::collection::vec(any::<u8>(), 0..200),
        text in "(http://)?\\PC{0,30}",
        location in "[./?#:a ]{0,12}",
    ) {
        let _ = read(&answer);
        let heads: [&[u8]; 2] =
            [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"];
        for head in heads {
            let _ = read(&[head, &answer].concat());
        }
        let _ = Url::parse(&text);
        let _ = Url::parse("http://a/b").unwrap().join(&location);
    }

    #[test]
    fn an_answer_is_the_same_however_it_is_cut(
        content in prop::collection::vec(any::<u8>(), 0..300),
        chunk in 1usize..50,
        form in 0..3,
        damage in prop::option::of((0usize..400, any::<u8>())),
        sizes in prop::collection::vec(1usize..40, 1..8),
    ) {
        let mut answer = b"HTTP/1.1 200 OK\r\n".to_vec();
        match form {
            0 => answer.extend(format!("Content-Length: {}\r\n\r\n", content.len()).bytes()),
            1 => answer.extend(b"Transfer-Encoding: chunked\r\n\r\n"),
            _ => answer.extend(b"\r\n"),
        }
        if form == 1 {
            for chunk in content.chunks(chunk) {
                answer.extend(format!("{:x}\r\n", chunk.len()).bytes());
                answer.extend(chunk);
                answer.extend(b"\r\n");
            }
            answer.extend(b"0\r\n\r\n");
        } else {
            answer.extend(&content);
        }
        if damage.is_none() {
            prop_assert_eq!(read(&answer), Ok(Outcome::Page(content)));
        }
        if let Some((at, byte)) = damage {
            let at = at % answer.len();
            answer[at] = byte;
        }
        let (outcome, _) = read_in(&answer, &sizes);
        match (outcome, read(&answer)) {
            (Ok(a), Ok(b)) => prop_assert_eq!(a, b),
            (a, b) => prop_assert_eq!(a.is_err(), b.is_err()),
        }
    }
}

// --- command lines ----------------------------------------------------------------------

fn line(words: &str) -> Vec<OsString> {
    ["singletrack", "compare"].into_iter().chain(words.split(' ')).map(OsString::from).collect()
}

#[test]
fn an_option_that_is_given_twice_is_refused_by_name() {
    for words in ["--jobs 1 --jobs 2", "--json --json", "--connections 1 --connections 1"] {
        let Err(CliError::Usage(refusal)) = parse(line(words)) else { panic!("{words}") };
        let option = words.split(' ').next().unwrap();
        assert!(refusal.contains(option) && refusal.contains("multiple times"), "{refusal}");
    }
}

#[test]
fn the_examples_of_the_help_text_are_command_lines() {
    for words in [["compare", "--help"], ["--help", ""], ["gil", "--help"], ["explore", "--help"]] {
        let line = ["singletrack"].into_iter().chain(words).filter(|word| !word.is_empty());
        let Err(CliError::Help(help)) = parse(line.map(OsString::from)) else {
            panic!("{words:?}")
        };
        let examples = help.lines().filter_map(|line| line.trim().strip_prefix("singletrack "));
        for example in examples.filter(|line| line.contains("compare")) {
            let words = example.split("  ").next().unwrap().split(" > ").next().unwrap();
            let words = ["singletrack"].into_iter().chain(words.split_whitespace());
            assert!(parse(words.map(OsString::from)).is_ok(), "{example}");
        }
    }
}

fn comparison(words: &str) -> CompareRequest {
    match parse(line(words)) {
        Ok(Request::Compare(request)) => *request,
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
        ("--time 0", "--time"),
        ("--sweep jobs=1..2", "--sweep jobs=1..2"),
        ("--connections -1", "-1"),
        ("--frobnicate", "--frobnicate"),
        ("--color sometimes", "sometimes"),
        ("files", "files"),
        ("compress", "compress DIR"),
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

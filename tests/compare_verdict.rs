//! What `compare` concludes from its rounds, and how it says so: evidence, judgement, verdict, table.
#![cfg(feature = "cli")]

#[path = "compare_verdict/edges.rs"]
mod edges;
#[path = "common/ran.rs"]
mod ran;

#[path = "common/cases.rs"]
mod cases;
use cases::cases;
use proptest::prelude::*;
use ran::ran;
use singletrack::base::random::SplitMix64;
use singletrack::lab::compare::cases::Case;
use singletrack::lab::compare::document::document;
use singletrack::lab::compare::evidence::{Answer, Evidence, FEWEST_ROUNDS, MARGIN};
use singletrack::lab::compare::export::{csv, markdown};
use singletrack::lab::compare::footprint::{parse_stat, share_of_others};
use singletrack::lab::compare::judgement::{Entry, How, Judgement, RoundCosts};
use singletrack::lab::compare::model::{Family, Model};
use singletrack::lab::compare::notes;
use singletrack::lab::compare::output::table;
use singletrack::lab::compare::result::{CaseResult, ModelResult, RoundSize, TimeSplit};
use singletrack::lab::compare::sweep::{Knob, Sweep, Swept};
use singletrack::lab::compare::verdict::{Nature, Verdict};
use singletrack::lab::report::failure::Failure;
use singletrack::lab::report::stats::duration;
use std::time::Duration;

// --- evidence ---------------------------------------------------------------------------

/// Rounds of two models whose costs are `ratio` apart, each round spoilt by something that falls on
/// both, and by `noise` that falls on one.
fn rounds(seed: u64, count: usize, ratio: f64, noise: f64) -> Vec<(f64, f64)> {
    let mut random = SplitMix64::new(seed);
    let mut unit = || random.next_u64() as f64 / u64::MAX as f64;
    let pair = |_| {
        let spoilt = 1.0 + 9.0 * unit();
        let mut alone = || 1.0 + noise * (2.0 * unit() - 1.0);
        (spoilt * alone(), spoilt * ratio * alone())
    };
    (0..count).map(pair).collect()
}

proptest! {
    // Each case draws thousands of medians.
    #![proptest_config(cases(48))]

    #[test]
    fn the_same_rounds_and_seed_give_the_same_interval(
        pairs in prop::collection::vec((0.01..10.0f64, 0.01..10.0f64), 1..30),
        seed: u64,
    ) {
        let evidence = Evidence::of(&pairs, seed).unwrap();
        prop_assert_eq!(Evidence::of(&pairs, seed), Some(evidence));
        let ratios = || pairs.iter().map(|(this, other)| other / this);
        let (least, most) = (ratios().fold(f64::MAX, f64::min), ratios().fold(0.0, f64::max));
        prop_assert!(least <= evidence.low && evidence.low <= evidence.high);
        prop_assert!(evidence.high <= most);
    }

    #[test]
    fn what_one_gains_the_other_loses(
        pairs in prop::collection::vec((0.1..2.0f64, 0.1..2.0f64), 1..30),
        seed: u64,
    ) {
        let answer = Evidence::of(&pairs, seed).unwrap();
        let expected = match answer.answer() {
            Answer::Less => Answer::More,
            Answer::More => Answer::Less,
            same => same,
        };
        prop_assert_eq!(answer.turned().answer(), expected);
    }

    #[test]
    fn a_bad_moment_that_falls_on_both_changes_nothing(seed: u64, ratio in 0.2..5.0f64) {
        let evidence = Evidence::of(&rounds(seed, 7, ratio, 0.0), seed).unwrap();
        let near = |value: f64| (value / ratio - 1.0).abs() < 1e-9;
        prop_assert!(near(evidence.low) && near(evidence.high), "{:?}", evidence);
    }

    #[test]
    fn a_difference_well_beyond_the_margin_is_found_and_one_well_within_is_a_tie(seed: u64) {
        let answer = |ratio| Evidence::of(&rounds(seed, 15, ratio, 0.02), seed).unwrap().answer();
        prop_assert_eq!(answer(1.3), Answer::Less);
        prop_assert_eq!(answer(1.0 / 1.3), Answer::More);
        prop_assert_eq!(answer(1.0), Answer::Same);
    }

    #[test]
    fn a_win_below_the_margin_is_no_win(seed: u64, count in 5usize..40, ratio in 0.97..1.03f64) {
        let answer = Evidence::of(&rounds(seed, count, ratio, 0.01), seed).unwrap().answer();
        prop_assert!(matches!(answer, Answer::Same | Answer::Unclear), "{:?}", answer);
    }

    #[test]
    fn a_tie_is_shown_and_not_assumed(seed: u64, count in 1usize..9) {
        let answer = Evidence::of(&rounds(seed, count, 1.0, 0.5), seed).unwrap();
        let wide = answer.low <= 1.0 / MARGIN || answer.high >= MARGIN;
        prop_assert!(!wide || answer.answer() != Answer::Same, "{:?}", answer);
    }
}

#[test]
fn more_rounds_strengthen_it() {
    let width = |count| {
        let of = |seed| {
            let evidence = Evidence::of(&rounds(seed, count, 1.2, 0.2), seed).unwrap();
            evidence.high - evidence.low
        };
        (0..50).map(of).sum::<f64>()
    };
    let widths = [6, 12, 30, 60].map(width);
    assert!(widths.windows(2).all(|pair| pair[1] < pair[0]), "{widths:?}");
    let clear = |count| {
        let of = |seed| Evidence::of(&rounds(seed, count, 1.2, 0.2), seed).unwrap().answer();
        (0..50).filter(|&seed| of(seed) == Answer::Less).count()
    };
    assert!(clear(60) > clear(6), "{} of 50, then {}", clear(6), clear(60));
}

#[test]
fn few_rounds_show_only_what_is_far_apart() {
    let of = |count, ratio| Evidence::of(&vec![(1.0, ratio); count], 1).unwrap().answer();
    assert_eq!(of(2, 9.0), Answer::Unclear);
    assert_eq!(of(3, 1.9), Answer::Less);
    assert_eq!(of(3, 1.0 / 1.9), Answer::More);
    assert_eq!(of(3, 1.2), Answer::Unclear);
    assert_eq!(of(FEWEST_ROUNDS - 1, 1.0), Answer::Unclear);
    assert_eq!(of(FEWEST_ROUNDS, 1.2), Answer::Less);
    assert_eq!(of(FEWEST_ROUNDS, 1.0), Answer::Same);
    assert_eq!(Evidence::of(&[], 1), None);
    assert_eq!(Evidence::of(&[(0.0, 1.0)], 1), None, "no ratio to nothing");
}

// --- judgement --------------------------------------------------------------------------

/// A model whose rounds each cost so much: wall, p99, CPU, memory.
fn entry(model: Model, costs: [f64; 4]) -> Entry {
    let round = |round| {
        // All models meet the same weather.
        let weather = 1.0 + (round % 3) as f64;
        RoundCosts { round, costs: costs.map(|cost| Some(cost * weather)) }
    };
    Entry { model, rounds: (0..7).map(round).collect(), threads: 1, cut: false }
}

fn judged(entries: &[Entry]) -> Judgement {
    Judgement::of(&entries.iter().collect::<Vec<_>>(), 1).unwrap()
}

#[test]
fn the_fastest_wins_whatever_it_takes() {
    let judgement = judged(&[
        entry(Model::Sequential, [2.0, 1.0, 1.0, 1.0]),
        entry(Model::Processes, [1.0, 1.0, 3.0, 9.0]),
    ]);
    assert_eq!((judgement.how, judgement.winner()), (How::Faster, Some(Model::Processes)));
    assert!(judgement.has_beaten(Model::Sequential) && judgement.is_clear());
}

#[test]
fn of_those_as_fast_as_each_other_one_wins_that_needs_much_less() {
    let judgement = judged(&[
        entry(Model::ThreadsPy310, [1.0, 1.0, 3.0, 5.0]),
        entry(Model::EventLoop, [1.01, 1.0, 1.0, 1.0]),
    ]);
    assert_eq!((judgement.how, judgement.winner()), (How::Cheaper, Some(Model::EventLoop)));
    let tie = judged(&[
        entry(Model::ThreadsPy310, [1.0, 1.0, 1.1, 1.1]),
        entry(Model::EventLoop, [1.01, 1.0, 1.0, 1.0]),
    ]);
    assert_eq!((tie.how, tie.best.len(), tie.is_clear()), (How::Same, 2, true));
    let traded = judged(&[
        entry(Model::ThreadsPy310, [1.0, 1.0, 1.0, 5.0]),
        entry(Model::EventLoop, [1.0, 1.0, 2.0, 1.0]),
    ]);
    assert_eq!(traded.how, How::Same, "less memory for more CPU is the user's choice");
}

#[test]
fn a_model_that_was_stopped_has_lost() {
    let mut late = entry(Model::Sequential, [9.0, 1.0, 1.0, 1.0]);
    late.rounds.truncate(1);
    late.cut = true;
    let judgement = judged(&[late, entry(Model::EventLoop, [1.0; 4])]);
    assert_eq!((judgement.how, judgement.winner()), (How::Faster, Some(Model::EventLoop)));
}

#[test]
fn one_round_is_enough_where_cpu_confirms_what_the_clock_says() {
    let mut entries = [
        entry(Model::ThreadsPy310, [4.0, 4.0, 3.0, 3.0]),
        entry(Model::Sequential, [4.0, 4.0, 1.0, 1.0]),
        entry(Model::EventLoop, [1.0; 4]),
    ];
    entries.iter_mut().for_each(|entry| entry.rounds.truncate(1));
    let judgement = judged(&entries);
    assert!(judgement.has_beaten(Model::ThreadsPy310));
    assert!(!judgement.has_beaten(Model::Sequential), "that may have been a bad moment");
    assert_eq!(judgement.winner(), None);
}

#[test]
fn too_few_rounds_name_nobody() {
    let mut entries =
        [entry(Model::Sequential, [1.1, 1.0, 1.0, 1.0]), entry(Model::EventLoop, [1.0; 4])];
    entries.iter_mut().for_each(|entry| entry.rounds.truncate(2));
    let judgement = judged(&entries);
    assert_eq!((judgement.how, judgement.winner()), (How::Unclear, None));
    assert!(!judgement.is_clear());
}

proptest! {
    // Each case draws thousands of medians.
    #![proptest_config(cases(48))]

    #[test]
    fn a_winner_is_beaten_by_nobody_and_the_order_of_the_models_is_no_matter(
        walls in prop::collection::vec(0.5..2.0f64, 1..8),
        seed: u64,
    ) {
        let entries: Vec<Entry> =
            walls.iter().zip(Model::ALL).map(|(&wall, model)| entry(model, [wall; 4])).collect();
        let judgement = judged(&entries);
        let least = walls.iter().copied().fold(f64::MAX, f64::min);
        for best in &judgement.best {
            let wall = entries.iter().find(|entry| entry.model == *best).unwrap().wall();
            prop_assert!(wall <= 2.0 * least * MARGIN);
        }
        for duel in &judgement.duels {
            prop_assert_ne!(duel.by_wall(), Answer::More);
        }
        let mut shuffled = entries.clone();
        SplitMix64::new(seed).shuffle(&mut shuffled);
        prop_assert_eq!(judged(&shuffled).winner(), judgement.winner());
    }
}

// --- verdict ----------------------------------------------------------------------------

fn verdict(entries: &[Entry], nature: Nature) -> Verdict {
    Verdict::of(entries, nature, 1).unwrap()
}

#[test]
fn models_with_a_lock_are_judged_first_and_one_line_says_what_none_changes() {
    let entries = [
        entry(Model::ThreadsPy310, [1.9, 1.0, 1.0, 1.0]),
        entry(Model::ThreadsFree, [1.0, 1.0, 1.0, 1.0]),
        entry(Model::Processes, [1.0, 1.0, 1.0, 4.0]),
    ];
    let verdict = verdict(&entries, Nature::CpuBound);
    assert_eq!(verdict.winner(), Some(Model::Processes));
    assert_eq!(verdict.agrees(), Some(true));
    let sentences = verdict.sentences();
    let begins = |at: usize, text: &str| {
        assert!(sentences[at].starts_with(text), "{}", sentences[at]);
    };
    begins(0, "with a GIL: processes won: 1.90 times as fast as threads-py3.10 (1.90 to 1.90)");
    begins(
        1,
        "without one: threads-free is as fast as processes (1.00 to 1.00), with 0.25 × its memory",
    );
    begins(2, "the rule of thumb (CPU bound → processes) agrees");
}

#[test]
fn a_rule_is_wrong_only_where_it_was_put_to_the_test() {
    let (fast, slow) = ([1.0; 4], [2.0, 1.0, 1.0, 1.0]);
    let loses = [entry(Model::Processes, slow), entry(Model::EventLoop, fast)];
    assert_eq!(verdict(&loses, Nature::CpuBound).agrees(), Some(false));
    assert_eq!(verdict(&loses, Nature::FAST_IO).agrees(), None, "no threads ran");
    assert_eq!(verdict(&loses[..1], Nature::CpuBound).agrees(), None, "it ran alone");
    let tie = [entry(Model::Processes, fast), entry(Model::EventLoop, fast)];
    assert_eq!(verdict(&tie, Nature::CpuBound).agrees(), None, "all models tie");
    let of_three = [&tie[..], &[entry(Model::Sequential, slow)]].concat();
    assert_eq!(verdict(&of_three, Nature::CpuBound).agrees(), Some(true));
    let few = Nature::Io { slow: true, many: false };
    assert_eq!(verdict(&loses, few).agrees(), None);
    assert!(verdict(&loses, few).rule().contains("says nothing"));
}

#[test]
fn two_of_one_family_that_cannot_be_told_apart_are_an_answer() {
    let mut entries = [
        entry(Model::Processes, [1.0; 4]),
        entry(Model::LoopProcesses, [1.0; 4]),
        entry(Model::ThreadsPy310, [1.9, 1.0, 1.0, 1.0]),
    ];
    // One round of seven was spoilt for one of them, so that the others do not tell.
    for (at, round) in entries[1].rounds.iter_mut().enumerate() {
        round.costs[0] = round.costs[0].map(|wall| wall * [0.8, 1.2][at % 2]);
    }
    let verdict = verdict(&entries, Nature::CpuBound);
    assert_eq!((verdict.winner(), verdict.family()), (None, Some(Family::Processes)));
    assert_eq!(verdict.agrees(), Some(true));
    let first = &verdict.sentences()[0];
    assert!(first.contains("processes won: not enough rounds to tell"), "{first}");
    assert!(first.contains("times as fast as threads-py3.10"), "{first}");
    assert!(first.ends_with("give it more rounds, by --time or --rounds"), "what to do: {first}");
}

#[test]
fn the_nature_of_work_is_read_from_its_time() {
    assert_eq!(Nature::measured(0.010, 0.001, 100), Nature::CpuBound);
    assert_eq!(Nature::measured(0.001, 0.010, 100), Nature::SLOW_IO);
    assert_eq!(Nature::measured(0.000_01, 0.000_1, 4), Nature::FAST_IO);
    let few = Nature::measured(0.001, 0.200, 4);
    assert_eq!(few.to_string(), "slow I/O, few connections", "200 ms are not fast");
    assert_eq!(few.rule(), None);
}

#[test]
fn a_busy_machine_does_not_change_the_nature_of_work() {
    // A job of 10 µs that computes, on a machine where it got a core for a tenth of the time.
    let mut model = some_model(Model::Sequential, 0.32);
    model.cpu = 0.032;
    model.no_core = Some(0.288);
    model.time = TimeSplit { computing: 0.22, gil_wait: 0.0, blocked: 0.1 };
    let size = RoundSize { rounds: 7, jobs: 32, lanes: 2, workers: 2 };
    let result = CaseResult::of("files", None, size, vec![model], 1).unwrap();
    assert_eq!(result.verdict.nature, Nature::CpuBound);
}

#[test]
fn the_share_of_others_is_what_is_left_of_the_cores() {
    let at = |line: &str| parse_stat(line).unwrap();
    let (before, after) = (at("cpu  100 0 0 100 0 0 0 0"), at("cpu  400 0 100 200 0 0 0 0"));
    let share = |ms| share_of_others(before, after, Duration::from_millis(ms));
    assert_eq!(share(0), 0.8);
    assert_eq!(share(2000), 0.4);
    assert_eq!(share(9000), 0.0);
}

// --- output -----------------------------------------------------------------------------

fn some_model(model: Model, median: f64) -> ModelResult {
    ran(model, median, entry(model, [median; 4]).rounds)
}

fn result_of(models: Vec<ModelResult>) -> CaseResult {
    let size = RoundSize { rounds: 7, jobs: 32, lanes: 2, workers: 2 };
    CaseResult::of("cpu", Some(Nature::CpuBound), size, models, 1).unwrap()
}

fn some_result() -> CaseResult {
    result_of(vec![some_model(Model::Sequential, 0.25), some_model(Model::Processes, 0.125)])
}

#[test]
fn a_table_stands_in_columns() {
    let expected = "\
cpu: 32 jobs, 7 interleaved rounds, up to 2 at once, 2 pool workers
model         wall  jobs/s      p50      p99     CPU   memory  threads  computing  GIL wait  blocked  no core    start  GIL drops  ctx switches
sequential  250 ms     128  7.81 ms  15.6 ms  250 ms  2.0 MiB        1       75 %       0 %     25 %        0  1.00 ms  3 f + 0 v    14 v + 5 i
processes   125 ms     256  3.91 ms  7.81 ms  125 ms  2.0 MiB        1       75 %       0 %     25 %        0  1.00 ms  3 f + 0 v    14 v + 5 i
→ with a GIL: processes won: 2.00 times as fast as sequential (2.00 to 2.00), with 0.50 × its p99, 0.50 × its CPU and 0.50 × its memory.
→ the rule of thumb (CPU bound → processes) agrees.
";
    assert_eq!(table(&some_result(), false, None), expected);
}

#[test]
fn a_rule_that_is_wrong_is_told_with_what_a_job_costs() {
    let result =
        result_of(vec![some_model(Model::EventLoop, 0.1), some_model(Model::Processes, 0.2)]);
    let text = table(&result, false, None);
    let last = text.lines().last().unwrap();
    assert!(last.contains("(CPU bound → processes) is wrong here: a job costs event-loop 3.12 ms"));
    assert!(last.ends_with("and processes 6.25 ms of CPU."), "as many switches: {last}");
    let mut dearer = result;
    dearer.models[0].cpu = 1.0;
    let text = table(&dearer, false, None);
    assert!(text.ends_with("is wrong here.\n"), "it won by no cost of a job: {text}");
}

#[test]
fn the_shares_of_time_come_to_all_of_it() {
    let result = some_result();
    for model in &result.models {
        let TimeSplit { computing, gil_wait, blocked } = model.time;
        assert_eq!(model.time.whole(), computing + gil_wait + blocked);
    }
}

#[test]
fn colour_adds_nothing_but_colour() {
    let painted = table(&some_result(), true, None);
    assert!(painted.contains("\x1b[32mprocesses"), "the winner is green:\n{painted}");
    let mut plain = painted;
    for code in ["\x1b[1m", "\x1b[32m", "\x1b[0m"] {
        plain = plain.replace(code, "");
    }
    assert_eq!(plain, table(&some_result(), false, None));
}

#[test]
fn whole_columns_move_below_where_the_terminal_is_narrow() {
    let wide = table(&some_result(), false, None);
    let words = |text: &str| {
        let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        words.sort_unstable();
        words.dedup();
        words
    };
    for width in [40, 80, 117] {
        let narrow = table(&some_result(), false, Some(width));
        let longest = narrow.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(width), "{narrow}");
        assert_eq!(words(&narrow), words(&wide), "nothing is left out of {width} columns");
    }
    let narrow = table(&some_result(), false, Some(100));
    let heads: Vec<&str> = narrow.lines().filter(|line| line.starts_with("model")).collect();
    assert_eq!(heads.len(), 2, "{narrow}");
    assert_eq!(table(&some_result(), false, Some(400)), wide);
}

#[test]
fn what_was_left_out_stands_above_the_table_and_in_the_object() {
    let mut result = some_result();
    result.notes = vec!["a note".into()];
    result.skipped = (0..12).map(|n| format!("http://a/{n}: lost")).collect();
    let text = table(&result, false, None);
    for line in ["note: a note", "left out 12 items:", "- http://a/0: lost", "- and 2 more"] {
        assert!(text.lines().any(|shown| shown == line), "{line} is missing in:\n{text}");
    }
    let failure = Failure::new("a", "b", "c");
    let document = document(&[result], Some(&failure));
    assert_eq!(document["cases"][0]["skipped"].as_array().unwrap().len(), 12, "all of them");
    assert_eq!(document["error"], "a: b; c");
}

#[test]
fn what_bounds_a_result_is_said() {
    let mut bound = some_model(Model::EventLoop, 0.1);
    bound.server = Some(0.095);
    let mut stopped = some_model(Model::Sequential, 1.0);
    (stopped.cut, stopped.jobs) = (true, 7);
    let mut result = result_of(vec![bound, stopped]);
    result.lanes = 100;
    let notes = notes::of(&result, Some(0.43));
    let says = |text: &str| assert!(notes.iter().any(|note| note.contains(text)), "{notes:?}");
    says("sequential was stopped after 1.00 s and 7 of 32 jobs: it has lost");
    says("95.0 ms of a round of event-loop (94 %): it bounds the result");
    says("memory and CPU for each connection: event-loop 10.2 KiB and 1.00 ms");
    says("others had 43 % of the cores");
    let mut all = result.clone();
    all.models.iter_mut().for_each(|model| model.cut = true);
    let all = notes::of(&all, None);
    assert!(!all.iter().any(|note| note.contains("lost")), "nobody came to the end: {all:?}");
    assert!(
        all.iter().any(|note| note.contains("its time was up, give it more --time")),
        "{all:?}"
    );
    let quiet = notes::of(&some_result(), Some(0.02));
    assert!(quiet.is_empty(), "{quiet:?}");
}

#[test]
fn durations_have_three_digits_and_a_unit() {
    let shown = [0.0, 4e-9, 1.234e-5, 0.000_999_6, 0.0123, 0.999_6, 12.34, 123.4].map(duration);
    let expected = ["0", "0.00 µs", "12.3 µs", "1.00 ms", "12.3 ms", "1.00 s", "12.3 s", "123 s"];
    assert_eq!(shown, expected);
}

#[test]
fn the_json_object_has_the_promised_fields() {
    let document = document(&[some_result()], None);
    assert_eq!(document["schema_version"], 2);
    let keys = |value: &serde_json::Value| {
        value.as_object().unwrap().keys().cloned().collect::<Vec<String>>().join(" ")
    };
    assert_eq!(keys(&document), "cases error machine schema_version");
    let machine = "arch cpu kernel memory_kib os usable_cores";
    assert_eq!(keys(&document["machine"]), machine);
    let case = &document["cases"][0];
    assert_eq!(
        keys(case),
        "at_once case failures jobs models notes point rounds skipped verdict workers"
    );
    assert_eq!(keys(&case["verdict"]), "against best family how model rule sentences without_gil");
    assert_eq!(keys(&case["verdict"]["against"][0]), "cpu memory model p99 stopped threads wall");
    assert_eq!(keys(&case["verdict"]["against"][0]["wall"]), "high low median rounds");
    let model = &case["models"][1];
    assert_eq!(
        keys(model),
        "added_kib checksum cpu_s failed jobs jobs_per_s latency_ms memory_kib model no_core_s \
         processes raw server_cpu_s start_s stopped switches threads time_s wall_s"
    );
    assert_eq!(keys(&model["wall_s"]), "max median min");
    assert_eq!(keys(&model["latency_ms"]), "curve p50 p99");
    assert_eq!(keys(&model["time_s"]), "blocked computing gil_wait");
    assert_eq!(keys(&model["switches"]), "ctx_involuntary ctx_voluntary forced voluntary");
    assert_eq!(keys(&model["raw"][0]), "cpu_s memory_kib p99_s round wall_s");
    assert_eq!(model["raw"].as_array().unwrap().len(), 7, "every round");
    assert_eq!(case["verdict"]["model"], "processes");
    assert_eq!(case["verdict"]["how"], "faster");
    assert_eq!(model["jobs_per_s"], 256.0);
    assert_eq!(model["checksum"], "000000000000abcd");
}

#[test]
fn exports_hold_every_round_and_no_cell_breaks_a_line() {
    let mut result = some_result();
    result.notes = vec!["a | b\nc".into()];
    let csv = csv(&[result.clone()]);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 1 + 2 * 7);
    let columns = |line: &str| line.split(',').count();
    assert!(lines.iter().all(|line| columns(line) == columns(lines[0])), "{csv}");
    let markdown = markdown(&[result]);
    assert!(markdown.contains("* a \\| b c\n"), "{markdown}");
    let rows = markdown.lines().filter(|line| line.starts_with('|'));
    let cells: Vec<usize> = rows.map(|row| row.matches(" |").count()).collect();
    assert!(cells.len() == 4 && cells.iter().all(|&count| count == cells[0]), "{markdown}");
}

// --- sweeps -----------------------------------------------------------------------------

#[test]
fn a_sweep_names_its_points_or_what_is_wrong_with_it() {
    let values = |text| Sweep::parse(text).unwrap().values;
    assert_eq!(values("connections=10..5000"), [10, 20, 50, 100, 200, 500, 1000, 2000, 5000]);
    assert_eq!(values("connections=7..30"), [7, 10, 20, 30]);
    assert_eq!(values("workers=1..8"), [1, 2, 4, 8]);
    let interval = Sweep::parse("interval=0.1ms..50ms").unwrap();
    assert_eq!(interval.values.len(), 9);
    assert_eq!(interval.point(interval.values[2]), "interval=500 µs");
    for text in [
        "",
        "connections",
        "connections=10",
        "connections=0..9",
        "connections=9..1",
        "jobs=1..2",
        "interval=1..5",
        "interval=0ms..5ms",
        "interval=nanms..5ms",
        "workers=1..1000",
        "workers=3..3",
        "connections=1..99999999999999999999",
    ] {
        let refusal = Sweep::parse(text).unwrap_err().to_string();
        let text = if text.is_empty() { "''" } else { text };
        assert!(refusal.starts_with(&format!("--sweep {text}: ")), "{refusal}");
    }
}

#[test]
fn a_sweep_of_what_changes_nothing_is_refused() {
    let refused = |text, case: Case, models: &[Model]| {
        let sweep = Sweep::parse(text).unwrap();
        sweep.check(&[case], models).err().map(|failure| failure.to_string())
    };
    let all = &Model::ALL[..];
    let says = refused("connections=1..4", Case::Cpu, all).unwrap();
    assert!(says.starts_with("--sweep connections: cpu has no connections; "), "{says}");
    assert_eq!(refused("connections=1..4", Case::SlowIo, all), None);
    assert_eq!(refused("interval=1ms..4ms", Case::Cpu, all), None);
    let says = refused("interval=1ms..4ms", Case::Cpu, &[Model::ThreadsPy2, Model::EventLoop]);
    assert!(says.unwrap().contains("no model that runs has a switch interval; name threads-py3."));
    assert_eq!(refused("interval=1ms..4ms", Case::Cpu, &[Model::Interpreters]), None);
    assert_eq!(refused("workers=1..4", Case::Cpu, &[Model::EventLoop]), None, "its tasks");
    assert!(refused("workers=1..4", Case::FastIo, &[Model::EventLoop]).is_some());
    assert_eq!(refused("workers=1..4", Case::FastIo, &[Model::LoopProcesses]), None);
    assert!(refused("workers=1..4", Case::Cpu, &[Model::Sequential]).is_some());
}

proptest! {
    #[test]
    fn a_sweep_goes_up_from_one_end_to_the_other(from in 1u64..99_999, more in 1u64..99_999) {
        let to = (from + more).min(100_000);
        let values = Sweep::parse(&format!("connections={from}..{to}")).unwrap().values;
        prop_assert_eq!((values[0], values[values.len() - 1]), (from, to));
        prop_assert!(values.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert!(values.len() < 20);
    }
}

#[test]
fn a_curve_says_where_it_bends() {
    // One model does as many more jobs as it has connections, the other stops at 200.
    let at = |connections: u64| {
        let model = |model, rate: u64| {
            let mut result = some_model(model, 1.0);
            result.jobs = rate as usize;
            result.rounds = entry(model, [1.0 / rate as f64, 1.0, 1.0, 1.0]).rounds;
            result
        };
        let models = vec![
            model(Model::EventLoop, connections * 10),
            model(Model::ThreadsPy310, connections.min(200) * 10),
        ];
        (connections, result_of(models))
    };
    let mut results: Vec<_> = [100, 200, 400, 800].map(at).into();
    results.iter_mut().for_each(|(_, result)| result.notes.push("of all".to_owned()));
    results[1].1.notes.push("of some".to_owned());
    results[3].1.notes.push("of some".to_owned());
    let points = results.iter().map(|(at, result)| (*at, result)).collect();
    let swept = Swept { knob: Knob::Connections, points };
    assert_eq!(
        swept.bends(),
        [
            "between 200 and 400 the choice changes: event-loop, threads-py3.10 → event-loop",
            "threads-py3.10 keeps pace up to 200",
        ]
    );
    let text = swept.text(200);
    let last: Vec<&str> = text.lines().nth(5).unwrap_or_default().split_whitespace().collect();
    assert_eq!(last, ["800", "8000", "2000", "event-loop"], "{text}");
    let notes: Vec<&str> = text.lines().filter(|line| line.starts_with("note: ")).collect();
    assert_eq!(notes, ["note: of all", "note: of some (connections 200, 800)"]);
}

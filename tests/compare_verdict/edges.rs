//! Where one answer ends and the next begins, and in which words each is told.

use singletrack::lab::compare::evidence::{Answer, Evidence, MARGIN};
use singletrack::lab::compare::judgement::{Cost, Duel, Entry, How, Judgement, RoundCosts};
use singletrack::lab::compare::model::{Family, Model};
use singletrack::lab::compare::verdict::{Nature, Verdict};

fn evidence(low: f64, high: f64, rounds: usize) -> Evidence {
    Evidence { low, median: f64::midpoint(low, high), high, rounds }
}

#[test]
fn an_answer_needs_the_whole_interval_on_its_side() {
    let (less, more) = (MARGIN, 1.0 / MARGIN);
    for (low, high, rounds, answer) in [
        (less, 2.0, 6, Answer::Less),
        (less - 0.001, 2.0, 6, Answer::Unclear),
        (0.5, more, 6, Answer::More),
        (0.5, more + 0.001, 6, Answer::Unclear),
        (more + 0.001, less - 0.001, 6, Answer::Same),
        (more, less - 0.001, 6, Answer::Unclear),
        (more + 0.001, less, 6, Answer::Unclear),
        (less, 2.0, 5, Answer::Unclear),
        (1.5, 2.0, 3, Answer::Less),
        (1.5, 2.0, 2, Answer::Unclear),
        (1.49, 2.0, 3, Answer::Unclear),
        (0.5, 1.0 / 1.5, 3, Answer::More),
        (0.5, 0.67, 3, Answer::Unclear),
    ] {
        let evidence = evidence(low, high, rounds);
        assert_eq!(evidence.answer(), answer, "{evidence:?}");
    }
}

#[test]
fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
    let of = |ratios: &[f64]| {
        let pairs: Vec<_> = ratios.iter().map(|ratio| (1.0, *ratio)).collect();
        Evidence::of(&pairs, 1).unwrap().median
    };
    assert_eq!((of(&[3.0, 1.0]), of(&[8.0, 1.0, 2.0, 4.0]), of(&[8.0, 1.0, 2.0])), (2.0, 3.0, 2.0));
    for pair in [(1.0, 0.0), (0.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (f64::NAN, 1.0)] {
        assert_eq!(Evidence::of(&[(1.0, 1.0), pair], 1), None, "{pair:?}");
    }
}

/// The outlier is the median of about ten draws in a thousand; each tail has twenty-five.
#[test]
fn one_round_of_seven_that_stands_out_is_not_in_the_interval() {
    for (outlier, seed) in [0.125, 8.0].into_iter().flat_map(|one| (0..20).map(move |s| (one, s))) {
        let mut pairs = vec![(1.0, 1.0); 6];
        pairs.push((1.0, outlier));
        let evidence = Evidence::of(&pairs, seed).unwrap();
        assert_eq!((evidence.low, evidence.high), (1.0, 1.0), "{outlier}, seed {seed}");
    }
}

/// By powers of two, whose ratios are exact.
#[test]
fn seen_from_the_other_the_interval_is_the_same_turned_round() {
    for seed in 0..40 {
        let pairs: Vec<_> = (-20..=20).map(|exponent| (1.0, 2f64.powi(exponent))).collect();
        let others: Vec<_> = pairs.iter().map(|(this, other)| (*other, *this)).collect();
        let (this, other) = (Evidence::of(&pairs, seed), Evidence::of(&others, seed));
        assert_eq!(this.map(|evidence| evidence.turned()), other, "seed {seed}");
    }
    let turned = evidence(2.0, 8.0, 6).turned();
    assert_eq!((turned.low, turned.median, turned.high), (0.125, 0.2, 0.5));
}

// --- judgement --------------------------------------------------------------------------

/// What the rounds say of the wall, the CPU and the memory of another.
fn duel(
    other: Model,
    wall: Option<Evidence>,
    cpu: Option<Evidence>,
    memory: Option<Evidence>,
) -> Duel {
    Duel { other, evidence: [wall, None, cpu, memory], threads: (1, 1), cut: false }
}

#[test]
fn what_a_model_uses_is_told_apart_by_three_rounds() {
    for (low, high, rounds, differ) in [
        (1.25, 1.4, 3, true),
        (1.24, 1.4, 3, false),
        (1.25, 1.4, 2, false),
        (0.7, 0.8, 3, true),
        (0.7, 0.81, 3, false),
        (0.7, 0.8, 2, false),
        (0.9, 1.1, 9, false),
    ] {
        let uses = Some(evidence(low, high, rounds));
        let duel = duel(Model::Sequential, None, uses, uses);
        assert_eq!(
            [Cost::Cpu, Cost::Memory].map(|cost| duel.differs(cost)),
            [differ; 2],
            "{uses:?}"
        );
        assert!(!duel.differs(Cost::Wall) && !duel.differs(Cost::P99), "of these is nothing known");
    }
    let wall = |low| duel(Model::Sequential, Some(evidence(low, 2.0, 3)), None, None);
    assert_eq!([1.3, 1.5].map(|low| wall(low).differs(Cost::Wall)), [false, true]);
}

#[test]
fn three_times_the_time_and_more_cpu_leave_no_doubt_in_one_round() {
    for (wall, cpu, answer) in
        [(3.0, 1.25, Answer::Less), (2.9, 1.25, Answer::Unclear), (3.0, 1.24, Answer::Unclear)]
    {
        let one = |ratio| Some(evidence(ratio, ratio, 1));
        assert_eq!(duel(Model::Sequential, one(wall), one(cpu), None).by_wall(), answer);
        let cut = Duel { cut: true, ..duel(Model::Sequential, None, None, None) };
        assert_eq!(cut.by_wall(), Answer::Less, "it was stopped");
    }
    assert_eq!(duel(Model::Sequential, None, None, None).by_wall(), Answer::Unclear);
}

/// Seven rounds of these walls in turn, and so much CPU and memory each.
fn entry(model: Model, walls: &[f64], cpu: f64, memory: f64) -> Entry {
    let round = |round| RoundCosts {
        round,
        costs: [Some(walls[round % walls.len()]), None, Some(cpu), Some(memory)],
    };
    Entry { model, rounds: (0..8).map(round).collect(), threads: 1, cut: false }
}

#[test]
fn a_cheaper_model_wins_only_if_it_may_keep_up() {
    let how = |walls: &[f64], cpu, memory| {
        let entries = [
            entry(Model::Sequential, &[1.0], 1.0, 1.0),
            entry(Model::EventLoop, walls, cpu, memory),
        ];
        Judgement::of(&[&entries[0], &entries[1]], 1).unwrap()
    };
    // Nobody knows which is faster; the cheaper may be slower by so much.
    assert_eq!(how(&[0.8, 1.25], 0.5, 1.0).how, How::CheaperAtLeast);
    assert_eq!(how(&[0.8, 1.26], 0.5, 1.0).how, How::Unclear);
    assert_eq!(how(&[0.8, 2.0], 0.5, 1.0).how, How::Unclear);
    assert_eq!(how(&[1.0], 0.5, 1.0).how, How::Cheaper);
    assert_eq!(how(&[1.0], 0.5, 1.25).how, How::Same, "and much more memory");
    assert_eq!(how(&[1.0], 0.5, 1.24).winner(), Some(Model::EventLoop));
    assert_eq!(how(&[1.0], 0.81, 1.0).how, How::Same, "not much less");
}

#[test]
fn a_model_without_rounds_comes_last_and_one_alone_is_compared_with_none() {
    let idle = Entry { rounds: Vec::new(), ..entry(Model::Processes, &[1.0], 1.0, 1.0) };
    assert_eq!(idle.wall(), f64::INFINITY);
    assert_eq!(entry(Model::Processes, &[1.0, 3.0], 1.0, 1.0).wall(), 2.0);
    let other = entry(Model::EventLoop, &[1.0], 1.0, 1.0);
    let judgement = Judgement::of(&[&idle, &other], 1).unwrap();
    assert_eq!((judgement.how, judgement.best[0]), (How::Unclear, Model::EventLoop));
    assert!(!judgement.is_clear() && !judgement.has_beaten(Model::Processes));
    let alone = Judgement::of(&[&other], 1).unwrap();
    assert_eq!((alone.how, alone.winner()), (How::Alone, Some(Model::EventLoop)));
    assert!(alone.is_clear() && !alone.has_beaten(Model::EventLoop));
    assert_eq!(Judgement::of(&[], 1), None);
    let paired = Entry { rounds: other.rounds[5..].to_vec(), ..idle };
    let evidence = paired.against(&other, Cost::Wall, 1).unwrap();
    assert_eq!((evidence.rounds, evidence.median), (3, 1.0), "only the rounds of both");
    assert_eq!(paired.against(&other, Cost::P99, 1), None, "it was not measured");
}

// --- verdict ----------------------------------------------------------------------------

#[test]
fn work_is_of_one_nature_up_to_the_bounds_that_are_promised() {
    let io = |slow, many| Nature::Io { slow, many };
    for (cpu, waits, lanes, nature, words) in [
        (0.002, 0.002, 99, Nature::CpuBound, "CPU bound"),
        (0.001, 0.004_9, 15, io(false, false), "fast I/O, few connections"),
        (0.001, 0.004_9, 16, io(false, true), "fast I/O, many connections"),
        (0.001, 0.005, 15, io(true, false), "slow I/O, few connections"),
        (0.001, 0.005, 16, io(true, true), "slow I/O, many connections"),
    ] {
        let measured = Nature::measured(cpu, waits, lanes);
        assert_eq!((measured, measured.to_string().as_str()), (nature, words));
    }
    assert_eq!(format!("{:>10}|", Nature::CpuBound), " CPU bound|");
    let rules =
        [Nature::CpuBound, Nature::FAST_IO, Nature::SLOW_IO, io(false, true), io(true, false)];
    let families =
        [Some(Family::Processes), Some(Family::Threads), Some(Family::EventLoop), None, None];
    assert_eq!(rules.map(Nature::rule), families);
}

/// A verdict on models that have a lock.
fn verdict(how: How, best: &[Model], duels: Vec<Duel>) -> Verdict {
    let judgement = Judgement { best: best.to_vec(), how, duels };
    Verdict { with_lock: Some(judgement), without_lock: None, nature: Nature::CpuBound }
}

fn first(verdict: &Verdict) -> String {
    verdict.sentences()[0].clone()
}

const PY2: Model = Model::ThreadsPy2;
const MORE: &str = "give it more rounds, by --time or --rounds";

#[test]
fn each_way_to_win_has_its_sentence() {
    let wall = |low, high| Some(evidence(low, high, 9));
    let faster = || duel(Model::Sequential, wall(1.9, 2.1), None, None);
    let near = |model| duel(model, wall(0.9, 1.1), wall(1.9, 2.1), None);
    let slow = || duel(PY2, wall(2.9, 3.1), None, None);
    let stopped = || Duel { cut: true, ..duel(PY2, wall(4.9, 5.1), None, None) };
    let stopped_at_once = || Duel { cut: true, ..duel(PY2, None, None, None) };
    let won = "with a GIL: processes won: ";
    let best = &[Model::Processes][..];
    let two = &[Model::Processes, Model::EventLoop];
    for (verdict, words) in [
        (verdict(How::Faster, best, vec![faster()]), format!("{won}2.00 times as fast as sequential (1.90 to 2.10)")),
        (verdict(How::Faster, best, vec![stopped(), faster()]), format!("{won}2.00 times as fast as sequential (1.90 to 2.10)")),
        (verdict(How::Faster, best, vec![stopped()]), format!("{won}5.00 times as fast as threads-py2, which was stopped (4.90 to 5.10)")),
        (verdict(How::Faster, best, vec![stopped_at_once()]), format!("{won}faster than threads-py2, which was stopped")),
        (verdict(How::Cheaper, best, vec![slow(), near(Model::EventLoop)]), format!("{won}as fast as event-loop (0.90 to 1.10), with 0.50 × its CPU")),
        (verdict(How::CheaperAtLeast, best, vec![near(PY2)]), format!("{won}it costs less than threads-py2, with 0.50 × its CPU; not enough rounds to say which is faster (0.90 to 1.10); {MORE}")),
        (verdict(How::Same, two, vec![near(Model::EventLoop), slow()]), "with a GIL: no difference larger than 5 % between processes and event-loop: processes beside event-loop (0.90 to 1.10), with 0.50 × its CPU".to_owned()),
        (verdict(How::Unclear, two, vec![near(Model::EventLoop)]), format!("with a GIL: not enough rounds to tell processes from event-loop (0.90 to 1.10); {MORE}")),
        (verdict(How::Unclear, two, vec![near(Model::EventLoop), stopped(), slow()]), format!("with a GIL: not enough rounds to tell processes from event-loop (0.90 to 1.10); 3.00 times as fast as threads-py2 (2.90 to 3.10); {MORE}")),
        (verdict(How::Alone, best, vec![]), "with a GIL: only processes ran: there is nothing to compare it with".to_owned()),
    ] {
        assert_eq!(first(&verdict), words);
        assert!(verdict.to_string().starts_with(&words), "{verdict}");
    }
}

#[test]
fn a_price_names_what_differs_and_nothing_else() {
    let of = |cpu, memory, threads| {
        let sides = duel(PY2, Some(evidence(1.5, 1.5, 1)), cpu, memory);
        first(&verdict(How::Faster, &[Model::EventLoop], vec![Duel { threads, ..sides }]))
    };
    let differs = Some(evidence(2.0, 2.0, 9));
    let begin = "with a GIL: event-loop won: 1.50 times as fast as threads-py2 (one round)";
    assert_eq!(of(None, Some(evidence(1.0, 1.1, 9)), (3, 3)), begin);
    assert_eq!(of(None, None, (1, 0)), begin, "not known of the other");
    assert_eq!(of(None, None, (1, 2)), format!("{begin}, with 1 thread instead of 2"));
    assert_eq!(of(None, None, (2, 1)), format!("{begin}, with 2 threads instead of 1"));
    let all = of(differs, differs, (2, 9));
    assert_eq!(
        all,
        format!("{begin}, with 0.50 × its CPU, 0.50 × its memory and 2 threads instead of 9")
    );
}

#[test]
fn a_rule_agrees_is_wrong_or_was_not_put_to_the_test() {
    let all = |models: &[Model]| -> Vec<Duel> {
        models.iter().map(|model| duel(*model, Some(evidence(1.0, 1.0, 9)), None, None)).collect()
    };
    use Model::{EventLoop, LoopProcesses, Processes, Sequential};
    for (how, best, others, agrees, words) in [
        (How::Faster, &[Processes][..], &[Sequential][..], Some(true), "agrees"),
        (How::Faster, &[EventLoop], &[Processes], Some(false), "is wrong here"),
        (How::Faster, &[EventLoop], &[Sequential], None, "was not put to the test"),
        (How::Alone, &[Processes], &[], None, "was not put to the test"),
        (How::Same, &[Processes, EventLoop], &[EventLoop, PY2], Some(true), "names one of them"),
        (How::Same, &[PY2, EventLoop], &[EventLoop, Processes], Some(false), "names none of them"),
        (How::Same, &[Processes, EventLoop], &[EventLoop], None, "was not put to the test"),
        (How::Unclear, &[Processes, EventLoop], &[EventLoop, PY2], None, "was not put to the test"),
        (
            How::Unclear,
            &[PY2, EventLoop],
            &[EventLoop, Processes],
            Some(false),
            "names none of them",
        ),
        (
            How::Unclear,
            &[Processes, LoopProcesses],
            &[LoopProcesses, PY2],
            Some(true),
            "names one of them",
        ),
    ] {
        let verdict = verdict(how, best, all(others));
        assert_eq!(verdict.agrees(), agrees, "{how:?} {best:?} {others:?}");
        assert_eq!(verdict.rule(), format!("CPU bound: processes; {words}"));
        let winner = (best.len() == 1 && how != How::Alone).then_some(best[0]);
        assert_eq!((verdict.winner(), verdict.best()), (winner, best));
        let clear = !matches!(how, How::Unclear);
        assert_eq!(verdict.is_clear(), clear);
    }
    let few = Verdict {
        nature: Nature::Io { slow: true, many: false },
        ..verdict(How::Alone, &[PY2], vec![])
    };
    assert_eq!(few.rule(), "slow I/O, few connections: says nothing of it");
    assert_eq!(few.sentences()[1], "the rule of thumb says nothing of slow I/O, few connections");
}

#[test]
fn a_family_holds_all_of_the_best_and_the_narrowest_is_named() {
    use Model::{EventLoop, LoopProcesses, Processes, Sequential};
    for (best, family) in [
        (&[LoopProcesses][..], Some(Family::EventLoop)),
        (&[LoopProcesses, Processes], Some(Family::Processes)),
        (&[PY2, Model::ThreadsPy310], Some(Family::Threads)),
        (&[EventLoop, PY2], None),
        (&[Sequential], None),
    ] {
        assert_eq!(verdict(How::Same, best, vec![]).family(), family, "{best:?}");
        assert_eq!(verdict(How::Alone, best, vec![]).family(), None);
    }
}

#[test]
fn further_rounds_need_whoever_is_not_beaten_in_one_of_the_judgements() {
    let beaten = |model| duel(model, Some(evidence(2.0, 2.0, 9)), None, None);
    let near = |model| duel(model, Some(evidence(0.9, 1.2, 9)), None, None);
    let mut both =
        verdict(How::Faster, &[Model::Processes], vec![beaten(PY2), beaten(Model::Sequential)]);
    both.without_lock = Some(Judgement {
        best: vec![Model::ThreadsFree],
        how: How::Faster,
        duels: vec![beaten(Model::Processes), near(Model::Sequential)],
    });
    let needs = [Model::Processes, PY2, Model::Sequential, Model::ThreadsFree, Model::EventLoop];
    assert_eq!(needs.map(|model| both.needs(model)), [true, false, true, true, false]);
}

#[test]
fn without_a_lock_it_is_said_what_that_changes() {
    let clear = Judgement { best: vec![Model::Processes], how: How::Alone, duels: vec![] };
    let open = Judgement { how: How::Unclear, ..clear.clone() };
    let free = Model::ThreadsFree;
    let to = |other, low, high| {
        vec![duel(other, Some(evidence(low, high, 9)), Some(evidence(2.0, 2.0, 9)), None)]
    };
    let cpu = ", with 0.50 × its CPU";
    for (with, best, how, duels, words) in [
        (
            &clear,
            free,
            How::Faster,
            to(Model::Processes, 1.9, 2.1),
            format!("threads-free is 2.00 times as fast as processes (1.90 to 2.10){cpu}"),
        ),
        (
            &clear,
            Model::Processes,
            How::Faster,
            to(free, 1.9, 2.1),
            format!(
                "nothing changes: processes is 2.00 times as fast as threads-free (1.90 to 2.10){cpu}"
            ),
        ),
        (
            &clear,
            free,
            How::Same,
            to(Model::Processes, 0.99, 1.01),
            format!("threads-free is as fast as processes (0.99 to 1.01){cpu}"),
        ),
        (
            &clear,
            free,
            How::Unclear,
            to(Model::Processes, 0.9, 1.1),
            format!("not enough rounds to tell threads-free from processes (0.90 to 1.10); {MORE}"),
        ),
        (
            &open,
            free,
            How::Unclear,
            to(Model::Processes, 0.9, 1.1),
            "not enough rounds to tell threads-free from processes (0.90 to 1.10)".to_owned(),
        ),
        (
            &clear,
            Model::Processes,
            How::CheaperAtLeast,
            to(free, 0.9, 1.1),
            format!(
                "nothing changes: processes costs less than threads-free{cpu}; not enough rounds to say which is faster (0.90 to 1.10); {MORE}"
            ),
        ),
        (
            &clear,
            free,
            How::Alone,
            vec![],
            "only threads-free ran: there is nothing to compare it with".to_owned(),
        ),
    ] {
        let without_lock = Some(Judgement { best: vec![best], how, duels });
        let nature = Nature::CpuBound;
        let verdict = Verdict { with_lock: Some(with.clone()), without_lock, nature };
        assert_eq!(verdict.sentences()[1], format!("without one: {words}"));
    }
    let alone = Judgement { best: vec![free], how: How::Alone, duels: vec![] };
    let only = Verdict { with_lock: None, without_lock: Some(alone), nature: Nature::CpuBound };
    assert_eq!((only.winner(), only.best(), only.is_clear()), (None, &[free][..], true));
    assert_eq!(first(&only), "only threads-free ran: there is nothing to compare it with");
    assert_eq!(only.sentences().len(), 2);
}

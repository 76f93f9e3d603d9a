//! `explore --play`: each level can be won, by as few switches as are claimed, and a game is played
//! through stdin.
#![cfg(feature = "cli")]

#[path = "common/cases.rs"]
mod cases;
#[path = "common/command.rs"]
mod command;

use cases::cases;
use command::finish;
use proptest::prelude::*;
use singletrack::lab::play::game::Game;
use singletrack::lab::play::level::{Goal, Header, LEVELS, find};
use singletrack::lab::play::request::PlayRequest;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(120);

fn request(word: &str) -> PlayRequest {
    PlayRequest::new(Path::new(word), None).unwrap_or_else(|_| panic!("no level {word}"))
}

/// Each level's par: the fewest switches by which it can be won.
const PARS: [u32; 12] = [1, 1, 1, 1, 1, 1, 0, 1, 1, 4, 1, 1];

#[test]
fn each_level_can_be_won_by_its_par() {
    for ((name, text), par) in LEVELS.iter().zip(PARS) {
        let request = request(name);
        let task = request.task().unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(task.par, par, "{name}");
        let mut game = Game::new(&request.program, request.looks(), &task.contended);
        for chosen in &task.way {
            assert!(game.pick(chosen.thread), "{name}");
        }
        let outcome = game.outcome().unwrap_or_else(|| panic!("{name} goes on"));
        assert!(task.goal.unwrap().is_met(&outcome), "{name}: {outcome:?}");
        assert_eq!(game.switches(), par, "{name}");
        let Header { question, policy, win, teaches } = Header::of(text);
        assert!(question.is_some_and(|question| question.ends_with('?')), "{name}");
        assert!(policy.is_some() && win.is_some() && teaches.is_some(), "{name}");
    }
}

#[test]
fn no_level_is_won_by_whole_threads_but_the_one_whose_par_is_0() {
    for (name, _) in LEVELS {
        let request = request(name);
        let task = request.task().unwrap();
        let mut game = Game::new(&request.program, request.looks(), &task.contended);
        let mut last = 0;
        while !game.is_over() {
            let choices = game.choices();
            last = if choices.contains(&last) { last } else { choices[0] };
            game.pick(last);
        }
        assert!(!task.goal.unwrap().is_met(&game.outcome().unwrap()), "{name}");
    }
}

#[test]
fn the_levels_in_the_command_are_those_in_the_folder() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/levels");
    let files = std::fs::read_dir(folder).unwrap().count();
    assert_eq!(files, LEVELS.len());
    for (number, (name, text)) in (1..).zip(LEVELS) {
        let path = format!("{folder}/{name}.py");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        for word in [number.to_string(), name.to_owned(), format!("somewhere/{name}.py")] {
            assert_eq!(find(&word).map(|(found, _)| found), Some(name), "{word}");
        }
    }
    assert_eq!(find("13"), None);
}

#[test]
fn a_goal_is_read_as_it_is_written() {
    for text in ["prints 1 | 2", "raises KeyError", "deadlock"] {
        assert_eq!(text.parse::<Goal>().unwrap().to_string(), text);
    }
    for text in ["", "prints", "wins", "raises"] {
        assert!(text.parse::<Goal>().is_err(), "{text}");
    }
}

proptest! {
    #![proptest_config(cases(40))]

    /// Whatever is picked and taken back: the same picks lead to the same board.
    #[test]
    fn going_back_leads_to_the_same_world(picks in prop::collection::vec(0_usize..4, 1..40)) {
        let request = request("10");
        let task = request.task().unwrap();
        let new = || Game::new(&request.program, request.looks(), &task.contended);
        let mut game = new();
        for pick in picks {
            if pick == 3 {
                game.undo();
            } else {
                game.pick(pick);
            }
        }
        let mut again = new();
        for pick in game.picks() {
            prop_assert!(again.pick(pick));
        }
        prop_assert_eq!(game.players(), again.players());
        prop_assert_eq!(game.values(), again.values());
        prop_assert_eq!(game.switches(), again.switches());
    }
}

fn play(words: &[&str], lines: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_singletrack"));
    command.args(["explore", "--play"]).args(words).env("COLUMNS", "90");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may end before it has read all.
    let _ = child.stdin.take().unwrap().write_all(lines.as_bytes());
    finish(child, words, PATIENCE)
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The words that lead to the goal: the explorer's way, without the steps that go by themselves.
fn words_to_win(level: &str) -> String {
    let request = request(level);
    let task = request.task().unwrap();
    let mut game = Game::new(&request.program, request.looks(), &task.contended);
    let mut words = String::new();
    for chosen in &task.way {
        if game.choices().len() > 1 {
            words += &format!("{}\n", chosen.thread);
        }
        game.pick(chosen.thread);
    }
    words
}

#[test]
fn a_level_is_won_through_stdin() {
    for level in ["1", "06_two_locks", "12"] {
        let output = play(&[level], &words_to_win(level));
        let page = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{page}");
        assert!(page.contains("Won by 1 switch; that is par"), "{page}");
        let teaches = Header::of(find(level).unwrap().1).teaches.unwrap();
        let first = teaches.split_whitespace().next().unwrap();
        assert!(page.trim_end().lines().rev().take(3).any(|l| l.starts_with(first)), "{page}");
        assert!(page.lines().all(|line| line.chars().count() <= 90), "{page}");
    }
}

#[test]
fn a_detour_costs_switches_and_undo_gives_them_back() {
    let words = words_to_win("1");
    // The main thread is picked until it waits; then the threads may change places.
    let detour = format!("0\n1\nu\nu\n{words}");
    let page = play(&["1"], &detour);
    assert!(text(&page.stdout).contains("that is par"), "{}", text(&page.stdout));
}

#[test]
fn words_that_mean_nothing_are_answered_and_the_end_of_stdin_is_the_end() {
    let output = play(&["1"], "9\nnonsense\n\u{1b}[2J\nu\n?\n");
    let page = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{page}");
    assert!(page.contains("`nonsense` is no choice: pick one of 0, 1"), "{page}");
    assert!(page.contains("`9` is no choice") && page.contains("Hint: 0"), "{page}");
    assert!(page.contains("This is the beginning."), "{page}");
    assert!(!page.contains('\u{1b}'), "{page}");
}

#[test]
fn without_a_file_the_levels_are_listed() {
    let page = play(&[], "");
    let page = text(&page.stdout);
    for (number, (_, source)) in (1..).zip(LEVELS) {
        let question = Header::of(source).question.unwrap();
        assert!(page.contains(&format!("{number:>3}  {question}")), "{page}");
    }
}

#[test]
fn what_cannot_be_played_is_refused_in_a_line() {
    for (words, says) in [
        (&["13"][..], "13: "),
        (&["1", "--policy", "all"], "one policy"),
        (&["1", "--policy", "3.13"], "no schedule under python-3.13 prints 1"),
        (&["1", "--json"], "--json"),
    ] {
        let output = play(words, "");
        let said = text(&output.stderr);
        assert!(said.contains(says), "{words:?}: {said}");
        assert!(matches!(output.status.code(), Some(1 | 2)), "{words:?}");
    }
}

//! How a game looks: the source with a mark where each thread is, what it waits for, the values.
//!
//! *Promises*: no line is wider than the page; only lines near a thread are shown of a long program.
//! Text of the program is spelled so that a terminal survives it. Pure.
//!
//! ```text
//!            8  def work():
//!            9      global x
//!    1 2 ▸  10      x += 1
//!
//!   1  thread 1     line 10: x += 1
//!   2  thread 2     line 10: x += 1
//!   shared  x = 0
//! ```

use crate::lab::play::game::{Game, Player};
use crate::lab::report::failure::shown;
use crate::python::machine::world::thread_name;

/// Programs up to this length are shown whole.
const WHOLE: usize = 24;
/// So many lines above and below a thread are shown of longer ones.
const NEAR: usize = 3;

/// The board, no line wider than this.
pub fn board(game: &mut Game, source: &str, told: &[String], width: usize) -> String {
    let players = game.players();
    let mut lines = listing(source, &players);
    lines.push(String::new());
    let text: Vec<&str> = source.lines().collect();
    for player in &players {
        lines.push(about(player, &text));
    }
    let values = game.values();
    if !values.is_empty() {
        let values: Vec<String> =
            values.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        lines.push(format!("  shared   {}", values.join(", ")));
    }
    let printed: Vec<&str> = game.output().lines().collect();
    if !printed.is_empty() {
        lines.push(format!("  printed  {}", printed.join(" | ")));
    }
    lines.extend(told.iter().map(|line| format!("  then     {line}")));
    lines.iter().map(|line| cut(line, width) + "\n").collect()
}

/// The source without its first comments, with the numbers of the threads that are in each line.
fn listing(source: &str, players: &[Player]) -> Vec<String> {
    let lines: Vec<&str> = source.lines().collect();
    let first = lines.iter().take_while(|line| line.starts_with('#')).count();
    let here = |line: usize| players.iter().filter(move |p| p.line == u32::try_from(line).ok());
    let near = |line: usize| {
        let from = line.saturating_sub(NEAR);
        lines.len() - first <= WHOLE || (from..=line + NEAR).any(|line| here(line).count() > 0)
    };
    let mut listing = Vec::new();
    let mut hidden = false;
    for (at, text) in lines.iter().enumerate().skip(first) {
        let number = at + 1;
        if !near(number) {
            if !std::mem::replace(&mut hidden, true) {
                listing.push("           …".to_owned());
            }
            continue;
        }
        hidden = false;
        let marks: Vec<String> = here(number).map(|player| player.number.to_string()).collect();
        let marks = marks.join(" ");
        let arrow = if marks.is_empty() { " " } else { "▸" };
        listing.push(format!("{marks:>7} {arrow}{number:>4}  {text}").trim_end().to_owned());
    }
    listing
}

fn about(player: &Player, source: &[&str]) -> String {
    let name = thread_name(player.number);
    let doing = match (&player.waits, player.line) {
        (Some(waits), _) if player.late => format!("{waits}; its time limit may pass"),
        (Some(waits), _) if player.ready => format!("{waits}: it has come"),
        (Some(waits), _) => waits.clone(),
        (None, None) => "has ended".to_owned(),
        (None, Some(line)) => {
            let text = source.get((line as usize).saturating_sub(1)).map_or("", |line| line.trim());
            match player.done.as_slice() {
                [] => format!("line {line}: {text}"),
                done => format!("line {line}: {text}   has {}", done.join(", ")),
            }
        }
    };
    let number = if player.ready { player.number.to_string() } else { "·".to_owned() };
    format!("  {number:>2}  {name:<11}  {doing}")
}

/// What the last step did, for people.
pub fn told(game: &Game) -> Option<String> {
    let mut notes: Vec<String> = Vec::new();
    let thread = game.told().last()?.thread;
    for note in game.told().iter().flat_map(|event| game.notes(event)) {
        if notes.last() != Some(&note) {
            notes.push(note);
        }
    }
    if notes.is_empty() {
        return None;
    }
    Some(format!("{} {}", thread_name(thread), notes.join(", ")))
}

fn cut(line: &str, width: usize) -> String {
    let line = shown(line);
    match line.char_indices().nth(width) {
        Some(_) => line.chars().take(width.saturating_sub(1)).collect::<String>() + "…",
        None => line,
    }
}

//! A game from its beginning to its end: asks for a thread, lets it go, says whether that was it.
//!
//! *Promises*: whoever ends the command, or the end of what is read, ends the game; a word that means
//! nothing is answered and costs nothing. Where only one thread can go, it goes by itself.
//! *Leaves out*: how it looks (`lab/play/board.rs`), where words come from (`lab/report/keys.rs`).

use crate::lab::play::board::{board, told};
use crate::lab::play::game::Game;
use crate::lab::play::request::{PlayRequest, Task};
use crate::lab::report::failure::{Failure, shown};
use crate::lab::report::keys::{Answers, CLEAR};
use crate::lab::report::terminal::wrap;
use crate::python::explore::outcome::Outcome;

/// How many steps go by themselves, one after the other: a loop that is alone may never end.
const MOST_ALONE: usize = 1000;

struct Session<'a> {
    request: &'a PlayRequest,
    task: Task,
    game: Game,
    told: Vec<String>,
    width: usize,
}

/// Plays.
///
/// # Errors
/// If the goal cannot be reached, if somebody has ended the command, or if it cannot be shown.
pub fn play(
    request: &PlayRequest,
    answers: &mut dyn Answers,
    width: usize,
    mut print: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let task = request.task()?;
    let game = Game::new(&request.program, request.looks(), &task.contended);
    let mut session = Session { request, task, game, told: Vec::new(), width };
    session.go_alone();
    let mut said = session.introduction();
    loop {
        let clear = if answers.are_keys() { CLEAR } else { "\n" };
        let text = format!("{clear}{}{}{said}", session.head(), session.picture());
        if session.has_won() {
            return print(&(text + &session.praise()));
        }
        print(&format!("{text}{}", session.prompt()))?;
        let Some(answer) = answers.next()? else { return print("\n") };
        said = match answer.as_str() {
            "q" | "quit" => return print("\n"),
            "u" | "undo" => session.undo(),
            "?" | "h" => session.hint(),
            "" => String::new(),
            word => session.pick(word),
        };
    }
}

impl Session<'_> {
    fn introduction(&self) -> String {
        match &self.task.goal {
            Some(_) => String::new(),
            None => wrap(
                &format!(
                    "Under {} nothing can go wrong: nothing is to be won.",
                    self.request.policy
                ),
                self.width,
            ),
        }
    }

    fn head(&self) -> String {
        let PlayRequest { header, name, policy, .. } = self.request;
        let mut text = wrap(&shown(header.question.as_deref().unwrap_or(name)), self.width);
        let switches = self.game.switches();
        let goal = match &self.task.goal {
            Some(goal) => format!(", goal: {goal}, par {}", self.task.par),
            None => String::new(),
        };
        text += &wrap(&shown(&format!("{policy}{goal}, your switches: {switches}")), self.width);
        text + "\n"
    }

    fn picture(&mut self) -> String {
        board(&mut self.game, &self.request.source, &self.told, self.width) + "\n"
    }

    fn prompt(&self) -> String {
        let choices: Vec<String> = self.game.choices().iter().map(usize::to_string).collect();
        match self.game.is_over() {
            true => "u = undo, q = quit > ".to_owned(),
            false => {
                let which = choices.join(", ");
                let line = format!("which thread goes on? {which}; u = undo, ? = hint, q = quit >");
                wrap(&line, self.width.saturating_sub(1)).trim_end().to_owned() + " "
            }
        }
    }

    fn outcome(&mut self) -> Option<Outcome> {
        self.game.outcome()
    }

    fn has_won(&mut self) -> bool {
        let Some(outcome) = self.outcome() else { return false };
        self.task.goal.as_ref().is_some_and(|goal| goal.is_met(&outcome))
    }

    fn praise(&self) -> String {
        let (switches, par) = (self.game.switches(), self.task.par);
        let times = |n: u32| if n == 1 { "1 switch".to_owned() } else { format!("{n} switches") };
        let judged = match switches.cmp(&par) {
            std::cmp::Ordering::Greater => format!("par is {par}: it can be done by fewer"),
            _ => "that is par: nobody can do it by fewer".to_owned(),
        };
        let mut text = wrap(&format!("Won by {}; {judged}.", times(switches)), self.width);
        if let Some(teaches) = &self.request.header.teaches {
            text += &wrap(&shown(teaches), self.width);
        }
        text
    }

    /// Lets a thread go, and after it whoever is the only one that can.
    fn pick(&mut self, word: &str) -> String {
        let number = word.parse::<usize>().ok().filter(|n| self.game.choices().contains(n));
        let Some(number) = number else {
            let choices: Vec<String> = self.game.choices().iter().map(usize::to_string).collect();
            let which = match choices.as_slice() {
                [] => "nobody can go on".to_owned(),
                choices => format!("pick one of {}", choices.join(", ")),
            };
            return wrap(&format!("`{}` is no choice: {which}.", shown(word)), self.width);
        };
        self.told.clear();
        self.game.pick(number);
        self.told.extend(told(&self.game));
        self.go_alone();
        self.verdict()
    }

    fn go_alone(&mut self) {
        for _ in 0..MOST_ALONE {
            let [only] = self.game.choices()[..] else { return };
            self.game.pick(only);
            if let Some(line) = told(&self.game)
                && self.told.len() < 8
            {
                self.told.push(line);
            }
        }
    }

    fn undo(&mut self) -> String {
        let mut chose = false;
        while !chose && self.game.undo() {
            chose = self.game.choices().len() > 1;
        }
        self.told.clear();
        self.go_alone();
        if chose { String::new() } else { "This is the beginning.\n".to_owned() }
    }

    fn hint(&self) -> String {
        let own = self.game.picks();
        let way: Vec<usize> = self.task.way.iter().map(|chosen| chosen.thread).collect();
        let same = own.iter().zip(&way).take_while(|(own, way)| own == way).count();
        match (way.get(same), same == own.len()) {
            (Some(next), true) => format!("Hint: {next}\n"),
            _ => format!("Hint: go back by {} steps.\n", own.len() - same),
        }
    }

    /// What to say if it is over and not won.
    fn verdict(&mut self) -> String {
        let won = self.has_won();
        let (Some(outcome), false) = (self.outcome(), won) else { return String::new() };
        let line = shown(&outcome.line(&[]));
        match &self.task.goal {
            Some(goal) => wrap(&format!("It is over: {line}. The goal: {goal}."), self.width),
            None => wrap(&format!("It is over: {line}."), self.width),
        }
    }
}

//! What was explored, for people.
//!
//! *Assumes*: a request that can be carried out.
//! *Promises*: every outcome with its count, those that break an expectation first, those of whole
//! threads always among the ones that are shown; a drawing of the one that went wrong with the fewest
//! switches; if a bound was hit, a line that says so and names the option that raises it. What was
//! found before a Ctrl-C is shown.
//! *Leaves out*: writing it anywhere; JSON (`lab/explore/document.rs`).
//!
//! ```text
//!   outcome           schedules  fewest switches
//!   a = 7, b = 10             3                1  ← breaks `a + b == 20`
//!   a = 7, b = 13            12                1  serial: whole threads in some order
//!   …
//!     and 49 more that no order of whole threads gives (--all lists them)
//! ```

use crate::gil::rules::policy::HandOff;
use crate::lab::explore::document::{all_document, one_document};
use crate::lab::explore::explored::Explored;
use crate::lab::explore::request::{ExploreRequest, Schedules};
use crate::lab::report::failure::{Failure, shown};
use crate::lab::report::outside::{check, ended};
use crate::lab::report::table::Table;
use crate::lab::report::terminal::{narrowed, wrap};
use crate::vm::explorer::{Exploration, Found};
use crate::vm::limits::Bound;
use crate::vm::program::Program;
use crate::vm::replay::{Replay, columns, name_of, replay};
use crate::vm::sync::Wait;
use crate::vm::verifier::Verified;
use crate::vm::world::{Ending, Outcome, World};

/// So many outcomes are listed if not all were asked for, and so many of each kind.
const MOST_LISTED: usize = 20;
const MOST_OF_A_KIND: usize = 10;

/// Carries a request out.
pub fn explore(request: &ExploreRequest) -> Explored {
    let program = request.program.program();
    match &request.schedules {
        Schedules::One(schedule, replayed) => {
            let outcomes = [&replayed.outcome];
            let failure = broken_expectation(request, &outcomes);
            let text = if request.json {
                one_document(request, schedule, &replayed.outcome)
            } else {
                let drawn = columns(program, &replayed.trace, !request.all);
                let outcome = outcome_line(program, &replayed.outcome);
                let after = format!("{}→ {outcome}\n", afterword(request, replayed));
                narrowed(&drawn, request.width) + &broken(&after, request.width)
            };
            Explored { text, failure }
        }
        Schedules::All { explorer, full } => {
            let exploration = explorer.explore_until(&request.program, || ended().is_some());
            let outcomes: Vec<&Outcome> =
                exploration.outcomes.iter().map(|found| &found.outcome).collect();
            // Whoever ended it wants to know that first.
            let failure = check().err().or_else(|| broken_expectation(request, &outcomes));
            let text = match request.json {
                true => all_document(request, &exploration, *full, failure.as_ref()),
                false => page(request, &exploration, *full),
            };
            Explored { text, failure }
        }
    }
}

/// The first expectation that one of these breaks.
fn broken_expectation(request: &ExploreRequest, outcomes: &[&Outcome]) -> Option<Failure> {
    let program = request.program.program();
    program.expects.iter().find_map(|expect| {
        let breaks = outcomes.iter().filter(|o| o.breaks(program).contains(&expect)).count();
        let condition = expect.shown(program);
        let s = if outcomes.len() == 1 { "" } else { "s" };
        let why =
            format!("`expect {condition}` is broken by {breaks} of {} outcome{s}", outcomes.len());
        let remedy = "put what belongs together under one lock, or expect something else";
        let place = format!("{}:{}", request.name, expect.position.line);
        (breaks > 0).then(|| Failure::new(place, why, remedy))
    })
}

/// The outcome in a line: `x = 1`, or `deadlock, x = 1`.
fn outcome_line(program: &Program, outcome: &Outcome) -> String {
    let values = program.globals.iter().zip(&outcome.globals);
    let mut parts: Vec<String> =
        values.map(|(global, value)| format!("{} = {value}", global.name)).collect();
    if outcome.ending != Ending::Finished || parts.is_empty() {
        parts.insert(0, outcome.ending.to_string());
    }
    parts.extend(outcome.raised.iter().map(|raised| {
        format!("thread {} {}, line {}", raised.thread + 1, raised.exception, raised.position.line)
    }));
    parts.join(", ")
}

/// What an outcome is to its author, in the order in which they are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// It breaks an expectation.
    Broken,
    /// Whole threads, one after the other, come to it, too.
    Serial,
    /// They do not.
    Interleaved,
}

impl Kind {
    const ALL: [Kind; 3] = [Kind::Broken, Kind::Serial, Kind::Interleaved];

    fn of(program: &Program, found: &Found) -> Kind {
        match () {
            () if !found.outcome.breaks(program).is_empty() => Kind::Broken,
            () if found.serial => Kind::Serial,
            () => Kind::Interleaved,
        }
    }

    /// Continues "and 3 more".
    fn more(self) -> &'static str {
        match self {
            Kind::Broken => "that break an expectation",
            Kind::Serial => "that whole threads in some order come to",
            Kind::Interleaved => "that no order of whole threads gives",
        }
    }
}

/// The table of outcomes, and the losing one drawn.
fn page(request: &ExploreRequest, exploration: &Exploration, full: bool) -> String {
    let program = request.program.program();
    let text = broken(&title(request, exploration, full), request.width);
    let everything = request.all || exploration.outcomes.len() <= MOST_LISTED;
    let most = if everything { usize::MAX } else { MOST_OF_A_KIND };
    let of_kind = |kind: Kind| -> Vec<&Found> {
        let found = exploration.outcomes.iter().filter(|f| Kind::of(program, f) == kind);
        let mut found: Vec<&Found> = found.collect();
        found.sort_by_key(|found| found.schedule.switches());
        found
    };
    let kinds = Kind::ALL.map(|kind| (kind, of_kind(kind)));
    let heads = ["outcome", "schedules", "fewest switches", ""];
    let mut table = Table::new(&heads).left(&[3]).indented(2);
    for (kind, found) in &kinds {
        for found in found.iter().take(most) {
            let counts = [found.count, found.schedule.switches() as u64].map(|n| n.to_string());
            let [count, switches] = counts;
            let name = outcome_line(program, &found.outcome);
            table.row([name, count, switches, remark(program, found, *kind)]);
        }
        if found.len() > most {
            let left = found.len() - most;
            table.note(2, format!("and {left} more {} (--all lists them)", kind.more()));
        }
    }
    text + &table.text(request.width) + &drawing(request, exploration)
}

fn title(request: &ExploreRequest, exploration: &Exploration, full: bool) -> String {
    let program = request.program.program();
    let threads = program.threads.len();
    let schedules = match exploration.schedules {
        1 => "1 schedule".to_owned(),
        count => format!("{count} schedules"),
    };
    let s = if threads == 1 { "" } else { "s" };
    let name = shown(&request.name);
    let mut text = format!("{name}: {threads} thread{s} under {}, ", request.policy);
    text += &match exploration.bound {
        Some(bound) => format!("{schedules}, and that is not all: {bound}{}\n", raised_by(bound)),
        None if full => format!("all {schedules}\n"),
        None => {
            format!("{schedules} tried: of those that must come to the same, one (--full: all)\n")
        }
    };
    let queues = request.policy.hand_off().is_some_and(HandOff::grants);
    if queues && threads > 2 {
        text += "  (the order of the queue is left open: some may need another than there is)\n";
    }
    text
}

/// The option that raises a bound.
fn raised_by(bound: Bound) -> &'static str {
    match bound {
        Bound::Schedules(_) => "; --max-schedules raises that",
        Bound::Steps(_) => "; --max-steps raises that",
        Bound::Fuel(_) => "; --max-instructions raises that",
        Bound::Serial => "; --max-steps raises that",
        Bound::Memory(_) | Bound::Stopped => "",
    }
}

fn remark(program: &Program, found: &Found, kind: Kind) -> String {
    let breaks = found.outcome.breaks(program);
    match found.outcome.ending {
        Ending::Finished | Ending::Raised if let Some(expect) = breaks.first() => {
            format!("← breaks `{}`", expect.shown(program))
        }
        Ending::Finished if kind == Kind::Serial => "serial: whole threads in some order".into(),
        Ending::Finished => "← no order of whole threads gives this".into(),
        Ending::Raised if found.serial => "← an exception, and also with whole threads".into(),
        Ending::Raised => "← an exception ended a thread".into(),
        Ending::Deadlock => "← they wait for ever".into(),
        Ending::Starvation => "← one could run, and never gets the lock".into(),
        Ending::Endless => "← they go round a cycle for ever".into(),
        Ending::OutOfFuel => "← it was stopped".into(),
    }
}

/// The outcome that went wrong with the fewest switches, drawn. What goes wrong is what breaks an
/// expectation; of a program that expects nothing, what no order of whole threads gives.
fn drawing(request: &ExploreRequest, exploration: &Exploration) -> String {
    let program = request.program.program();
    let wrong = |found: &&Found| match program.expects.is_empty() {
        true => !found.serial || found.outcome.ending == Ending::Raised,
        false => !found.outcome.breaks(program).is_empty(),
    };
    let wrong = exploration.outcomes.iter().filter(wrong);
    let found = wrong.min_by_key(|found| found.schedule.switches());
    let drawn = found.and_then(|found| {
        Some((found, replay(&request.program, request.policy, &found.schedule).ok()?))
    });
    let Some((found, replayed)) = drawn else {
        return broken(&nothing_wrong(program, exploration), request.width);
    };
    let outcome = outcome_line(program, &found.outcome);
    let drawn = narrowed(&columns(program, &replayed.trace, !request.all), request.width);
    let (name, policy, schedule) = (shown(&request.name), request.policy, &found.schedule);
    let again = format!(
        "{}→ again: singletrack explore {name} --policy {policy} --schedule {schedule}\n",
        afterword(request, &replayed),
    );
    let by = format!("{outcome}, by as few switches as can be:");
    format!("\n{}\n{drawn}{}", wrap(&by, request.width), broken(&again, request.width))
}

/// Each line broken where the page ends.
fn broken(text: &str, width: usize) -> String {
    text.lines().map(|line| wrap(line, width)).collect()
}

fn nothing_wrong(program: &Program, exploration: &Exploration) -> String {
    let all = exploration.bound.is_none();
    let which = if all { "every schedule" } else { "each of these schedules" };
    if program.expects.is_empty() {
        return format!("→ {which} comes to what some order of whole threads comes to\n");
    }
    let expects = program
        .expects
        .iter()
        .map(|expect| format!("→ {which} keeps `expect {}`\n", expect.shown(program)));
    expects.collect()
}

/// Why nothing more happens: which thread waits for which, or that the program is in a cycle.
fn afterword(request: &ExploreRequest, replayed: &Replay) -> String {
    let program = &request.program;
    let mut text = String::new();
    let waits = |thread| waits(program, &replayed.world, thread);
    for line in (0..replayed.world.threads()).filter_map(waits) {
        text += &line;
    }
    match replayed.outcome.ending {
        Ending::Finished | Ending::Raised | Ending::Deadlock => {}
        Ending::Starvation | Ending::Endless => {
            text += "here the program is where it was before: this can go on for ever\n";
        }
        Ending::OutOfFuel => text += "here the schedule ends, and not all threads have\n",
    }
    let program = program.program();
    for expect in replayed.outcome.breaks(program) {
        text += &format!(
            "this breaks `expect {}`, in line {}\n",
            expect.shown(program),
            expect.position.line
        );
    }
    text
}

/// What a thread waits for, and why that will not come.
fn waits(program: &Verified, world: &World, thread: usize) -> Option<String> {
    let wait = world.waits_for(program, thread)?;
    let (_, next) = world.thread(thread).next(program)?;
    let (me, line) = (thread + 1, next.position.line);
    let name = name_of(program.program(), wait);
    let why = match wait {
        Wait::Lock(lock) => {
            let owner = world.sync().owner(lock)?;
            let has_ended = world.thread(owner).next(program).is_none();
            match owner == thread {
                true => format!("for `{name}`, which it has taken itself"),
                false if has_ended => {
                    format!("for `{name}`, which thread {} had when it ended", owner + 1)
                }
                false => format!("for `{name}` of thread {}", owner + 1),
            }
        }
        Wait::Event(_) => format!("for `{name}` to be set, and no thread is left to do that"),
        Wait::Condition(_) => {
            format!("to be notified of `{name}`, and no thread is left to do that")
        }
        Wait::Semaphore(_) => {
            format!("for a permit of `{name}`, and no thread is left to give one")
        }
    };
    Some(format!("thread {me} waits {why}, in line {line}\n"))
}

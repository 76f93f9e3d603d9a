//! The comparison as a card: for each case the choice, and what the others take beside it. Pure.
//!
//! *Promises*: the numbers of the tables; the bars of a case are on one axis, each case has its own.
//! *Leaves out*: how a card looks (`lab/page/card.rs`).

use crate::lab::compare::charts::{parts, took};
use crate::lab::compare::html::choice;
use crate::lab::compare::model::Model;
use crate::lab::compare::output::sentences;
use crate::lab::compare::result::{CaseResult, ModelResult};
use crate::lab::page::bars::stacked;
use crate::lab::page::card::{Card, card};
use crate::lab::page::markup::Element;
use crate::lab::page::rows::{Room, Rows};
use crate::lab::timeline::timeline::State;

/// Room for the names of models.
const NAMES: f64 = 112.0;
/// So much of the axis the longest bar takes: what it says stands beside it.
const LONGEST: f64 = 0.84;
/// More cases, and more bars, have no room.
const CASES: usize = 3;
const BARS: usize = 10;
const ROW: f64 = 19.0;
const BAR: f64 = 14.0;

/// The card's file; `command` makes it.
pub fn compare_card(results: &[CaseResult], command: &str) -> String {
    let results = &results[..results.len().min(CASES)];
    let all = drawn(results);
    let height = all.at();
    let width = Card::width(height);
    let said: Vec<String> = results.iter().flat_map(sentences).collect();
    let words = said.join(" ");
    let title = match results {
        [one] => format!("{}: {}", one.case, choice(one)),
        _ => "Threads, event loop or processes?".to_owned(),
    };
    let picture = all.picture(Room::Fixed { width, names: NAMES }, &title, &words);
    card(&Card {
        title,
        subtitle: "A bar is the median round; its colours are where the time went".to_owned(),
        states: vec![State::Runs, State::WaitsForLock, State::Blocked],
        picture: (picture, height),
        remark: String::new(),
        command: command.to_owned(),
        words,
    })
}

fn drawn(results: &[CaseResult]) -> Rows {
    let mut rows = Rows::new(0.0);
    for result in results {
        let name = result.point.as_ref().unwrap_or(&result.case);
        rows.name("band", 14.0, name);
        let text = Element::new("text").with("class", "remark").px("x", 6.0).px("y", 14.0);
        rows.put(&text.text(format!("→ {}", choice(result))));
        rows.skip(ROW);
        let models = shown(result, (BARS / results.len()).saturating_sub(1).max(2));
        let longest = models.iter().map(|model| model.wall.median).fold(1e-12, f64::max);
        for model in models {
            let best = result.verdict.winner() == Some(model.model);
            rows.name(if best { "best" } else { "" }, 12.0, model.model.name());
            rows.put(&bar(model, model.wall.median / longest * LONGEST));
            rows.skip(ROW);
        }
        rows.skip(8.0);
    }
    rows
}

fn bar(model: &ModelResult, length: f64) -> Element {
    let text = Element::new("text").share("x", length + 0.008).px("y", 11.5);
    stacked(&parts(model), length, BAR).child(&text.text(took(model)))
}

/// So many models: the best, those that the duels name first, and the slowest; in their order.
fn shown(result: &CaseResult, most: usize) -> Vec<&ModelResult> {
    let mut order: Vec<&ModelResult> = result.models.iter().collect();
    let rank = |model: Model| !result.verdict.best().contains(&model);
    order.sort_by(|a, b| {
        (rank(a.model), a.cut)
            .cmp(&(rank(b.model), b.cut))
            .then(a.wall.median.total_cmp(&b.wall.median))
    });
    if order.len() > most {
        let last = order.len() - 1;
        order.swap(most - 1, last);
        order.truncate(most);
    }
    order
}

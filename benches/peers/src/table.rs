//! The table: ours, the floor, the best peer.

use crate::contest::{Contest, Role, Scores};

pub const HEAD: &str = "| work | unit | ours | floor | ours / floor | best peer | ours / peer |\n\
                        | --- | --- | ---: | --- | ---: | --- | ---: |";

/// One line of it.
pub fn row(contest: &Contest, scores: &Scores) -> String {
    let number = |value: Option<f64>| value.map_or("-".to_owned(), figure);
    let mut row = format!("| {} | {} | {} |", contest.name, contest.unit, number(scores.median(0)));
    for role in [Role::Floor, Role::Peer] {
        match best(contest, scores, role) {
            Some(who) => {
                let (name, ratio) = (contest.entrants[who].name, scores.ratio(who));
                let (median, ratio) = (number(scores.median(who)), ratio.unwrap_or(f64::NAN));
                row += &format!(" {name}: {median} | {ratio:.2} |");
            }
            None => row += " - | - |",
        }
    }
    row
}

/// Who of that role did best.
fn best(contest: &Contest, scores: &Scores, role: Role) -> Option<usize> {
    let of_role = (0..contest.entrants.len()).filter(|who| contest.entrants[*who].role == role);
    let finished = of_role.filter_map(|who| Some((who, scores.median(who)?)));
    let by_figure = |a: &(usize, f64), b: &(usize, f64)| a.1.total_cmp(&b.1);
    let best = match contest.more_is_better {
        true => finished.max_by(by_figure),
        false => finished.min_by(by_figure),
    };
    best.map(|(who, _)| who)
}

/// Three digits that count.
fn figure(value: f64) -> String {
    match value {
        v if v < 10.0 => format!("{v:.2}"),
        v if v < 100.0 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    }
}

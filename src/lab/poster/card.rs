//! The poster as a card: who is allowed to run when a packet arrives?
//!
//! *Promises*: its numbers are those of the rows; the bands have one axis, and arrows run through all of
//! them where packets come.
//! *Leaves out*: how a card looks (`lab/page/card.rs`).

use crate::lab::page::card::{Card, SIZE, card};
use crate::lab::page::lanes::{Look, lanes};
use crate::lab::page::rows::Room;
use crate::lab::poster::poster::{CLOCK, Poster, QUESTION, poster, time};
use crate::lab::report::failure::Failure;

/// Room for the names of lanes.
const NAMES: f64 = 112.0;
/// Points of this name are packets.
const PACKET: &str = "packet";

/// The poster's file; `command` makes it.
///
/// ```
/// use singletrack::lab::poster::card::poster_card;
///
/// let file = poster_card("singletrack gil convoy --card FILE")?;
/// assert!(file.starts_with("<svg ") && file.contains("singletrack gil convoy --card FILE"));
/// # Ok::<(), singletrack::lab::report::failure::Failure>(())
/// ```
///
/// # Errors
/// If a band cannot be run: a fault of this crate.
pub fn poster_card(command: &str) -> Result<String, Failure> {
    let poster = poster(command)?;
    let look = |width: f64| Look {
        title: QUESTION.to_owned(),
        remarks: poster.rows.iter().map(|row| short(&row.sentence)).collect(),
        dense: true,
        cells: 700,
        through: Some(PACKET.to_owned()),
        room: Room::Fixed { width, names: NAMES },
        ..Look::default()
    };
    let height = lanes(&poster.timeline, &look(SIZE.0)).height;
    let picture = lanes(&poster.timeline, &look(Card::width(height)));
    Ok(card(&Card {
        title: QUESTION.to_owned(),
        subtitle: "The same packets beside the same computing, four ways".to_owned(),
        states: picture.states,
        picture: (picture.markup, picture.height),
        remark: waited(&poster),
        command: poster.command.clone(),
        words: words(&poster),
    }))
}

/// The first half of a sentence: what was measured.
fn short(sentence: &str) -> String {
    sentence.split_once(": ").map_or(sentence, |(first, _)| first).to_owned()
}

fn waited(poster: &Poster) -> String {
    let length = |nanos| if nanos == 0 { "0 ms".to_owned() } else { time(nanos) };
    let each = poster.rows.iter().map(|row| format!("{} {}", row.name, length(row.waited)));
    format!("packets waited: {}", each.collect::<Vec<_>>().join(" · "))
}

fn words(poster: &Poster) -> String {
    let rows = poster.rows.iter().map(|row| format!("{}: {}", row.name, row.sentence));
    let rows: Vec<String> = rows.collect();
    format!("{} {} {}", rows.join(" "), CLOCK, waited(poster))
}

//! Density: what is too short for a pixel becomes a shade, in which nothing is lost. Pure.
//!
//! *Assumes*: spans in order. (Those of several lanes may overlap: clocks are read one after another.)
//! *Promises*: pieces in order, as many as a few for each cell at most, however many spans there are;
//! whatever a lane did within a piece has a part of it, however short it was (of more than [`PARTS`]
//! kinds, the first so many).
//! *Leaves out*: colours (`lab/page/lanes.rs`).
//!
//! ```text
//!   spans    ├────────a────────┤├b┤├a┤├b┤├b┤├a┤├─────b─────┤
//!   cells    │    │    │    │    │    │    │    │    │    │
//!   pieces   ├────────a────────┤├ a 3/8, b 5/8 ┤├─────b─────┤
//! ```

use crate::lab::timeline::timeline::Nanos;
use std::collections::BTreeMap;
use std::ops::Range;

/// Into how many parts a piece is divided.
pub const PARTS: u8 = 8;

/// A stretch of a lane, and what it did meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece<K> {
    /// When it begins.
    pub from: Nanos,
    /// When it ends.
    pub to: Nanos,
    /// What, and how many of [`PARTS`] of the time, one at least.
    pub parts: Vec<(K, u8)>,
}

/// The spans within a window, where a cell is the shortest stretch that can be seen.
///
/// ```
/// use singletrack::lab::page::density::{Piece, pieces};
///
/// let spans = [(0, 50, 'a'), (50, 52, 'b'), (52, 54, 'a'), (54, 100, 'b')];
/// let shown = pieces(spans, &(0..100), 10);
/// let piece = |from, to, parts: &[(char, u8)]| Piece { from, to, parts: parts.to_vec() };
/// assert_eq!(shown[0], piece(0, 50, &[('a', 8)]));
/// assert_eq!(shown[1], piece(50, 54, &[('a', 4), ('b', 4)]));
/// assert_eq!(shown[2], piece(54, 100, &[('b', 8)]));
/// ```
pub fn pieces<K: Copy + Ord>(
    spans: impl IntoIterator<Item = (Nanos, Nanos, K)>,
    window: &Range<Nanos>,
    cells: u64,
) -> Vec<Piece<K>> {
    let cell = ((window.end.saturating_sub(window.start)) / cells.max(1)).max(1);
    let mut pieces: Vec<Piece<K>> = Vec::new();
    let mut short: Option<Short<K>> = None;
    for (from, to, what) in spans {
        // What only touches the window is not in it.
        let touches = from < to && (to == window.start || from == window.end);
        if to < window.start || from > window.end || touches {
            continue;
        }
        let (from, to) = (from.max(window.start), to.min(window.end));
        if let Some(full) = short.take_if(|short| from >= short.from + cell || to - from >= cell) {
            add(&mut pieces, full.piece(), cell);
        }
        match &mut short {
            _ if to - from >= cell => {
                add(&mut pieces, Piece { from, to, parts: vec![(what, PARTS)] }, cell);
            }
            Some(short) => {
                short.to = short.to.max(to);
                *short.times.entry(what).or_default() += to - from;
            }
            None => short = Some(Short { from, to, times: BTreeMap::from([(what, to - from)]) }),
        }
    }
    if let Some(last) = short {
        add(&mut pieces, last.piece(), cell);
    }
    pieces
}

/// Spans that are too short, one after another.
struct Short<K> {
    from: Nanos,
    to: Nanos,
    times: BTreeMap<K, Nanos>,
}

impl<K: Copy + Ord> Short<K> {
    fn piece(self) -> Piece<K> {
        let whole = (self.to - self.from).max(1) as f64;
        let part = |time: Nanos| (time as f64 / whole * f64::from(PARTS)).round().max(1.0) as u8;
        let mut parts: Vec<(K, u8)> =
            self.times.into_iter().map(|(what, time)| (what, part(time))).collect();
        parts.truncate(usize::from(PARTS));
        while parts.iter().map(|(_, part)| part).sum::<u8>() > PARTS {
            if let Some((_, largest)) = parts.iter_mut().max_by_key(|(_, part)| *part) {
                *largest -= 1;
            }
        }
        Piece { from: self.from, to: self.to, parts }
    }
}

/// Adds a piece; one that says the same as the one it follows makes that longer.
fn add<K: PartialEq>(pieces: &mut Vec<Piece<K>>, piece: Piece<K>, cell: Nanos) {
    match pieces.last_mut() {
        Some(last)
            if last.parts == piece.parts && piece.from.saturating_sub(last.to) <= cell / 2 =>
        {
            last.to = last.to.max(piece.to);
        }
        _ => pieces.push(piece),
    }
}

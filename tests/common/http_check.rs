//! What holds for any bytes that a server may send for an answer.
//!
//! *Promises*: the fuzz target `http_answer`, the property tests and the replay of the seeds check the
//! same.
#![allow(dead_code)] // each test and each fuzz target uses its own part

use singletrack::lab::compare::http::{Answer, AnswerReader, Outcome};

/// The longest page that is taken in.
const LIMIT: usize = 1 << 20;

/// What comes of an answer that arrives in pieces of these sizes, over and over, before the stream
/// ends; and how many bytes were looked at.
pub fn read_in(answer: &[u8], sizes: &[usize]) -> (Result<Outcome, String>, usize) {
    read_within(answer, sizes, LIMIT)
}

/// The same of a page of so many bytes at the most.
fn read_within(answer: &[u8], sizes: &[usize], limit: usize) -> (Result<Outcome, String>, usize) {
    let mut reader = AnswerReader::new(limit);
    let (mut fed, mut sizes) = (0, sizes.iter().filter(|size| **size > 0).cycle());
    while fed < answer.len() {
        let size = sizes.next().copied().unwrap_or(answer.len());
        let piece = &answer[fed..answer.len().min(fed + size)];
        fed += piece.len();
        match reader.feed(piece) {
            Ok(false) => {}
            Ok(true) => break,
            Err(why) => return (Err(why), fed),
        }
    }
    (reader.end().and_then(Answer::outcome), fed)
}

/// The first byte says how many of the following are sizes of pieces; the rest is the answer. The pieces
/// do not matter, and a page is no longer than its limit.
pub fn check_any_answer(input: &[u8]) {
    let (count, rest) = input.split_first().map_or((0, input), |(c, r)| (usize::from(c % 16), r));
    let (sizes, answer) = rest.split_at(count.min(rest.len()));
    let sizes: Vec<usize> = sizes.iter().map(|size| usize::from(*size)).collect();
    for limit in [64, LIMIT] {
        let (whole, _) = read_within(answer, &[], limit);
        match (read_within(answer, &sizes, limit).0, &whole) {
            (Ok(pieces), Ok(whole)) => assert_eq!(pieces, *whole),
            (pieces, whole) => assert_eq!(pieces.is_err(), whole.is_err(), "{pieces:?}, {whole:?}"),
        }
        match whole {
            Ok(Outcome::Page(body)) => assert!(body.len() <= limit.min(answer.len())),
            Ok(Outcome::Elsewhere(location)) => assert!(location.len() <= 3 * answer.len()),
            Err(why) => assert!(!why.is_empty()),
        }
    }
}

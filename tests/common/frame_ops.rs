//! Frames there and back, and with a bit flipped: shared by a property test and the fuzz
//! target `frame_roundtrip`.

#[path = "frame_check.rs"]
pub mod frame_check;

use frame_check::decode_in_pieces;
use singletrack::process::message::frame::{FrameError, FrameKind, HEADER, frame};

const KINDS: [FrameKind; 4] =
    [FrameKind::Call, FrameKind::Value, FrameKind::Panicked, FrameKind::Item];

/// Messages as `input` has them: a kind, an id, a length, and the bytes.
fn messages(input: &[u8]) -> Vec<(FrameKind, u64, Vec<u8>)> {
    let mut bytes = input.iter().copied();
    let mut all = Vec::new();
    while let (Some(kind), Some(id), Some(length)) = (bytes.next(), bytes.next(), bytes.next()) {
        let body: Vec<u8> = bytes.by_ref().take(usize::from(length)).collect();
        all.push((KINDS[usize::from(kind % 4)], u64::from(id) << (kind % 57), body));
    }
    all
}

/// What was sent arrives, in whatever pieces; and one flipped bit in a header is noticed no
/// later than there.
pub fn run(input: &[u8]) {
    let Some((head, rest)) = input.split_at_checked(4) else { return };
    let sent = messages(rest);
    let one = |(kind, id, body): &(FrameKind, u64, Vec<u8>)| frame(*kind, *id, body).unwrap();
    let frames: Vec<Vec<u8>> = sent.iter().map(one).collect();
    let stream = frames.concat();
    let pieces = [usize::from(head[0]), usize::from(head[1])];
    assert_eq!(decode_in_pieces(&stream, &pieces), (sent.clone(), Ok(())));
    if sent.is_empty() {
        return;
    }
    let victim = usize::from(head[2]) % sent.len();
    let bit = usize::from(head[3]) % (8 * HEADER);
    let start: usize = frames[..victim].iter().map(Vec::len).sum();
    let mut spoiled = stream;
    spoiled[start + bit / 8] ^= 1 << (bit % 8);
    let (arrived, end) = decode_in_pieces(&spoiled, &pieces);
    assert_eq!(arrived, sent[..victim], "a spoiled header went through");
    assert_eq!(end, Err(FrameError::BadCheck));
}

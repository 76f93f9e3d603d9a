//! What must hold for every byte string that is read as frames.
#![allow(dead_code)] // each test and each fuzz target uses its own part

use singletrack::process::message::frame::{Decoder, FrameError, FrameKind, HEADER, frame};

/// A frame that owns its body, to be kept.
pub type OwnedFrame = (FrameKind, u64, Vec<u8>);

/// All frames of a stream that arrives in pieces of the given sizes (over and over; the rest
/// at once if there are none), and how it ended.
pub fn decode_in_pieces(
    stream: &[u8],
    sizes: &[usize],
) -> (Vec<OwnedFrame>, Result<(), FrameError>) {
    let mut decoder = Decoder::new();
    let mut frames = Vec::new();
    let mut sizes = sizes.iter().filter(|size| **size > 0).cycle();
    let mut rest = stream;
    while !rest.is_empty() {
        let (piece, later) = rest.split_at(sizes.next().map_or(rest.len(), |s| rest.len().min(*s)));
        decoder.feed(piece);
        rest = later;
        while let Ok(Some(frame)) = decoder.next_frame() {
            frames.push((frame.kind, frame.id, frame.body.to_vec()));
        }
    }
    (frames, decoder.end())
}

/// What must hold for every byte string, checked: the property behind the fuzz target
/// `frame_decode`, the property tests and the replay of the corpus.
///
/// The first byte says how many of the following are sizes of pieces; the rest is the stream.
///
/// # Panics
/// If the property does not hold: that is a bug in `process/message/frame.rs`.
pub fn check_any_bytes(input: &[u8]) {
    let (count, rest) = input.split_first().map_or((0, input), |(c, r)| (*c as usize % 16, r));
    let (sizes, stream) = rest.split_at(count.min(rest.len()));
    let sizes: Vec<usize> = sizes.iter().map(|size| *size as usize).collect();
    let (frames, end) = decode_in_pieces(stream, &[]);
    assert_eq!(decode_in_pieces(stream, &sizes), (frames.clone(), end), "chunking matters");
    let one = |(kind, id, body): &OwnedFrame| frame(*kind, *id, body).unwrap();
    let again = frames.iter().map(one).collect::<Vec<_>>().concat();
    assert!(stream.starts_with(&again), "a frame encodes to other bytes than it came from");
    match end {
        Ok(()) => assert_eq!(again.len(), stream.len(), "bytes were lost"),
        Err(FrameError::Truncated(have)) => assert_eq!(again.len() + have, stream.len()),
        Err(_) => assert!(stream.len() - again.len() >= HEADER, "refused before its header came"),
    }
}

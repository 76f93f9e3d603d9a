//! Bodies that lie beside the stream: they come out as if they had come by it, and each has its place
//! until it was fetched.

use crate::frames;
use proptest::prelude::*;
use singletrack::process::message::frame::*;
use singletrack::process::message::segment::{Places, Segment};
use singletrack::sys::memory::{SharedWords, memory_file};
use std::collections::VecDeque;
use std::ops::Range;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Shows W10.
    /// The memory beside the stream is a list of bodies here.
    #[test]
    fn a_body_that_lies_beside_the_stream_comes_out_as_if_it_had_come_by_it(
        frames in prop::collection::vec((any::<bool>(), frames()), 0..4),
        sizes in prop::collection::vec(1usize..100, 1..6),
    ) {
        let (mut memory, mut bytes, mut sent) = (Vec::new(), Vec::new(), Vec::new());
        for (beside, some) in frames {
            for (kind, id, body) in some {
                let whole = frame(kind, id, &body).unwrap();
                match beside {
                    true => bytes.extend(stub(&whole, memory.len() as u64).unwrap()),
                    false => bytes.extend(whole),
                }
                memory.extend(beside.then(|| body.clone()));
                sent.push((kind, id, body));
            }
        }
        let copy = |place: u64, room: &mut [u8]| {
            room.copy_from_slice(&memory[place as usize]);
            true
        };
        let (mut decoder, mut found) = (Decoder::that_fetches(), Vec::new());
        let (mut rest, mut sizes) = (&bytes[..], sizes.iter().cycle());
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(rest.len().min(*sizes.next().unwrap() * 97));
            decoder.feed(piece);
            rest = later;
            loop {
                while let Some(frame) = decoder.next_frame().unwrap() {
                    found.push((frame.kind, frame.id, frame.body.to_vec()));
                }
                if !decoder.fetch(copy).unwrap() {
                    break;
                }
            }
        }
        prop_assert_eq!(decoder.end(), Ok(()));
        prop_assert_eq!(found, sent);
    }

    /// Shows W11.
    /// Negative: so many more are fetched, as the other side says, which may say anything.
    #[test]
    fn a_place_is_not_taken_again_before_its_body_was_fetched(
        steps in prop::collection::vec(prop_oneof![8 => -3i64..1000, 1 => Just(i64::MIN)], 0..60),
    ) {
        const ROOM: usize = 1000;
        let mut places = Places::new(ROOM);
        let (mut held, mut gone) = (VecDeque::<Range<usize>>::new(), 0);
        for step in steps {
            if step < 0 {
                places.fetched(gone + step.unsigned_abs());
                gone += held.drain(..held.len().min(step.unsigned_abs() as usize)).count() as u64;
                continue;
            }
            let length = step as usize;
            let free = |from: &usize| {
                let new = *from..from + length;
                let apart = |old: &Range<usize>| new.end <= old.start || old.end <= new.start;
                new.end <= ROOM && held.iter().all(apart)
            };
            let lowest = (0..=ROOM).step_by(8).find(free);
            prop_assert_eq!(places.take(length), lowest);
            held.extend(lowest.map(|from| from..from + length));
        }
    }
}

/// Shows W10.
#[test]
fn a_body_that_is_not_beside_the_stream_is_an_error_for_good() {
    let stub = stub(&frame(FrameKind::Value, 7, &[1; 100]).unwrap(), 5).unwrap();
    let mut unaware = Decoder::new();
    unaware.feed(&stub);
    assert_eq!(unaware.next_frame(), Err(FrameError::NoBody));
    let mut decoder = Decoder::that_fetches();
    decoder.feed(&stub[..HEADER]);
    assert_eq!(decoder.fetch(|_, _| panic!("its place has not come")), Ok(false));
    decoder.feed(&stub[HEADER..]);
    let place_and_room = |place, room: &mut [u8]| (place, room.len()) != (5, 100);
    assert_eq!(decoder.fetch(place_and_room), Err(FrameError::NoBody));
    assert_eq!(decoder.next_frame(), Err(FrameError::NoBody));
    assert_eq!(decoder.fetch(|_, _| true), Ok(false));
}

#[test]
fn only_one_whole_frame_has_a_stub() {
    let one = frame(FrameKind::Part, 7, &[1; 100]).unwrap();
    assert!(stub(&one, 0).is_some());
    let no = [[&one[..], &one].concat(), one[..50].to_vec(), stub(&one, 0).unwrap().to_vec()];
    no.iter().for_each(|bytes| assert_eq!(stub(bytes, 0), None));
}

#[test]
fn a_file_that_is_no_segment_or_could_be_made_shorter_is_refused() {
    let shorter = memory_file().unwrap();
    shorter.set_len(1 << 20).unwrap();
    let (_words, small) = SharedWords::in_file(100).unwrap();
    let plain = std::fs::File::open(file!()).unwrap();
    for file in [shorter, small] {
        let refused = Segment::of_file(&file).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput, "{refused}");
    }
    assert!(SharedWords::of_file(&plain).is_err(), "it has no seals");
}

//! Frames: what goes in comes out, however the stream is cut, and garbage is refused in time.

#[path = "common/frame_check.rs"]
mod frame_check;
#[path = "common/seeds.rs"]
mod seeds;

use frame_check::{OwnedFrame, check_any_bytes, decode_in_pieces};
use proptest::prelude::*;
use seeds::seeds;
use singletrack::futures::JobError;
use singletrack::process::message::call::{encode_call, run_call};
use singletrack::process::message::claim::{claim, is_claimed, offer, take_back};
use singletrack::process::message::frame::*;
use singletrack::process::message::segment::Places;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::AtomicU64;

const KINDS: [FrameKind; 13] = [
    FrameKind::Hello,
    FrameKind::Call,
    FrameKind::Value,
    FrameKind::Panicked,
    FrameKind::Refused,
    FrameKind::Spawn,
    FrameKind::Spawned,
    FrameKind::SpawnFailed,
    FrameKind::Reap,
    FrameKind::Reaped,
    FrameKind::Part,
    FrameKind::Claims,
    FrameKind::Segment,
];

fn frames() -> impl Strategy<Value = Vec<OwnedFrame>> {
    let body = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..40),
        1 => (60_000..140_000usize, any::<u8>()).prop_map(|(n, seed)| long_body(n, seed)),
    ];
    let one = (prop::sample::select(&KINDS[..]), any::<u64>(), body);
    prop::collection::vec(one, 0..8)
}

/// Bytes that differ from place to place, made by copying, which an interpreter does fast.
fn long_body(length: usize, seed: u8) -> Vec<u8> {
    let pattern: Vec<u8> = (0..251).map(|i| i ^ seed).collect();
    pattern.repeat(length / pattern.len())
}

fn stream(frames: &[OwnedFrame]) -> Vec<u8> {
    let one = |(kind, id, body): &OwnedFrame| frame(*kind, *id, body).unwrap();
    frames.iter().map(one).collect::<Vec<_>>().concat()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Shows W1, W2.
    #[test]
    fn any_chunking_gives_the_frames_that_were_sent(
        frames in frames(),
        sizes in prop::collection::vec(1usize..100_000, 0..6),
    ) {
        prop_assert_eq!(decode_in_pieces(&stream(&frames), &sizes), (frames, Ok(())));
    }

    #[test]
    fn reading_into_the_decoders_own_room_is_the_same(
        frames in frames(),
        sizes in prop::collection::vec(1usize..100_000, 1..6),
    ) {
        let stream = stream(&frames);
        let (mut decoder, mut found, mut at) = (Decoder::new(), Vec::new(), 0);
        let mut sizes = sizes.iter().cycle();
        while at < stream.len() {
            let room = decoder.room();
            let n = room.len().min(stream.len() - at).min(*sizes.next().unwrap());
            room[..n].copy_from_slice(&stream[at..at + n]);
            decoder.filled(n);
            at += n;
            while let Some(frame) = decoder.next_frame().unwrap() {
                found.push((frame.kind, frame.id, frame.body.to_vec()));
            }
        }
        prop_assert_eq!(decoder.end(), Ok(()));
        prop_assert_eq!(found, frames);
    }

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

    /// Shows W3.
    #[test]
    fn a_proper_prefix_is_truncated_and_nothing_more(
        kind in prop::sample::select(&KINDS[..]),
        id in any::<u64>(),
        body in prop::collection::vec(any::<u8>(), 0..50),
        cut in any::<prop::sample::Index>(),
    ) {
        let bytes = frame(kind, id, &body).unwrap();
        let cut = cut.index(bytes.len());
        let expected = if cut == 0 { Ok(()) } else { Err(FrameError::Truncated(cut)) };
        prop_assert_eq!(decode_in_pieces(&bytes[..cut], &[]), (vec![], expected));
    }

    /// Shows W5.
    #[test]
    fn one_flipped_bit_in_a_header_is_noticed_and_the_decoder_stays_in_error(
        id in any::<u64>(),
        body in prop::collection::vec(any::<u8>(), 0..50),
        bit in 0..HEADER * 8,
    ) {
        let mut bytes = frame(FrameKind::Call, id, &body).unwrap();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let mut decoder = Decoder::new();
        decoder.feed(&bytes);
        prop_assert_eq!(decoder.next_frame(), Err(FrameError::BadCheck));
        decoder.feed(&frame(FrameKind::Call, id, &body).unwrap());
        prop_assert_eq!(decoder.next_frame(), Err(FrameError::BadCheck));
        prop_assert_eq!(decoder.end(), Err(FrameError::BadCheck));
    }

    /// Shows W5.
    #[test]
    fn one_flipped_bit_in_a_body_reaches_no_other_frame(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..50), 1..5),
        which in any::<prop::sample::Index>(),
        bit in any::<prop::sample::Index>(),
    ) {
        let frames: Vec<OwnedFrame> =
            (0..).zip(&bodies).map(|(id, body)| (FrameKind::Value, id, body.clone())).collect();
        let mut spoiled = frames.clone();
        let body = &mut which.get_mut(&mut spoiled).2;
        let bit = bit.index(body.len() * 8);
        body[bit / 8] ^= 1 << (bit % 8);
        // Spoiling the stream is spoiling that body, and nothing else.
        let at = which.index(bodies.len());
        let before: usize = bodies[..at].iter().map(|body| HEADER + body.len()).sum();
        let mut bytes = stream(&frames);
        bytes[before + HEADER + bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(decode_in_pieces(&bytes, &[]), (spoiled, Ok(())));
    }

    /// Shows W2, W6.
    #[test]
    fn no_byte_string_panics_and_chunking_never_matters(
        input in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        check_any_bytes(&input);
    }

    #[test]
    fn frames_with_garbage_in_them_behave_the_same_in_any_chunking(
        frames in frames(),
        at in any::<prop::sample::Index>(),
        garbage in prop::collection::vec(any::<u8>(), 0..30),
        sizes in prop::collection::vec(1u8.., 0..8),
    ) {
        let mut stream = stream(&frames);
        let at = at.index(stream.len() + 1);
        stream.splice(at..at, garbage);
        let mut input = vec![sizes.len() as u8];
        input.extend(sizes);
        input.extend(stream);
        check_any_bytes(&input);
    }
}

/// Not before its last byte: a header that has come, and a part of the body, are not a frame.
#[test]
fn a_frame_comes_out_when_its_last_byte_has_come_wherever_the_stream_is_cut() {
    let frames: Vec<OwnedFrame> =
        [0, 5, 40].into_iter().zip(1..).map(|(n, id)| (FrameKind::Value, id, vec![7; n])).collect();
    let bytes = stream(&frames);
    for cut in 0..=bytes.len() {
        let mut decoder = Decoder::new();
        let mut come_out = |piece: &[u8]| {
            decoder.feed(piece);
            let next = || Some(decoder.next_frame().unwrap()?.body.len());
            std::iter::from_fn(next).collect::<Vec<_>>()
        };
        let (first, rest) = bytes.split_at(cut);
        let whole = match cut {
            0..20 => &[][..],
            20..45 => &[0],
            45..105 => &[0, 5],
            _ => &[0, 5, 40],
        };
        assert_eq!(come_out(first), whole, "of a piece of {cut} bytes");
        assert_eq!([whole, &come_out(rest)].concat(), [0, 5, 40], "cut at {cut}");
    }
}

/// A header that says `length`, with a valid check.
fn header_of(length: u32, kind: u32) -> Vec<u8> {
    let mut bytes = frame(FrameKind::Call, 1, &[]).unwrap();
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes[4..8].copy_from_slice(&kind.to_le_bytes());
    let words = bytes[..16].chunks(4).map(|w| u32::from_le_bytes(w.try_into().unwrap()));
    let check = words.fold(0x811c_9dc5u32, |h, w| (h ^ w).wrapping_mul(0x0100_0193));
    bytes[16..].copy_from_slice(&check.to_le_bytes());
    bytes
}

/// Shows W4.
#[test]
fn a_length_above_the_limit_is_refused_before_anything_is_allocated() {
    let mut decoder = Decoder::new();
    decoder.feed(&header_of(MAX_FRAME as u32 + 1, 2));
    assert!(decoder.room().len() < 1 << 20, "room was made for a frame that is refused");
    assert_eq!(decoder.next_frame(), Err(FrameError::TooLong(MAX_FRAME + 1)));
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
fn an_unknown_kind_is_refused_by_number() {
    for kind in [0, 99, u32::MAX] {
        let mut decoder = Decoder::new();
        decoder.feed(&header_of(0, kind));
        assert_eq!(decoder.next_frame(), Err(FrameError::UnknownKind(kind)));
    }
}

#[test]
fn a_body_above_the_limit_is_refused_to_its_sender() {
    let body = vec![0; MAX_FRAME + 1];
    assert_eq!(frame(FrameKind::Call, 0, &body), Err(FrameError::TooLong(MAX_FRAME + 1)));
}

#[test]
fn the_committed_corpus_holds() {
    let seeds = seeds("frame_decode");
    assert!(seeds.len() >= 8, "the corpus is gone: {} files", seeds.len());
    seeds.iter().for_each(|(_, seed)| check_any_bytes(seed));
}

/// A function of the C library: code, but not the program's own.
fn foreign() -> fn(u8) -> u8 {
    let address = libc::getpid as *const ();
    // SAFETY: a function pointer has the size of an address, and this one is never called.
    unsafe { std::mem::transmute::<*const (), fn(u8) -> u8>(address) }
}

#[test]
#[cfg(not(miri))]
fn a_function_of_a_library_is_not_sent() {
    let why = match encode_call(foreign(), &1, 7) {
        Err(JobError::Codec(why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(why.contains("not in the program's own code"), "{why}");
    assert!(encode_call(|x: u8| x, &1, 7).is_ok());
}

#[test]
#[cfg(not(miri))]
fn a_call_to_an_address_that_is_not_our_code_is_not_made() {
    let call = encode_call(|x: u8| x + 1, &1, 7).unwrap();
    let good = &call[HEADER..];
    let data = Box::new(0u64);
    let data = (&raw const *data).expose_provenance() as u64;
    let library = (libc::getpid as *const ()).expose_provenance() as u64;
    let mut reply = Vec::new();
    for bad in [0, 8, data, library, u64::MAX] {
        for place in [0, 8] {
            let mut body = good.to_vec();
            body[place..place + 8].copy_from_slice(&bad.to_le_bytes());
            let refused = run_call(&body, 7, &mut reply);
            assert!(matches!(refused, Err(JobError::Protocol(_))), "{bad:x}: {refused:?}");
            assert!(reply.is_empty(), "nothing was run");
        }
    }
    for length in 0..16 {
        assert!(matches!(run_call(&good[..length], 7, &mut reply), Err(JobError::Protocol(_))));
    }
    assert_eq!(run_call(good, 7, &mut reply), Ok(FrameKind::Value));
}

/// The word of a job after each step, and so which of the two has the job.
#[test]
fn a_word_tells_of_its_own_job_whether_it_has_begun_and_of_no_other() {
    let word = AtomicU64::new(0);
    for (job, other) in [(0, 256), (256, 0), (7, 263)] {
        offer(&word, job);
        assert!(!is_claimed(&word, job), "sent, and not begun");
        assert!(!claim(&word, other) && !take_back(&word, other));
        assert!(claim(&word, job) && is_claimed(&word, job) && !is_claimed(&word, other));
        assert!(!claim(&word, job) && !take_back(&word, job), "it begins once, and for good");
        offer(&word, job);
        assert!(take_back(&word, job) && !is_claimed(&word, job) && !claim(&word, job));
        assert!(!take_back(&word, job), "nor is it taken back twice");
    }
}

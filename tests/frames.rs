//! Frames: what goes in comes out, however the stream is cut, and garbage is refused in time.

#[path = "frames/beside.rs"]
mod beside;
#[path = "common/frame_check.rs"]
mod frame_check;
#[path = "common/seeds.rs"]
mod seeds;

use frame_check::{OwnedFrame, check_any_bytes, decode_in_pieces};
use proptest::prelude::*;
use seeds::seeds;
use serde::{Deserialize, Serialize};
use singletrack::futures::{JobError, Wire, decode, encode};
use singletrack::process::message::call::{encode_call, run_call};
use singletrack::process::message::claim::*;
use singletrack::process::message::frame::*;
use std::sync::atomic::AtomicU64;

const KINDS: [FrameKind; 14] = [
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
    FrameKind::Item,
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

/// The longest frame is one.
#[test]
#[cfg(not(miri))]
fn a_body_as_long_as_the_limit_is_sent_and_found() {
    let bytes = frame(FrameKind::Value, 3, &vec![9; MAX_FRAME]).unwrap();
    let mut decoder = Decoder::new();
    decoder.feed(&bytes[..HEADER]);
    assert_eq!(decoder.next_frame(), Ok(None));
    let room = decoder.room();
    assert!((MAX_FRAME..MAX_FRAME + (1 << 20)).contains(&room.len()), "room for {}", room.len());
    room[..MAX_FRAME].copy_from_slice(&bytes[HEADER..]);
    decoder.filled(MAX_FRAME);
    let found = decoder.next_frame().unwrap().unwrap();
    assert_eq!((found.kind, found.id, found.body.len()), (FrameKind::Value, 3, MAX_FRAME));
}

/// Inside a frame there is room for the rest of it, so that one read can bring it.
#[test]
fn there_is_room_for_what_is_missing_of_a_long_frame() {
    let long = 1 << 20;
    let bytes = frame(FrameKind::Value, 3, &vec![9; long]).unwrap();
    for have in [HEADER, HEADER + 1, HEADER + long / 2] {
        let mut decoder = Decoder::new();
        decoder.feed(&bytes[..have]);
        let (room, missing) = (decoder.room().len(), bytes.len() - have);
        assert!(
            (missing..missing + (1 << 17)).contains(&room),
            "{missing} missing, room for {room}"
        );
    }
}

/// Short frames, so that nothing is known of what is to come.
#[test]
fn a_decoder_makes_more_room_as_reads_fill_it() {
    let short = frame(FrameKind::Value, 3, &[9; 12]).unwrap();
    let (mut decoder, mut rooms, mut found) = (Decoder::new(), Vec::new(), 0);
    for _ in 0..8 {
        let room = decoder.room();
        rooms.push(room.len().next_power_of_two() >> 10);
        let filled = short.len() * (room.len() / short.len());
        assert_eq!(filled, room.len(), "frames of 32 bytes fill it");
        room.copy_from_slice(&short.repeat(filled / short.len()));
        decoder.filled(filled);
        while decoder.next_frame().unwrap().is_some() {
            found += short.len();
        }
    }
    assert_eq!(rooms, [4, 8, 16, 32, 64, 64, 64, 64], "KiB");
    assert_eq!(found >> 10, rooms.iter().sum::<usize>(), "and each frame is found");
}

#[test]
fn bodies_that_somebody_keeps_stay_what_they_were_while_more_of_the_stream_comes() {
    let sent: Vec<OwnedFrame> =
        (0..40u8).map(|n| (FrameKind::Value, n.into(), vec![n; 3_000 + usize::from(n)])).collect();
    let bytes = stream(&sent);
    let (mut decoder, mut kept) = (Decoder::new(), Vec::new());
    for piece in bytes.chunks(7_001) {
        decoder.feed(piece);
        while let Some((_, id, place)) = decoder.next_place().unwrap() {
            kept.push((id, decoder.bytes(), place));
        }
    }
    assert_eq!((decoder.end(), kept.len()), (Ok(()), sent.len()));
    for ((id, bytes, place), (_, sent_id, body)) in kept.iter().zip(&sent) {
        assert_eq!((id, &bytes[place.clone()]), (sent_id, &body[..]));
    }
}

#[test]
fn an_error_says_what_is_wrong_with_the_stream() {
    for (error, words) in [
        (FrameError::BadCheck, "somebody else has written into the pipe"),
        (FrameError::UnknownKind(99), "kind 99 does not belong here"),
        (FrameError::TooLong(70_000_000), "70000000 bytes is longer than the limit of 67108864"),
        (FrameError::Truncated(7), "inside a frame, after 7 bytes"),
        (FrameError::NoBody, "beside the stream, where it is not"),
    ] {
        assert!(error.to_string().contains(words), "{error}");
    }
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

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Skips {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    urgent: bool,
    body: Vec<u8>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Harmless {
    #[serde(skip)]
    left_out: u8,
    #[serde(default, rename = "name")]
    renamed: u8,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value")]
enum Adjacent {
    Number(u8),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Internal {
    Number { value: u8 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u8),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    #[serde(flatten)]
    inner: Harmless,
}

/// What `Wire`'s documentation says.
#[test]
fn a_format_without_names_cannot_serve_all_attributes_of_serde() {
    fn arrives<T: Wire>(value: &T) -> Result<T, JobError> {
        decode(&encode(value).expect("it is sent"))
    }
    let is_codec = |why: Option<JobError>| matches!(why, Some(JobError::Codec(_)));
    let harmless = Harmless { left_out: 0, renamed: 7 };
    assert_eq!(arrives(&harmless).as_ref(), Ok(&harmless));
    let another = Skips { urgent: true, body: vec![] };
    assert_eq!(arrives(&Skips { urgent: false, body: vec![0] }), Ok(another));
    assert!(is_codec(arrives(&Adjacent::Number(7)).err()));
    assert!(is_codec(arrives(&Internal::Number { value: 7 }).err()));
    assert!(is_codec(arrives(&Untagged::Number(7)).err()));
    assert!(is_codec(encode(&Flat { inner: harmless }).err()));
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
    let value = (FrameKind::Value, 7, encode(&2u8).unwrap());
    assert_eq!(decode_in_pieces(&reply, &[]), (vec![value], Ok(())));
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

/// What a worker learns from the frame that tells it of its words.
fn told<'a>(all: &'a ClaimWords, claims: &WorkerClaims) -> OwnClaims<'a> {
    let (frames, end) = decode_in_pieces(&claims.to_frame(), &[]);
    let [(FrameKind::Claims, place, first)] = &frames[..] else { panic!("{frames:?}, {end:?}") };
    OwnClaims::new(all, *place, first).expect("what the pool tells makes sense")
}

#[test]
#[cfg(not(miri))]
fn the_words_of_all_workers_are_their_own_and_so_are_the_times_beside_them() {
    let all = ClaimWords::map();
    let lent: Vec<_> = std::iter::from_fn(|| WorkerClaims::lend(&all)).collect();
    assert_eq!(lent.len(), 512);
    let notes = |at: usize| !at.is_multiple_of(3);
    lent.iter().enumerate().for_each(|(at, claims)| claims.set_noting(notes(at)));
    lent.iter().for_each(|claims| (0..WORDS).for_each(|nth| claims.offer(nth)));
    let (mut before, mut seen) = (1, Vec::new());
    for (at, claims) in lent.iter().enumerate() {
        let mut own = told(&all, claims);
        for nth in 0..WORDS {
            assert_eq!((claims.is_claimed(nth), claims.times(nth)), (false, [None; 2]));
            assert!(own.claim_next() && claims.is_claimed(nth));
            let [began, None] = claims.times(nth) else { panic!("{:?}", claims.times(nth)) };
            own.note_end();
            let times = claims.times(nth);
            assert_eq!((began, times.map(|time| time.is_some())), (times[0], [notes(at); 2]));
            let order = [Some(before), times[0], times[1]];
            assert!(!notes(at) || order.is_sorted(), "worker {at}, its job {nth}: {order:?}");
            before = times[1].unwrap_or(before);
            seen.push(times);
        }
        assert!(!own.claim_next(), "no more was offered");
    }
    let again = lent.iter().flat_map(|claims| (0..WORDS).map(|nth| claims.times(nth)));
    assert!(again.eq(seen), "a worker has written beside its words");
    // A word that is used again forgets its times, and no other does.
    let (last, nth) = (&lent[511], WORDS + 5);
    let kept = [4, 6].map(|nth| last.times(nth));
    last.offer(nth);
    assert_eq!((last.times(nth), [4, 6].map(|nth| last.times(nth))), ([None; 2], kept));
    assert!(kept.as_flattened().iter().all(Option::is_some));
    last.set_noting(false);
    last.offer(WORDS + 4);
    assert_eq!(last.times(4), kept[0], "nothing is written while nothing is noted");
}

/// A worker that its pool has given up may live on for a while.
#[test]
#[cfg(not(miri))]
fn words_are_lent_again_and_who_had_them_before_claims_nothing_by_them() {
    let all = ClaimWords::map();
    for _ in 0..2_000 {
        let old = WorkerClaims::lend(&all).expect("they are given back");
        let mut lives_on = told(&all, &old);
        drop(old);
        let new = WorkerClaims::lend(&all).unwrap();
        new.offer(0);
        assert!((0..3).all(|_| !lives_on.claim_next()) && !new.is_claimed(0));
        let mut own = told(&all, &new);
        assert!(own.claim_next() && new.is_claimed(0) && !new.take_back(0));
        drop((new, own));
    }
    for (place, first) in [(512, &[0; 8][..]), (u64::MAX, &[0; 8]), (0, &[0; 7]), (0, &[])] {
        assert!(OwnClaims::new(&all, place, first).is_none(), "{place}, {first:?}");
    }
}

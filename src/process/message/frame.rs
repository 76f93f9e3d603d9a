//! Frames: a stream of bytes cut into messages with a kind, a number and a body.
//!
//! *Assumes*: a stream that keeps the order of its bytes, as a pipe does.
//! *Promises*: any chunking gives the same frames; no byte string panics; a length above
//! [`MAX_FRAME`] is refused before anything is allocated; after an error the decoder stays
//! in error; whoever asks at the end of the stream ([`Decoder::end`]) learns whether it was inside a
//! frame ([`FrameError::Truncated`]). A pipe of values does. Of a worker it is not asked: the end
//! of its replies is its death, and what its job fails with.
//! *Leaves out*: what a body means (`futures/wire.rs`, `process/message/call.rs`) and which process may send what
//! (`process/forkserver/server.rs`, `process/forkserver/worker.rs`).
//!
//! ```text
//!  ───── header │ body │ header │ place │ header │ body ─────▶   (`process/message/header.rs`)
//!                                   └─────▶ its body, in memory beside the stream
//! ```
//! Only a decoder that can [`fetch`](Decoder::fetch) a body from beside the stream takes such a frame. It
//! puts the body where that would have been had it come by the stream, and nobody else sees a difference.
//!
//! **Bodies carry no check.** A check finds accidents, and a pipe has none: the kernel copies memory.
//! What is left is a worker that writes what it should not, by a bug or on purpose. One that
//! writes anywhere but between two frames spoils a header; one that writes a whole frame could
//! write its check as well. A body of wrong bytes is a wrong value, which no check of ours can
//! tell from a right one, or no value, which decoding reports. And it would cost: 0.4 ms for each
//! MiB at each end (measured, eight bytes a step), as much as all the rest of its way.

use crate::futures::error::JobError;
use crate::futures::wire::encode_onto;
use crate::process::message::header::complete;
use serde::Serialize;
use std::ops::Range;
use std::sync::Arc;

pub(crate) use crate::process::message::header::Header;
pub use crate::process::message::header::{FrameError, FrameKind, HEADER, MAX_FRAME, STUB};

/// How much the decoder makes room for when it does not know how much is to come: so much at most, as a
/// pipe holds.
const MOST_ROOM: usize = 64 << 10;

/// And so much at first: each page of it costs a new process a fault.
const FIRST_ROOM: usize = 4 << 10;

/// One message, borrowed from the decoder that found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it is about.
    pub kind: FrameKind,
    /// Its number: of a job or a process, as the kind says.
    pub id: u64,
    /// The bytes it carries.
    pub body: &'a [u8],
}

/// Begins a frame in `buffer`, emptying it first. Append the body, then [`seal`] it: so a
/// value is encoded right where it will be sent from.
pub fn open(buffer: &mut Vec<u8>, kind: FrameKind, id: u64) {
    buffer.clear();
    buffer.extend_from_slice(&[0; 4]);
    buffer.extend_from_slice(&(kind as u32).to_le_bytes());
    buffer.extend_from_slice(&id.to_le_bytes());
    buffer.extend_from_slice(&[0; 4]);
}

/// Completes the header of a frame that [`open`] began.
///
/// # Errors
/// [`FrameError::TooLong`] if the body exceeds [`MAX_FRAME`].
///
/// # Panics
/// If `open` did not begin it.
pub fn seal(buffer: &mut [u8]) -> Result<(), FrameError> {
    let length = buffer.len() - HEADER;
    if length > MAX_FRAME {
        return Err(FrameError::TooLong(length));
    }
    complete(buffer, length, false);
    Ok(())
}

/// What goes into the stream instead of `frame`, whose body lies beside it now. `None`: that is not one
/// frame.
pub fn stub(frame: &[u8], place: u64) -> Option<[u8; STUB]> {
    let header = Header::of_bytes(frame).ok().flatten()?;
    if header.beside || header.length != frame.len() - HEADER {
        return None;
    }
    let mut stub = [0; STUB];
    stub[..HEADER].copy_from_slice(&frame[..HEADER]);
    complete(&mut stub, header.length, true);
    stub[HEADER..].copy_from_slice(&place.to_le_bytes());
    Some(stub)
}

/// Appends the bytes of `value` to a frame that [`open`] began, and seals it. `what` names the value
/// in the error for one that is too long.
pub(crate) fn seal_value(
    frame: Vec<u8>,
    value: &impl Serialize,
    what: &str,
) -> Result<Vec<u8>, JobError> {
    let mut frame = encode_onto(value, frame)?;
    seal(&mut frame).map_err(|e| JobError::Codec(format!("{what}{e}")))?;
    Ok(frame)
}

/// A whole frame around a body that is there already.
///
/// ```
/// use singletrack::process::message::frame::{Decoder, FrameKind, frame};
///
/// let bytes = frame(FrameKind::Value, 7, b"forty-two").unwrap();
/// let mut decoder = Decoder::new();
/// decoder.feed(&bytes[..5]);
/// assert_eq!(decoder.next_frame(), Ok(None)); // not all there yet
/// decoder.feed(&bytes[5..]);
/// let frame = decoder.next_frame().unwrap().unwrap();
/// assert_eq!((frame.kind, frame.id, frame.body), (FrameKind::Value, 7, &b"forty-two"[..]));
/// assert_eq!(decoder.end(), Ok(()));
/// ```
///
/// # Errors
/// [`FrameError::TooLong`] if the body exceeds [`MAX_FRAME`].
pub fn frame(kind: FrameKind, id: u64, body: &[u8]) -> Result<Vec<u8>, FrameError> {
    let mut buffer = Vec::with_capacity(HEADER + body.len());
    open(&mut buffer, kind, id);
    buffer.extend_from_slice(body);
    seal(&mut buffer)?;
    Ok(buffer)
}

/// Finds frames in bytes that come in pieces of any size.
///
/// ```text
///  bytes   ░░░░░░│▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓│            │
///          taken start                 end          room for the next read
/// ```
/// It never holds more than one unfinished frame and what was fed last. Another thread may keep
/// bodies for longer, by [`bytes`](Self::bytes): the next piece then goes into another buffer.
#[derive(Debug, Default)]
pub struct Decoder {
    /// All of it is initialised; `start..end` is what is waiting.
    bytes: Arc<Vec<u8>>,
    start: usize,
    end: usize,
    failed: Option<FrameError>,
    /// How often a read has filled all the room; each time it doubles.
    full: u32,
    /// Bodies may lie beside the stream.
    fetches: bool,
}

impl Decoder {
    /// A decoder at the start of a stream. Allocates when it is first fed.
    pub fn new() -> Decoder {
        Decoder::default()
    }

    /// The same, of a stream whose bodies may lie beside it. Whoever has it [fetches](Self::fetch) them.
    pub fn that_fetches() -> Decoder {
        Decoder { fetches: true, ..Decoder::default() }
    }

    /// Takes the next piece of the stream.
    pub fn feed(&mut self, piece: &[u8]) {
        let room = self.make_room(piece.len());
        room[..piece.len()].copy_from_slice(piece);
        self.filled(piece.len());
    }

    /// Room to read the next piece into, at least one byte and, inside a long frame, enough
    /// for the rest of it. Tell [`filled`](Self::filled) how much was read.
    pub fn room(&mut self) -> &mut [u8] {
        let is_full = self.end > 0 && self.end == self.bytes.len();
        if is_full && FIRST_ROOM << self.full < MOST_ROOM {
            self.full += 1;
        }
        let missing = match self.header() {
            Ok(Some(Header { length, beside: false, .. })) => {
                (HEADER + length).saturating_sub(self.waiting().len())
            }
            _ => 0,
        };
        self.make_room(missing.max(FIRST_ROOM << self.full))
    }

    /// The first `count` bytes of [`room`](Self::room) are the next piece.
    ///
    /// # Panics
    /// If there was not that much room.
    pub fn filled(&mut self, count: usize) {
        assert!(count <= self.bytes.len() - self.end, "filled more than there was room for");
        self.end += count;
    }

    /// Brings the body of the next frame, if that lies beside the stream, to where it would be had it come
    /// by the stream; true: it is there now. `copy` fills the room for it from the place that it is
    /// given, or says that there is no such place.
    ///
    /// # Errors
    /// [`FrameError::NoBody`], now and ever after.
    pub fn fetch(&mut self, copy: impl FnOnce(u64, &mut [u8]) -> bool) -> Result<bool, FrameError> {
        let length = match (self.failed, self.header()) {
            (None, Ok(Some(Header { length, beside: true, .. }))) => length,
            _ => return Ok(false),
        };
        let Some(place) = self.waiting().get(HEADER..STUB) else { return Ok(false) };
        let place = u64::from_le_bytes(place.try_into().expect("eight bytes"));
        self.make_room(length);
        let (header, behind) = (self.start..self.start + HEADER, self.start + STUB..self.end);
        let body = header.end..header.end + length;
        let bytes = Arc::get_mut(&mut self.bytes).expect("room was made, so it is ours alone");
        self.end = body.end + behind.len();
        bytes.copy_within(behind, body.end);
        if !copy(place, &mut bytes[body]) {
            return Err(*self.failed.insert(FrameError::NoBody));
        }
        complete(&mut bytes[header], length, false);
        Ok(true)
    }

    /// The next frame, or `None` if it is not all there yet.
    ///
    /// # Errors
    /// The first one that occurred, now and ever after.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        match self.next_place() {
            Ok(Some((kind, id, place))) => Ok(Some(Frame { kind, id, body: self.body(place) })),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// As [`next_frame`](Self::next_frame), but gives the place of the body instead of the
    /// body: so several frames can be taken out first and their bodies read afterwards.
    ///
    /// # Errors
    /// As `next_frame`.
    pub fn next_place(&mut self) -> Result<Option<(FrameKind, u64, Range<usize>)>, FrameError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let Header { kind, id, length, .. } = match self.header() {
            Ok(Some(header)) if !header.beside => header,
            Ok(Some(_)) if !self.fetches => return Err(*self.failed.insert(FrameError::NoBody)),
            Ok(_) => return Ok(None),
            Err(error) => {
                self.failed = Some(error);
                return Err(error);
            }
        };
        if self.waiting().len() < HEADER + length {
            return Ok(None);
        }
        let body = self.start + HEADER..self.start + HEADER + length;
        self.start = body.end;
        Ok(Some((kind, id, body)))
    }

    /// The body at a place that [`next_place`](Self::next_place) gave; valid until more of the
    /// stream is taken.
    ///
    /// # Panics
    /// May panic with a place that is not valid any more.
    pub fn body(&self, place: Range<usize>) -> &[u8] {
        &self.bytes[place]
    }

    /// What the places of all frames so far are about, for as long as the caller wants.
    pub fn bytes(&self) -> Arc<Vec<u8>> {
        Arc::clone(&self.bytes)
    }

    /// The stream has ended: was that between two frames?
    ///
    /// # Errors
    /// [`FrameError::Truncated`] if not, or the error that occurred before.
    pub fn end(&self) -> Result<(), FrameError> {
        match (self.failed, self.waiting().len()) {
            (Some(error), _) => Err(error),
            (None, 0) => Ok(()),
            (None, have) => Err(FrameError::Truncated(have)),
        }
    }

    fn waiting(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// The header of the frame that is waiting, once it is there.
    #[inline(always)]
    fn header(&self) -> Result<Option<Header>, FrameError> {
        Header::of_bytes(self.waiting())
    }

    /// Makes room for `count` bytes after `end`, first by moving what waits to the front; gives it.
    fn make_room(&mut self, count: usize) -> &mut [u8] {
        if Arc::get_mut(&mut self.bytes).is_none() {
            // Somebody still looks at bodies in there.
            let mut bytes = vec![0; self.waiting().len() + count];
            bytes[..self.end - self.start].copy_from_slice(self.waiting());
            (self.start, self.end) = (0, self.end - self.start);
            self.bytes = Arc::new(bytes);
        }
        let bytes = Arc::get_mut(&mut self.bytes).expect("it is ours alone by now");
        if bytes.len() - self.end < count {
            bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            bytes.resize(bytes.len().max(self.end + count), 0);
        }
        &mut bytes[self.end..]
    }
}

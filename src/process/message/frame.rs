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
//!  0        4        8                16       20
//! ┌────────┬────────┬────────────────┬────────┬───────────── ─ ─
//! │ length │  kind  │       id       │ check  │ body, `length` bytes
//! └────────┴────────┴────────────────┴────────┴───────────── ─ ─
//! ```
//! All numbers are little-endian. `check` is a hash of the three fields before it. It shows at the
//! next header that a stream is out of step: every change of a single field changes the check.
//!
//! **Bodies carry no check.** A check finds accidents, and a pipe has none: the kernel copies memory.
//! What is left is a worker that writes what it should not, by a bug or on purpose. One that
//! writes anywhere but between two frames spoils a header; one that writes a whole frame could
//! write its check as well. A body of wrong bytes is a wrong value, which no check of ours can
//! tell from a right one, or no value, which decoding reports. And it would cost: 0.4 ms for each
//! MiB at each end (measured, eight bytes a step), as much as all the rest of its way.

use crate::futures::error::JobError;
use crate::futures::wire::encode_onto;
use serde::Serialize;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Bytes before the body.
pub const HEADER: usize = 20;

/// The longest body: 64 MiB. A longer one is an error for its sender, and for its receiver.
pub const MAX_FRAME: usize = 64 << 20;

/// How much the decoder makes room for when it does not know how much is to come.
const CHUNK: usize = 64 << 10;

/// What a frame is about, and which way it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum FrameKind {
    /// Worker to pool, once, first: it is there. Body: a greeting (`process/message/call.rs`).
    Hello = 1,
    /// Pool to worker: run this. Id: the job. Body: a call.
    Call,
    /// Worker to pool: the job's value. Id: the job. Body: the value.
    Value,
    /// Worker to pool: the job panicked. Id: the job. Body: the message.
    Panicked,
    /// Worker to pool: arguments or result would not be decoded or encoded. Id: the job.
    /// Body: why.
    Refused,
    /// Client to fork server: fork a worker. Id: how many descriptors come along for it.
    Spawn,
    /// Fork server to client: done. Id: the pid; three descriptors come along.
    Spawned,
    /// Fork server to client: it could not be done. Id: the `errno`.
    SpawnFailed,
    /// Client to fork server: reap a dead worker. Id: the pid.
    Reap,
    /// Fork server to client: reaped. Id: the pid. Body: how it ended.
    Reaped,
    /// Along a pipe between processes: one value. Body: the value.
    Item,
    /// Worker to pool: the results of some items of a chunk, which are too long for one frame; the
    /// answer follows. Id: the job. Body: a chunk's results.
    Part,
    /// Pool to worker, once, before any call: where the words lie by which it claims its calls. Id: the
    /// place. Body: the number of the first call (`process/message/claim.rs`).
    Claims,
}

impl FrameKind {
    fn from_number(number: u32) -> Option<FrameKind> {
        use FrameKind::*;
        let all = [
            Hello,
            Call,
            Value,
            Panicked,
            Refused,
            Spawn,
            Spawned,
            SpawnFailed,
            Reap,
            Reaped,
            Item,
            Part,
            Claims,
        ];
        all.into_iter().find(|kind| *kind as u32 == number)
    }
}

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

/// Why a stream of bytes is not a stream of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    /// The header's check does not match its fields.
    BadCheck,
    /// No kind has this number, or frames of this kind do not come this way.
    UnknownKind(u32),
    /// The body is longer than [`MAX_FRAME`].
    TooLong(usize),
    /// The stream ended inside a frame, with this many bytes of it.
    Truncated(usize),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::BadCheck => write!(
                f,
                "a frame's header does not match its check: somebody else has written into the pipe"
            ),
            FrameError::UnknownKind(number) => {
                write!(f, "a frame of kind {number} does not belong here")
            }
            FrameError::TooLong(length) => write!(
                f,
                "a frame of {length} bytes is longer than the limit of {MAX_FRAME}; \
                 send it in parts, or by way of a file"
            ),
            FrameError::Truncated(have) => {
                write!(f, "the stream ended inside a frame, after {have} bytes of it")
            }
        }
    }
}

impl std::error::Error for FrameError {}

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
    buffer[..4].copy_from_slice(&(length as u32).to_le_bytes());
    let check = check(&buffer[..HEADER]);
    buffer[16..HEADER].copy_from_slice(&check.to_le_bytes());
    Ok(())
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

/// Field `i` of a header, in words of four bytes.
fn word(header: &[u8], i: usize) -> u32 {
    u32::from_le_bytes([header[4 * i], header[4 * i + 1], header[4 * i + 2], header[4 * i + 3]])
}

/// FNV-1a over the first four words. Each step is a bijection, so two headers that differ in
/// one word never agree; all-zero bytes do not pass either.
fn check(header: &[u8]) -> u32 {
    (0..4).fold(0x811c_9dc5, |hash, i| (hash ^ word(header, i)).wrapping_mul(0x0100_0193))
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
}

impl Decoder {
    /// A decoder at the start of a stream. Allocates when it is first fed.
    pub fn new() -> Decoder {
        Decoder::default()
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
        let missing = match self.header() {
            Ok(Some((_, _, length))) => (HEADER + length).saturating_sub(self.waiting().len()),
            _ => 0,
        };
        self.make_room(missing.max(CHUNK))
    }

    /// The first `count` bytes of [`room`](Self::room) are the next piece.
    ///
    /// # Panics
    /// If there was not that much room.
    pub fn filled(&mut self, count: usize) {
        assert!(count <= self.bytes.len() - self.end, "filled more than there was room for");
        self.end += count;
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
        let (kind, id, length) = match self.header() {
            Ok(Some(header)) => header,
            Ok(None) => return Ok(None),
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

    /// Kind, id and length of the frame that is waiting, once its header is there.
    fn header(&self) -> Result<Option<(FrameKind, u64, usize)>, FrameError> {
        let Some(header) = self.waiting().get(..HEADER) else { return Ok(None) };
        if check(header) != word(header, 4) {
            return Err(FrameError::BadCheck);
        }
        let length = word(header, 0) as usize;
        if length > MAX_FRAME {
            return Err(FrameError::TooLong(length));
        }
        let kind = FrameKind::from_number(word(header, 1))
            .ok_or(FrameError::UnknownKind(word(header, 1)))?;
        let id = u64::from(word(header, 2)) | u64::from(word(header, 3)) << 32;
        Ok(Some((kind, id, length)))
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

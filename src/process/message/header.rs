//! A frame's header: how long it is, what it is about, and where its body lies.
//!
//! *Promises*: every change of a single field is noticed; no bytes panic; a length above [`MAX_FRAME`]
//! is refused by its number alone.
//! *Leaves out*: the stream that the headers come in (`process/message/frame.rs`), and what a body means
//! (`process/message/call.rs`).
//!
//! ```text
//!  0        4        8                16       20
//! ┌────────┬────────┬────────────────┬────────┬───────────── ─ ─
//! │ length │  kind  │       id       │ check  │ body, `length` bytes, or the place where it lies
//! └────────┴────────┴────────────────┴────────┴───────────── ─ ─
//! ```
//! All numbers are little-endian. `check` is a hash of the three fields before it. It shows at the
//! next header that a stream is out of step: every change of a single field changes the check.
//!
//! The highest bit of `length` says that the body lies in memory beside the stream
//! (`process/message/segment.rs`): here its place follows, a number of eight bytes.

use std::fmt;

/// Bytes before the body.
pub const HEADER: usize = 20;

/// Bytes of a frame whose body lies beside the stream: its header, and the place.
pub const STUB: usize = HEADER + 8;

/// In a length: the body lies beside the stream.
const BESIDE: u32 = 1 << 31;

/// The longest body: 64 MiB. A longer one is an error for its sender, and for its receiver.
pub const MAX_FRAME: usize = 64 << 20;

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
    /// Fork server to client: done. Id: the pid; three descriptors come along, and the memory file
    /// beside its pipes, if there is one.
    Spawned,
    /// Fork server to client: it could not be done. Id: the `errno`. Body: why, where that says more.
    SpawnFailed,
    /// Client to fork server: reap workers that are dead or about to die. Body: their pids.
    Reap,
    /// Fork server to client: reaped. Body: how each ended, in the order of the pids.
    Reaped,
    /// Along a pipe between processes: one value. Body: the value.
    Item,
    /// Worker to pool: the results of some items of a chunk, which are too long for one frame; the
    /// answer follows. Id: the job. Body: a chunk's results.
    Part,
    /// Pool to worker, once, before any call: where the words lie by which it claims its calls. Id: the
    /// place. Body: the number of the first call (`process/message/claim.rs`).
    Claims,
    /// Pool to worker, once, before any call: long bodies may lie in the segment that both have
    /// (`process/message/segment.rs`).
    Segment,
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
            Segment,
        ];
        all.into_iter().find(|kind| *kind as u32 == number)
    }
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
    /// A body is said to lie beside the stream, and is not there.
    NoBody,
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
            FrameError::NoBody => {
                write!(f, "a frame's body is said to lie beside the stream, where it is not")
            }
        }
    }
}

impl std::error::Error for FrameError {}

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: FrameKind,
    pub(crate) id: u64,
    /// Of the body.
    pub(crate) length: usize,
    /// The body lies beside the stream.
    pub(crate) beside: bool,
}

impl Header {
    /// The header at the beginning of some bytes, once it is all there.
    #[inline]
    pub(crate) fn of_bytes(bytes: &[u8]) -> Result<Option<Header>, FrameError> {
        let Some(header) = bytes.get(..HEADER) else { return Ok(None) };
        if check(header) != word(header, 4) {
            return Err(FrameError::BadCheck);
        }
        let (length, beside) = (word(header, 0) & !BESIDE, word(header, 0) & BESIDE != 0);
        let length = length as usize;
        if length > MAX_FRAME {
            return Err(FrameError::TooLong(length));
        }
        let kind = FrameKind::from_number(word(header, 1))
            .ok_or(FrameError::UnknownKind(word(header, 1)))?;
        let id = u64::from(word(header, 2)) | u64::from(word(header, 3)) << 32;
        Ok(Some(Header { kind, id, length, beside }))
    }
}

/// Completes a header whose kind and id are there. The length is at most [`MAX_FRAME`].
#[inline]
pub(crate) fn complete(header: &mut [u8], length: usize, beside: bool) {
    let header = &mut header[..HEADER]; // of a length that the compiler knows
    let length = length as u32 | if beside { BESIDE } else { 0 };
    header[..4].copy_from_slice(&length.to_le_bytes());
    let check = check(header);
    header[16..HEADER].copy_from_slice(&check.to_le_bytes());
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

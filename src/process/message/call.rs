//! A call as bytes: the addresses of two functions, and an argument.
//!
//! *Assumes*: both ends are the same program image at the same addresses, as a forked child
//! is that did not `exec`; calls come from a pipe that only our own process writes to.
//! *Promises*: an address outside the program's own code is refused on both ends; whatever
//! the job does short of ending the process becomes one reply frame.
//! *Leaves out*: functions with captures (the type `fn(A) -> R` has none), code that was
//! loaded later (`dlopen`).
//!
//! ```text
//!   caller                                  worker
//!   fn(A) -> R  ─▶ ┌ entry::<F>    ┐ ─▶ entry::<F>(target, args):    F = fn(A) -> R
//!   A           ─▶ │ target: f     │      decode A, call f, encode R
//!                  └ args: bytes   ┘
//! ```
//! How does the worker know the types? It does not. It calls `entry`, whose address is in the
//! frame, and which is generic: `entry::<fn(A) -> R>` was compiled for these very types, and
//! only it turns `target` back into a `fn(A) -> R`. So an address is a name, and no registry of
//! functions is needed; CPython pickles the function's import path for the same end.
#![allow(unsafe_code)]

use crate::base::panic::into_message;
use crate::futures::error::JobError;
use crate::futures::wire::{Wire, decode, encode, encode_onto};
use crate::process::message::descriptor::take_refusal;
use crate::process::message::frame::{FrameKind, open, seal, seal_value};
use serde::Serialize;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

/// Raised when calls or frames change their shape.
const PROTOCOL: u32 = 1;

/// Two addresses before the argument.
const ADDRESSES: usize = 16;

/// Runs `target` on `args` and makes a reply frame for job `id`; says of which kind it is.
type CallEntry = fn(target: usize, args: &[u8], id: u64, reply: &mut Vec<u8>) -> FrameKind;

/// A function whose address stands for the whole program: its code is our code.
fn anchor() {}

fn address_of_anchor() -> usize {
    (anchor as fn() as *const ()).expose_provenance()
}

/// The executable mappings of the file that the anchor is in.
static TEXT: OnceLock<Vec<Range<usize>>> = OnceLock::new();

/// Records where the program's own code lies. Done before the fork server is forked, so that
/// all processes agree, and code loaded later is refused.
pub fn record_text() {
    TEXT.get_or_init(|| text_in(&std::fs::read_to_string("/proc/self/maps").unwrap_or_default()));
}

/// Reads lines like `55d0c5a2f000-55d0c5a8b000 r-xp 0000f000 fe:01 1234  /usr/bin/program`.
fn text_in(maps: &str) -> Vec<Range<usize>> {
    let executable = maps.lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let (range, rights) = (fields.next()?, fields.next()?);
        let (start, end) = range.split_once('-')?;
        let hex = |digits| usize::from_str_radix(digits, 16).ok();
        let file = fields.nth(3)?;
        rights.contains('x').then_some((hex(start)?..hex(end)?, file))
    });
    let executable: Vec<_> = executable.collect();
    let ours = executable.iter().find(|(range, _)| range.contains(&address_of_anchor()));
    let Some((_, ours)) = ours else { return Vec::new() };
    executable.iter().filter(|(_, file)| file == ours).map(|(range, _)| range.clone()).collect()
}

fn is_our_code(address: usize) -> bool {
    record_text();
    TEXT.get().is_some_and(|text| text.iter().any(|range| range.contains(&address)))
}

/// The body of a worker's hello: which protocol it speaks, and where its code lies.
pub fn greeting() -> Vec<u8> {
    encode(&(PROTOCOL, address_of_anchor())).expect("two numbers can be encoded")
}

/// Is this the greeting of a process that is the same program as this one?
///
/// # Errors
/// What is wrong with it.
pub fn check_greeting(body: &[u8]) -> Result<(), String> {
    match decode::<(u32, usize)>(body) {
        Ok(theirs) if theirs == (PROTOCOL, address_of_anchor()) => Ok(()),
        Ok((protocol, _)) if protocol != PROTOCOL => {
            Err(format!("it speaks protocol {protocol}, this program speaks {PROTOCOL}"))
        }
        Ok(_) => Err("it is another program, or was loaded elsewhere".to_owned()),
        Err(error) => Err(format!("its greeting is garbage: {error}")),
    }
}

/// A function of the program that a worker can call by its address.
pub(crate) trait RemoteFunction: Copy {
    /// Its arguments, as one value.
    type Args: Wire;
    /// Its result.
    type Value: Wire;

    /// Its address, to be sent.
    fn address(self) -> usize;

    /// The function at an address.
    ///
    /// # Safety
    /// The address must have come from `address` of a function of this very type.
    unsafe fn at(address: usize) -> Self;

    /// Calls it.
    fn apply(self, args: Self::Args) -> Self::Value;
}

impl<A: Wire, R: Wire> RemoteFunction for fn(A) -> R {
    type Args = A;
    type Value = R;

    fn address(self) -> usize {
        (self as *const ()).expose_provenance()
    }

    unsafe fn at(address: usize) -> Self {
        // SAFETY: the caller has the address from a function of this type.
        unsafe { std::mem::transmute(std::ptr::with_exposed_provenance::<()>(address)) }
    }

    fn apply(self, args: A) -> R {
        self(args)
    }
}

/// Python's `starmap`: two arguments that come as a pair.
impl<A: Wire, B: Wire, R: Wire> RemoteFunction for fn(A, B) -> R {
    type Args = (A, B);
    type Value = R;

    fn address(self) -> usize {
        (self as *const ()).expose_provenance()
    }

    unsafe fn at(address: usize) -> Self {
        // SAFETY: the caller has the address from a function of this type.
        unsafe { std::mem::transmute(std::ptr::with_exposed_provenance::<()>(address)) }
    }

    fn apply(self, (a, b): (A, B)) -> R {
        self(a, b)
    }
}

/// The frame of a call of `f` with `args`, as job `id`.
///
/// # Errors
/// [`JobError::Codec`] if the argument will not be encoded, is too long for a frame, or `f` is
/// not the program's own code.
pub fn encode_call<A: Wire, R: Wire>(
    f: fn(A) -> R,
    args: &A,
    id: u64,
) -> Result<Vec<u8>, JobError> {
    encode_entry(entry::<fn(A) -> R>, f.address(), args, id)
}

/// What a chunk's reply holds: the values, and which items panicked, saying what.
pub(crate) type ChunkReply<R> = (Vec<R>, Vec<(u32, String)>);

/// The frame of a call of `f` with each of `items`, as one job: `map`'s chunk. The reply's
/// value is a [`Harvest`].
///
/// # Errors
/// As [`encode_call`].
pub(crate) fn encode_chunk<F: RemoteFunction>(
    f: F,
    items: &[F::Args],
    id: u64,
) -> Result<Vec<u8>, JobError> {
    encode_entry(chunk_entry::<F>, f.address(), items, id)
}

fn encode_entry(
    entry: CallEntry,
    target: usize,
    args: &(impl Serialize + ?Sized),
    id: u64,
) -> Result<Vec<u8>, JobError> {
    let entry = (entry as *const ()).expose_provenance();
    if !is_our_code(target) || !is_our_code(entry) {
        return Err(JobError::Codec(
            "the function is not in the program's own code but in a library loaded at run time; \
             wrap it in a function of the program"
                .to_owned(),
        ));
    }
    // Numbers take about as much room in a frame as in memory, at most.
    let mut frame = Vec::with_capacity(64 + size_of_val(args));
    open(&mut frame, FrameKind::Call, id);
    frame.extend_from_slice(&(entry as u64).to_le_bytes());
    frame.extend_from_slice(&(target as u64).to_le_bytes());
    let mut frame = encode_onto(args, frame).map_err(|error| match take_refusal() {
        Some(why) => JobError::Codec(format!("the argument: {why}")),
        None => error,
    })?;
    seal(&mut frame).map_err(|e| JobError::Codec(format!("the argument: {e}")))?;
    Ok(frame)
}

/// Runs the call in `body` and writes the frame of its reply into `reply`; gives its kind.
///
/// # Errors
/// [`JobError::Protocol`] if that is no call. Nothing was run then.
pub fn run_call(body: &[u8], id: u64, reply: &mut Vec<u8>) -> Result<FrameKind, JobError> {
    let Some((addresses, args)) = body.split_at_checked(ADDRESSES) else {
        return Err(JobError::Protocol("a call without addresses".to_owned()));
    };
    let address = |i: usize| {
        let bytes = addresses[8 * i..8 * (i + 1)].try_into().expect("eight bytes");
        u64::from_le_bytes(bytes) as usize
    };
    let (entry, target) = (address(0), address(1));
    if !is_our_code(entry) || !is_our_code(target) {
        return Err(JobError::Protocol("a call to an address outside our code".to_owned()));
    }
    let entry = std::ptr::with_exposed_provenance::<()>(entry);
    // SAFETY: frames of kind `Call` reach a worker only through its request pipe. The fork server
    // made that pipe, close-on-exec, and gave its write end only to the process it was forked
    // from, which writes there only what `encode_call` made (the pool's greeting check has
    // seen that both have the same anchor, so the same image at the same place). So `entry` is
    // the address of an `entry::<F>` or a `chunk_entry::<F>`, which have the type `Entry`.
    let entry: CallEntry = unsafe { std::mem::transmute(entry) };
    Ok(entry(target, args, id, reply))
}

/// Decode, call, encode: what a worker does with a job, for one type of function.
fn entry<F: RemoteFunction>(target: usize, args: &[u8], id: u64, reply: &mut Vec<u8>) -> FrameKind {
    // SAFETY: only `encode_call` puts the address of `entry::<F>` into a frame, and it pairs it with
    // the address of an `F`.
    let f = unsafe { F::at(target) };
    write_reply(id, reply, || Ok(f.apply(decode(args)?)))
}

/// The same for many arguments. A panic is the result of its item alone.
fn chunk_entry<F: RemoteFunction>(
    target: usize,
    args: &[u8],
    id: u64,
    reply: &mut Vec<u8>,
) -> FrameKind {
    // SAFETY: as in `entry`; only `encode_chunk` puts this address into a frame.
    let f = unsafe { F::at(target) };
    write_reply(id, reply, || {
        let items: Vec<F::Args> = decode(args)?;
        let mut results: ChunkReply<F::Value> = (Vec::with_capacity(items.len()), Vec::new());
        for (item, index) in items.into_iter().zip(0..) {
            match catch_unwind(AssertUnwindSafe(|| f.apply(item))) {
                Ok(value) => results.0.push(value),
                Err(payload) => results.1.push((index, into_message(payload))),
            }
        }
        Ok(results)
    })
}

/// Writes the frame of `job`'s reply, whatever happens in it; gives its kind.
fn write_reply<R: Serialize>(
    id: u64,
    reply: &mut Vec<u8>,
    job: impl FnOnce() -> Result<R, JobError>,
) -> FrameKind {
    let job = || {
        let value = job()?;
        open(reply, FrameKind::Value, id);
        *reply = seal_value(std::mem::take(reply), &value, "the result: ")?;
        Ok(())
    };
    // Unwind safety: what the job leaves broken stays in this process, where only later jobs of
    // this worker can see it; in a thread pool it is the same.
    let (kind, why) = match catch_unwind(AssertUnwindSafe(job)) {
        Ok(Ok(())) => return FrameKind::Value,
        Ok(Err(JobError::Codec(why))) => (FrameKind::Refused, why),
        Ok(Err(other)) => (FrameKind::Refused, other.to_string()),
        Err(payload) => (FrameKind::Panicked, into_message(payload)),
    };
    open(reply, kind, id);
    let room = why.floor_char_boundary(1 << 20);
    reply.extend_from_slice(&why.as_bytes()[..room]);
    seal(reply).expect("a message of one mebibyte fits into a frame");
    kind
}

/// What is in a reply frame: the bytes of the value, or why there is none.
///
/// # Errors
/// The job's own failure, or [`JobError::Protocol`] if this is no reply.
pub fn read_reply(kind: FrameKind, body: &[u8]) -> Result<&[u8], JobError> {
    let text = || String::from_utf8_lossy(body).into_owned();
    match kind {
        FrameKind::Value => Ok(body),
        FrameKind::Panicked => Err(JobError::Panicked(text())),
        FrameKind::Refused => Err(JobError::Codec(text())),
        other => Err(JobError::Protocol(format!("a frame of kind {other:?} is no reply"))),
    }
}

/// The value of a reply's bytes. Decoding runs the user's `Deserialize`, which may panic.
pub(crate) fn decoded<R: Wire>(bytes: &[u8]) -> Result<R, JobError> {
    catch_unwind(AssertUnwindSafe(|| decode(bytes))).unwrap_or_else(|payload| {
        let message = into_message(payload);
        Err(JobError::Codec(format!("the result: decoding it panicked: {message}")))
    })
}

//! A call as bytes: the addresses of two functions, and an argument.
//!
//! *Assumes*: both ends are the same program image at the same addresses, as a forked child
//! is that did not `exec`; calls come from a pipe that only our own process writes to.
//! *Promises*: an address outside the program's own code is refused on both ends; whatever
//! the job does short of ending the process becomes one reply frame; only the results of many
//! items, where they are too long for one, come in parts before it.
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
use crate::futures::wire::{Wire, decode, encode, encode_onto, encode_within};
use crate::process::message::descriptor::take_refusal;
use crate::process::message::frame::{FrameKind, HEADER, MAX_FRAME, open, seal, seal_value};
use serde::Serialize;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

/// Raised when calls or frames change their shape.
const PROTOCOL: u32 = 3;

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
/// all processes agree, and code loaded later is refused. That it could not be read is not recorded:
/// for want of a descriptor, say, it may be refused now and not the next time.
pub fn record_text() {
    if TEXT.get().is_none()
        && let Ok(maps) = std::fs::read_to_string("/proc/self/maps")
        && let text = text_in(&maps)
        && !text.is_empty()
    {
        let _ = TEXT.set(text); // another thread that was faster has read the same
    }
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
    let frame = open_call(entry::<fn(A) -> R>, f.address(), id, size_of_val(args))?;
    seal_call(encode_onto(args, frame))
}

/// What a chunk's reply holds: the values, and which items have none.
pub(crate) type ChunkReply<R> = (Vec<R>, Vec<ItemFailure>);

/// The number of an item without a value; whether its result was refused (if not, it panicked);
/// and the message.
pub(crate) type ItemFailure = (u32, bool, String);

/// The frame of a call of `f` with each of `items`, as one job: `map`'s chunk. The reply's
/// value is a [`ChunkReply`], as is that of every part before it. `None`: there are several, and
/// together they are too long for a frame.
///
/// # Errors
/// As [`encode_call`].
pub(crate) fn encode_chunk<F: RemoteFunction>(
    f: F,
    items: &[F::Args],
    id: u64,
) -> Result<Option<Vec<u8>>, JobError> {
    let frame = open_call(chunk_entry::<F>, f.address(), id, size_of_val(items))?;
    let frame = match items {
        [_] => encode_onto(items, frame),
        _ => match encode_within(items, frame, HEADER + MAX_FRAME) {
            Ok(None) => return Ok(None),
            Ok(Some(frame)) => Ok(frame),
            Err(error) => Err(error),
        },
    };
    seal_call(frame).map(Some)
}

/// Begins the frame of a call, up to its arguments, which have about `size` bytes in memory.
fn open_call(entry: CallEntry, target: usize, id: u64, size: usize) -> Result<Vec<u8>, JobError> {
    let entry = (entry as *const ()).expose_provenance();
    if !is_our_code(target) || !is_our_code(entry) {
        let why = match TEXT.get().is_none() {
            true => {
                "/proc/self/maps cannot be read, and with it not told which functions are the \
                 program's own; mount /proc"
            }
            false => {
                "the function is not in the program's own code but in a library loaded at run \
                 time; wrap it in a function of the program"
            }
        };
        return Err(JobError::Codec(why.to_owned()));
    }
    // Numbers take about as much room in a frame as in memory, at most.
    let mut frame = Vec::with_capacity(64 + size);
    open(&mut frame, FrameKind::Call, id);
    frame.extend_from_slice(&(entry as u64).to_le_bytes());
    frame.extend_from_slice(&(target as u64).to_le_bytes());
    Ok(frame)
}

/// Completes the frame of a call, now that the arguments are in it.
fn seal_call(encoded: Result<Vec<u8>, JobError>) -> Result<Vec<u8>, JobError> {
    let mut frame = encoded.map_err(|error| match take_refusal() {
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
    write_reply(id, reply, |reply| {
        let value = f.apply(decode(args)?);
        open(reply, FrameKind::Value, id);
        *reply = seal_value(std::mem::take(reply), &value, "the result: ")?;
        Ok(())
    })
}

/// The same for many arguments. A panic is the result of its item alone, and so is a result that is
/// too long for a frame.
fn chunk_entry<F: RemoteFunction>(
    target: usize,
    args: &[u8],
    id: u64,
    reply: &mut Vec<u8>,
) -> FrameKind {
    // SAFETY: as in `entry`; only `encode_chunk` puts this address into a frame.
    let f = unsafe { F::at(target) };
    write_reply(id, reply, |reply| {
        let items: Vec<F::Args> = decode(args)?;
        let (mut values, mut failures) = (Vec::with_capacity(items.len()), Vec::new());
        for (item, index) in items.into_iter().zip(0..) {
            match catch_unwind(AssertUnwindSafe(|| f.apply(item))) {
                Ok(value) => values.push(value),
                Err(payload) => failures.push((index, false, shortened(into_message(payload)))),
            }
        }
        let results = ItemResults { values: &values, failures: &failures, first: 0 };
        let buffer = std::mem::take(reply);
        if let Some(whole) = results.frame(FrameKind::Value, id, buffer)? {
            *reply = whole;
            return Ok(());
        }
        results.append_parts(id, reply)?;
        let none = ItemResults::<F::Value> { values: &[], failures: &[], first: 0 };
        reply.extend(none.frame(FrameKind::Value, id, Vec::new())?.expect("nothing is short"));
        Ok(())
    })
}

/// The results of some items of a chunk that lie one after the other, from item `first` on.
struct ItemResults<'a, R> {
    values: &'a [R],
    /// In order, each with its item's number in the chunk.
    failures: &'a [ItemFailure],
    first: u32,
}

impl<R: Serialize> ItemResults<'_, R> {
    /// One frame with all of them, in `buffer`; `None` if that would be too long. The failures in it
    /// are numbered from its own first item.
    fn frame(
        &self,
        kind: FrameKind,
        id: u64,
        mut buffer: Vec<u8>,
    ) -> Result<Option<Vec<u8>>, JobError> {
        let number =
            |(item, refused, why): &ItemFailure| (item - self.first, *refused, why.clone());
        let failures: Vec<ItemFailure> = self.failures.iter().map(number).collect();
        open(&mut buffer, kind, id);
        let Some(mut frame) = encode_within(&(self.values, failures), buffer, HEADER + MAX_FRAME)?
        else {
            return Ok(None);
        };
        seal(&mut frame).expect("it was encoded within a frame's limit");
        Ok(Some(frame))
    }

    /// Appends as many frames as they need, each of half the items of one that would be too long.
    fn append_parts(&self, id: u64, reply: &mut Vec<u8>) -> Result<(), JobError> {
        if let Some(part) = self.frame(FrameKind::Part, id, Vec::new())? {
            reply.extend(part);
            return Ok(());
        }
        let items = self.values.len() + self.failures.len();
        if items == 1 {
            // A message is short: it is a value.
            let mut alone = Vec::new();
            open(&mut alone, FrameKind::Part, id);
            let refused = seal_value(alone, &self.values, "the result: ").err();
            let why = refused.map_or_else(String::new, |error| match error {
                JobError::Codec(why) => why,
                other => other.to_string(),
            });
            let failures = &[(self.first, true, shortened(why))];
            return ItemResults::<R> { values: &[], failures, first: self.first }
                .append_parts(id, reply);
        }
        let middle = self.first + (items / 2) as u32;
        let (early, late) = self.failures.split_at(self.failures.partition_point(|f| f.0 < middle));
        let (front, back) = self.values.split_at(items / 2 - early.len());
        ItemResults { values: front, failures: early, first: self.first }
            .append_parts(id, reply)?;
        ItemResults { values: back, failures: late, first: middle }.append_parts(id, reply)
    }
}

/// A message, of a mebibyte at most.
fn shortened(mut message: String) -> String {
    message.truncate(message.floor_char_boundary(1 << 20));
    message
}

/// Writes the reply of a job: what `job` writes, or why it could not; gives its kind.
fn write_reply(
    id: u64,
    reply: &mut Vec<u8>,
    job: impl FnOnce(&mut Vec<u8>) -> Result<(), JobError>,
) -> FrameKind {
    let job = || job(reply);
    // Unwind safety: what the job leaves broken stays in this process, where only later jobs of
    // this worker can see it; in a thread pool it is the same.
    let (kind, why) = match catch_unwind(AssertUnwindSafe(job)) {
        Ok(Ok(())) => return FrameKind::Value,
        Ok(Err(JobError::Codec(why))) => (FrameKind::Refused, why),
        Ok(Err(other)) => (FrameKind::Refused, other.to_string()),
        Err(payload) => (FrameKind::Panicked, into_message(payload)),
    };
    open(reply, kind, id);
    reply.extend_from_slice(shortened(why).as_bytes());
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

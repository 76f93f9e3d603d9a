//! The worker process: read a call, run it, write the reply.
//!
//! *Assumes*: it is alone in a process forked for it, with one pipe in and one out.
//! *Promises*: sends a hello first; runs calls one at a time in the order in which they come; a reply
//! is written before the next job begins, so the first job without a reply is the one that ran
//! when the process died. If it was told where, it claims each job before it begins; one that was
//! taken back it skips, without a reply.
//! *Leaves out*: which job comes when (`process/pool/dispatcher.rs`), and the other ends of its pipes
//! (`process/pool/worker_pipes.rs`).
//!
//! ```text
//!  requests ──▶ read ──▶ claim ──▶ run_call ──▶ write ──▶ replies
//!     │ end of stream                              │ the read end is closed
//!     ▼                                            ▼
//!  exit 0 (101 if the last                      exit 0
//!          call panicked)
//! ```

use crate::process::message::call::{greeting, run_call};
use crate::process::message::claim::{ClaimWords, OwnClaims};
use crate::process::message::frame::{Decoder, FrameKind, MAX_FRAME, frame};
use crate::sys::fd::{CAPACITY, PipeReader, PipeWriter, set_capacity};
use crate::sys::process::PANICKED;
use std::io::Write as _;

/// The exit code of a worker that was sent something it cannot understand (`EX_PROTOCOL`).
pub const NOT_UNDERSTOOD: i32 = 76;

/// What a pipe is made to hold, in both directions, when something large comes to pass through
/// it. With the usual 64 KiB, a mebibyte takes sixteen rounds of two processes waking each
/// other.
pub(crate) const ROOMY: usize = 1 << 20;

/// The id in the frames of the initializer, which is no job, and is not claimed.
pub const INITIALIZER: u64 = u64::MAX;

/// Serves until the request pipe ends; gives the exit code.
pub(crate) fn serve(requests: &PipeReader, replies: &PipeWriter, words: &ClaimWords) -> i32 {
    let code = serve_frames(requests, replies, words);
    // The process leaves by `_exit`: what jobs have printed without a newline goes out now.
    let _ = std::io::stdout().flush();
    code
}

/// Has malloc keep what a job frees for the next. glibc gives the free end of the heap back as
/// soon as it is 128 KiB long, and each page of it faults when it comes again; but from the first
/// freed block of its own mapping on, the limit is twice that block's size (mallopt(3),
/// `M_MMAP_THRESHOLD`). This one is never touched, so it is no memory at all.
fn keep_freed_memory() {
    const KEPT: usize = 8 << 20;
    drop(std::hint::black_box(Vec::<u8>::with_capacity(KEPT / 2)));
}

fn serve_frames(requests: &PipeReader, replies: &PipeWriter, words: &ClaimWords) -> i32 {
    keep_freed_memory();
    let hello = frame(FrameKind::Hello, 0, &greeting()).expect("a greeting is short");
    if replies.write_all(&hello).is_err() {
        return 0;
    }
    let (mut decoder, mut reply) = (Decoder::new(), Vec::new());
    let (mut last, mut roomy) = (FrameKind::Hello, false);
    let mut claims: Option<OwnClaims<'_>> = None;
    loop {
        match requests.read(decoder.room()) {
            Ok(0) if last == FrameKind::Panicked => return PANICKED,
            Ok(0) | Err(_) => return 0,
            Ok(count) => decoder.filled(count),
        }
        loop {
            last = match decoder.next_frame() {
                Ok(None) => break,
                Ok(Some(told)) if told.kind == FrameKind::Claims => {
                    claims = OwnClaims::new(words, told.id, told.body);
                    match claims {
                        Some(_) => continue,
                        None => return NOT_UNDERSTOOD,
                    }
                }
                Ok(Some(call)) if call.kind == FrameKind::Call => {
                    let mut claims = claims.as_mut().filter(|_| call.id != INITIALIZER);
                    if claims.as_mut().is_some_and(|claims| !claims.claim_next()) {
                        continue;
                    }
                    let Ok(kind) = run_call(call.body, call.id, &mut reply) else {
                        return NOT_UNDERSTOOD;
                    };
                    claims.into_iter().for_each(|claims| claims.note_end());
                    kind
                }
                Ok(Some(_)) | Err(_) => return NOT_UNDERSTOOD,
            };
            if !roomy && reply.len() > CAPACITY {
                roomy = true;
                // If the system says no, it takes more steps.
                let _ = set_capacity(replies, ROOMY);
            }
            if replies.write_all(&reply).is_err() {
                return 0;
            }
            // The results of a large chunk, in parts, are too much to keep room for.
            reply.clear();
            reply.shrink_to(MAX_FRAME);
        }
    }
}

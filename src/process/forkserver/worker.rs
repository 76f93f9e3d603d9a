//! The worker process: read a call, run it, write the reply.
//!
//! *Assumes*: it is alone in a process forked for it, with one pipe in and one out.
//! *Promises*: sends a hello first; runs calls one at a time in the order in which they come; a reply
//! is written before the next job begins, so the first job without a reply is the one that ran
//! when the process died; a long one mostly into memory beside the pipe (`process/message/segment.rs`). If it was told where, it claims each job before it begins; one that was
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
use crate::process::message::frame::{Decoder, Frame, FrameKind, MAX_FRAME, frame};
use crate::process::message::segment::{Segment, SegmentReader, SegmentWriter};
use crate::sys::fd::{CAPACITY, PipeReader, PipeWriter, set_capacity};
use crate::sys::process::PANICKED;
use std::io::{self, Write as _};

/// The exit code of a worker that was sent something it cannot understand (`EX_PROTOCOL`).
pub const NOT_UNDERSTOOD: i32 = 76;

/// What a pipe is made to hold, in both directions, when something large comes to pass through
/// it. With the usual 64 KiB, a mebibyte takes sixteen rounds of two processes waking each
/// other. (Where twice as much was allowed it took longer, not shorter.)
pub(crate) const ROOMY: usize = 1 << 20;

/// The id in the frames of the initializer, which is no job, and is not claimed.
pub const INITIALIZER: u64 = u64::MAX;

/// Serves until the request pipe ends; gives the exit code.
pub(crate) fn serve(
    requests: &PipeReader,
    replies: &PipeWriter,
    words: &ClaimWords,
    segment: Option<Segment>,
) -> i32 {
    let code = serve_frames(requests, replies, words, segment);
    // The process leaves by `_exit`: what jobs have printed without a newline goes out now.
    let _ = std::io::stdout().flush();
    code
}

fn serve_frames(
    requests: &PipeReader,
    replies: &PipeWriter,
    words: &ClaimWords,
    segment: Option<Segment>,
) -> i32 {
    let hello = frame(FrameKind::Hello, 0, &greeting()).expect("a greeting is short");
    if replies.write_all(&hello).is_err() {
        return 0;
    }
    let mut decoder = Decoder::that_fetches();
    let mut worker = Serving {
        replies,
        words,
        claims: None,
        segment,
        halves: None,
        reply: Vec::new(),
        last: FrameKind::Hello,
        roomy: false,
    };
    loop {
        match requests.read(decoder.room()) {
            Ok(0) if worker.last == FrameKind::Panicked => return PANICKED,
            Ok(0) | Err(_) => return 0,
            Ok(count) => decoder.filled(count),
        }
        if let Err(code) = worker.handle_all(&mut decoder) {
            return code;
        }
    }
}

/// What a worker has while it serves.
struct Serving<'a> {
    replies: &'a PipeWriter,
    words: &'a ClaimWords,
    /// Its own words, once it was told.
    claims: Option<OwnClaims<'a>>,
    /// The memory beside its pipes, until it is told that the pool has it, too.
    segment: Option<Segment>,
    /// From then on: where it lays long answers, and fetches long calls.
    halves: Option<(SegmentWriter, SegmentReader)>,
    reply: Vec<u8>,
    /// What its last answer was.
    last: FrameKind,
    /// The reply pipe was made larger.
    roomy: bool,
}

impl Serving<'_> {
    /// Does what all the frames say that have come. The error is the code to exit with.
    fn handle_all(&mut self, decoder: &mut Decoder) -> Result<(), i32> {
        loop {
            while let Some(told) = decoder.next_frame().map_err(|_| NOT_UNDERSTOOD)? {
                self.handle(told)?;
            }
            let fetch = self.halves.as_mut().map(|(_, calls)| calls.fetch(decoder));
            if !fetch.unwrap_or(Ok(false)).map_err(|_| NOT_UNDERSTOOD)? {
                return Ok(());
            }
        }
    }

    /// Does what one frame says.
    fn handle(&mut self, told: Frame<'_>) -> Result<(), i32> {
        match told.kind {
            FrameKind::Claims => {
                let claims = OwnClaims::new(self.words, told.id, told.body);
                self.claims = Some(claims.ok_or(NOT_UNDERSTOOD)?);
                Ok(())
            }
            FrameKind::Segment => {
                let segment = self.segment.take().ok_or(NOT_UNDERSTOOD)?;
                self.halves = Some(segment.for_worker());
                Ok(())
            }
            FrameKind::Call => {
                let mut claims = self.claims.as_mut().filter(|_| told.id != INITIALIZER);
                if claims.as_mut().is_some_and(|claims| !claims.claim_next()) {
                    return Ok(());
                }
                let ran = run_call(told.body, told.id, &mut self.reply);
                self.last = ran.map_err(|_| NOT_UNDERSTOOD)?;
                claims.into_iter().for_each(|claims| claims.note_end());
                self.write_reply().map_err(|_| 0)
            }
            _ => Err(NOT_UNDERSTOOD),
        }
    }

    fn write_reply(&mut self) -> io::Result<()> {
        let answers = self.halves.as_mut().map(|(answers, _)| answers);
        if let Some(stub) = answers.and_then(|answers| answers.lay(&self.reply)) {
            return self.replies.write_all(&stub);
        }
        if !self.roomy && self.reply.len() > CAPACITY {
            self.roomy = true;
            // If the system says no, it takes more steps.
            let _ = set_capacity(self.replies, ROOMY);
        }
        self.replies.write_all(&self.reply)?;
        // The results of a large chunk, in parts, are too much to keep room for.
        self.reply.clear();
        self.reply.shrink_to(MAX_FRAME);
        Ok(())
    }
}

//! What a worker says, taken into the pool's books. Pure.
//!
//! *Assumes*: the bytes are those of one worker's reply pipe, in order.
//! *Promises*: whatever the bytes are, no panic, no job resolved by anything but its own
//! answer, and no more memory than one frame's limit; a worker that says what it may not is
//! reported to the dispatcher, which has it killed.
//! *Leaves out*: reading (`process/shared.rs`), whose turn that is (`process/listening.rs`), and
//! what is in an answer (`process/call.rs`).
//!
//! ```text
//!   hello ──▶ (initializer's reply) ──▶ reply, reply, reply …
//!     anything else, at any time ──▶ misbehaved
//! ```

use crate::base::slab::Key;
use crate::process::call::{check_greeting, read_reply};
use crate::process::dispatcher::Dispatcher;
use crate::process::frame::{Decoder, Kind};
use crate::process::roster::Job;
use std::ops::Range;

/// The number of the initializer, which is no job.
pub const INITIALIZER: u64 = u64::MAX;

/// What a worker may say next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Hello,
    Prepared,
    Answer,
}

/// How far one worker's replies have been taken in: half a frame, perhaps, and what went wrong.
#[derive(Debug)]
pub struct Hearing {
    decoder: Decoder,
    turn: Turn,
    /// It has an initializer to run.
    prepares: bool,
    /// Why its initializer failed.
    failure: Option<String>,
}

/// A job that was answered, and where its answer lies.
pub type Answered<B> = (Job<B>, Kind, Range<usize>);

impl Hearing {
    /// Of a worker that has not spoken yet.
    pub fn new(prepares: bool) -> Hearing {
        Hearing { decoder: Decoder::new(), turn: Turn::Hello, prepares, failure: None }
    }

    /// Room for the next bytes; see [`Decoder::room`].
    pub fn room(&mut self) -> &mut [u8] {
        self.decoder.room()
    }

    /// So many bytes came into the room.
    pub fn filled(&mut self, count: usize) {
        self.decoder.filled(count);
    }

    /// The bytes of an answer; good until there is room for more.
    pub fn body(&self, place: Range<usize>) -> &[u8] {
        self.decoder.body(place)
    }

    /// Why the initializer failed, if it did.
    pub fn failure(&self) -> Option<&String> {
        self.failure.as_ref()
    }

    /// Takes all that was said into the books of `pool`, as said by worker `key`; gives the
    /// jobs that were answered.
    pub fn take_in<B>(&mut self, key: Key, pool: &mut Dispatcher<B>, now: u64) -> Vec<Answered<B>> {
        let mut answered = Vec::new();
        loop {
            match self.decoder.next_place() {
                Ok(Some((kind, id, place))) if self.is_answer(kind) => {
                    if let Some(job) = pool.answered(key, id, now) {
                        answered.push((job, kind, place));
                    }
                }
                Ok(Some((kind, id, place))) => {
                    if let Err(why) = self.come_to_life(key, pool, (kind, id, place)) {
                        pool.misbehaved(key, why);
                    }
                }
                Ok(None) => return answered,
                Err(error) => {
                    pool.misbehaved(key, error.to_string());
                    return answered;
                }
            }
        }
    }

    fn is_answer(&self, kind: Kind) -> bool {
        self.turn == Turn::Answer && matches!(kind, Kind::Value | Kind::Panicked | Kind::Refused)
    }

    /// What comes before the first answer.
    fn come_to_life<B>(
        &mut self,
        key: Key,
        pool: &mut Dispatcher<B>,
        (kind, id, place): (Kind, u64, Range<usize>),
    ) -> Result<(), String> {
        let body = self.decoder.body(place);
        match (self.turn, kind) {
            (Turn::Hello, Kind::Hello) => {
                check_greeting(body)?;
                pool.hello(key);
                self.turn = Turn::Prepared;
            }
            (Turn::Prepared, _) if self.prepares && id == INITIALIZER => {
                if let Err(error) = read_reply(kind, body) {
                    let why = format!("the initializer of a worker failed: {error}");
                    pool.give_up();
                    return Err(self.failure.insert(why).clone());
                }
                self.prepares = false;
            }
            _ => return Err(format!("it sent a frame of kind {kind:?} out of turn")),
        }
        if !self.prepares {
            pool.ready(key);
            self.turn = Turn::Answer;
        }
        Ok(())
    }
}

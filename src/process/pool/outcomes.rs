//! Outcomes: jobs that came out at the same moment, settled one by one by whoever is free.
//!
//! *Promises*: each job is settled once, and they begin in the order in which they came out; a thread
//! that is held up by one of them holds up no other, for another thread goes on with the next; the
//! bytes of the answers live as long as any of them is being decoded.
//! *Leaves out*: which thread settles (`process/pool/crew.rs`).
//!
//! ```text
//!   one read:   answer 7 │ answer 8 │ answer 9 │ late 3       shared by all threads that settle
//!                  ▲          ▲          ▲
//!               thread 1   thread 2    the next that asks
//! ```
//! Mostly one thread settles them all, for the price of a lock each that nobody else wants.

use crate::base::sync::Mutex;
use crate::futures::error::JobError;
use crate::process::message::call::read_reply;
use crate::process::pool::job::WorkItem;
use crate::process::pool::replies::{Reply, ReplyReader};
use crate::process::pool::roles::Work;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::vec;

/// A job that came out without an answer.
pub(crate) struct FailedJob {
    /// The job.
    pub(crate) item: WorkItem,
    /// Why there is no answer.
    pub(crate) error: JobError,
}

impl FailedJob {
    /// Resolves its promise. Runs user code: hold no lock.
    pub(crate) fn resolve(self) {
        self.item.settle(&[], Err(self.error));
    }
}

/// The bodies of the parts that came before some answers, by the job.
type Parts = BTreeMap<u64, Vec<Vec<u8>>>;

/// Jobs that came out at the same moment.
pub(crate) struct Outcomes {
    left: Mutex<Left>,
    /// What the answers look into.
    bytes: Arc<Vec<u8>>,
    parts: Parts,
}

/// Those that are still to be settled.
struct Left {
    replies: vec::IntoIter<Reply<WorkItem>>,
    failed: vec::IntoIter<FailedJob>,
}

impl Outcomes {
    /// What a reader has just found, and what failed at that moment.
    pub(crate) fn of_read(
        replies: Vec<Reply<WorkItem>>,
        failed: Vec<FailedJob>,
        reader: &mut ReplyReader,
    ) -> Outcomes {
        let in_parts = reader.has_parts() || replies.iter().any(|r| matches!(r, Reply::Part(_)));
        let (replies, parts) =
            if in_parts { take_parts(replies, reader) } else { (replies, Parts::new()) };
        let left = Left { replies: replies.into_iter(), failed: failed.into_iter() };
        Outcomes { left: Mutex::new(left), bytes: reader.bytes(), parts }
    }

    /// Only jobs without an answer.
    pub(crate) fn failed(failed: Vec<FailedJob>) -> Outcomes {
        let left = Left { replies: Vec::new().into_iter(), failed: failed.into_iter() };
        Outcomes { left: Mutex::new(left), bytes: Arc::default(), parts: Parts::new() }
    }

    /// How many are still to be settled.
    pub(crate) fn len(&self) -> usize {
        let left = self.left.lock();
        left.replies.len() + left.failed.len()
    }

    /// Takes out the answer to this job, if it is one of them: it alone.
    pub(crate) fn take_answer(&mut self, id: u64) -> Option<Outcomes> {
        let mut left = self.left.lock();
        let is_it =
            |reply: &mut Reply<WorkItem>| matches!(reply, Reply::Answer(job, ..) if job.id == id);
        let mut replies: Vec<_> = std::mem::take(&mut left.replies).collect();
        let own: Vec<_> = replies.extract_if(.., is_it).collect();
        left.replies = replies.into_iter();
        if own.is_empty() {
            return None;
        }
        let parts = self.parts.remove(&id).map(|parts| (id, parts)).into_iter().collect();
        let left = Left { replies: own.into_iter(), failed: Vec::new().into_iter() };
        Some(Outcomes { left: Mutex::new(left), bytes: Arc::clone(&self.bytes), parts })
    }

    /// Settles one after the other until none is left. Runs user code: hold no lock, and no worker's
    /// reader.
    pub(crate) fn settle(&self) {
        loop {
            let mut left = self.left.lock();
            if let Some(reply) = left.replies.next() {
                drop(left);
                let Reply::Answer(job, kind, place) = reply else { continue };
                let parts = self.parts.get(&job.id).map_or(&[][..], Vec::as_slice);
                job.body.settle(parts, read_reply(kind, &self.bytes[place]));
            } else if let Some(failed) = left.failed.next() {
                drop(left);
                failed.resolve();
            } else {
                return;
            }
        }
    }
}

impl Work for Outcomes {
    fn is_taken(&self) -> bool {
        self.len() == 0
    }
}

/// The parts go to the answers that they belong to, or stay with the reader until that comes.
fn take_parts(
    replies: Vec<Reply<WorkItem>>,
    reader: &mut ReplyReader,
) -> (Vec<Reply<WorkItem>>, Parts) {
    let (mut answers, mut parts) = (Vec::new(), Parts::new());
    for reply in replies {
        match reply {
            Reply::Part(place) => reader.keep_part(place),
            Reply::Answer(ref job, ..) => {
                if reader.has_parts() {
                    parts.insert(job.id, reader.take_parts());
                }
                answers.push(reply);
            }
        }
    }
    (answers, parts)
}

//! What a pool's callers and its supervisor share: the desk, and how a worker is heard.
//!
//! *Assumes*: who holds a worker's `Hearing` is the only one to read its pipe.
//! *Promises*: a caller who waits for one result reads it himself, where he can: no other
//! thread is woken for it.
//! *Leaves out*: who may listen when (`process/desk.rs`).
//!
//! ```text
//!   submit, then wait          call
//!   caller ─▶ worker           caller ─▶ worker
//!      ▲         │                ▲         │
//!      └ supervisor ◀             └─────────┘
//! ```
//! A wake-up costs more than all the rest of a small job; this saves one of three.

use crate::base::error::JobError;
use crate::base::slab::Key;
use crate::base::sync::Mutex;
use crate::base::sys::process::{send_signal, wait_for_exit};
use crate::concurrent::future::Future;
use crate::concurrent::home::{Home, Household, Sleeper, working_for};
use crate::process::call::read_reply;
use crate::process::desk::{Desk, Lent, Settled};
use crate::process::hearing::Hearing;
use mio::Waker;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

/// What every handle of a pool and its supervisor have: the desk, and how to wake the supervisor.
pub(crate) struct Shared {
    pub(crate) desk: Mutex<Desk>,
    pub(crate) waker: Waker,
}

/// The thread that listens to a worker must not wait for the pool: it would be waiting for
/// itself. Callbacks of futures run on it, and may try.
impl Household for Shared {
    fn fall_asleep(&self) -> Result<(), JobError> {
        Err(JobError::WouldDeadlock(
            "the thread on which this callback runs is the pool's own, and what the job needs; \
             wait on another thread, or in a task"
                .to_owned(),
        ))
    }
}

impl Sleeper for Shared {
    fn wake_up(&self) {
        unreachable!("nobody falls asleep here");
    }
}

impl Shared {
    /// Reads what a worker has said, until there is nothing more. False: it will never say
    /// anything again.
    pub(crate) fn hear(&self, lent: &mut Lent) -> bool {
        let Lent { key, ends, hearing } = lent;
        loop {
            let room = hearing.room();
            let asked = room.len();
            let count = match ends.replies.read(room) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(_) => break,
            };
            hearing.filled(count);
            self.take_in(*key, hearing);
            // Less than asked for: the pipe was empty then, and more will raise a new edge.
            if count < asked {
                return true;
            }
        }
        // The end of the stream. A process that is exiting closes its files when its exit code
        // is decided, so this kill changes nothing for it; one that lives on without its pipe
        // is of no use.
        let _ = send_signal(ends.pidfd.as_fd(), libc::SIGKILL);
        false
    }

    fn take_in(&self, key: Key, hearing: &mut Hearing) {
        let mut desk = self.desk.lock();
        let now = desk.now();
        let answered = hearing.take_in(key, &mut desk.dispatcher, now);
        if let Some(why) = hearing.failure() {
            desk.last_failure.clone_from(why);
        }
        let settled = desk.turn();
        drop(desk);
        for (job, kind, place) in answered {
            job.body.settle(read_reply(kind, hearing.body(place)));
        }
        settled.into_iter().for_each(Settled::settle);
    }

    /// Listens to a worker until `future`, its only job, is done or the worker is no more;
    /// then leaves it to whoever is next.
    pub(crate) fn listen_for<R>(self: &Arc<Self>, future: &Future<R>, mut lent: Lent) {
        // Jobs sent ahead to the same worker are settled here as well, callbacks and all.
        working_for(Arc::clone(self) as Home, || {
            let mut alive = true;
            while alive && !future.done() {
                let ends = &lent.ends;
                let news = wait_for_exit(&[ends.replies.as_fd(), ends.pidfd.as_fd()], None);
                alive = news.is_ok_and(|ready| !ready.contains(&1));
                alive &= self.hear(&mut lent);
            }
        });
        let wake = self.desk.lock().give_reader_back(lent);
        if wake {
            // An eventfd's counter does not overflow by ones, so this cannot fail.
            let _ = self.waker.wake();
        }
    }
}

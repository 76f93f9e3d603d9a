//! Taking back: a job that was sent ahead and has not begun is the pool's again. Pure.
//!
//! *Assumes*: [`Claims`] tells the truth; a worker begins its jobs in the order in which they were sent.
//! *Promises*: a job is taken back only if its worker can never begin it; those that were taken back
//! stand at the front of the queue, in the order in which they were sent. While a worker is idle, no
//! job waits behind another for longer than [`AHEAD_NS`](crate::process::pool::worker::AHEAD_NS).
//! *Leaves out*: the words in memory that decide (`process/message/claim.rs`).
//!
//! ```text
//!                  sent to one worker
//!   queue        ┌─────────┬─────────┬─────────┬╌╌╌╌╌╌╌╌╌┐
//!   ┌─────┐      │ claimed │ sent    │ sent    │ on its  │
//!   │     │ ◀────│ (runs)  │         │         │ way     │
//!   └─────┘      └─────────┴─────────┴─────────┴╌╌╌╌╌╌╌╌╌┘
//!                          └───── can be taken back ─────┘
//! ```
//! When is that done? When the worker turns out not to be quick while another has nothing to do; when
//! the pool is shut down with `cancel`; when the job's future is cancelled; and when the worker is dead,
//! of which so exactly that is known which it had begun.

use crate::base::id::Key;
use crate::process::pool::dispatcher::{Action, Dispatcher};
use crate::process::pool::job::PoolJob;
use crate::process::pool::worker::Worker;

/// Who has a job that was delivered to a worker, as that worker's `nth`: the worker, which has begun it,
/// or still the pool?
pub trait Claims {
    /// Takes it back; false if it has begun, or if that cannot be known.
    fn take_back(&mut self, worker: Key, nth: u64) -> bool;
    /// Whether it has begun.
    fn is_claimed(&mut self, worker: Key, nth: u64) -> bool;
}

impl<B> Dispatcher<B> {
    /// A worker has nothing by which it could claim its jobs: it is sent one at a time.
    pub fn has_no_claims(&mut self, key: Key) {
        if let Some(worker) = self.workers.get_mut(key) {
            worker.claims = false;
        }
    }

    /// How many jobs were ever delivered to a worker: the next will be its so-many-th, from 0 on.
    pub fn ever_delivered(&self, key: Key) -> u64 {
        self.workers.get(key).map_or(0, Worker::ever_delivered)
    }

    /// The jobs that a worker holds.
    pub fn held(&self, key: Key) -> impl Iterator<Item = &PoolJob<B>> {
        self.workers.get(key).into_iter().flat_map(Worker::held)
    }

    /// The jobs that were delivered to a worker, each with its place among all that ever were.
    pub fn delivered_to(&self, key: Key) -> impl Iterator<Item = (&PoolJob<B>, u64)> {
        self.workers.get(key).into_iter().flat_map(Worker::delivered)
    }

    /// Takes back all that a worker has not begun. The jobs that it keeps have begun.
    pub fn take_back(&mut self, key: Key, claims: &mut impl Claims) {
        self.take_back_if(key, |_| true, claims);
    }

    /// A worker is dead, and all its replies were reported before; it is still to be reaped, which may
    /// take long. Jobs that it had not begun go back to the front of the queue. Not needed before
    /// [`died`](Self::died).
    pub fn ended(&mut self, key: Key) {
        let Some(worker) = self.workers.get_mut(key) else { return };
        let rest = worker.end();
        self.requeue(rest.into_iter());
    }

    /// Has jobs taken back that wait behind another while a worker is idle; true if there are some. If
    /// there is a queue as well, they are older than what is in it.
    pub(super) fn ask_back(&mut self, now: u64) -> bool {
        let Some(key) = self.workers.next_to_ask(now) else { return false };
        self.workers.get_mut(key).expect("just found").asked_back = true;
        self.actions.push_back(Action::TakeBack(key));
        true
    }

    /// Takes back those jobs of any worker that are meant, for a cancellation. True: none of them has
    /// begun, and all are in the queue now, or were never sent. With `all_or_none`, nothing is taken
    /// back if one of them is seen to have begun.
    pub fn withdraw(
        &mut self,
        is_meant: impl Fn(&PoolJob<B>) -> bool,
        all_or_none: bool,
        claims: &mut impl Claims,
    ) -> bool {
        if all_or_none && self.has_begun(&is_meant, claims) {
            return false;
        }
        let mut none_begun = true;
        for key in self.workers.keys() {
            none_begun &= self.take_back_if(key, &is_meant, claims);
        }
        none_begun
    }

    /// Whether a worker has begun one of the jobs that are meant, and has not answered it.
    pub fn has_begun(
        &self,
        is_meant: impl Fn(&PoolJob<B>) -> bool,
        claims: &mut impl Claims,
    ) -> bool {
        self.workers.keys().into_iter().any(|key| {
            let worker = self.workers.get(key);
            let delivered = worker.into_iter().flat_map(|worker| worker.delivered());
            delivered.filter(|(job, _)| is_meant(job)).any(|(_, nth)| claims.is_claimed(key, nth))
        })
    }

    /// False: one of them has begun.
    fn take_back_if(
        &mut self,
        key: Key,
        is_meant: impl Fn(&PoolJob<B>) -> bool,
        claims: &mut impl Claims,
    ) -> bool {
        let Some(worker) = self.workers.get_mut(key) else { return true };
        let (taken, none_begun) = worker.take_back_if(is_meant, |nth| claims.take_back(key, nth));
        self.requeue(taken.into_iter());
        none_begun
    }
}

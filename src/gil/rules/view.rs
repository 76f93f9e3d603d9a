//! What can be seen of the lock: its state, as the machine knows it. Pure.
//!
//! *Promises*: to look changes nothing.
//! *Leaves out*: the rules, by which that state changes (`gil/rules/machine.rs`).
//!
//! ```text
//!   who      holder · last_holder · undisturbed      of one thread   is_waiting · is_woken
//!   how many switch_number · waiting                                 is_handing_over
//!   whether  drop_requested
//! ```

use crate::gil::rules::decision::ThreadId;
use crate::gil::rules::machine::{Machine, ThreadStatus};
use crate::gil::rules::policy::SwitchPolicy;

/// What can be seen from outside.
impl Machine {
    /// The rules it follows.
    pub fn policy(&self) -> SwitchPolicy {
        self.policy
    }

    /// The thread that holds the lock.
    pub fn holder(&self) -> Option<ThreadId> {
        self.holder
    }

    /// The thread that holds or last held the lock, if it has not died.
    pub fn last_holder(&self) -> Option<ThreadId> {
        self.last_holder
    }

    /// How often the lock went from one thread to another; the first taking counts, too.
    pub fn switch_number(&self) -> u64 {
        self.switch_number
    }

    /// A waiter has asked the present holder to drop the lock.
    pub fn drop_requested(&self) -> bool {
        self.waiters.requests() > 0
    }

    /// How many threads wait for the lock.
    pub fn waiting(&self) -> usize {
        self.waiters.count()
    }

    /// This thread waits for the lock.
    pub fn is_waiting(&self, id: ThreadId) -> bool {
        self.status(id) == ThreadStatus::Waiting
    }

    /// This waiter has been woken, or has the lock, and is on its way.
    pub fn is_woken(&self, id: ThreadId) -> bool {
        self.waiters.get(id).is_some_and(|waiter| waiter.woken)
    }

    /// This thread was made to drop the lock, and no other has taken it yet.
    pub fn is_handing_over(&self, id: ThreadId) -> bool {
        self.status(id) == ThreadStatus::HandingOver
    }

    /// The last holder, if no other thread could tell that it takes and drops the lock: none waits,
    /// and nothing here would change. The real lock then lets it do so by one atomic operation each.
    pub fn undisturbed(&self) -> Option<ThreadId> {
        let last = self.last_holder?;
        let calm = self.waiting() == 0
            && self.handing_over.is_none()
            && (self.classes.is_io(last) || !self.policy.hand_off().prefers_io());
        calm.then_some(last)
    }
}

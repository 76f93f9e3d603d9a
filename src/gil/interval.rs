//! How long a thread may run before others can have a turn, changed while the lock is in use.
//!
//! *Assumes*: nothing.
//! *Promises*: what makes no sense, or not for this lock, is refused and changes nothing.
//! *Leaves out*: what the numbers do (`gil/machine.rs`, `gil/ticker.rs`).

use crate::base::sync::atomic::Ordering::Relaxed;
use crate::gil::lock::{GlobalLock, Shared};
use crate::gil::policy::{Check, PolicyError};
use std::time::Duration;

impl GlobalLock {
    /// Changes how long a waiter waits before it asks the holder to go. A sleep that has begun
    /// ends when it would have.
    ///
    /// # Errors
    /// [`PolicyError::Interval`] if it is zero or huge, [`PolicyError::NoInterval`] if this
    /// lock counts ticks.
    #[doc(alias = "sys.setswitchinterval")]
    pub fn set_switch_interval(&self, interval: Duration) -> Result<(), PolicyError> {
        let policy = self.shared.policy.with_check(Check::OnRequest { interval })?;
        self.switch_interval().ok_or(PolicyError::NoInterval)?;
        self.look(|machine| machine.set_policy(policy));
        Ok(())
    }

    /// How long a waiter waits before it asks; `None` if this lock counts ticks.
    #[doc(alias = "sys.getswitchinterval")]
    pub fn switch_interval(&self) -> Option<Duration> {
        match self.policy().check() {
            Check::OnRequest { interval } => Some(interval),
            Check::EveryTicks(_) => None,
        }
    }
}

impl Shared {
    /// How many ticks a check sets the ticker to.
    #[inline]
    pub(crate) fn period(&self) -> u32 {
        self.period.load(Relaxed)
    }

    /// A check every so many ticks from now on; only for a lock that counts, by its holder.
    pub(crate) fn set_period(&self, ticks: u32) -> Result<(), PolicyError> {
        if self.period() == 0 {
            return Err(PolicyError::NoTicks);
        }
        let policy = self.policy.with_check(Check::EveryTicks(ticks))?;
        if let Ok(mut desk) = self.desk() {
            desk.machine.set_policy(policy);
            self.leave(desk, None);
        }
        self.period.store(ticks, Relaxed);
        Ok(())
    }
}

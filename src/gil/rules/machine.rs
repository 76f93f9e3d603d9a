//! Which thread holds the lock, which is next, which sleep: all rules. Pure.
//!
//! *Assumes*: its caller reports what happens, in order, and does what is decided.
//! *Promises*: at most one holder; whenever the lock is free and threads wait, one of them is
//! awake; where waiters ask, one of them times its wait, and at most [`TIMEKEEPERS`] do; no thread
//! waits for one that has left.
//! *Leaves out*: threads, clocks, sleeping. Time is a number of nanoseconds. The real lock
//! (`gil/lock/take_gil.rs`) really sleeps; the simulator drives the same machine in virtual time.
//! What others may ask the machine about its state: `gil/rules/view.rs`.
//!
//! ```text
//!               wants: it is free
//!        ┌───────────────────────────────────────────┐
//!        │   wants: taken         woken, timed out:  │
//!        │                        it is free         ▼
//!      Away ───────────▶ Waiting ───────────────▶ Holding
//!        ▲  ◀───────────   │ ▲                      │  │
//!        │    gives up     └─┘ it is not: wait on,  │  │
//!        │                     perhaps ask          │  │
//!        ├──────────────────────────────────────────┘  │ drops, having been asked,
//!        │            drops                            ▼ under a forced hand-off
//!        └──────────────────────────────────────── HandingOver
//!              another thread took the lock: Away,
//!              or Waiting if it wants the lock back
//! ```
//! The rules are those of CPython's `take_gil` and `drop_gil` (`Python/ceval_gil.c`). Three things
//! differ. There the condition variable chooses which sleeper a release wakes; here the machine does
//! (the longest sleeper), so that a schedule can be replayed. There each waiter times its own sleep;
//! here a few of a crowd do so for all. And there a thread that was made to yield is woken when
//! another has the lock, only to find it taken and to sleep again, on a second condition variable;
//! here it sleeps on, and has become a waiter: one sleep for the switch and for the lock, and the
//! new holder has nobody to wake.
//!
//! [`TIMEKEEPERS`]: crate::gil::rules::wait_queue::TIMEKEEPERS

use crate::gil::rules::decision::{
    Decision, DropReason, Nanos, Next, NotHolder, Refusal, Release, SleepReason, ThreadId, nanos,
};
use crate::gil::rules::policy::{Check, SwitchPolicy};
use crate::gil::rules::wait_queue::{Classes, WaitQueue, Waiter};

/// What a thread is doing. It is derived from the machine's variables, so it cannot contradict
/// them: "at most one holder" needs no proof beyond `Machine::holder` being one variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ThreadStatus {
    Gone,
    Away,
    Waiting,
    Holding,
    HandingOver,
}

/// Whether the lock is for all threads, for its finaliser, or for none any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Shutdown {
    No,
    By(ThreadId),
    ByTheDead,
}

/// The lock without its threads.
///
/// ```
/// use singletrack::gil::rules::machine::Machine;
/// use singletrack::gil::SwitchPolicy;
/// use singletrack::gil::{Release, DropReason, Next, Decision, SleepReason};
///
/// let mut machine = Machine::new(SwitchPolicy::PYTHON_3_2);
/// let (a, b) = (machine.joins(), machine.joins());
/// let run = |switched| Decision { next: Next::Run { switched }, wake: None };
/// let sleep = |until, why| Decision { next: Next::Sleep { until: Some(until), why }, wake: None };
///
/// assert_eq!(machine.wants(a, 0), run(true));
/// assert_eq!(machine.wants(b, 7), sleep(5_000_007, SleepReason::Busy));
/// assert_eq!(machine.timed_out(b, 5_000_007), sleep(10_000_007, SleepReason::Asked));
/// assert!(machine.drop_requested());
///
/// // Forced: `a` may not have the lock again before `b` has had it, and need not be woken then.
/// let release = machine.drops(a, DropReason::Request, 5_000_100).unwrap();
/// assert_eq!(release, Release { wake: Some(b), await_switch: false });
/// assert_eq!(machine.wants(a, 5_000_100), sleep(10_000_100, SleepReason::Switch));
/// assert_eq!(machine.woken(b, 5_000_200), run(true));
/// assert_eq!(machine.switch_number(), 2);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Machine {
    pub(super) policy: SwitchPolicy,
    pub(super) classes: Classes,
    pub(super) holder: Option<ThreadId>,
    pub(super) last_holder: Option<ThreadId>,
    /// Counts changes of holder.
    pub(super) switch_number: u64,
    tenure_began: Nanos,
    pub(super) waiters: WaitQueue,
    /// The last holder, if it was made to drop the lock, until the switch has come.
    pub(super) handing_over: Option<(ThreadId, DropReason)>,
    shutdown: Shutdown,
}

impl Machine {
    /// A free lock that no thread has joined.
    pub fn new(policy: SwitchPolicy) -> Self {
        Machine {
            policy,
            classes: Classes::default(),
            holder: None,
            last_holder: None,
            switch_number: 0,
            tenure_began: 0,
            waiters: WaitQueue::default(),
            handing_over: None,
            shutdown: Shutdown::No,
        }
    }

    /// A thread that will use the lock.
    pub fn joins(&mut self) -> ThreadId {
        self.classes.add()
    }

    /// A thread that will not use the lock any more. If it held the lock, it drops it; if it
    /// waited, its request is withdrawn, and a wake-up meant for it goes to the next.
    #[must_use = "the sleeper must be woken"]
    pub fn dies(&mut self, me: ThreadId) -> Option<ThreadId> {
        let wake = match self.status(me) {
            ThreadStatus::Holding => {
                self.holder = None;
                self.wake_next()
            }
            _ => self.gives_up(me),
        };
        if self.last_holder == Some(me) {
            // The number will be given to a new thread, which must not be taken for this one.
            self.last_holder = None;
        }
        if self.shutdown == Shutdown::By(me) {
            self.shutdown = Shutdown::ByTheDead;
        }
        self.classes.remove(me);
        wake
    }

    /// A thread asks for the lock.
    pub fn wants(&mut self, me: ThreadId, now: Nanos) -> Decision {
        match self.status(me) {
            ThreadStatus::Holding => return Decision::refused(Refusal::Nested),
            ThreadStatus::Waiting => return self.woken(me, now),
            ThreadStatus::HandingOver => return self.awaits_switch(now),
            ThreadStatus::Gone | ThreadStatus::Away => {}
        }
        if self.is_refused(me) {
            return Decision::refused(Refusal::Finalised);
        }
        if self.holder.is_none() {
            return self.takes(me, now);
        }
        self.waiters.enqueue(me, now, self.switch_number);
        if self.goes_before_holder(me) {
            return self.asks(me);
        }
        self.sleep(me, SleepReason::Busy)
    }

    /// A waiter woke up without its time having run out.
    pub fn woken(&mut self, me: ThreadId, now: Nanos) -> Decision {
        match self.status(me) {
            // The lock was given to it while it slept.
            ThreadStatus::Holding => Decision::run(true, None),
            ThreadStatus::Waiting if self.holder.is_none() => self.takes(me, now),
            ThreadStatus::Waiting if self.is_woken(me) => {
                self.waiters.enqueue(me, now, self.switch_number);
                self.sleep(me, SleepReason::Barged)
            }
            ThreadStatus::Waiting => self.sleep(me, SleepReason::Early),
            ThreadStatus::HandingOver => self.awaits_switch(now),
            _ => Decision::refused(Refusal::Finalised),
        }
    }

    /// A waiter's time ran out.
    pub fn timed_out(&mut self, me: ThreadId, now: Nanos) -> Decision {
        let Some(waiter) = self.waiters.get(me) else { return self.woken(me, now) };
        if self.holder.is_none() {
            return self.takes(me, now);
        }
        if self.until(&waiter).is_none_or(|until| now < until) {
            return self.sleep(me, SleepReason::Early);
        }
        let same_holder = waiter.saved == self.switch_number || self.policy.hand_off().grants();
        self.waiters.enqueue(me, now, self.switch_number);
        if same_holder { self.asks(me) } else { self.sleep(me, SleepReason::NewHolder) }
    }

    /// A sleeper to be woken, to time its sleep for all others. To be asked after each event.
    #[must_use = "the sleeper must be woken"]
    pub fn appoints(&mut self) -> Option<ThreadId> {
        if self.policy.check().interval().is_some() { self.waiters.appoint() } else { None }
    }

    /// Every waiter asks at once, as if the interval of each had run out under this holder.
    pub fn all_ask(&mut self) {
        if self.holder.is_some() {
            self.waiters.all().into_iter().for_each(|id| self.waiters.request(id));
        }
    }

    /// A waiter stops waiting. Its request is withdrawn (CPython forgot to, gh-96387), and if a
    /// drop had woken it, the next sleeper is woken instead.
    #[must_use = "the sleeper must be woken"]
    pub fn gives_up(&mut self, me: ThreadId) -> Option<ThreadId> {
        match self.status(me) {
            ThreadStatus::Waiting => {
                let woken = self.waiters.dequeue(me).is_some_and(|waiter| waiter.woken);
                if woken && self.holder.is_none() { self.wake_next() } else { None }
            }
            ThreadStatus::HandingOver => {
                self.handing_over = None;
                None
            }
            ThreadStatus::Gone | ThreadStatus::Away | ThreadStatus::Holding => None,
        }
    }

    /// Forgets all that wait but `me`: this process came with a fork, which copies one thread.
    pub fn keeps_only(&mut self, me: ThreadId) {
        self.waiters.all().into_iter().filter(|id| *id != me).for_each(|id| {
            self.waiters.dequeue(id);
        });
    }

    /// The holder drops the lock.
    ///
    /// # Errors
    /// [`NotHolder`] if `me` does not hold it.
    pub fn drops(
        &mut self,
        me: ThreadId,
        reason: DropReason,
        now: Nanos,
    ) -> Result<Release, NotHolder> {
        if self.holder != Some(me) {
            return Err(NotHolder);
        }
        let asked = self.asked();
        let forced = asked && self.policy.hand_off().forces_switch();
        match reason {
            DropReason::Voluntary => self.classes.blocks(me),
            DropReason::Tick | DropReason::Request if asked => self.classes.was_asked(me),
            DropReason::Tick | DropReason::Request => {}
        }
        self.holder = None;
        self.waiters.forget_requests();
        self.handing_over = forced.then_some((me, reason));
        if self.policy.hand_off().grants() {
            return Ok(Release { wake: self.grants_next(now), await_switch: false });
        }
        Ok(Release { wake: self.waiters.wake_next(), await_switch: forced && !reason.wants_back() })
    }

    /// The holder, at a checkpoint, saw the request to drop the lock. `None` if the thread that
    /// asked has left meanwhile: then the holder keeps the lock.
    ///
    /// # Errors
    /// [`NotHolder`] if `me` does not hold it.
    pub fn yields(&mut self, me: ThreadId, now: Nanos) -> Result<Option<Release>, NotHolder> {
        if self.holder == Some(me) && !self.drop_requested() {
            return Ok(None);
        }
        self.drops(me, DropReason::Request, now).map(Some)
    }

    /// From now on only `me`, which holds the lock, can have it; all that wait are refused. They
    /// are returned, to be woken.
    ///
    /// # Errors
    /// [`NotHolder`] if `me` does not hold it.
    pub fn finalises(&mut self, me: ThreadId) -> Result<Vec<ThreadId>, NotHolder> {
        if self.holder != Some(me) {
            return Err(NotHolder);
        }
        self.shutdown = Shutdown::By(me);
        let refused = self.waiters.all();
        for &id in &refused {
            self.waiters.dequeue(id);
        }
        Ok(refused)
    }

    /// What an [`undisturbed`](Self::undisturbed) thread has done meanwhile: does it hold the
    /// lock now?
    pub fn catches_up(&mut self, held: bool) {
        self.holder = self.last_holder.filter(|_| held);
    }

    /// Changes the rules; meant for another interval. A sleep that has begun ends when it would
    /// have without the change, and goes on if the new interval is not over then.
    pub fn set_policy(&mut self, policy: SwitchPolicy) {
        self.policy = policy;
    }
}

/// The steps that the events are made of.
impl Machine {
    pub(super) fn status(&self, id: ThreadId) -> ThreadStatus {
        if !self.classes.contains(id) {
            ThreadStatus::Gone
        } else if self.holder == Some(id) {
            ThreadStatus::Holding
        } else if self.handing_over.is_some_and(|(dropper, _)| dropper == id) {
            ThreadStatus::HandingOver
        } else if self.waiters.get(id).is_some() {
            ThreadStatus::Waiting
        } else {
            ThreadStatus::Away
        }
    }

    fn is_refused(&self, me: ThreadId) -> bool {
        let open = self.shutdown == Shutdown::No || self.shutdown == Shutdown::By(me);
        self.status(me) == ThreadStatus::Gone || !open
    }

    /// Another thread wants the lock. Where waiters do not ask, waiting counts as asking.
    fn asked(&self) -> bool {
        match self.policy.check() {
            Check::EveryTicks(_) => self.waiting() > 0,
            Check::OnRequest { .. } => self.drop_requested(),
        }
    }

    /// Beazley: an I/O thread need not wait before it asks a CPU thread.
    fn goes_before_holder(&self, me: ThreadId) -> bool {
        self.policy.hand_off().prefers_io()
            && self.policy.check().interval().is_some()
            && self.classes.is_io(me)
            && self.holder.is_some_and(|holder| !self.classes.is_io(holder))
    }

    /// `me` gets the free lock, which is the switch that a dropper may wait for.
    fn takes(&mut self, me: ThreadId, now: Nanos) -> Decision {
        self.waiters.dequeue(me);
        let switched = self.begins_tenure(me, now);
        Decision::run(switched, self.ends_hand_over(now))
    }

    /// A dropper that does not want the lock back is woken, to go on. One that does is a waiter
    /// from now on, as if it had come this moment; it need not be woken to be told.
    fn ends_hand_over(&mut self, now: Nanos) -> Option<ThreadId> {
        let (dropper, reason) = self.handing_over.take()?;
        if !reason.wants_back() {
            return Some(dropper);
        }
        self.waiters.enqueue(dropper, now, self.switch_number);
        None
    }

    /// The dropper sleeps, for the switch and then for the lock. Its interval begins at the switch,
    /// which is not before now: so a sleep of an interval ends no later than it should.
    fn awaits_switch(&self, now: Nanos) -> Decision {
        let interval = self.policy.check().interval().map(nanos);
        let until = interval.map(|interval| now.saturating_add(interval));
        Decision { next: Next::Sleep { until, why: SleepReason::Switch }, wake: None }
    }

    fn begins_tenure(&mut self, me: ThreadId, now: Nanos) -> bool {
        let switched = self.last_holder != Some(me);
        self.switch_number += u64::from(switched);
        (self.holder, self.last_holder) = (Some(me), Some(me));
        self.tenure_began = now;
        self.waiters.new_tenure();
        switched
    }

    fn asks(&mut self, me: ThreadId) -> Decision {
        self.waiters.request(me);
        self.sleep(me, SleepReason::Asked)
    }

    fn sleep(&self, me: ThreadId, why: SleepReason) -> Decision {
        let until = self.waiters.get(me).and_then(|waiter| self.until(&waiter));
        Decision { next: Next::Sleep { until, why }, wake: None }
    }

    /// When a sleep ends by itself. Under a direct hand-off the interval begins with the
    /// holder's tenure, which bounds the wait; CPython's begins with the waiter's sleep.
    fn until(&self, waiter: &Waiter) -> Option<Nanos> {
        let interval = self.policy.check().interval().filter(|_| waiter.keeps_time)?;
        let grants = self.policy.hand_off().grants();
        let from = if grants { waiter.since.max(self.tenure_began) } else { waiter.since };
        Some(from.saturating_add(nanos(interval)))
    }

    /// The lock is free, and the thread that should have taken it has left. Wakes the next
    /// sleeper; if none is left, the dropper that waits for a switch that will not come.
    fn wake_next(&mut self) -> Option<ThreadId> {
        if self.waiting() == 0 {
            let dropper = self.ends_hand_over(self.tenure_began);
            return dropper.or_else(|| self.waiters.wake_next());
        }
        if self.policy.hand_off().grants() {
            self.grants_next(self.tenure_began)
        } else {
            self.waiters.wake_next()
        }
    }

    /// Gives the lock to the next sleeper.
    fn grants_next(&mut self, now: Nanos) -> Option<ThreadId> {
        let prefers_io = self.policy.hand_off().prefers_io();
        let next = self.waiters.first(|id| prefers_io && self.classes.is_io(id))?;
        self.waiters.dequeue(next);
        self.begins_tenure(next, now);
        Some(next)
    }
}

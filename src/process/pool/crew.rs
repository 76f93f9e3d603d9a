//! The pool's threads: one leads; another takes over when that one is held up.
//!
//! *Assumes*: a thread holds no lock when it asks for its next turn; nothing of what the leader does
//! takes long.
//! *Promises*: what may take long (a user's code, a request to the fork server) is never done by the
//! thread that leads, so that somebody leads again about [`PATIENCE`] after any thread was held up; each
//! thread ends when all is over. If no second thread can be started, the first does everything, and
//! nobody is lost, only late. While a thread does what is sure to take long, another leads at once.
//! Whoever waits for the fork server looks meanwhile whether somebody leads, as one does that stands by;
//! so no third is started for that.
//! *Leaves out*: who does what (`process/pool/roles.rs`), what leading is
//! (`process/pool/supervisor.rs`), what is settled (`process/pool/outcomes.rs`).
//!
//! ```text
//!   thread 1   leads ─▶ reads, leaves the lead ─▶ settles ░░░ a slow callback ░░░░░ ─▶ ends
//!   thread 2   stands by ┄┄ looks twice a millisecond ┄┄┄┄┄┄┄┄▶ takes the lead ─▶ leads …
//!   thread 3                                                    started, stands by
//! ```
//! Mostly nothing takes long, and then one thread does it all: it leaves the lead, settles, takes the
//! lead again, for the price of two locks. A thread of its own for the user's code would cost every
//! answer a wake-up. This is *leader and followers* (Schmidt and others, 2000), but a follower is not
//! woken for each event: it only watches whether the leader comes back. (Java's `ForkJoinPool` has
//! *managed blockers*, tokio's `block_in_place` hands the worker's core over; both must be told that
//! something will take long. Nobody can tell it of a callback.)

use crate::base::sync::{Condvar, Mutex};
use crate::process::pool::roles::{Roles, Seen, Turn, Watch, Work};
use std::io;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// So long a thread may be away from the lead before another takes it.
pub(crate) const PATIENCE: Duration = Duration::from_micros(500);

/// The roles, and the threads that have them. `L` is what the leader needs, `S` what is settled, `R` a
/// request.
pub(crate) struct Crew<L, S, R> {
    state: Mutex<CrewState<L, S, R>>,
    changed: Condvar,
}

struct CrewState<L, S, R> {
    roles: Roles<L, S, R>,
    handles: Vec<JoinHandle<()>>,
}

impl<L, S: Work, R> Crew<L, S, R> {
    /// Nobody leads yet.
    pub(crate) fn new() -> Self {
        let state = CrewState { roles: Roles::new(), handles: Vec::new() };
        Crew { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Starts the first thread, which will lead.
    pub(crate) fn begin(
        &self,
        lead: L,
        start: impl FnOnce() -> io::Result<JoinHandle<()>>,
    ) -> io::Result<()> {
        let mut state = self.state.lock();
        let handle = start()?;
        state.roles.begin(lead);
        state.handles.push(handle);
        Ok(())
    }

    /// Starts the second thread, which stands by, before it is needed: what the first does then need not
    /// wait for that.
    pub(crate) fn stand_by(&self, start: impl FnOnce() -> io::Result<JoinHandle<()>>) {
        let mut state = self.state.lock();
        if state.roles.threads() == 1 && state.roles.may_start_second(Instant::now()) {
            state.start_second(start);
        }
    }

    /// More to be settled.
    pub(crate) fn settle_later(&self, more: S) {
        self.state.lock().roles.settle_later(more);
    }

    /// One more request to be made.
    pub(crate) fn request_later(&self, request: R) {
        self.state.lock().roles.request_later(request);
    }

    /// A request was made.
    pub(crate) fn request_done(&self) {
        self.state.lock().roles.request_done();
    }

    /// The leader leaves the lead if there is something else for it to do, and is given that; else it
    /// gets the lead back.
    pub(crate) fn leave(
        &self,
        lead: L,
        start: impl FnOnce() -> io::Result<JoinHandle<()>>,
    ) -> Turn<L, S, R> {
        let mut state = self.state.lock();
        let now = Instant::now();
        if state.roles.wants_second(now) {
            state.start_second(start);
        }
        let turn = state.roles.leave(lead, now);
        let called = state.roles.is_asleep() && !matches!(turn, Turn::Lead(_));
        drop(state);
        if called {
            self.changed.notify_all();
        }
        turn
    }

    /// This thread does not lead, and what it does now is sure to take long.
    pub(crate) fn away_for_long(&self) {
        let called = self.state.lock().roles.away_for_long();
        if called {
            self.changed.notify_all();
        }
    }

    /// A thread that waits for its request looks about, and has one started that leads, if nobody else
    /// will.
    pub(crate) fn look(&self, seen: &mut Seen, start: impl FnOnce() -> io::Result<JoinHandle<()>>) {
        let mut state = self.state.lock();
        if state.roles.look(seen, Instant::now()) {
            state.start_second(start);
        }
    }

    /// What a thread that does not lead does next. `fresh` is one that was started to stand by.
    pub(crate) fn next(&self, fresh: bool) -> Turn<L, S, R> {
        let mut state = self.state.lock();
        if let Some(turn) = state.roles.next(fresh) {
            return turn;
        }
        let (mut seen, mut patience_over) = (Seen::default(), false);
        loop {
            match state.roles.watch(&mut seen, patience_over) {
                Watch::Take(turn) => return turn,
                Watch::Wait => {
                    patience_over = self.changed.wait_for(&mut state, PATIENCE).timed_out();
                }
                Watch::Sleep => {
                    self.changed.wait(&mut state);
                    patience_over = false;
                }
            }
        }
    }

    /// All is over: there is nobody to lead any more. What is to be settled still is.
    pub(crate) fn end(&self) {
        self.state.lock().roles.end();
        self.changed.notify_all();
    }

    /// Waits until all threads have ended.
    pub(crate) fn join(&self) {
        loop {
            let handle = self.state.lock().handles.pop();
            let Some(handle) = handle else { return };
            // An error would be a panic; then every future has given an error already.
            let _ = handle.join();
        }
    }
}

impl<L, S: Work, R> CrewState<L, S, R> {
    /// Starts a thread that stands by.
    fn start_second(&mut self, start: impl FnOnce() -> io::Result<JoinHandle<()>>) {
        match start() {
            Ok(handle) => {
                self.handles.retain(|handle| !handle.is_finished());
                self.handles.push(handle);
                self.roles.started_second();
            }
            Err(_) => self.roles.refused_second(Instant::now()),
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::process::pool::roles::MAX_THREADS;
    use std::collections::VecDeque;
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread;

    /// The oldest first.
    struct Numbers(Mutex<VecDeque<u32>>);

    impl Work for Numbers {
        fn is_taken(&self) -> bool {
            self.0.lock().is_empty()
        }
    }

    impl Numbers {
        fn of(numbers: impl IntoIterator<Item = u32>) -> Numbers {
            Numbers(Mutex::new(numbers.into_iter().collect()))
        }

        fn next(&self) -> Option<u32> {
            self.0.lock().pop_front()
        }
    }

    type TestCrew = Crew<(), Numbers, u32>;
    type Log = Sender<(&'static str, u32)>;

    /// Leads until there is something else to do; settling an even number takes until `hold` ends.
    fn serve(crew: &Arc<TestCrew>, stands_by: bool, log: &Log, hold: &Arc<Mutex<()>>) {
        let start = || {
            let (crew, log, hold) = (Arc::clone(crew), log.clone(), Arc::clone(hold));
            thread::Builder::new().spawn(move || serve(&crew, true, &log, &hold))
        };
        let mut turn = crew.next(stands_by);
        loop {
            turn = match turn {
                Turn::Lead(()) if crew.state.lock().roles.is_over() => crew.next(false),
                Turn::Lead(()) => {
                    thread::yield_now();
                    crew.leave((), start)
                }
                Turn::Settle(numbers) => {
                    while let Some(number) = numbers.next() {
                        log.send(("begun", number)).unwrap();
                        drop((number % 2 == 0).then(|| hold.lock()));
                        log.send(("settled", number)).unwrap();
                    }
                    crew.next(false)
                }
                Turn::Request(number) => {
                    drop((number % 2 == 0).then(|| hold.lock()));
                    log.send(("made", number)).unwrap();
                    crew.request_done();
                    crew.next(false)
                }
                Turn::Over => return,
            }
        }
    }

    fn begin(hold: &Arc<Mutex<()>>) -> (Arc<TestCrew>, Receiver<(&'static str, u32)>) {
        let (log, told) = channel();
        let crew = Arc::new(TestCrew::new());
        let (ours, hold) = (Arc::clone(&crew), Arc::clone(hold));
        let start = move || thread::Builder::new().spawn(move || serve(&ours, false, &log, &hold));
        crew.begin((), start).unwrap();
        (crew, told)
    }

    #[test]
    fn what_comes_after_a_slow_one_is_settled_before_it_ends() {
        let hold = Arc::new(Mutex::new(()));
        let held = hold.lock();
        let (crew, told) = begin(&hold);
        crew.settle_later(Numbers::of([2, 4, 1, 3]));
        crew.request_later(6);
        crew.request_later(7);
        let order: Vec<_> = (0..6).map(|_| told.recv().unwrap()).collect();
        let of = |what, log: &[(&str, u32)]| -> Vec<u32> {
            log.iter().filter(|entry| entry.0 == what).map(|entry| entry.1).collect()
        };
        assert_eq!(of("begun", &order), [2, 4, 1, 3], "in the order in which they came");
        assert!(told.try_recv().is_err(), "two are held up, and no request is made beside another");
        drop(held);
        let rest: Vec<_> = (0..4).map(|_| told.recv().unwrap()).collect();
        assert_eq!((of("made", &rest), of("settled", &rest).len()), (vec![6, 7], 2));
        crew.settle_later(Numbers::of([5]));
        crew.end();
        crew.join();
        assert_eq!(told.iter().collect::<Vec<_>>(), [("begun", 5), ("settled", 5)]);
    }

    #[test]
    fn with_more_slow_ones_than_threads_somebody_still_leads() {
        let hold = Arc::new(Mutex::new(()));
        let held = hold.lock();
        let (crew, told) = begin(&hold);
        let many = 2 * MAX_THREADS as u32;
        crew.settle_later(Numbers::of((0..many).map(|number| 2 * number)));
        for _ in 0..MAX_THREADS - 1 {
            assert_eq!(told.recv().unwrap().0, "begun");
        }
        assert!(told.recv_timeout(20 * PATIENCE).is_err(), "the last thread leads");
        assert_eq!(crew.state.lock().roles.threads(), MAX_THREADS);
        drop(held);
        let settled = told.iter().filter(|entry| entry.0 == "settled").take(many as usize);
        assert_eq!(settled.count(), many as usize);
        crew.end();
        crew.join();
    }

    #[test]
    fn the_end_of_all_wakes_whoever_sleeps_until_the_lead_is_left() {
        let (crew, told) = begin(&Arc::default());
        crew.settle_later(Numbers::of([1]));
        assert_eq!([told.recv(), told.recv()], [Ok(("begun", 1)), Ok(("settled", 1))]);
        while !crew.state.lock().roles.is_asleep() {
            thread::yield_now();
        }
        crew.end();
        // Each thread has the sending side as long as it lives.
        let patience = std::time::Duration::from_secs(20);
        let gone = Err(std::sync::mpsc::RecvTimeoutError::Disconnected);
        assert_eq!(told.recv_timeout(patience), gone, "a thread sleeps for ever");
        crew.join();
    }

    #[test]
    fn whoever_sleeps_is_called_when_the_lead_is_left() {
        let hold = Arc::new(Mutex::new(()));
        let (crew, told) = begin(&hold);
        crew.settle_later(Numbers::of([1]));
        assert_eq!([told.recv(), told.recv()], [Ok(("begun", 1)), Ok(("settled", 1))]);
        while !crew.state.lock().roles.is_asleep() {
            thread::yield_now();
        }
        let held = hold.lock();
        crew.settle_later(Numbers::of([2, 3]));
        assert_eq!([told.recv(), told.recv()], [Ok(("begun", 2)), Ok(("begun", 3))]);
        assert_eq!(told.recv(), Ok(("settled", 3)), "by another");
        drop(held);
        crew.end();
        crew.join();
    }
}

//! The pool's threads: one leads; another takes over when that one is held up.
//!
//! *Assumes*: a thread holds no lock when it asks for its next turn; nothing of what the leader does
//! takes long.
//! *Promises*: what may take long (a user's code, a request to the fork server) is never done by the
//! thread that leads, so that somebody leads again about [`PATIENCE`] after any thread was held up;
//! settlements begin in the order in which they came, each on one thread; requests are made one at
//! a time; no more than [`MAX_THREADS`] threads, and each of them ends when all is over. If no
//! second thread can be started, the first does everything, and nobody is lost, only late. While a
//! thread does what is sure to take long, another leads at once. Whoever waits for the fork server looks
//! meanwhile whether somebody leads, as one does that stands by; so no third is started for that.
//! *Leaves out*: what leading is (`process/pool/supervisor.rs`), what is settled
//! (`process/pool/job.rs`).
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

use crate::base::sync::{Condvar, Mutex, MutexGuard};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// So long a thread may be away from the lead before another takes it.
pub(crate) const PATIENCE: Duration = Duration::from_micros(500);

/// The thread that stands by looks no more when nobody has left the lead in so many looks.
const IDLE_LOOKS: u32 = 16;

/// No more threads than this, however many are held up. The last one leads for good and settles
/// nothing.
pub(crate) const MAX_THREADS: usize = 64;

/// After a thread could not be started, the next try is so much later.
const RETRY: Duration = Duration::from_millis(100);

/// Things to be settled, which threads take from it one by one.
pub(crate) trait Work {
    /// None of them is left to be taken.
    fn is_taken(&self) -> bool;
}

/// What a thread of the crew does next.
pub(crate) enum Turn<L, S, R> {
    /// Lead, with what that takes.
    Lead(L),
    /// Settle these, until none is left; another thread may do the same.
    Settle(Arc<S>),
    /// Make this request of the fork server; then call [`Crew::request_done`].
    Request(R),
    /// End.
    Over,
}

/// What there is to do besides leading, and who does what. `L` is what the leader needs, `S` what
/// is settled, `R` a request.
pub(crate) struct Crew<L, S, R> {
    state: Mutex<CrewState<L, S, R>>,
    changed: Condvar,
}

struct CrewState<L, S, R> {
    /// `None` while a thread leads.
    lead: Option<L>,
    /// How often the lead was left.
    left: u64,
    /// Whoever left it last is away for long: whoever stands by takes it without patience.
    for_long: bool,
    /// A thread watches the leader, or has been started to do that.
    stands_by: bool,
    /// It sleeps until the lead is left.
    asleep: bool,
    over: bool,
    /// The first may be taken already.
    settlements: VecDeque<Arc<S>>,
    requests: VecDeque<R>,
    /// A thread makes a request.
    requesting: bool,
    /// How many there are.
    threads: usize,
    not_started: Option<Instant>,
    handles: Vec<JoinHandle<()>>,
}

impl<L, S: Work, R> Crew<L, S, R> {
    /// Nobody leads yet.
    pub(crate) fn new() -> Self {
        let state = CrewState {
            lead: None,
            left: 0,
            for_long: false,
            stands_by: false,
            asleep: false,
            over: false,
            settlements: VecDeque::new(),
            requests: VecDeque::new(),
            requesting: false,
            threads: 0,
            not_started: None,
            handles: Vec::new(),
        };
        Crew { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Starts the first thread, which will lead.
    pub(crate) fn begin(
        &self,
        lead: L,
        start: impl FnOnce() -> io::Result<JoinHandle<()>>,
    ) -> io::Result<()> {
        let mut state = self.state.lock();
        state.lead = Some(lead);
        let handle = start().inspect_err(|_| state.lead = None)?;
        state.add(handle);
        Ok(())
    }

    /// Starts the second thread, which stands by, before it is needed: what the first does then need not
    /// wait for that.
    pub(crate) fn stand_by(&self, start: impl FnOnce() -> io::Result<JoinHandle<()>>) {
        let mut state = self.state.lock();
        if state.threads == 1 {
            state.start_second(start);
        }
    }

    /// More to be settled.
    pub(crate) fn settle_later(&self, more: S) {
        self.state.lock().settlements.push_back(Arc::new(more));
    }

    /// One more request to be made.
    pub(crate) fn request_later(&self, request: R) {
        self.state.lock().requests.push_back(request);
    }

    /// A request was made.
    pub(crate) fn request_done(&self) {
        self.state.lock().requesting = false;
    }

    /// The leader leaves the lead if there is something else for it to do, and is given that. It gets
    /// the lead back if not, or if nobody could take it: then others are at that work, and will go on
    /// with it.
    pub(crate) fn leave(
        &self,
        lead: L,
        start: impl FnOnce() -> io::Result<JoinHandle<()>>,
    ) -> Turn<L, S, R> {
        let mut state = self.state.lock();
        if !state.has_work() {
            return Turn::Lead(lead);
        }
        // Whoever makes a request looks about while it waits, and has a thread started if it must.
        if !state.requesting || !state.may_start() {
            state.start_second(start);
            if !state.stands_by && state.threads > 1 {
                return Turn::Lead(lead);
            }
        }
        state.lead = Some(lead);
        (state.left, state.for_long) = (state.left + 1, false);
        let turn = state.turn().expect("there is work");
        let asleep = state.asleep;
        drop(state);
        if asleep {
            self.changed.notify_all();
        }
        turn
    }

    /// This thread does not lead, and what it does now is sure to take long.
    pub(crate) fn away_for_long(&self) {
        let mut state = self.state.lock();
        state.for_long = true;
        let called = state.stands_by && state.lead.is_some();
        drop(state);
        if called {
            self.changed.notify_all();
        }
    }

    /// A thread that waits for its request looks about: if whoever left the lead is still away since its
    /// last look, it starts a thread that leads at once. `seen` is what it saw then, at first nothing.
    pub(crate) fn look(
        &self,
        seen: &mut Option<u64>,
        start: impl FnOnce() -> io::Result<JoinHandle<()>>,
    ) {
        let mut state = self.state.lock();
        let left = state.lead.as_ref().map(|_| state.left);
        if left.is_some() && left == *seen && !state.stands_by {
            state.for_long = true;
            state.start_second(start);
        }
        *seen = left;
    }

    /// What a thread that does not lead does next. `fresh` is one that was started to stand by.
    pub(crate) fn next(&self, fresh: bool) -> Turn<L, S, R> {
        let mut state = self.state.lock();
        if !fresh {
            if let Some(turn) = state.turn() {
                return turn;
            }
            if state.stands_by {
                state.threads -= 1;
                return Turn::Over;
            }
            state.stands_by = true;
        }
        let watched = self.watch(&mut state, PATIENCE);
        state.stands_by = false;
        match watched {
            Some(lead) => Turn::Lead(lead),
            None => state.turn().unwrap_or(Turn::Over),
        }
    }

    /// Waits until somebody who left the lead is late to take it again, or away for long: then gives
    /// it. `None` when all is over.
    fn watch(
        &self,
        state: &mut MutexGuard<'_, CrewState<L, S, R>>,
        patience: Duration,
    ) -> Option<L> {
        let mut idle_looks = 0;
        while !state.over {
            if state.for_long && state.lead.is_some() {
                return state.lead.take();
            }
            let left = state.left;
            state.asleep = idle_looks >= IDLE_LOOKS && state.lead.is_none();
            if state.asleep {
                self.changed.wait(state);
            } else if self.changed.wait_for(state, patience).timed_out() && state.left == left {
                if state.lead.is_some() {
                    return state.lead.take();
                }
                idle_looks += 1;
                continue;
            }
            (state.asleep, idle_looks) = (false, 0);
        }
        None
    }

    /// All is over: there is nobody to lead any more. What is to be settled still is.
    pub(crate) fn end(&self) {
        let mut state = self.state.lock();
        (state.over, state.lead) = (true, None);
        state.requests.clear();
        drop(state);
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
    fn add(&mut self, handle: JoinHandle<()>) {
        self.handles.retain(|handle| !handle.is_finished());
        self.handles.push(handle);
        self.threads += 1;
    }

    /// Whether one more thread might be had.
    fn may_start(&self) -> bool {
        let tried = self.not_started.is_none_or(|since| since.elapsed() >= RETRY);
        self.threads < MAX_THREADS && tried
    }

    /// Starts a thread that stands by, unless one does, or none can be had.
    fn start_second(&mut self, start: impl FnOnce() -> io::Result<JoinHandle<()>>) {
        if self.stands_by || !self.may_start() {
            return;
        }
        match start() {
            Ok(handle) => {
                self.add(handle);
                (self.stands_by, self.not_started) = (true, None);
            }
            Err(_) => self.not_started = Some(Instant::now()),
        }
    }

    /// Whether there is something to do besides leading.
    fn has_work(&mut self) -> bool {
        self.next_settlements().is_some() || (!self.requests.is_empty() && !self.requesting)
    }

    /// The oldest that are not all taken.
    fn next_settlements(&mut self) -> Option<&Arc<S>> {
        while self.settlements.pop_front_if(|front| front.is_taken()).is_some() {}
        self.settlements.front()
    }

    /// What can be done at once.
    fn turn(&mut self) -> Option<Turn<L, S, R>> {
        // At first nobody stands by: that is seen to when the lead is left.
        if self.left == 0
            && let Some(lead) = self.lead.take()
        {
            return Some(Turn::Lead(lead));
        }
        if let Some(settlements) = self.next_settlements() {
            return Some(Turn::Settle(Arc::clone(settlements)));
        }
        if !self.requesting
            && let Some(request) = self.requests.pop_front()
        {
            self.requesting = true;
            return Some(Turn::Request(request));
        }
        if self.over {
            return Some(Turn::Over);
        }
        self.lead.take().map(Turn::Lead)
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
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
                Turn::Lead(()) if crew.state.lock().over => crew.next(false),
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
        assert_eq!(crew.state.lock().threads, MAX_THREADS);
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
        while !crew.state.lock().asleep {
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
    fn while_a_thread_is_away_for_long_whoever_stands_by_leads_at_once() {
        let crew = Arc::new(TestCrew::new());
        crew.begin((), start).unwrap();
        assert!(matches!(crew.next(false), Turn::Lead(())));
        crew.request_later(1);
        assert!(matches!(crew.leave((), start), Turn::Request(1)));
        crew.away_for_long();
        let (tell, told) = channel();
        let theirs = Arc::clone(&crew);
        let watch = move || theirs.watch(&mut theirs.state.lock(), Duration::from_secs(3600));
        thread::spawn(move || tell.send(watch()));
        assert_eq!(told.recv_timeout(Duration::from_secs(20)), Ok(Some(())), "nobody leads");
        crew.end();
        crew.join();
    }

    fn start() -> io::Result<JoinHandle<()>> {
        thread::Builder::new().spawn(|| {})
    }

    fn refuse() -> io::Result<JoinHandle<()>> {
        Err(io::Error::from_raw_os_error(libc::EAGAIN))
    }

    fn none() -> io::Result<JoinHandle<()>> {
        panic!("a thread is started for nothing")
    }

    /// The first thread makes a request, the second leads.
    fn while_one_asks() -> TestCrew {
        let crew = TestCrew::new();
        crew.begin((), start).unwrap();
        crew.stand_by(start);
        assert!(matches!(crew.next(false), Turn::Lead(())));
        crew.request_later(1);
        assert!(matches!(crew.leave((), none), Turn::Request(1)), "it relies on the second");
        assert!(matches!(crew.next(true), Turn::Lead(())));
        assert_eq!(crew.state.lock().threads, 2);
        crew
    }

    #[test]
    fn where_no_thread_can_be_started_whoever_leads_goes_on() {
        let crew = while_one_asks();
        crew.settle_later(Numbers::of([2]));
        let Turn::Settle(numbers) = crew.leave((), none) else { panic!("one is to be settled") };
        let mut seen = None;
        (0..2).for_each(|_| crew.look(&mut seen, refuse));
        let refused = crew.state.lock().not_started.expect("a thread was wanted");
        crew.state.lock().not_started = Some(refused + Duration::from_secs(3600)); // tried again much later
        assert_eq!(numbers.next(), Some(2)); // and comes back, so that somebody leads again
        assert!(matches!(crew.next(false), Turn::Lead(())));
        crew.settle_later(Numbers::of([4]));
        assert!(matches!(crew.leave((), none), Turn::Lead(())), "nobody could take the lead");
        crew.end();
        crew.join();
    }

    #[test]
    fn whoever_waits_for_a_request_looks_whether_somebody_leads() {
        let crew = while_one_asks();
        let mut seen = None;
        crew.look(&mut seen, none);
        crew.settle_later(Numbers::of([2]));
        assert!(matches!(crew.leave((), none), Turn::Settle(_)), "it relies on the first");
        crew.look(&mut seen, none); // it may come back
        crew.look(&mut seen, start);
        assert_eq!(crew.state.lock().threads, 3, "it has not");
        crew.look(&mut seen, none);
        assert!(matches!(crew.watch(&mut crew.state.lock(), Duration::MAX), Some(())));
        crew.end();
        crew.join();
    }

    #[test]
    fn without_a_second_thread_the_first_does_everything() {
        let crew = TestCrew::new();
        crew.begin((), start).unwrap();
        crew.stand_by(refuse);
        assert!(matches!(crew.next(false), Turn::Lead(())));
        assert!(matches!(crew.leave((), refuse), Turn::Lead(())), "nothing else is to be done");
        crew.settle_later(Numbers::of([1]));
        crew.request_later(2);
        let Turn::Settle(numbers) = crew.leave((), refuse) else { panic!("one is to be settled") };
        assert_eq!((numbers.next(), numbers.next()), (Some(1), None));
        assert!(matches!(crew.next(false), Turn::Request(2)));
        crew.request_done();
        assert!(matches!(crew.next(false), Turn::Lead(())));
        crew.end();
        assert!(matches!(crew.next(false), Turn::Over));
        crew.join();
    }
}

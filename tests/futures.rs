//! Futures against an enumerated model, and `wait`, `as_completed`, `map` on top of them.

mod common;
#[path = "common/memory.rs"]
#[allow(dead_code)]
mod memory;
use common::{bounded, until};
use proptest::prelude::*;
use singletrack::futures::oneshot::FutureState;
use singletrack::futures::{AsCompleted, ReturnWhen, Unfinished, as_completed, wait};
use singletrack::futures::{
    Executor, Future, JobError, Promise, ThreadPoolExecutor, Wire, promise,
};
use std::cell::{Cell, RefCell};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

#[derive(Default)]
struct CountingWaker(AtomicUsize);

impl Wake for CountingWaker {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

// ---- the state machine, edge by edge ----

/// Shows E1.
#[test]
fn every_step_from_every_state_is_as_drawn() {
    use FutureState::*;
    // (from, start, finish, cancel): each step gives the next state and its result.
    let table = [
        (Pending, (Running, true), (Finished, true), (Cancelled, true)),
        (Running, (Running, true), (Finished, true), (Running, false)),
        (Finished, (Finished, false), (Finished, false), (Finished, false)),
        (Cancelled, (CancelledAndNotified, false), (Cancelled, false), (Cancelled, true)),
        (
            CancelledAndNotified,
            (CancelledAndNotified, false),
            (CancelledAndNotified, false),
            (CancelledAndNotified, true),
        ),
    ];
    for (from, start, finish, cancel) in table {
        let step = |f: fn(&mut FutureState) -> bool| {
            let mut state = from;
            let answer = f(&mut state);
            (state, answer)
        };
        assert_eq!(step(FutureState::start), start, "start from {from:?}");
        assert_eq!(step(FutureState::finish), finish, "finish from {from:?}");
        assert_eq!(step(FutureState::cancel), cancel, "cancel from {from:?}");
    }
}

// ---- the cell against the model ----

#[derive(Debug, Clone)]
enum Op {
    Start,
    SetResult(u8),
    SetError,
    DropPromise,
    Cancel,
    AddCallback { panics: bool },
    Poll,
    WaitZero,
    DropFuture,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => Just(Op::Start),
        2 => any::<u8>().prop_map(Op::SetResult),
        1 => Just(Op::SetError),
        1 => Just(Op::DropPromise),
        3 => Just(Op::Cancel),
        6 => any::<bool>().prop_map(|panics| Op::AddCallback { panics }),
        3 => Just(Op::Poll),
        2 => Just(Op::WaitZero),
        1 => Just(Op::DropFuture),
    ]
}

/// A value that counts its drops.
#[derive(Debug)]
struct Value(u8, Arc<AtomicUsize>);

impl Drop for Value {
    fn drop(&mut self) {
        self.1.fetch_add(1, SeqCst);
    }
}

#[derive(Default)]
struct Model {
    state: FutureState,
    /// What the future would give.
    outcome: Option<Result<u8, JobError>>,
    /// Numbers of the callbacks that should have run, in order.
    called: Vec<usize>,
    waiting: Vec<usize>,
    polled: bool,
    wakes: usize,
}

impl Model {
    fn done(&self) -> bool {
        !matches!(self.state, FutureState::Pending | FutureState::Running)
    }

    /// Becomes done unless it was: the callbacks run now, in the order they were added.
    fn end(&mut self, state: FutureState, outcome: Result<u8, JobError>) {
        if !self.done() {
            self.state = state;
            self.outcome = Some(outcome);
            self.called.append(&mut self.waiting);
            self.wakes += usize::from(self.polled);
        }
    }
}

fn run_against_model(ops: &[Op]) -> Result<(), TestCaseError> {
    let (p, f) = promise::<Value>();
    let (mut p, mut f) = (Some(p), Some(f));
    let mut model = Model::default();
    let called = Arc::new(Mutex::new(Vec::new()));
    let (drops, mut made) = (Arc::new(AtomicUsize::new(0)), 0);
    let counter = Arc::new(CountingWaker::default());
    let waker = Waker::from(Arc::clone(&counter));
    for (number, op) in ops.iter().enumerate() {
        match op {
            Op::Start => {
                if let Some(p) = &p {
                    let expected = match model.state {
                        FutureState::Pending | FutureState::Running => FutureState::Running,
                        FutureState::Cancelled => FutureState::CancelledAndNotified,
                        other => other,
                    };
                    let answer = p.set_running_or_notify_cancel();
                    prop_assert_eq!(answer, expected == FutureState::Running);
                    model.state = expected;
                }
            }
            Op::SetResult(x) => {
                if let Some(p) = p.take() {
                    made += 1;
                    p.set_result(Value(*x, Arc::clone(&drops)));
                    model.end(FutureState::Finished, Ok(*x));
                }
            }
            Op::SetError => {
                if let Some(p) = p.take() {
                    p.set_error(JobError::Panicked("x".into()));
                    model.end(FutureState::Finished, Err(JobError::Panicked("x".into())));
                }
            }
            Op::DropPromise => {
                if p.take().is_some() {
                    model.end(FutureState::Finished, Err(JobError::Abandoned));
                }
            }
            Op::Cancel => {
                if let Some(f) = &f {
                    let expected =
                        !matches!(model.state, FutureState::Running | FutureState::Finished);
                    prop_assert_eq!(f.cancel(), expected);
                    if model.state == FutureState::Pending {
                        model.end(FutureState::Cancelled, Err(JobError::Cancelled));
                    }
                }
            }
            Op::AddCallback { panics } => {
                if let Some(f) = &f {
                    let (called, panics) = (Arc::clone(&called), *panics);
                    f.add_done_callback(move || {
                        called.lock().unwrap().push(number);
                        if panics {
                            // Past the panic hook, so that the test's output stays readable.
                            std::panic::resume_unwind(Box::new("a callback panics"));
                        }
                    });
                    let into = if model.done() { &mut model.called } else { &mut model.waiting };
                    into.push(number);
                }
            }
            Op::Poll => {
                if let Some(future) = &mut f {
                    match Pin::new(future).poll_once(&waker) {
                        Poll::Pending => {
                            prop_assert!(!model.done());
                            model.polled = true;
                        }
                        Poll::Ready(got) => {
                            prop_assert_eq!(Some(got.map(|v| v.0)), model.outcome.clone());
                            f = None;
                        }
                    }
                }
            }
            Op::WaitZero => {
                if let Some(f) = &f {
                    prop_assert_eq!(f.wait(Some(Duration::ZERO)), model.done());
                }
            }
            Op::DropFuture => {
                f = None;
                model.polled = false; // its waker went with it
            }
        }
        if let Some(f) = &f {
            prop_assert_eq!(f.done(), model.done());
            prop_assert_eq!(f.running(), model.state == FutureState::Running);
            let cancelled =
                matches!(model.state, FutureState::Cancelled | FutureState::CancelledAndNotified);
            prop_assert_eq!(f.cancelled(), cancelled);
        }
        prop_assert_eq!(&*called.lock().unwrap(), &model.called, "callbacks after op {}", number);
        prop_assert_eq!(counter.0.load(SeqCst), model.wakes);
    }
    drop(p);
    model.end(FutureState::Finished, Err(JobError::Abandoned));
    if let Some(f) = f {
        prop_assert_eq!(f.exception(), model.outcome.clone().unwrap().err());
        prop_assert_eq!(Some(f.result().map(|v| v.0)), model.outcome);
    }
    prop_assert_eq!(&*called.lock().unwrap(), &model.called);
    prop_assert_eq!(drops.load(SeqCst), made, "every value is dropped exactly once");
    Ok(())
}

trait PollOnce<T> {
    fn poll_once(self, waker: &Waker) -> Poll<Result<T, JobError>>;
}

impl<T> PollOnce<T> for Pin<&mut Future<T>> {
    fn poll_once(self, waker: &Waker) -> Poll<Result<T, JobError>> {
        std::future::Future::poll(self, &mut Context::from_waker(waker))
    }
}

/// How a future ends.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Value,
    Error,
    Cancel,
}

fn ends() -> impl Strategy<Value = Vec<(usize, End)>> {
    // A permutation of 0..n gives the order; a prefix of it ends, the rest stays pending.
    (0usize..8)
        .prop_flat_map(|n| {
            let order = Just((0..n).collect::<Vec<_>>()).prop_shuffle();
            let how = prop::collection::vec(
                prop_oneof![Just(End::Value), Just(End::Error), Just(End::Cancel)],
                n,
            );
            (order, how)
        })
        .prop_map(|(order, how)| order.into_iter().zip(how).collect())
}

/// Makes `n` futures and ends some of them in the given order.
struct Field {
    promises: Vec<Option<Promise<usize>>>,
    futures: Vec<Option<Future<usize>>>,
}

impl Field {
    fn new(n: usize) -> Field {
        let (promises, futures) =
            (0..n).map(|_| promise()).map(|(p, f)| (Some(p), Some(f))).unzip();
        Field { promises, futures }
    }

    fn end(&mut self, index: usize, how: End) {
        match how {
            End::Value => self.promises[index].take().unwrap().set_result(index),
            End::Error => {
                let error = JobError::Panicked(index.to_string());
                self.promises[index].take().unwrap().set_error(error);
            }
            End::Cancel => assert!(self.futures[index].as_ref().unwrap().cancel()),
        }
    }

    fn take_futures(&mut self) -> Vec<Future<usize>> {
        self.futures.iter_mut().map(|f| f.take().unwrap()).collect()
    }
}

fn expected(index: usize, how: End) -> Result<usize, JobError> {
    match how {
        End::Value => Ok(index),
        End::Error => Err(JobError::Panicked(index.to_string())),
        End::Cancel => Err(JobError::Cancelled),
    }
}

proptest! {
    /// Shows E1, E3.
    #[test]
    fn a_future_behaves_as_its_model(ops in prop::collection::vec(op(), 0..30)) {
        run_against_model(&ops)?;
    }

    /// Shows E4.
    #[test]
    fn wait_parts_its_input_and_loses_none(
        ends in ends(),
        ended in 0usize..8,
        when in prop_oneof![
            Just(ReturnWhen::FirstCompleted),
            Just(ReturnWhen::FirstException),
            Just(ReturnWhen::AllCompleted),
        ],
    ) {
        let mut field = Field::new(ends.len());
        let ended = &ends[..ended.min(ends.len())];
        for &(index, how) in ended {
            field.end(index, how);
        }
        let all = field.take_futures();
        let (done, not_done) = wait(all, when, Some(Duration::ZERO));
        prop_assert_eq!(done.len(), ended.len());
        prop_assert_eq!(done.len() + not_done.len(), ends.len());
        prop_assert!(done.iter().all(Future::done));
        prop_assert!(not_done.iter().all(|f| !f.done()));
        let mut in_order = ended.to_vec();
        in_order.sort_by_key(|(index, _)| *index);
        for (future, (index, how)) in done.into_iter().zip(in_order) {
            prop_assert_eq!(future.result(), expected(index, how));
        }
    }

    /// Shows E5.
    #[test]
    fn as_completed_gives_each_future_once_in_the_order_of_their_ends(
        ends in ends(),
        before in 0usize..8,
    ) {
        let before = before.min(ends.len());
        let mut field = Field::new(ends.len());
        let cancels = ends.iter().filter(|(_, how)| *how == End::Cancel);
        // A cancel needs the future itself, so those come first.
        for &(index, how) in cancels {
            field.end(index, how);
        }
        for &(index, how) in ends[..before].iter().filter(|(_, how)| *how != End::Cancel) {
            field.end(index, how);
        }
        let futures = field.take_futures();
        let mut completed = as_completed(futures, Some(Duration::ZERO));
        for &(index, how) in ends[before..].iter().filter(|(_, how)| *how != End::Cancel) {
            field.end(index, how);
        }
        let mut early: Vec<usize> =
            ends.iter().enumerate()
                .filter(|(at, (_, how))| *at < before || *how == End::Cancel)
                .map(|(_, (index, _))| *index).collect();
        early.sort();
        let late = ends[before..].iter().filter(|(_, how)| *how != End::Cancel).map(|(i, _)| *i);
        let order: Vec<usize> = early.into_iter().chain(late).collect();
        for index in order {
            let how = ends.iter().find(|(i, _)| *i == index).unwrap().1;
            let future = completed.next().unwrap().unwrap();
            prop_assert_eq!(future.result(), expected(index, how));
        }
        prop_assert!(completed.next().is_none());
    }
}

// ---- scenarios of CPython's tests ----

#[test]
fn future_states_cancel_pending_but_not_running() {
    let (p, f) = promise::<u8>();
    let (q, g) = promise::<u8>();
    assert!(q.set_running_or_notify_cancel());
    assert!(f.cancel() && f.cancelled() && f.done());
    assert!(!g.cancel() && g.running() && !g.done());
    assert!(!p.set_running_or_notify_cancel());
    q.set_result(7);
    assert_eq!(g.result(), Ok(7));
}

#[test]
fn a_callback_on_a_done_future_runs_at_once_on_this_thread() {
    let f = Future::resolved(Ok(1));
    let (send, receive) = mpsc::channel();
    f.add_done_callback(move || send.send(std::thread::current().id()).unwrap());
    assert_eq!(receive.try_recv(), Ok(std::thread::current().id()));
}

#[test]
fn a_callback_runs_on_the_thread_that_resolves() {
    bounded(|| {
        let (p, f) = promise::<u8>();
        let (send, receive) = mpsc::channel();
        f.add_done_callback(move || send.send(std::thread::current().id()).unwrap());
        let worker = std::thread::spawn(move || p.set_result(1));
        let id = worker.thread().id();
        worker.join().unwrap();
        assert_eq!(receive.recv(), Ok(id));
    });
}

/// A chain of futures, each ended in the callback of the one before: in turn by a result, by a
/// cancel, and by a promise that is only dropped.
#[test]
fn a_chain_of_a_hundred_thousand_callbacks_needs_no_deep_stack() {
    bounded(|| {
        let called = Arc::new(AtomicUsize::new(0));
        let (first, mut last) = promise();
        for i in 0..100_000 {
            let (next, future) = promise();
            let called = Arc::clone(&called);
            last.add_done_callback(move || {
                called.fetch_add(1, SeqCst);
                match i % 3 {
                    0 => next.set_result(i),
                    1 => next.cancel(),
                    _ => drop(next),
                }
            });
            last = future;
        }
        first.set_result(0);
        assert_eq!(called.load(SeqCst), 100_000);
        assert_eq!(last.result(), Ok(99_999));
    });
}

#[test]
fn a_callback_that_adds_itself_to_a_done_future_needs_no_deep_stack() {
    fn again(left: u32, end: mpsc::Sender<()>) {
        match left {
            0 => end.send(()).unwrap(),
            _ => Future::resolved(Ok(())).add_done_callback(move || again(left - 1, end)),
        }
    }
    bounded(|| {
        let (end, ended) = mpsc::channel();
        again(100_000, end);
        assert_eq!(ended.try_recv(), Ok(()));
    });
}

/// A tree of futures: callbacks end futures, whose callbacks end others. At any depth those of one
/// future run in order, and all have run when the first `set_result` returns.
#[test]
fn callbacks_keep_their_order_however_deep_they_are() {
    /// The futures whose callbacks have run: how many of each one's two.
    type Seen = Arc<Mutex<Vec<u32>>>;

    fn end_one(depth: u32, seen: &Seen) {
        let (promise, future) = promise();
        let node = {
            let mut seen = seen.lock().unwrap();
            seen.push(0);
            seen.len() - 1
        };
        for side in 0..2 {
            let seen = Arc::clone(seen);
            future.add_done_callback(move || {
                let before = std::mem::replace(&mut seen.lock().unwrap()[node], side + 1);
                // A panic would go no further, so what is wrong is noted.
                if before != side {
                    seen.lock().unwrap()[node] = u32::MAX;
                }
                if depth > 0 && (side == 0 || depth.is_multiple_of(8)) {
                    end_one(depth - 1, &seen);
                }
            });
        }
        promise.set_result(());
    }
    bounded(|| {
        let seen = Seen::default();
        end_one(70, &seen);
        let seen = seen.lock().unwrap();
        assert!(seen.len() > 1000, "it is a tree");
        assert!(seen.iter().all(|calls| *calls == 2), "both of each, in order");
    });
}

/// Whoever waits in a callback must not wait for one that is queued behind it.
#[test]
fn a_callback_may_wait_for_other_futures_at_any_depth() {
    bounded(|| {
        let (first, mut last) = promise();
        for i in 0..100u32 {
            let (next, future) = promise();
            last.add_done_callback(move || {
                let (other, waited_for) = promise();
                let sender = thread::spawn(move || other.set_result(i));
                let (mut done, _) = wait([waited_for], ReturnWhen::FirstCompleted, None);
                assert_eq!(as_completed(done.drain(..), None).count(), 1);
                sender.join().unwrap();
                next.set_result(i);
            });
            last = future;
        }
        first.set_result(0);
        assert_eq!(last.result(), Ok(99));
    });
}

/// A callback may wait for what the thread that waits for the future does next: that thread is told first.
#[test]
fn a_callback_that_waits_keeps_no_waiting_thread_from_the_future() {
    type Wait = fn(Future<u8>) -> Result<u8, JobError>;
    fn first(when: ReturnWhen, future: Future<u8>) -> Result<u8, JobError> {
        wait([future], when, None).0.remove(0).result()
    }
    let waits: [Wait; 5] = [
        |future| as_completed([future], None).next().unwrap().unwrap().result(),
        |future| first(ReturnWhen::FirstCompleted, future),
        |future| first(ReturnWhen::FirstException, future),
        |future| first(ReturnWhen::AllCompleted, future),
        Future::result,
    ];
    for wait_for in waits {
        bounded(move || {
            let (promise, future) = promise();
            let (open, gate) = mpsc::channel::<()>();
            future.add_done_callback(move || gate.recv().unwrap());
            let resolver = thread::spawn(move || {
                thread::sleep(Duration::from_millis(20)); // the waiting thread is asleep by then
                promise.set_result(1);
            });
            assert_eq!(wait_for(future), Ok(1));
            open.send(()).unwrap();
            resolver.join().unwrap();
        });
    }
}

/// The same for the promise's owner, which drops what it works at.
#[test]
fn a_callback_that_waits_keeps_no_promises_owner_from_the_cancel() {
    bounded(|| {
        let (promise, future) = promise::<u8>();
        let (open, gate) = mpsc::channel::<()>();
        future.add_done_callback(move || gate.recv().unwrap());
        let counter = Arc::new(CountingWaker::default());
        promise.wake_when_done(Waker::from(Arc::clone(&counter)));
        let canceller = thread::spawn(move || future.cancel());
        until(|| counter.0.load(SeqCst) == 1);
        open.send(()).unwrap();
        assert!(canceller.join().unwrap());
    });
}

#[test]
fn what_panics_when_dropped_harms_neither_future_nor_thread() {
    struct Bomb(Arc<AtomicUsize>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
            std::panic::resume_unwind(Box::new("a bomb"));
        }
    }
    let count = Arc::new(AtomicUsize::new(0));
    let bomb = || Bomb(Arc::clone(&count));
    let (late, cancelled) = promise();
    assert!(cancelled.cancel());
    late.set_result(bomb());
    assert_eq!(count.load(SeqCst), 1, "a result that comes too late");
    let (early, not_taken) = promise();
    early.set_result(bomb());
    drop(not_taken);
    assert_eq!(count.load(SeqCst), 2, "a result that nobody takes");
    let (called, waiting) = promise();
    for _ in 0..2 {
        let inside = bomb();
        waiting.add_done_callback(move || drop(inside));
    }
    called.set_result(());
    assert_eq!(count.load(SeqCst), 4, "what callbacks hold");
}

#[test]
fn callbacks_and_wakers_may_use_the_future_they_belong_to() {
    // Were they called under the lock, `done` would deadlock.
    bounded(|| {
        let (p, f) = promise::<u8>();
        let f = Arc::new(f);
        let (seen, inner) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&f));
        let count = Arc::clone(&seen);
        f.add_done_callback(move || {
            assert!(inner.done());
            let count2 = Arc::clone(&count);
            inner.add_done_callback(move || {
                count2.fetch_add(1, SeqCst);
            });
            count.fetch_add(1, SeqCst);
        });
        p.set_result(1);
        assert_eq!(seen.load(SeqCst), 2);
    });
}

#[test]
fn a_value_may_use_its_future_when_dropped() {
    struct Nosy(Arc<Mutex<Option<Future<Nosy>>>>, Arc<AtomicUsize>);
    impl Drop for Nosy {
        fn drop(&mut self) {
            let done = self.0.lock().unwrap().as_ref().is_some_and(Future::done);
            self.1.fetch_add(usize::from(done), SeqCst);
        }
    }
    bounded(|| {
        let (p, f) = promise();
        let (home, seen) = (Arc::new(Mutex::new(None)), Arc::new(AtomicUsize::new(0)));
        assert!(f.cancel());
        *home.lock().unwrap() = Some(f);
        // Too late: the value is dropped inside `set_result`, and asks its future.
        p.set_result(Nosy(Arc::clone(&home), Arc::clone(&seen)));
        assert_eq!(seen.load(SeqCst), 1);
    });
}

#[test]
fn result_timeout_gives_the_future_back() {
    bounded(|| {
        let (p, f) = promise();
        let f = f.result_timeout(Duration::from_millis(1)).expect_err("it is not done");
        p.set_result(5);
        assert_eq!(f.result_timeout(Duration::MAX).unwrap(), Ok(5));
    });
}

#[test]
fn only_the_last_waker_is_woken() {
    let (p, mut f) = promise::<u8>();
    let counters = [Arc::new(CountingWaker::default()), Arc::new(CountingWaker::default())];
    for counter in &counters {
        assert!(Pin::new(&mut f).poll_once(&Waker::from(Arc::clone(counter))).is_pending());
    }
    p.set_result(1);
    assert_eq!(counters.map(|c| c.0.load(SeqCst)), [0, 1]);
}

#[test]
fn a_promises_owner_is_woken_when_nobody_wants_the_value_any_more() {
    let (p, f) = promise::<u8>();
    let counter = Arc::new(CountingWaker::default());
    p.wake_when_done(Waker::from(Arc::clone(&counter)));
    assert_eq!(counter.0.load(SeqCst), 0);
    assert!(f.cancel());
    assert_eq!(counter.0.load(SeqCst), 1);
    p.wake_when_done(Waker::from(Arc::clone(&counter)));
    assert_eq!(counter.0.load(SeqCst), 2, "at once, where it is done already");
}

#[test]
fn wait_wakes_at_the_first_failure_and_a_cancel_is_none() {
    bounded(|| {
        let mut field = Field::new(4);
        field.end(0, End::Cancel);
        field.end(1, End::Value);
        let futures = field.take_futures();
        let worker = std::thread::spawn(move || {
            field.end(2, End::Error);
            field
        });
        let (done, not_done) = wait(futures, ReturnWhen::FirstException, None);
        assert_eq!((done.len(), not_done.len()), (3, 1));
        worker.join().unwrap();
    });
}

#[test]
fn as_completed_says_how_many_are_unfinished_and_gives_them_back() {
    let mut field = Field::new(3);
    field.end(1, End::Value);
    let mut completed = as_completed(field.take_futures(), Some(Duration::ZERO));
    assert_eq!(completed.next().unwrap().unwrap().result(), Ok(1));
    let unfinished = completed.next().unwrap().unwrap_err();
    assert_eq!(unfinished, Unfinished { unfinished: 2, of: 3 });
    assert_eq!(unfinished.to_string(), "2 (of 3) futures unfinished");
    assert!(completed.next().is_none());
    assert_eq!(completed.into_rest().len(), 2);
}

#[test]
fn waiting_again_and_again_leaves_no_callbacks_behind() {
    let (_p, f) = promise::<u8>();
    let token = Arc::new(());
    let held = Arc::clone(&token);
    f.add_done_callback(move || drop(held));
    let mut rest = vec![f];
    let ((), most) = memory::peak(|| {
        for _ in 0..1000 {
            (_, rest) =
                wait(std::mem::take(&mut rest), ReturnWhen::AllCompleted, Some(Duration::ZERO));
            rest = as_completed(std::mem::take(&mut rest), Some(Duration::ZERO)).into_rest();
        }
    });
    assert!(most < 10_000, "{most} bytes are held for waits that are over");
    assert_eq!(Arc::strong_count(&token), 2, "the user's own callback is still there");
    assert!(rest[0].cancel());
    assert_eq!(Arc::strong_count(&token), 1);
}

/// Shows E11.
/// The thread that waits is the one that iterates, wherever the iterator was made.
#[test]
fn as_completed_made_outside_a_pool_and_iterated_inside_gets_an_error() {
    bounded(|| {
        let pool = ThreadPoolExecutor::new(1).unwrap();
        let (send, received) = mpsc::channel();
        let outer = pool.submit_fn(move || {
            let mut completed: AsCompleted<u64> = received.recv().unwrap();
            let first = completed.next().unwrap().unwrap().result();
            (first, completed)
        });
        let completed = as_completed([1, 2].map(|i| pool.submit_fn(move || i)), None);
        send.send(completed).unwrap();
        let (first, rest) = outer.result().unwrap();
        assert!(matches!(first, Err(JobError::WouldDeadlock(_))), "{first:?}");
        let rest: Vec<_> = rest.map(|job| job.unwrap().result()).collect();
        assert_eq!(rest, [Ok(1)]);
    });
}

#[test]
fn as_completed_made_inside_a_pool_and_iterated_outside_may_wait() {
    bounded(|| {
        let pool = Arc::new(ThreadPoolExecutor::new(1).unwrap());
        let (open, gate) = mpsc::channel::<()>();
        let inside = Arc::clone(&pool);
        let made = pool.submit_fn(move || {
            let slow = inside.submit_fn(move || gate.recv().is_ok());
            as_completed([slow, inside.submit_fn(|| true)], None)
        });
        let completed = made.result().unwrap();
        let opener = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20)); // the waiting thread is asleep by then
            open.send(()).unwrap();
        });
        let results: Vec<_> = completed.map(|job| job.unwrap().result()).collect();
        assert_eq!(results, [Ok(true), Ok(true)]);
        opener.join().unwrap();
    });
}

// ---- map, on an executor that runs its jobs on demand ----

/// Keeps the promises of submitted jobs until `run` is called.
#[derive(Default)]
struct ByHand {
    queue: RefCell<Vec<Box<dyn FnOnce() -> bool>>>,
    submitted: Cell<usize>,
}

impl ByHand {
    /// Runs the queued jobs; returns how many were not cancelled.
    fn run(&self) -> usize {
        let jobs = self.queue.take();
        jobs.into_iter().filter_map(|job| job().then_some(())).count()
    }
}

impl Executor for ByHand {
    fn submit<A: Wire, R: Wire>(&self, f: fn(A) -> R, args: A) -> Future<R> {
        let (promise, future) = promise();
        self.submitted.set(self.submitted.get() + 1);
        self.queue.borrow_mut().push(Box::new(move || {
            let start = promise.set_running_or_notify_cancel();
            if start {
                promise.set_result(f(args));
            }
            start
        }));
        future
    }

    fn shutdown(&self, _wait: bool, _cancel_futures: bool) {}
}

/// Runs every job at once, on the caller's thread.
struct Inline(Cell<usize>);

impl Executor for Inline {
    fn submit<A: Wire, R: Wire>(&self, f: fn(A) -> R, args: A) -> Future<R> {
        self.0.set(self.0.get() + 1);
        Future::resolved(Ok(f(args)))
    }

    fn shutdown(&self, _wait: bool, _cancel_futures: bool) {}
}

/// Shows E9.
#[test]
fn map_submits_all_at_once_and_keeps_the_order() {
    let pool = ByHand::default();
    let results = pool.map(|x: u32| x * x, 0..5);
    assert_eq!(pool.submitted.get(), 5);
    assert_eq!(pool.run(), 5);
    assert_eq!(results.collect::<Result<Vec<_>, _>>(), Ok(vec![0, 1, 4, 9, 16]));
}

#[test]
fn dropping_the_results_cancels_the_rest() {
    let pool = ByHand::default();
    drop(pool.map(|x: u32| x, 0..5));
    assert_eq!(pool.run(), 0);
}

#[test]
fn map_timeout_delivers_the_earlier_results() {
    bounded(|| {
        let pool = ByHand::default();
        let mut results = pool.map(|x: u32| x, 0..1);
        pool.run();
        let mut more = pool.map(|x: u32| x, 1..3);
        let deadline = Instant::now() + Duration::from_millis(1);
        assert_eq!(results.next_before(deadline), Ok(Some(Ok(0))));
        assert_eq!(results.next_before(deadline), Ok(None));
        assert_eq!(more.next_before(deadline), Err(Unfinished { unfinished: 2, of: 2 }));
        drop(more);
        assert_eq!(pool.run(), 0, "the rest was cancelled");
    });
}

#[test]
fn buffersize_bounds_what_an_endless_input_costs() {
    let pool = Inline(Cell::new(0));
    let two = NonZeroUsize::new(2).unwrap();
    let mut results = pool.map_buffered(|x: u64| x * 2, 0.., two);
    assert_eq!(pool.0.get(), 0);
    for i in 0..10u64 {
        assert_eq!(results.next(), Some(Ok(i * 2)));
        assert_eq!(pool.0.get() as u64, i + 2, "one given out, one waiting");
    }
}

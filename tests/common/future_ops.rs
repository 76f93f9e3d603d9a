//! Operations on a future and its promise, beside a simple model: shared by a property test and
//! the fuzz target `future_ops`.

use singletrack::futures::JobError;
use singletrack::futures::{Future, Promise, promise};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// What the model knows.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Model {
    Pending,
    Running,
    Done(Result<u64, JobError>),
}

#[derive(Default)]
struct CountWakes(AtomicUsize);

impl Wake for CountWakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

struct Pair {
    promise: Option<Promise<u64>>,
    future: Option<Future<u64>>,
    model: Model,
    /// The numbers of the callbacks that have run.
    called: Arc<Mutex<Vec<usize>>>,
    subscribed: usize,
    wakes: Arc<CountWakes>,
    /// A waker has been left with the future and not been called yet.
    armed: bool,
    expected_wakes: usize,
}

impl Pair {
    fn new() -> Pair {
        let (promise, future) = promise();
        Pair {
            promise: Some(promise),
            future: Some(future),
            model: Model::Pending,
            called: Arc::default(),
            subscribed: 0,
            wakes: Arc::default(),
            armed: false,
            expected_wakes: 0,
        }
    }

    /// From now on nothing changes any more.
    fn end(&mut self, outcome: Result<u64, JobError>) {
        if !matches!(self.model, Model::Done(_)) {
            self.model = Model::Done(outcome);
            self.expected_wakes += usize::from(std::mem::take(&mut self.armed));
        }
    }

    fn apply(&mut self, what: u8, n: u64) {
        match what % 10 {
            0 => self.start(),
            1 => self.resolve(|promise| promise.set_result(n), Ok(n)),
            2 => self.resolve(|p| p.set_error(JobError::ShutDown), Err(JobError::ShutDown)),
            3 => self.resolve(drop, Err(JobError::Abandoned)),
            4 => self.withdraw(),
            5 => self.cancel(),
            6 => self.subscribe(),
            7 => self.poll(),
            8 => self.wait(),
            _ => self.take(),
        }
        self.check();
    }

    fn start(&mut self) {
        let Some(promise) = &self.promise else { return };
        let runs = promise.set_running_or_notify_cancel();
        if self.model == Model::Pending {
            self.model = Model::Running;
        }
        assert_eq!(runs, self.model == Model::Running);
    }

    fn resolve(&mut self, how: impl FnOnce(Promise<u64>), outcome: Result<u64, JobError>) {
        if let Some(promise) = self.promise.take() {
            how(promise);
            self.end(outcome);
        }
    }

    fn withdraw(&mut self) {
        let Some(promise) = self.promise.take() else { return };
        promise.cancel();
        match self.model {
            Model::Pending => self.end(Err(JobError::Cancelled)),
            _ => self.end(Err(JobError::Abandoned)),
        }
    }

    fn cancel(&mut self) {
        let Some(future) = &self.future else { return };
        let cancelled = future.cancel();
        if self.model == Model::Pending {
            self.end(Err(JobError::Cancelled));
        }
        // By this call, or by one before; or the promise has withdrawn its job.
        assert_eq!(cancelled, self.model == Model::Done(Err(JobError::Cancelled)));
    }

    fn subscribe(&mut self) {
        let Some(future) = &self.future else { return };
        let (called, number) = (Arc::clone(&self.called), self.subscribed);
        self.subscribed += 1;
        future.add_done_callback(move || called.lock().unwrap().push(number));
    }

    fn poll(&mut self) {
        let Some(mut future) = self.future.take() else { return };
        let waker = Waker::from(Arc::clone(&self.wakes));
        let polled =
            std::future::Future::poll(Pin::new(&mut future), &mut Context::from_waker(&waker));
        match (polled, &self.model) {
            (Poll::Ready(outcome), Model::Done(expected)) => assert_eq!(outcome, *expected),
            (Poll::Pending, Model::Pending | Model::Running) => {
                self.armed = true;
                self.future = Some(future);
            }
            (polled, model) => panic!("{polled:?}, but {model:?}"),
        }
    }

    fn wait(&mut self) {
        let Some(future) = &self.future else { return };
        assert_eq!(future.wait(Some(Duration::ZERO)), matches!(self.model, Model::Done(_)));
    }

    fn take(&mut self) {
        let Some(future) = self.future.take() else { return };
        match (future.result_timeout(Duration::ZERO), &self.model) {
            (Ok(outcome), Model::Done(expected)) => assert_eq!(outcome, *expected),
            (Err(future), Model::Pending | Model::Running) => self.future = Some(future),
            (_, model) => panic!("{model:?}"),
        }
    }

    fn check(&self) {
        let done = matches!(self.model, Model::Done(_));
        if let Some(future) = &self.future {
            assert_eq!(future.done(), done);
            assert_eq!(future.running(), self.model == Model::Running);
            assert_eq!(future.cancelled(), self.model == Model::Done(Err(JobError::Cancelled)));
        }
        let expected = if done { self.subscribed } else { 0 };
        assert_eq!(*self.called.lock().unwrap(), (0..expected).collect::<Vec<_>>());
        assert_eq!(self.wakes.0.load(Ordering::SeqCst), self.expected_wakes);
    }
}

/// Two bytes an operation; a pair that is used up is followed by a new one.
pub fn run(input: &[u8]) {
    let mut pair = Pair::new();
    for word in input.chunks_exact(2) {
        pair.apply(word[0], u64::from(word[1]));
        if pair.promise.is_none() && pair.future.is_none() {
            pair = Pair::new();
        }
    }
    pair.resolve(drop, Err(JobError::Abandoned));
    pair.check();
}

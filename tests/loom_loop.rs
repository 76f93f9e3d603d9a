//! What another thread does to a loop, under every interleaving: wakes, cancels and values that
//! arrive while it runs, sleeps or goes. The pieces are those that ship (`Inbox`, `Loops`,
//! `TaskState`, `Promise` and `Future`); the loop around them is the shortest that uses
//! them as `EventLoop` does.
//!
//! Run: `RUSTFLAGS="--cfg loom" cargo test --release --target-dir target/loom --test loom_loop`
#![cfg(loom)]

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;
use singletrack::event_loop::inbox::{Inbox, Loops};
use singletrack::futures::JobError;
use singletrack::futures::{Future, Promise, promise};
use singletrack::sys::signal::{AtomicFlag, SignalFlags};
use singletrack::task::state::{Pause, TaskState};
use std::pin::Pin;
use std::task::{Context, Poll, Wake, Waker};

/// Three threads take every path with at most three preemptions; two take every path.
fn three_threads(body: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(body);
}

/// A selector that only its waker can wake: used, it ends the next sleep.
#[derive(Default)]
struct Selector {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Selector {
    fn wake(&self) {
        *self.woken.lock().unwrap() = true;
        self.changed.notify_one();
    }

    fn wait(&self) {
        let mut woken = self.woken.lock().unwrap();
        while !*woken {
            woken = self.changed.wait(woken).unwrap();
        }
        *woken = false;
    }
}

/// An inbox and the selector that it wakes.
struct Post<M> {
    inbox: Arc<Inbox<M>>,
    selector: Arc<Selector>,
}

impl<M> Clone for Post<M> {
    fn clone(&self) -> Self {
        Post { inbox: Arc::clone(&self.inbox), selector: Arc::clone(&self.selector) }
    }
}

impl<M> Post<M> {
    fn new() -> Self {
        let selector = Arc::new(Selector::default());
        let waker = Arc::clone(&selector);
        Post { inbox: Arc::new(Inbox::new(Box::new(move || waker.wake()))), selector }
    }

    /// Steps 2 to 5 of an iteration: sleep if that is allowed, then take what has come.
    fn wait_for_messages(&self, into: &mut Vec<M>) {
        if self.inbox.park() {
            self.selector.wait();
        }
        self.inbox.take(into);
    }
}

enum Message {
    Wake,
    Cancel,
}

/// One task of the loop: its state, how it was polled, whether it is to be dropped.
#[derive(Default)]
struct Task {
    state: Option<TaskState>,
    must_cancel: bool,
    polls: usize,
}

impl Task {
    fn new() -> Task {
        Task { state: Some(TaskState::Idle), ..Task::default() }
    }

    fn state(&mut self) -> &mut TaskState {
        self.state.as_mut().expect("always there")
    }

    /// What `Core::handle` does with a message; true if the task is to run now.
    fn handle(&mut self, message: Message) -> bool {
        self.must_cancel |= matches!(message, Message::Cancel) && *self.state() != TaskState::Done;
        self.state().wake()
    }

    /// What `AnyTask::run` does; `poll` says if the future is ready.
    fn run(&mut self, poll: impl FnOnce() -> bool) {
        self.state().start();
        let ready = self.must_cancel || {
            self.polls += 1;
            poll()
        };
        match ready {
            true => self.state().finish(),
            false => assert_eq!(self.state().pause(), Pause::Park, "it does not wake itself"),
        }
    }

    fn done(&mut self) -> bool {
        *self.state() == TaskState::Done
    }
}

/// Shows T12.
/// L1 and T12: what was written before the wake is seen by the poll that it causes; and no
/// wake is lost, whether it meets the loop awake, falling asleep or sleeping.
#[test]
fn wake_publishes_data() {
    three_threads(|| {
        let post = Post::new();
        // Not an atomic: loom reports a race if the wake did not order the two.
        let data = Arc::new([UnsafeCell::new(0), UnsafeCell::new(0)]);
        let wakers: Vec<_> = (0..2)
            .map(|i| {
                let (post, data) = (post.clone(), Arc::clone(&data));
                thread::spawn(move || {
                    // SAFETY: the loop reads the cell after it has the message, once.
                    data[i].with_mut(|value| unsafe { *value = 7 });
                    post.inbox.push((i, Message::Wake)).ok().unwrap();
                })
            })
            .collect();
        let (mut task, mut messages, mut seen, mut wakes) = (Task::new(), Vec::new(), 0, 0);
        while !task.done() {
            post.wait_for_messages(&mut messages);
            let mut runs = false;
            for (i, message) in messages.drain(..) {
                wakes += 1;
                runs |= task.handle(message);
                // SAFETY: its writer pushed the message after it wrote.
                seen += data[i].with(|value| unsafe { *value });
            }
            if runs {
                task.run(|| seen == 14);
            }
        }
        assert!(task.polls <= wakes, "{} polls for {wakes} wakes", task.polls);
        wakers.into_iter().for_each(|waker| waker.join().unwrap());
    });
}

/// Shows T7.
/// L2: a wake and a cancel from two threads: one end, and no poll after the cancel was handled.
#[test]
fn wake_against_cancel_ends_the_task_once() {
    three_threads(|| {
        let post = Post::new();
        let send = |message| {
            let post = post.clone();
            thread::spawn(move || post.inbox.push(message).ok().unwrap())
        };
        let others = [send(Message::Wake), send(Message::Cancel)];
        let (mut task, mut messages, mut ends) = (Task::new(), Vec::new(), 0);
        let mut handled = 0;
        while handled < 2 {
            post.wait_for_messages(&mut messages);
            handled += messages.len();
            let runs = messages.drain(..).fold(false, |runs, message| task.handle(message) || runs);
            if runs {
                let polls = task.polls;
                task.run(|| false);
                ends += usize::from(task.done());
                assert!(!task.must_cancel || task.polls == polls, "polled after the cancel");
            }
        }
        assert_eq!((task.done(), ends), (true, 1));
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

/// Counts itself out.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// S5: a loop closes while others call it. Each message is taken or given back, exactly one of these,
/// also if the inbox lives on (a loop joins its threads before it goes, and they may wait for what they
/// have sent); and once the loop is gone every call is refused.
#[test]
fn a_message_to_a_loop_that_goes_is_taken_or_given_back() {
    three_threads(|| {
        let loops = Arc::new(Loops::default());
        let post = Post::new();
        let id = loops.open(Arc::clone(&post.inbox));
        let dropped = Arc::new(AtomicUsize::new(0));
        let callers: Vec<_> = (0..2)
            .map(|_| {
                let (loops, message) = (Arc::clone(&loops), Counted(Arc::clone(&dropped)));
                thread::spawn(move || usize::from(loops.send(id, message).is_err()))
            })
            .collect();
        let taken = loops.close(id).len();
        let refused: usize = callers.into_iter().map(|caller| caller.join().unwrap()).sum();
        assert_eq!(taken + refused, 2);
        assert_eq!(dropped.load(Ordering::SeqCst), 2, "each once, nothing leaked");
        drop(post);
        assert!(!loops.is_open(id));
        assert!(loops.send(id, Counted(dropped)).is_err());
    });
}

/// The waker of the loop's one task, used from another thread.
struct Remote(Arc<Post<Message>>);

impl Wake for Remote {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.inbox.push(Message::Wake).ok().unwrap();
    }
}

fn poll<T>(future: &mut Future<T>, post: &Arc<Post<Message>>) -> Poll<Result<T, JobError>> {
    let waker = Waker::from(std::sync::Arc::new(Remote(Arc::clone(post))));
    std::future::Future::poll(Pin::new(future), &mut Context::from_waker(&waker))
}

/// `to_thread`: a job's value always ends the sleep of the loop whose task awaits it, also
/// when its worker drops the promise instead.
#[test]
fn to_thread_always_ends_the_loops_sleep() {
    for kept in [true, false] {
        loom::model(move || {
            let post = Arc::new(Post::new());
            let (p, mut future) = promise();
            let worker = thread::spawn(move || {
                assert!(p.set_running_or_notify_cancel());
                if kept {
                    p.set_result(7);
                }
            });
            let (mut task, mut messages, mut outcome) = (Task::new(), Vec::new(), None);
            assert!(task.handle(Message::Wake)); // its first poll
            let mut runs = true;
            while !task.done() {
                if runs {
                    task.run(|| match poll(&mut future, &post) {
                        Poll::Ready(value) => outcome.replace(value).is_none(),
                        Poll::Pending => false,
                    });
                } else {
                    post.wait_for_messages(&mut messages);
                }
                runs = messages.drain(..).fold(false, |runs, message| task.handle(message) || runs);
            }
            assert_eq!(outcome, Some(if kept { Ok(7) } else { Err(JobError::Abandoned) }));
            assert!(task.polls <= 2);
            worker.join().unwrap();
        });
    }
}

/// `run_coroutine_threadsafe`, as `aio/tasks/bridge.rs` polls it: the task registers its waker, then
/// checks.
fn unwanted(p: &Promise<u8>, registered: &mut bool, post: &Arc<Post<Message>>) -> bool {
    if !std::mem::replace(registered, true) {
        let remote = Remote(Arc::clone(post));
        p.wake_when_done(Waker::from(std::sync::Arc::new(remote)));
    }
    p.cancelled()
}

/// A caller on another thread cancels while the loop's task begins: the loop learns of it, and
/// both agree.
#[test]
fn run_coroutine_threadsafe_sees_a_cancel_though_nothing_else_wakes_it() {
    loom::model(|| {
        let post = Arc::new(Post::new());
        let (p, future) = promise::<u8>();
        let caller = thread::spawn(move || {
            assert!(future.cancel(), "the value is not there, so it can be");
            assert_eq!(future.result(), Err(JobError::Cancelled));
        });
        let (mut task, mut messages, mut registered) = (Task::new(), Vec::new(), false);
        assert!(task.handle(Message::Wake));
        task.run(|| unwanted(&p, &mut registered, &post));
        while !task.done() {
            post.wait_for_messages(&mut messages);
            if messages.drain(..).fold(false, |runs, message| task.handle(message) || runs) {
                task.run(|| unwanted(&p, &mut registered, &post));
            }
        }
        assert!(task.polls <= 2);
        caller.join().unwrap();
    });
}

/// The same against a task that ends by itself: the caller has the value or the cancel, never
/// neither, and never waits for ever.
#[test]
fn run_coroutine_threadsafe_answers_or_is_cancelled() {
    loom::model(|| {
        let (p, future) = promise::<u8>();
        let caller = thread::spawn(move || {
            let cancelled = future.cancel();
            (cancelled, future.result())
        });
        let seen = p.cancelled();
        p.resolve(if seen { Err(JobError::Cancelled) } else { Ok(7) });
        let (cancelled, outcome) = caller.join().unwrap();
        assert_eq!(outcome, if cancelled { Err(JobError::Cancelled) } else { Ok(7) });
        assert!(!seen || cancelled);
    });
}

struct Raised(AtomicBool);

impl AtomicFlag for Raised {
    fn swap(&self, raised: bool, order: Ordering) -> bool {
        self.0.swap(raised, order)
    }
}

/// Shows Z1.
/// S7 and Z1: signals that arrive while the loop sleeps, drains the eventfd or takes the flags. A
/// handler is a thread here, which may come in between at any step, as a handler may.
#[test]
fn each_signal_that_arrives_is_told_at_least_once() {
    three_threads(|| {
        let flags = Arc::new(SignalFlags::new([false, false].map(AtomicBool::new).map(Raised)));
        let selector = Arc::new(Selector::default());
        let handlers: Vec<_> = [[0, 0], [0, 1]]
            .into_iter()
            .map(|signals| {
                let (flags, selector) = (Arc::clone(&flags), Arc::clone(&selector));
                thread::spawn(move || {
                    signals.into_iter().for_each(|n| flags.note(n, || selector.wake()));
                })
            })
            .collect();
        let mut told = [0; 2];
        while told.contains(&0) {
            selector.wait(); // and drain it
            for (signal, count) in told.iter_mut().enumerate() {
                *count += usize::from(flags.take(signal));
            }
        }
        handlers.into_iter().for_each(|handler| handler.join().unwrap());
        let untold = flags.take(0) || flags.take(1);
        assert!(!untold || *selector.woken.lock().unwrap(), "the flags would not be taken again");
        assert!(told[0] <= 3 && told[1] == 1, "{told:?}");
    });
}

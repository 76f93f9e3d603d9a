//! What safe code might try against a task's memory: every attempt is refused or harmless. Most
//! of this proves something only under Miri, which sees what an ordinary run survives by luck.

mod common;

use common::{DropFlag, scripted, watchdog};
use singletrack::aio::gather_outcomes;
use singletrack::event_loop::Task;
use singletrack::event_loop::core::{Core, Entered, with_current};
use singletrack::event_loop::create_eager_task;
use singletrack::sys::memory::Pages;
use singletrack::task::arena::Arena;
use singletrack::task::cell::{AnyTask, TaskOf};
use singletrack::task::ready_queue::ReadyQueue;
use singletrack::task::state::TaskError;
use singletrack::{EventLoop, create_task, yield_now};
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::{Future, pending, poll_fn};
use std::marker::{PhantomData, PhantomPinned};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// Whether a type is `Send` and `Sync`, found out when this is compiled: an inherent constant,
/// which has a condition, comes before that of the trait.
macro_rules! crosses_threads {
    ($type:ty) => {
        (<Ask<$type>>::SEND, <Ask<$type>>::SYNC)
    };
}

struct Ask<T>(PhantomData<T>);

trait No {
    const SEND: bool = false;
    const SYNC: bool = false;
}

impl<T> No for Ask<T> {}

impl<T: Send> Ask<T> {
    const SEND: bool = true;
}

impl<T: Sync> Ask<T> {
    const SYNC: bool = true;
}

#[test]
fn nothing_that_points_into_a_threads_tasks_leaves_the_thread() {
    assert_eq!(crosses_threads!(u8), (true, true), "the question itself works");
    assert_eq!(crosses_threads!(AnyTask), (false, false));
    assert_eq!(crosses_threads!(TaskOf<u8>), (false, false));
    assert_eq!(crosses_threads!(Task<u8>), (false, false));
    assert_eq!(crosses_threads!(ReadyQueue), (false, false));
    assert_eq!(crosses_threads!(Core), (false, false));
    assert_eq!(crosses_threads!(EventLoop), (false, false));
    assert_eq!(crosses_threads!(Arena), (false, false));
    assert_eq!(crosses_threads!(Pages), (false, false));
    assert_eq!(crosses_threads!(Entered), (false, false), "it ends what its own thread runs");
}

/// How a future comes to its end.
#[derive(Clone, Copy, PartialEq, Debug)]
enum End {
    Ready,
    Panic,
    Cancel,
    LoopGone,
    /// Everything is forgotten, so it never comes.
    Never,
}

/// Knows where it was when it was first polled, as a list's node would whose neighbours point
/// at it.
struct Anchored<P> {
    end: End,
    at: Cell<usize>,
    log: Rc<RefCell<Vec<&'static str>>>,
    padding: P,
    _pinned: PhantomPinned,
}

impl<P> Anchored<P> {
    fn check(&self) {
        let here = std::ptr::from_ref(self).addr();
        assert_eq!(here % align_of::<Self>(), 0);
        assert_eq!(self.at.replace(here), here, "moved while it was pinned");
    }
}

impl<P: Clone> Future for Anchored<P> {
    type Output = P;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<P> {
        if self.at.get() == 0 {
            self.at.set(std::ptr::from_ref(&*self).addr());
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.check();
        match self.end {
            End::Ready => Poll::Ready(self.padding.clone()),
            End::Panic => panic!("the end that was asked for"),
            _ => Poll::Pending,
        }
    }
}

impl<P> Drop for Anchored<P> {
    fn drop(&mut self) {
        self.check();
        self.log.borrow_mut().push("dropped");
    }
}

#[derive(Clone, PartialEq, Debug)]
#[repr(align(64))]
struct Line(u8);

#[derive(Clone, PartialEq, Debug)]
#[repr(align(4096))]
struct Page(u8);

fn a_pinned_future_ends<P: Clone + PartialEq + std::fmt::Debug + 'static>(padding: P, end: End) {
    let event_loop = scripted();
    let log = Rc::default();
    let future = Anchored {
        end,
        at: Cell::default(),
        log: Rc::clone(&log),
        padding: padding.clone(),
        _pinned: PhantomPinned,
    };
    let mut task = event_loop.create_task(future);
    event_loop.run_until_complete(async {
        yield_now().await;
        yield_now().await;
    });
    match end {
        End::Cancel => {
            task.cancel();
            event_loop.run_once().unwrap();
        }
        End::LoopGone => drop(event_loop),
        End::Never => {
            std::mem::forget((event_loop, task));
            // Others come and go; none of them may get its place.
            let other = scripted();
            let crowd: Vec<_> =
                (0..9).map(|_| other.create_task(std::future::ready(padding.clone()))).collect();
            other.run_once().unwrap();
            crowd.iter().for_each(|task| assert_eq!(task.peek(P::clone), Some(padding.clone())));
            assert!(log.borrow().is_empty());
            return;
        }
        End::Ready | End::Panic => {}
    }
    assert_eq!(*log.borrow(), ["dropped"], "{end:?}");
    let output = Pin::new(&mut task).poll(&mut Context::from_waker(Waker::noop()));
    match (end, output) {
        (End::Ready, Poll::Ready(Ok(value))) => assert_eq!(value, padding),
        (End::Panic, Poll::Ready(Err(TaskError::Panicked(_)))) => {}
        (_, Poll::Ready(Err(TaskError::Cancelled))) => {}
        (end, _) => panic!("another outcome for {end:?}"),
    }
}

#[test]
fn a_future_of_any_shape_is_dropped_once_and_where_it_was_polled() {
    for end in [End::Ready, End::Panic, End::Cancel, End::LoopGone] {
        a_pinned_future_ends((), end);
        a_pinned_future_ends([7u64; 32], end); // the longest that an arena serves, and more
        a_pinned_future_ends(vec![7u8; 55], end);
        a_pinned_future_ends(Line(7), end);
        a_pinned_future_ends(Page(7), end);
        a_pinned_future_ends([7u8; 9_000], end);
    }
}

#[test]
#[cfg_attr(miri, ignore = "leaks on purpose")]
fn what_is_forgotten_keeps_its_memory() {
    a_pinned_future_ends((), End::Never);
    a_pinned_future_ends(Page(7), End::Never);
}

#[test]
fn an_output_that_cannot_be_is_never_looked_at() {
    let event_loop = scripted();
    let task: Task<Infallible> = event_loop.create_task(pending());
    assert!(task.peek(|_| ()).is_none());
    task.cancel();
    assert!(matches!(event_loop.run_until_complete(task), Err(TaskError::Cancelled)));
}

/// All that safe code can do to a task that is in the middle of a poll or a drop.
fn attack(own: &RefCell<Option<Task<u8>>>) {
    let cx = &mut Context::from_waker(Waker::noop());
    let core = with_current(Rc::clone).expect("called in a task");
    let all = core.ready.borrow().all();
    for task in &all {
        let queued = task.state() == singletrack::task::state::TaskState::Queued;
        if !queued {
            assert!(catch_unwind(AssertUnwindSafe(|| drop(task.run(cx)))).is_err());
        }
        drop(task.cancel_now());
        drop(task.unread_panic());
        task.cancel();
        let _ = task.wake();
    }
    if let Some(mut task) = own.take() {
        assert!(task.peek(|_| ()).is_none());
        assert!(!task.panicked());
        task.cancel();
        let joined = Pin::new(&mut task).poll(cx);
        assert!(matches!(joined, Poll::Ready(Err(TaskError::AwaitsItself))));
        drop(task);
    }
    drop(create_task(async { 1 }));
    drop(create_eager_task(async { 1 }));
}

/// Held by a future: attacks when that is dropped. Counts the attacks that came to their end, since
/// a panic in one would stay in its task.
struct Attacker {
    own: Rc<RefCell<Option<Task<u8>>>>,
    survived: Rc<Cell<u8>>,
}

impl Attacker {
    fn attack(&self) {
        attack(&self.own);
        self.survived.update(|attacks| attacks + 1);
    }
}

impl Drop for Attacker {
    fn drop(&mut self) {
        self.attack();
    }
}

#[test]
fn a_task_may_turn_on_itself_and_its_loop() {
    let _watchdog = watchdog("a task that turns on itself", 60);
    for in_poll in [true, false] {
        let (event_loop, own, survived) = (scripted(), Rc::default(), Rc::default());
        let attacker = Attacker { own: Rc::clone(&own), survived: Rc::clone(&survived) };
        let mut polls = 0;
        let task = event_loop.create_task(poll_fn(move |cx| {
            polls += 1;
            if polls == 1 {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if in_poll {
                attacker.attack();
            }
            Poll::Ready(7)
        }));
        own.replace(Some(task));
        let bystander = event_loop.create_task(pending::<()>());
        for _ in 0..3 {
            // A task that was cancelled by hand while it was queued is refused when it would run.
            let _ = catch_unwind(AssertUnwindSafe(|| event_loop.run_once()));
        }
        assert_eq!(survived.get(), 1 + u8::from(in_poll));
        assert!(bystander.done());
    }
}

/// A panic's payload that panics itself when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a payload's drop");
    }
}

/// Panics with a bomb when it is dropped.
struct Fuse;

impl Drop for Fuse {
    fn drop(&mut self) {
        panic_any(Bomb);
    }
}

#[test]
#[cfg_attr(miri, ignore = "what a payload's drop panics with is leaked")]
fn a_payload_that_panics_takes_nothing_else_down() {
    let event_loop = scripted();
    let told = Rc::new(Cell::new(0));
    let count = Rc::clone(&told);
    event_loop.set_exception_handler(move |_| {
        count.update(|times| times + 1);
        panic_any(Bomb);
    });
    let fuse = Fuse;
    let finished = event_loop.create_task(poll_fn(move |_| {
        let _dropped_after_the_poll = &fuse;
        Poll::Ready(6)
    }));
    let fuse = Fuse;
    let cancelled = event_loop.create_task(async move {
        let _fuse = fuse;
        pending::<()>().await;
    });
    cancelled.cancel();
    // Those two are told of, though an awaiter will get their outputs.
    drop(event_loop.create_task(async { panic_any(Bomb) })); // told of: 3
    drop(event_loop.create_task(async { Fuse })); // 4
    event_loop.call_soon(|| panic_any(Bomb)); // 5
    event_loop.run_once().unwrap();
    assert_eq!((told.get(), event_loop.tasks()), (5, 0));
    event_loop.run_until_complete(async {
        assert_eq!(finished.await.unwrap(), 6);
        assert!(matches!(cancelled.await, Err(TaskError::Cancelled)));
    });
    let fuse = Fuse;
    let left = event_loop.create_task(async move {
        let _fuse = fuse;
        pending::<()>().await;
    });
    drop(event_loop);
    assert!(left.done());
}

#[test]
fn a_handler_of_slow_steps_that_panics_loses_no_task() {
    let event_loop = scripted();
    event_loop.set_debug(true);
    event_loop.set_slow_callback_duration(Duration::ZERO);
    event_loop.set_exception_handler(|_| ());
    event_loop.set_slow_callback_handler(|_| panic!("the handler itself"));
    event_loop.call_soon(|| ());
    let yields = event_loop.create_task(yield_now());
    event_loop.run_until_complete(async {
        assert!(create_task(yields).await.unwrap().is_ok());
    });
    assert_eq!(event_loop.tasks(), 0);
}

thread_local! {
    static KEPT: RefCell<Option<(EventLoop, Task<()>)>> = const { RefCell::new(None) };
}

/// On its way out it makes tasks, when its loop and its thread are on theirs.
struct Late(DropFlag);

impl Drop for Late {
    fn drop(&mut self) {
        let flag = self.0.guard();
        drop(create_task(async move { drop(flag) }));
    }
}

#[test]
fn a_loop_may_go_with_its_thread_before_or_after_the_arena() {
    let _watchdog = watchdog("a loop that goes with its thread", 60);
    for keeper_first in [true, false] {
        let flag = DropFlag::default();
        let late = flag.clone();
        let thread = move || {
            // Thread-locals go in an order that depends on which was used first.
            if keeper_first {
                KEPT.with(|kept| drop(kept.take()));
            }
            let event_loop = scripted();
            let late = Late(late);
            let task = event_loop.create_task(async move {
                let _late = late;
                pending().await
            });
            event_loop.run_once().unwrap();
            KEPT.set(Some((event_loop, task)));
        };
        std::thread::spawn(thread).join().unwrap();
        assert!(flag.dropped(), "the task that came too late was dropped");
    }
}

/// Runs a new loop when it is dropped.
struct LastWill(DropFlag);

impl Drop for LastWill {
    fn drop(&mut self) {
        let guard = self.0.guard();
        scripted().run_until_complete(async {
            yield_now().await;
            create_task(async move { drop(guard) }).await.unwrap();
        });
    }
}

thread_local! {
    static WILL: RefCell<Option<LastWill>> = const { RefCell::new(None) };
}

#[test]
fn a_loop_may_run_while_its_thread_ends() {
    let _watchdog = watchdog("a loop that runs while its thread ends", 60);
    let flag = DropFlag::default();
    let will = LastWill(flag.clone());
    let thread = move || {
        WILL.set(Some(will)); // before all else, so that it is dropped after all else
        scripted().run_until_complete(yield_now());
    };
    std::thread::spawn(thread).join().unwrap();
    assert!(flag.dropped());
}

/// A waker of another executor, which runs its function wherever it is used or dropped.
struct Hostile(fn());

impl Wake for Hostile {
    fn wake(self: Arc<Self>) {
        (self.0)();
        panic!("a waker");
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        (self.0)();
    }
}

fn on_the_loop() {
    if let Some(core) = with_current(Rc::clone) {
        core.ready.borrow().all().iter().for_each(|task| drop(task.joiner()));
        drop(create_eager_task(yield_now()));
        core.call_soon(Box::new(|| ()));
    }
}

#[test]
fn a_waker_may_use_the_loop_while_it_is_woken_or_dropped() {
    let event_loop = scripted();
    event_loop.set_exception_handler(|_| ());
    event_loop.run_until_complete(async {
        for leave in [true, false] {
            let mut task = create_task(async { Rc::new(7) });
            for _ in 0..2 {
                let waker = Waker::from(Arc::new(Hostile(on_the_loop)));
                assert!(Pin::new(&mut task).poll(&mut Context::from_waker(&waker)).is_pending());
            }
            if leave {
                drop(task);
                yield_now().await;
            } else {
                yield_now().await;
                assert_eq!(task.await.map(|seven| *seven).unwrap(), 7);
            }
        }
    });
    event_loop.run_until_complete(yield_now());
    assert_eq!(event_loop.tasks(), 0);
}

#[test]
fn an_output_may_use_the_loop_while_it_is_dropped() {
    struct Output(DropFlag);
    impl Drop for Output {
        fn drop(&mut self) {
            on_the_loop();
            let flag = self.0.guard();
            drop(create_task(async move { drop(flag) }));
        }
    }
    let event_loop = scripted();
    let flags: Vec<_> = (0..3).map(|_| DropFlag::default()).collect();
    let tasks = flags.clone().into_iter().map(|flag| async { Output(flag) });
    let tasks: Vec<_> = tasks.map(|future| event_loop.create_task(future)).collect();
    event_loop.run_until_complete(async {
        let mut tasks = tasks.into_iter();
        drop(tasks.next()); // before it ran
        yield_now().await;
        drop(tasks.next()); // done, and not fetched
        assert_eq!(gather_outcomes(tasks).await.len(), 1);
        yield_now().await;
        yield_now().await;
    });
    assert!(flags.iter().all(DropFlag::dropped));
    assert_eq!(event_loop.tasks(), 0);
}

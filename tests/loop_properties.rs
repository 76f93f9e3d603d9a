//! Properties of tasks (T), timers (M) and sources (R) that no random model shows, because
//! they need panics, foreign wakers or a real clock. The models are `tests/model/*.rs`.

mod common;
use common::{Log, run_scripted, scripted, settle, watchdog};
use singletrack::aio::UnixStream;
use singletrack::aio::sleep;
use singletrack::selector::scripted::ScriptedSelector;
use singletrack::task::budget::BUDGET;
use singletrack::{EventLoop, create_task, yield_now};
use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// Counts its wakes.
#[derive(Default)]
struct Counting(AtomicUsize);

impl Wake for Counting {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Shows T6.
/// T6 and T13: when all is done or dropped, nothing is left in any table.
#[test]
fn t6_at_quiescence_no_table_holds_anything() {
    let event_loop = EventLoop::new().unwrap();
    event_loop.run_until_complete(async {
        let (a, b) = UnixStream::pair().unwrap();
        let tasks: Vec<_> = (0..100).map(|i| create_task(sleep(MS * (i % 3)))).collect();
        let reader = create_task(async move { a.read_exact(&mut [0; 3]).await });
        let lost = create_task(pending::<()>());
        b.write_all(b"abc").await.unwrap();
        reader.await.unwrap().unwrap();
        for task in tasks {
            task.await.unwrap();
        }
        lost.cancel();
        lost.await.unwrap_err();
        drop(b);
        let core = singletrack::event_loop::core::current("a test");
        assert_eq!(core.ready.borrow().tasks(), 0);
        assert_eq!(core.timers.borrow().len(), 0);
        assert_eq!(core.reactor.borrow().len(), 0);
        assert!(core.ready.borrow().is_empty());
    });
}

/// Panics when it is dropped, once.
struct Bomb(Rc<Cell<u32>>);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
        panic!("in a drop");
    }
}

/// Shows T9.
/// T9: an output whose drop panics, whose task is not awaited, costs that task and nothing else.
#[test]
fn t9_a_panic_in_an_outputs_drop_leaves_the_loop_whole() {
    let event_loop = scripted();
    let drops = Rc::new(Cell::new(0));
    let bomb = Bomb(Rc::clone(&drops));
    let told = Log::default();
    let log = told.clone();
    event_loop.set_exception_handler(move |unhandled| log.note(&*unhandled.message));
    event_loop.run_until_complete(async move {
        drop(create_task(async move { bomb }));
        settle().await;
    });
    assert_eq!((drops.get(), told.read()), (1, vec!["in a drop".to_owned()]));
    assert_eq!(event_loop.run_until_complete(create_task_on(&event_loop)), 7);
    assert_eq!(event_loop.tasks(), 0);
}

async fn create_task_on(event_loop: &EventLoop) -> u32 {
    event_loop.create_task(async { 7 }).await.unwrap()
}

/// Panics when it is used.
struct Angry;

impl Wake for Angry {
    fn wake(self: Arc<Self>) {
        panic!("in a waker");
    }
}

/// Shows T9.
/// T9: a foreign waker that panics leaves nothing borrowed, and the loop goes on.
#[test]
fn t9_a_panic_in_a_foreign_waker_leaves_the_loop_whole() {
    let event_loop = scripted();
    let angry = Waker::from(Arc::new(Angry));
    let mut cx = Context::from_waker(&angry);
    let others = Log::default();
    let mut task = event_loop.create_task(yield_now());
    assert!(Pin::new(&mut task).poll(&mut cx).is_pending());
    let mut nap = Box::pin(sleep(MS));
    let log = others.clone();
    let told = Rc::new(Cell::new(0));
    let count = Rc::clone(&told);
    event_loop.set_exception_handler(move |unhandled| {
        assert_eq!((&*unhandled.place, &*unhandled.message), ("a waker", "in a waker"));
        count.set(count.get() + 1);
    });
    event_loop.run_until_complete(async {
        assert!(nap.as_mut().poll(&mut cx).is_pending());
        drop(create_task(async move {
            sleep(MS).await;
            log.note("another sleeper");
        }));
        sleep(MS * 5).await;
    });
    assert_eq!(told.get(), 2, "the task's end and the timer");
    assert_eq!(others.read(), ["another sleeper"]);
    assert_eq!(event_loop.tasks(), 0);
}

/// Shows T11.
/// T11: cloning and dropping a waker may be user code as well. This one borrows everything that
/// the places where a waker is left keep in a `RefCell`.
#[test]
fn t11_a_waker_may_use_the_loop_while_it_is_cloned_and_dropped() {
    use std::task::{RawWaker, RawWakerVTable};
    fn borrow_all() {
        let core = singletrack::event_loop::core::current("a test");
        let _all = (core.ready.borrow_mut(), core.timers.borrow_mut(), core.reactor.borrow_mut());
    }
    unsafe fn clone(_: *const ()) -> RawWaker {
        borrow_all();
        NOSY
    }
    unsafe fn touch(_: *const ()) {
        borrow_all();
    }
    static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, touch, touch, touch);
    const NOSY: RawWaker = RawWaker::new(std::ptr::null(), &VTABLE);

    let _dog = watchdog("t11", 30);
    EventLoop::new().unwrap().run_until_complete(async {
        // SAFETY: the functions use no pointer and no state of any one thread.
        let nosy = unsafe { Waker::from_raw(NOSY) };
        let cx = &mut Context::from_waker(&nosy);
        let (a, b) = UnixStream::pair().unwrap();
        let mut byte = [0];
        let mut read = Box::pin(a.read(&mut byte));
        let mut nap = Box::pin(sleep(MS));
        let mut task = Box::pin(create_task(pending::<()>()));
        for _ in 0..2 {
            assert!(read.as_mut().poll(cx).is_pending());
            assert!(nap.as_mut().poll(cx).is_pending());
            assert!(task.as_mut().poll(cx).is_pending());
        }
        let noop = &mut Context::from_waker(Waker::noop());
        assert!(nap.as_mut().poll(noop).is_pending(), "which drops the first waker");
        assert!(read.as_mut().poll(noop).is_pending());
        assert!(read.as_mut().poll(cx).is_pending());
        b.write_all(b"!").await.unwrap();
        sleep(2 * MS).await;
        assert!(read.as_mut().poll(cx).is_ready() && nap.as_mut().poll(cx).is_ready());
    });
}

/// Shows T9.
/// T9: what another thread's message drops may panic as well, and the messages behind it are
/// handled all the same.
#[test]
fn t9_a_panic_in_what_a_message_drops_loses_no_other_message() {
    struct Angry(Arc<AtomicUsize>);
    impl Wake for Angry {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
            panic!("in a wake");
        }
    }
    let event_loop = EventLoop::new().unwrap();
    let (drops, told, angry) = (Rc::new(Cell::new(0)), Log::default(), Arc::default());
    let (bomb, log) = (Bomb(Rc::clone(&drops)), told.clone());
    event_loop.set_exception_handler(move |unhandled| log.note(&*unhandled.message));
    event_loop.run_until_complete(async {
        let call = event_loop.call_later(Duration::MAX, move || drop(bomb));
        let (stream, _peer) = UnixStream::pair().unwrap();
        let waker = Waker::from(Arc::new(Angry(Arc::clone(&angry))));
        assert!(stream.poll_read(&mut Context::from_waker(&waker), &mut [0]).is_pending());
        let handle = event_loop.handle();
        let called = Arc::new(AtomicUsize::new(0));
        let count_call = Arc::clone(&called);
        let other = std::thread::spawn(move || {
            call.cancel();
            drop(stream);
            handle
                .call_soon_threadsafe(move || _ = count_call.fetch_add(1, Ordering::SeqCst))
                .unwrap();
        });
        other.join().unwrap();
        settle().await;
        assert_eq!((drops.get(), called.load(Ordering::SeqCst)), (1, 1));
    });
    assert_eq!(angry.load(Ordering::SeqCst), 1);
    assert_eq!(told.read(), ["in a drop", "in a wake"]);
}

/// Shows T10.
/// T10: tasks that wake themselves for ever all run equally often, and timers fire in time.
#[test]
fn t10_tasks_that_never_rest_starve_neither_each_other_nor_a_timer() {
    run_scripted_on(|event_loop, selector| {
        let polls = Rc::new(RefCell::new(vec![0_u32; 10]));
        for i in 0..10 {
            let (polls, selector) = (Rc::clone(&polls), selector.clone());
            drop(event_loop.create_task(poll_fn(move |cx| {
                polls.borrow_mut()[i] += 1;
                selector.advance(Duration::from_micros(1));
                cx.waker().wake_by_ref();
                Poll::<()>::Pending
            })));
        }
        event_loop.run_until_complete(sleep(MS));
        let polls = polls.borrow();
        let (least, most) = (polls.iter().min().unwrap(), polls.iter().max().unwrap());
        assert!(most - least <= 1, "{polls:?}");
        // 1,000 polls take the millisecond; the timers are polled every 61 polls or so.
        assert!(polls.iter().sum::<u32>() < 1000 + 2 * BUDGET, "{polls:?}");
    });
}

fn run_scripted_on(body: impl FnOnce(&EventLoop, &ScriptedSelector)) {
    let selector = ScriptedSelector::new();
    body(&EventLoop::with_selector(Box::new(selector.clone())), &selector);
}

/// Shows T14.
/// T14: only the waker of the last poll is used; for a handle, a sleep and a socket.
#[test]
fn t14_polled_again_with_another_waker_only_that_one_is_woken() {
    let _dog = watchdog("t14", 30);
    let event_loop = EventLoop::new().unwrap();
    event_loop.run_until_complete(async {
        let (a, b) = UnixStream::pair().unwrap();
        let task = create_task(sleep(MS * 2));
        let mut byte = [0];
        let mut waits: Vec<Pin<Box<dyn Future<Output = ()> + '_>>> = vec![
            Box::pin(async move { task.await.unwrap() }),
            Box::pin(sleep(MS * 2)),
            Box::pin(async { a.read_exact(&mut byte).await.unwrap() }),
        ];
        for (wait, bytes) in waits.iter_mut().zip(["", "", "x"]) {
            let (first, second) = (Arc::new(Counting::default()), Arc::new(Counting::default()));
            for counting in [&first, &second] {
                let waker = Waker::from(Arc::clone(counting));
                assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            }
            b.write_all(bytes.as_bytes()).await.unwrap();
            sleep(MS * 10).await;
            let count = |counting: &Counting| counting.0.load(Ordering::SeqCst);
            assert_eq!((count(&first), count(&second)), (0, 1));
            wait.await;
        }
    });
}

/// Shows M9, M10, M12.
/// M9, M10 and M12: a jump over many deadlines fires all of them once and in order; what is
/// armed meanwhile waits for the next iteration; a panic in one leaves the others.
#[test]
fn m9_m10_m12_a_jump_fires_all_that_is_due_once_in_order_whatever_they_do() {
    run_scripted_on(|event_loop, selector| {
        event_loop.set_exception_handler(|_| ());
        let log = Log::default();
        let handle = Rc::new(event_loop.handle());
        for ms in [3, 1, 2] {
            let log = log.clone();
            event_loop.call_later(MS * ms, move || {
                log.note(format!("{ms}"));
                assert!(ms != 1, "the first one panics");
            });
        }
        let inner = log.clone();
        event_loop.call_later(MS, move || {
            // Due at once; from inside there is only the loop's own timer to arm.
            drop(create_task(async move {
                sleep(Duration::from_nanos(1)).await;
                inner.note("armed meanwhile");
            }));
        });
        selector.advance(MS * 100);
        let iteration = event_loop.run_once().unwrap();
        assert_eq!((iteration.timers, iteration.called), (4, 4));
        assert_eq!(log.read(), ["1", "2", "3"]);
        selector.advance(MS);
        event_loop.run_until_complete(sleep(MS));
        assert_eq!(log.read(), ["1", "2", "3", "armed meanwhile"]);
        drop(handle);
    });
}

/// Shows M6.
/// M6: the selector is polled only a few times for each deadline, on a real clock: no spinning
/// through the last fraction of a millisecond.
#[test]
fn m6_a_sleeping_loop_does_not_spin_towards_its_deadline() {
    let _dog = watchdog("m6", 30);
    let event_loop = EventLoop::new().unwrap();
    event_loop.run_until_complete(async {
        for micros in [100, 999, 1_001, 2_500, 4_999] {
            let before = event_loop.iterations();
            sleep(Duration::from_micros(micros)).await;
            let iterations = event_loop.iterations() - before;
            assert!(iterations <= 5, "{iterations} iterations for a sleep of {micros} us");
        }
    });
}

/// Shows T12.
/// T4 and T12's plain side: a value written before a wake from another thread is seen.
#[test]
fn t12_what_another_thread_wrote_before_its_wake_is_seen_by_the_poll() {
    let _dog = watchdog("t12", 30);
    let event_loop = EventLoop::new().unwrap();
    let (value, polls) = (Arc::new(AtomicUsize::new(0)), Cell::new(0));
    let mut thread = None;
    let mut seen = pin!(poll_fn(|cx| {
        polls.set(polls.get() + 1);
        let (shared, waker) = (Arc::clone(&value), cx.waker().clone());
        thread.get_or_insert_with(|| {
            std::thread::spawn(move || {
                shared.store(7, Ordering::Relaxed);
                waker.wake();
            })
        });
        match value.load(Ordering::Relaxed) {
            0 => Poll::Pending,
            seen => Poll::Ready(seen),
        }
    }));
    assert_eq!(event_loop.run_until_complete(seen.as_mut()), 7);
    assert!(polls.get() <= 2);
    thread.unwrap().join().unwrap();
    run_scripted(async {});
}

//! `add_reader` and `add_writer`: asyncio's level-triggered meaning over both selectors.

mod common;
use common::{DropFlag, until_async, watchdog};
use singletrack::aio::{TcpListener, add_reader, add_writer, remove_reader, remove_writer, sleep};
use singletrack::event_loop::core::current;
use singletrack::selector::event::Selector;
use singletrack::selector::mio::MioSelector;
use singletrack::selector::polling::PollingSelector;
use singletrack::{EventLoop, yield_now};
use std::cell::{Cell, RefCell};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

/// Runs the body on a loop over each real selector.
fn on_both(what: &'static str, body: impl AsyncFn()) {
    let _dog = watchdog(what, 30);
    let selectors: [Box<dyn Selector>; 2] =
        [Box::new(MioSelector::new().unwrap()), Box::new(PollingSelector::new().unwrap())];
    for selector in selectors {
        let event_loop = EventLoop::with_selector(selector);
        event_loop.run_until_complete(async {
            body().await;
            yield_now().await;
            assert_eq!(sources(), 0, "no slab entry is left behind");
        });
        assert_eq!(event_loop.tasks(), 0, "no task is left behind");
    }
}

fn sources() -> usize {
    current("test").reactor.borrow().len()
}

fn pair() -> (Rc<UnixStream>, UnixStream) {
    let (near, far) = UnixStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    (Rc::new(near), far)
}

/// A counter and a callback that counts.
fn counter() -> (Rc<Cell<u32>>, impl FnMut() + 'static) {
    let count = Rc::new(Cell::new(0));
    let inner = Rc::clone(&count);
    (count, move || inner.set(inner.get() + 1))
}

/// On edges alone, this would read one byte and hang.
#[test]
fn a_reader_that_reads_one_byte_is_called_for_each() {
    on_both("one byte a call", async || {
        let (near, mut far) = pair();
        let seen = Rc::new(RefCell::new(Vec::new()));
        let (inner, bytes) = (Rc::clone(&near), Rc::clone(&seen));
        let reader = move || {
            let mut byte = [0];
            if (&*inner).read(&mut byte).unwrap() == 1 {
                bytes.borrow_mut().push(byte[0]);
            }
        };
        add_reader(Rc::clone(&near), reader).unwrap();
        far.write_all(b"abc").unwrap();
        until_async(|| *seen.borrow() == b"abc").await;
        far.write_all(b"de").unwrap();
        until_async(|| *seen.borrow() == b"abcde").await;
        assert!(remove_reader(&*near));
    });
}

#[test]
fn a_reader_that_reads_nothing_is_called_every_turn_and_starves_nobody() {
    on_both("reads nothing", async || {
        let (near, mut far) = pair();
        let (calls, count) = counter();
        add_reader(Rc::clone(&near), count).unwrap();
        sleep(Duration::from_millis(2)).await;
        assert_eq!(calls.get(), 0, "not before there is something to read");
        far.write_all(b"x").unwrap();
        until_async(|| calls.get() > 100).await; // the sleeps in between end all the same
        assert!(remove_reader(&near.as_raw_fd()), "the number will do");
        let so_far = calls.get();
        sleep(Duration::from_millis(2)).await;
        assert_eq!(calls.get(), so_far);
        assert!(!remove_reader(&*near), "there is none any more");
    });
}

#[test]
fn a_drained_descriptor_costs_nothing_while_it_is_silent() {
    let _dog = watchdog("silent", 30);
    let event_loop = EventLoop::new().unwrap();
    let (near, mut far) = pair();
    let calls = Rc::new(Cell::new(0));
    event_loop.run_until_complete(async {
        let (inner, count) = (Rc::clone(&near), Rc::clone(&calls));
        let reader = move || {
            count.set(count.get() + (&*inner).read(&mut [0; 16]).unwrap());
        };
        add_reader(Rc::clone(&near), reader).unwrap();
        sleep(Duration::from_millis(1)).await;
    });
    for expected in 1..4 {
        far.write_all(b"x").unwrap();
        let called = event_loop.run_once().unwrap();
        assert_eq!((called.events, called.polled, calls.get()), (1, 1, expected));
        // One more look tells that it is empty; after that the loop would sleep.
        assert_eq!(event_loop.run_once().unwrap().polled, 1);
    }
    event_loop.call_later(Duration::from_millis(1), || ());
    assert_eq!(event_loop.run_once().unwrap().polled, 0);
}

#[test]
fn adding_again_replaces_and_drops_the_old_callback_at_once() {
    on_both("adding again", async || {
        let (near, mut far) = pair();
        let flag = DropFlag::default();
        let guard = flag.guard();
        let never = move || {
            let _ = &guard;
            unreachable!("it was replaced");
        };
        add_reader(Rc::clone(&near), never).unwrap();
        yield_now().await; // it waits
        let (calls, count) = counter();
        add_reader(Rc::clone(&near), count).unwrap();
        assert!(flag.dropped());
        assert_eq!(Rc::strong_count(&near), 2);
        far.write_all(b"x").unwrap();
        until_async(|| calls.get() > 0).await;
        assert_eq!(sources(), 1);
        assert!(remove_reader(&*near));
        assert_eq!(Rc::strong_count(&near), 1);
    });
}

/// Each replaced watch takes its waker back: the news then wakes one task, not a crowd.
#[test]
fn adding_a_hundred_times_leaves_one() {
    let _dog = watchdog("a hundred times", 30);
    let event_loop = EventLoop::new().unwrap();
    let (near, mut far) = pair();
    let (calls, count) = counter();
    event_loop.run_until_complete(async {
        for _ in 0..100 {
            add_reader(Rc::clone(&near), || ()).unwrap();
            sleep(Duration::from_micros(100)).await;
        }
        add_reader(Rc::clone(&near), count).unwrap();
        sleep(Duration::from_millis(1)).await;
    });
    assert_eq!((event_loop.tasks(), Rc::strong_count(&near)), (1, 2));
    far.write_all(b"x").unwrap();
    assert_eq!(event_loop.run_once().unwrap().polled, 1);
    assert_eq!(calls.get(), 1);
}

#[test]
fn a_reader_and_a_writer_share_a_descriptor() {
    on_both("a reader and a writer", async || {
        let (near, mut far) = pair();
        let (reads, count_reads) = counter();
        let (writes, count_writes) = counter();
        add_reader(Rc::clone(&near), count_reads).unwrap();
        add_writer(Rc::clone(&near), count_writes).unwrap();
        assert_eq!(sources(), 1, "one registration for both");
        until_async(|| writes.get() > 2).await;
        assert_eq!(reads.get(), 0);
        assert!(remove_writer(&*near));
        assert!(!remove_writer(&*near));
        let so_far = writes.get();
        far.write_all(b"x").unwrap();
        until_async(|| reads.get() > 2).await;
        assert_eq!(writes.get(), so_far);
        assert!(remove_reader(&*near));
    });
}

#[test]
fn a_writer_waits_until_there_is_room() {
    on_both("until there is room", async || {
        let (near, mut far) = pair();
        while (&*near).write(&[0; 4096]).is_ok() {}
        let (calls, count) = counter();
        add_writer(Rc::clone(&near), count).unwrap();
        sleep(Duration::from_millis(2)).await;
        assert_eq!(calls.get(), 0);
        let _ = far.read(&mut vec![0; 1 << 20]).unwrap();
        until_async(|| calls.get() > 0).await;
        assert!(remove_writer(&*near));
    });
}

/// Shows R6.
#[test]
fn a_hang_up_calls_both() {
    on_both("a hang-up", async || {
        let (near, far) = pair();
        while (&*near).write(&[0; 4096]).is_ok() {}
        let (reads, count_reads) = counter();
        let (writes, count_writes) = counter();
        add_reader(Rc::clone(&near), count_reads).unwrap();
        add_writer(Rc::clone(&near), count_writes).unwrap();
        sleep(Duration::from_millis(1)).await;
        assert_eq!((reads.get(), writes.get()), (0, 0));
        drop(far);
        until_async(|| reads.get() > 0 && writes.get() > 0).await;
        assert!(remove_reader(&*near) && remove_writer(&*near));
    });
}

#[test]
fn a_callback_may_remove_itself() {
    on_both("remove itself", async || {
        let (near, mut far) = pair();
        let flag = DropFlag::default();
        let (guard, fd) = (flag.guard(), near.as_raw_fd());
        let (calls, mut count) = counter();
        let reader = move || {
            let _ = &guard;
            assert!(remove_reader(&fd));
            count();
        };
        add_reader(Rc::clone(&near), reader).unwrap();
        far.write_all(b"x").unwrap();
        until_async(|| calls.get() > 0).await;
        sleep(Duration::from_millis(1)).await;
        assert_eq!((calls.get(), flag.dropped(), Rc::strong_count(&near)), (1, true, 1));
    });
}

#[test]
fn a_callback_may_replace_itself() {
    on_both("replace itself", async || {
        let (near, mut far) = pair();
        let (calls, count) = counter();
        let inner = Rc::clone(&near);
        let mut next = Some(count);
        let reader = move || add_reader(Rc::clone(&inner), next.take().unwrap()).unwrap();
        add_reader(Rc::clone(&near), reader).unwrap();
        far.write_all(b"x").unwrap();
        until_async(|| calls.get() > 0).await;
        assert!(remove_reader(&*near));
        assert_eq!(Rc::strong_count(&near), 1);
    });
}

#[test]
fn a_callbacks_panic_is_reported_and_the_watch_goes_on() {
    let _dog = watchdog("a callback's panic", 30);
    let event_loop = EventLoop::new().unwrap();
    let reports = Rc::new(RefCell::new(Vec::new()));
    let inner = Rc::clone(&reports);
    event_loop.set_exception_handler(move |unhandled| {
        inner.borrow_mut().push(format!("{}: {}", unhandled.place, unhandled.message));
    });
    event_loop.run_until_complete(async {
        let (near, mut far) = pair();
        add_reader(Rc::clone(&near), || panic!("badly read")).unwrap();
        far.write_all(b"x").unwrap();
        until_async(|| reports.borrow().len() > 1).await;
        let expected = format!("reader of descriptor {}: badly read", near.as_raw_fd());
        assert_eq!(reports.borrow()[0], expected);
        assert!(remove_reader(&*near));
    });
}

/// Issue: registering a regular file or a closed descriptor.
#[test]
fn what_cannot_be_watched_is_refused_and_nothing_is_kept() {
    on_both("refused", async || {
        let file = std::fs::File::open("/proc/self/exe").unwrap();
        let fd = file.as_raw_fd();
        let flag = DropFlag::default();
        let guard = flag.guard();
        let callback = move || _ = &guard;
        let error = add_reader(file, callback).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert!(error.to_string().contains(&format!("descriptor {fd} cannot be")), "{error}");
        assert!(error.to_string().contains("`to_thread`"), "{error}");
        assert!(flag.dropped());
        // SAFETY: no code opens a descriptor of this number; it is only shown to the system.
        let closed = unsafe { BorrowedFd::borrow_raw(900_000) };
        let error = add_writer(closed, || ()).unwrap_err();
        assert!(error.to_string().contains("is closed"), "{error}");
        assert_eq!(sources(), 0);
        assert!(!remove_reader(&fd) && !remove_writer(&900_000));
    });
}

#[test]
fn what_a_stream_watches_is_refused_until_it_is_gone() {
    on_both("a stream's descriptor", async || {
        let listener = Rc::new(TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap());
        let error = add_reader(Rc::clone(&listener), || ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
        assert_eq!((sources(), Rc::strong_count(&listener)), (1, 1));
        // And the other way round: a removed watch leaves the descriptor to others at once.
        let std = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let shared = Rc::new(std);
        add_reader(Rc::clone(&shared), || ()).unwrap();
        yield_now().await;
        assert!(remove_reader(&*shared));
        let std = Rc::try_unwrap(shared).expect("the loop holds it no more");
        drop(TcpListener::from_std(std).unwrap());
    });
}

#[test]
fn outside_a_running_loop_it_is_an_error() {
    let (near, _far) = pair();
    let error = add_reader(Rc::clone(&near), || ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotConnected);
    assert!(!remove_reader(&*near));
}

#[test]
fn a_dropped_loop_drops_callbacks_and_what_they_watch() {
    let _dog = watchdog("a dropped loop", 30);
    let event_loop = EventLoop::new().unwrap();
    let (near, mut far) = pair();
    let flag = DropFlag::default();
    event_loop.run_until_complete(async {
        let guard = flag.guard();
        add_reader(near, move || _ = &guard).unwrap();
        yield_now().await;
    });
    assert!(!flag.dropped());
    drop(event_loop);
    assert!(flag.dropped());
    assert_eq!(far.read(&mut [0]).unwrap(), 0, "its end is closed");
}

//! Signals: properties Z1 to Z3 (Z1 also as a model, in `loom_loop.rs`). A binary of its own
//! (`harness = false`), because handlers belong to the whole process: the bodies run one by one.

mod common;
use common::{DropFlag, watchdog};
use singletrack::aio::{
    UnixStream, add_signal_handler, remove_signal_handler, signal, sleep, wait_for,
};
use singletrack::selector::scripted::ScriptedSelector;
use singletrack::sys::signal::{take, wakeup_fd};
use singletrack::{EventLoop, create_task, yield_now};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

const TESTS: &[(&str, fn())] = &[
    (
        "each_listener_learns_of_a_signal_at_least_once",
        each_listener_learns_of_a_signal_at_least_once,
    ),
    ("a_full_eventfd_loses_nothing_and_the_handler_keeps_errno", a_full_eventfd_loses_nothing),
    ("the_last_listener_restores_the_old_action", the_last_listener_restores),
    ("a_signal_ends_the_sleep_of_the_loop", a_signal_ends_the_sleep),
    ("a_signal_ends_one_iteration", a_signal_ends_one_iteration),
    ("interrupted_sleeps_keep_their_time", interrupted_sleeps_keep_their_time),
    ("callbacks_are_replaced_removed_and_may_panic", callbacks_are_replaced),
    ("a_callback_removed_before_its_turn_does_not_run", removed_before_its_turn),
    ("a_callback_that_is_replaced_hands_its_arrival_on", a_replaced_callback),
    ("a_dropped_loop_lets_go_of_its_signals", a_dropped_loop_lets_go),
    ("callbacks_that_go_with_their_loop_may_panic_in_their_drops", callbacks_panic_in_their_drops),
    ("one_loop_listens_at_a_time", one_loop_listens),
    ("what_cannot_be_handled_is_refused", what_cannot_be_handled),
    ("a_childs_signal_is_not_the_parents", a_childs_signal),
    ("a_forked_child_listens_for_itself", a_forked_child_listens),
    ("the_handler_notes_and_writes_and_does_nothing_else", the_handler_notes_and_writes),
    ("a_waker_may_change_who_listens", a_waker_may_change_who_listens),
];

fn main() {
    let filter = std::env::args().nth(1).filter(|word| !word.starts_with('-'));
    for (name, test) in TESTS {
        if filter.as_ref().is_none_or(|part| name.contains(part.as_str())) {
            let _dog = watchdog(name, 30);
            test();
            println!("test {name} ... ok");
        }
    }
}

fn raise(signal: i32) {
    // SAFETY: the call takes a number.
    assert_eq!(unsafe { libc::raise(signal) }, 0);
}

/// The address of the handler installed now.
fn action(signal: i32) -> (usize, i32) {
    // SAFETY: the struct is plain data, written by the call; a null new action changes nothing.
    unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        assert_eq!(libc::sigaction(signal, std::ptr::null(), &mut now), 0);
        (now.sa_sigaction, now.sa_flags & libc::SA_RESETHAND)
    }
}

fn run<F: Future>(future: F) -> F::Output {
    EventLoop::new().unwrap().run_until_complete(future)
}

/// Shows Z1.
/// Z1, and coalescing.
fn each_listener_learns_of_a_signal_at_least_once() {
    let event_loop = EventLoop::new().unwrap();
    event_loop.run_until_complete(async {
        let calls = Rc::new(RefCell::new([0; 2]));
        for (i, number) in [libc::SIGUSR1, libc::SIGUSR2].into_iter().enumerate() {
            let calls = Rc::clone(&calls);
            add_signal_handler(number, move || calls.borrow_mut()[i] += 1).unwrap();
        }
        let mut streams = [libc::SIGUSR1, libc::SIGUSR1, libc::SIGUSR2].map(|n| signal(n).unwrap());
        for _ in 0..100_000 {
            raise(libc::SIGUSR1);
        }
        raise(libc::SIGUSR2);
        for stream in &mut streams {
            stream.recv().await.unwrap();
        }
        yield_now().await;
        assert_eq!(*calls.borrow(), [1, 1], "what comes between two iterations is one arrival");
        // A second arrival is a second notification.
        raise(libc::SIGUSR1);
        streams[0].recv().await.unwrap();
        yield_now().await;
        assert_eq!(*calls.borrow(), [2, 1]);
        let [_one, mut two, mut three] = streams;
        two.recv().await.unwrap();
        let waits = create_task(async move { three.recv().await });
        sleep(Duration::from_millis(1)).await;
        assert!(!waits.done(), "SIGUSR2 came once");
    });
    assert_eq!(event_loop.tasks(), 2);
}

/// Shows Z1, Z2.
/// Z1 with an eventfd whose counter is full, and Z2.
fn a_full_eventfd_loses_nothing() {
    run(async {
        let mut stream = signal(libc::SIGUSR1).unwrap();
        let mut full = 0;
        for entry in std::fs::read_dir("/proc/self/fd").unwrap().flatten() {
            let is_eventfd = std::fs::read_link(entry.path())
                .is_ok_and(|to| to.to_string_lossy().contains("eventfd"));
            if is_eventfd {
                let fd: i32 = entry.file_name().to_str().unwrap().parse().unwrap();
                let most = u64::MAX - 1;
                // SAFETY: eight bytes of a local.
                unsafe { libc::write(fd, (&raw const most).cast(), 8) };
                full += 1;
            }
        }
        assert!(full >= 2, "the loop's eventfd and the signals'");
        // SAFETY: `errno` is this thread's.
        unsafe { *libc::__errno_location() = 1234 };
        // The handler runs before `raise` returns; its write fails with EAGAIN.
        // SAFETY: as above.
        let (result, errno) = unsafe { (libc::raise(libc::SIGUSR1), *libc::__errno_location()) };
        assert_eq!((result, errno), (0, 1234));
        stream.recv().await.unwrap();
        raise(libc::SIGUSR1);
        stream.recv().await.unwrap();
    });
}

static CALLS: AtomicU32 = AtomicU32::new(0);

extern "C" fn before(_: i32) {
    CALLS.fetch_add(1, Ordering::SeqCst);
}

/// Shows Z3.
/// Z3.
fn the_last_listener_restores() {
    let handler = before as extern "C" fn(i32) as usize;
    // SAFETY: the handler touches one atomic.
    unsafe { libc::signal(libc::SIGUSR1, handler) };
    let old = action(libc::SIGUSR1);
    assert_eq!(old.0, handler);
    run(async {
        let (one, two) = (signal(libc::SIGUSR1).unwrap(), signal(libc::SIGUSR1).unwrap());
        add_signal_handler(libc::SIGUSR1, || ()).unwrap();
        assert_ne!(action(libc::SIGUSR1).0, handler);
        drop(one);
        assert!(remove_signal_handler(libc::SIGUSR1));
        assert!(!remove_signal_handler(libc::SIGUSR1));
        assert_ne!(action(libc::SIGUSR1).0, handler, "one still listens");
        drop(two);
        assert_eq!(action(libc::SIGUSR1), old);
        raise(libc::SIGUSR1);
    });
    assert_eq!(CALLS.load(Ordering::SeqCst), 1);
    // SAFETY: as in every process from its start.
    unsafe { libc::signal(libc::SIGUSR1, libc::SIG_DFL) };
}

fn a_signal_ends_the_sleep() {
    run(async {
        let mut terms = signal(libc::SIGTERM).unwrap();
        let sender = std::thread::spawn(|| {
            std::thread::sleep(Duration::from_millis(20));
            // SAFETY: the calls take numbers.
            unsafe { libc::kill(libc::getpid(), libc::SIGTERM) };
        });
        terms.recv().await.unwrap();
        sender.join().unwrap();
    });
    // On the scripted selector, whose wait knows no descriptor, the script brings the news.
    let selector = ScriptedSelector::new();
    let event_loop = EventLoop::with_selector(Box::new(selector.clone()));
    event_loop.run_until_complete(async {
        let mut terms = signal(libc::SIGTERM).unwrap();
        let bell = selector.watched()[0];
        yield_now().await;
        raise(libc::SIGTERM);
        let ready = singletrack::selector::event::Readiness::READABLE;
        selector.ready_at(Duration::from_secs(1), bell, ready);
        terms.recv().await.unwrap();
    });
    assert_eq!(event_loop.time(), Duration::from_secs(1));
}

/// Shows R11.
/// R11: every wait of the selector is interrupted, and no sleep ends early or is forgotten; neither in epoll,
/// nor where nothing is watched and the thread is parked.
fn interrupted_sleeps_keep_their_time() {
    for watches in [true, false] {
        let event_loop = EventLoop::new().unwrap();
        let pair = async { watches.then(|| UnixStream::pair().unwrap()) };
        let _watched = event_loop.run_until_complete(pair);
        let before = event_loop.iterations();
        sleep_interrupted(&event_loop);
        assert!(event_loop.iterations() - before > 10, "no wait was interrupted");
    }
}

/// A program with a handler of its own looks at what that has noted between two iterations.
fn a_signal_ends_one_iteration() {
    static CAME: AtomicBool = AtomicBool::new(false);
    extern "C" fn note(_: libc::c_int) {
        CAME.store(true, Ordering::Relaxed);
    }
    for watches in [true, false] {
        CAME.store(false, Ordering::Relaxed);
        // SAFETY: the handler only notes; the struct is plain data and outlives the call.
        let main = unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = note as extern "C" fn(libc::c_int) as usize;
            assert_eq!(libc::sigaction(libc::SIGUSR2, &action, std::ptr::null_mut()), 0);
            libc::pthread_self()
        };
        let event_loop = EventLoop::new().unwrap();
        let pair = async { watches.then(|| UnixStream::pair().unwrap()) };
        let _watched = event_loop.run_until_complete(pair);
        // Again and again, for the first may come before the loop sleeps.
        let (over, is_over) = mpsc::channel::<()>();
        let sender = std::thread::spawn(move || {
            while is_over.recv_timeout(Duration::from_millis(2)).is_err() {
                // SAFETY: the main thread lives as long as the process.
                unsafe { libc::pthread_kill(main, libc::SIGUSR2) };
            }
        });
        while !CAME.load(Ordering::Relaxed) {
            event_loop.run_once().unwrap();
        }
        over.send(()).unwrap();
        sender.join().unwrap();
    }
}

fn sleep_interrupted(event_loop: &EventLoop) {
    static CAME: AtomicU32 = AtomicU32::new(0);
    CAME.store(0, Ordering::Relaxed);
    extern "C" fn count(_: libc::c_int) {
        CAME.fetch_add(1, Ordering::Relaxed);
    }
    // SAFETY: the handler only counts; the struct is plain data and outlives the call.
    let main = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = count as extern "C" fn(libc::c_int) as usize;
        assert_eq!(libc::sigaction(libc::SIGUSR2, &action, std::ptr::null_mut()), 0);
        libc::pthread_self()
    };
    let (over, is_over) = mpsc::channel::<()>();
    let sender = std::thread::spawn(move || {
        while is_over.recv_timeout(Duration::from_micros(300)).is_err() {
            // SAFETY: the main thread lives as long as the process.
            unsafe { libc::pthread_kill(main, libc::SIGUSR2) };
        }
    });
    event_loop.run_until_complete(async {
        let naps = [1, 1_500].into_iter().chain(std::iter::repeat(20_000));
        for nap in naps.map(Duration::from_micros) {
            // On a busy machine the sender seldom has its turn.
            if nap.as_millis() == 20 && CAME.load(Ordering::Relaxed) > 20 {
                break;
            }
            let start = event_loop.time();
            sleep(nap).await;
            assert!(event_loop.time() - start >= nap, "a sleep of {nap:?} ended early");
        }
    });
    over.send(()).unwrap();
    sender.join().unwrap();
}

fn callbacks_are_replaced() {
    let event_loop = EventLoop::new().unwrap();
    let calls = Rc::new(Cell::new(0));
    let tell = Rc::clone(&calls);
    event_loop.set_exception_handler(move |_| tell.set(tell.get() + 1));
    event_loop.run_until_complete(async {
        let first = DropFlag::default();
        let guard = first.guard();
        add_signal_handler(libc::SIGUSR1, move || {
            let _ = &guard;
            unreachable!("it was replaced")
        })
        .unwrap();
        add_signal_handler(libc::SIGUSR1, || panic!("told, and the loop goes on")).unwrap();
        assert!(first.dropped());
        for expect in 1..=2 {
            raise(libc::SIGUSR1);
            while calls.get() < expect {
                sleep(Duration::from_micros(100)).await;
            }
        }
        assert!(remove_signal_handler(libc::SIGUSR1));
    });
    assert_eq!(calls.get(), 2);
}

fn removed_before_its_turn() {
    run(async {
        // Two signals in one delivery: the first callback takes the second one away.
        let ran = Rc::new(Cell::new(false));
        let second = Rc::clone(&ran);
        let mut watch = signal(libc::SIGUSR2).unwrap();
        add_signal_handler(libc::SIGUSR1, || {
            assert!(remove_signal_handler(libc::SIGUSR2));
            assert!(remove_signal_handler(libc::SIGUSR1), "itself, too");
        })
        .unwrap();
        add_signal_handler(libc::SIGUSR2, move || second.set(true)).unwrap();
        raise(libc::SIGUSR1);
        raise(libc::SIGUSR2);
        watch.recv().await.unwrap();
        sleep(Duration::from_millis(1)).await;
        assert!(!ran.get());
    });
}

/// A program that swaps its handler must not lose the signal that comes meanwhile.
fn a_replaced_callback() {
    run(async {
        let calls = Rc::new(Cell::new(0));
        let count = Rc::clone(&calls);
        add_signal_handler(libc::SIGUSR2, || unreachable!("it is replaced before it is called"))
            .unwrap();
        add_signal_handler(libc::SIGUSR1, move || {
            let count = Rc::clone(&count);
            add_signal_handler(libc::SIGUSR2, move || count.set(count.get() + 1)).unwrap();
        })
        .unwrap();
        raise(libc::SIGUSR1);
        raise(libc::SIGUSR2); // both in one delivery; the first callback replaces the second
        let heard = async {
            while calls.get() == 0 {
                sleep(Duration::from_micros(100)).await;
            }
        };
        wait_for(heard, Some(Duration::from_secs(5))).await.expect("the new callback was called");
        sleep(Duration::from_millis(1)).await;
        assert_eq!(calls.get(), 1);
    });
}

fn callbacks_panic_in_their_drops() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("a callback goes");
        }
    }
    let event_loop = EventLoop::new().unwrap();
    let told = Rc::new(Cell::new(0));
    let count = Rc::clone(&told);
    event_loop.set_exception_handler(move |_| count.set(count.get() + 1));
    event_loop.run_until_complete(async {
        for signal in [libc::SIGUSR1, libc::SIGUSR2, libc::SIGUSR1, libc::SIGHUP] {
            let bomb = Bomb;
            let callback = move || {
                let _bomb = &bomb;
            };
            add_signal_handler(signal, callback).unwrap();
        }
    });
    drop(event_loop);
    assert_eq!(told.get(), 4, "one was replaced, and three went with the loop");
}

fn a_dropped_loop_lets_go() {
    let old = action(libc::SIGUSR1);
    let flag = DropFlag::default();
    let guard = flag.guard();
    let event_loop = EventLoop::new().unwrap();
    let mut stream = event_loop.run_until_complete(async {
        add_signal_handler(libc::SIGUSR1, move || {
            let _ = &guard;
        })
        .unwrap();
        signal(libc::SIGUSR1).unwrap()
    });
    struct Notes(AtomicBool);
    impl Wake for Notes {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let notes = Arc::new(Notes(AtomicBool::new(false)));
    let mut wait = Box::pin(stream.recv());
    let waker = Waker::from(Arc::clone(&notes));
    let waits = wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending();
    drop(event_loop);
    assert!(waits && notes.0.load(Ordering::SeqCst), "who waits elsewhere is told");
    drop(wait);
    assert!(flag.dropped());
    assert_eq!(action(libc::SIGUSR1), old);
    assert_eq!(run(stream.recv()).unwrap_err().kind(), ErrorKind::NotConnected);
    drop(stream);
    run(async { drop(signal(libc::SIGUSR1).unwrap()) }); // another loop may listen now
    assert_eq!(action(libc::SIGUSR1), old);
}

fn one_loop_listens() {
    let (a, b) = (EventLoop::new().unwrap(), EventLoop::new().unwrap());
    let stream = a.run_until_complete(async { signal(libc::SIGUSR1).unwrap() });
    let error = b.run_until_complete(async { signal(libc::SIGUSR1).unwrap_err() });
    assert_eq!(error.kind(), ErrorKind::ResourceBusy);
    assert!(error.to_string().contains("call_soon_threadsafe"), "{error}");
    drop(stream);
    b.run_until_complete(async { signal(libc::SIGUSR1).unwrap() });
}

fn what_cannot_be_handled() {
    run(async {
        for number in [libc::SIGKILL, libc::SIGSTOP, libc::SIGSEGV, 0, -1, 65, 1000] {
            assert_eq!(signal(number).unwrap_err().kind(), ErrorKind::InvalidInput, "{number}");
            assert!(add_signal_handler(number, || ()).is_err());
        }
        assert!(!remove_signal_handler(libc::SIGUSR1));
    });
    assert_eq!(signal(libc::SIGUSR1).unwrap_err().kind(), ErrorKind::NotConnected);
}

/// A forked child shares the bell, but not the flags: its signals tell the parent nothing.
fn a_childs_signal() {
    run(async {
        let mut stream = signal(libc::SIGUSR1).unwrap();
        let waits = create_task(async move { stream.recv().await });
        let bell = std::fs::File::from(wakeup_fd().unwrap());
        // SAFETY: the only other thread sleeps, and the child leaves by `_exit`.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // Its own bell, and nobody reads what that says: were it the parent's, it could be read there.
            let own = wakeup_fd();
            raise(libc::SIGUSR1);
            // SAFETY: as above.
            unsafe { libc::_exit(own.is_err().into()) }
        }
        let mut status = 0;
        // SAFETY: the child is ours, and no other code waits for it.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0, "the child has a bell");
        let silent = (&bell).read(&mut [0; 8]).expect_err("the parent's bell is not");
        assert_eq!(silent.kind(), ErrorKind::WouldBlock);
        sleep(Duration::from_millis(2)).await;
        assert!(!waits.done());
    });
}

/// Shows Z1.
/// Z1 in two processes. The child's loop is its own, and so must be its bell: were it the
/// parent's, each would silence what rings for the other.
fn a_forked_child_listens() {
    run(async {
        let mut stream = signal(libc::SIGUSR1).unwrap();
        let (mut listens, mut tell) = std::io::pipe().unwrap();
        // SAFETY: the only other thread sleeps, and the child leaves by `_exit`.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let heard = EventLoop::new().unwrap().run_until_complete(async {
                let mut own = signal(libc::SIGUSR2)?;
                let mut end = signal(libc::SIGTERM)?;
                raise(libc::SIGUSR2);
                own.recv().await?;
                tell.write_all(b"!")?;
                end.recv().await
            });
            // SAFETY: as above.
            unsafe { libc::_exit(heard.is_err().into()) }
        }
        drop(tell);
        listens.read_exact(&mut [0]).expect("the child listens");
        for _ in 0..500 {
            raise(libc::SIGUSR1);
            wait_for(stream.recv(), Some(Duration::from_secs(5))).await.expect("heard").unwrap();
            yield_now().await;
        }
        let mut status = 0;
        // SAFETY: the child is ours, and no other code waits for it.
        unsafe { libc::kill(child, libc::SIGTERM) };
        // SAFETY: as above.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0, "the child heard its own signals, and the end");
    });
}

/// Counts what each thread asks of it.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u32> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: all is done by the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Shows Z2.
/// Z2. Memory is counted here. System calls are left to the kernel: a child whose signals
/// arrive in seccomp's strict mode, where all but `read`, `write` and the return from a handler
/// kills, and lives.
fn the_handler_notes_and_writes() {
    run(async {
        let _listening = signal(libc::SIGUSR1).unwrap();
        raise(libc::SIGUSR1);
        let before = ALLOCATIONS.get();
        raise(libc::SIGUSR1);
        assert_eq!(ALLOCATIONS.get(), before);

        assert!(take(libc::SIGUSR1));
        let (mut is_strict, strict) = std::io::pipe().unwrap();
        let (go_on, mut tell) = std::io::pipe().unwrap();
        // SAFETY: the child calls only what is allowed after a fork, and here in strict mode.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let mut byte = 0u8;
            // SAFETY: as above; the byte is this stack's.
            unsafe {
                let mode = libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_STRICT, 0, 0, 0);
                libc::write(strict.as_raw_fd(), (&raw const mode).cast(), 1);
                libc::read(go_on.as_raw_fd(), (&raw mut byte).cast(), 1);
                libc::syscall(libc::SYS_exit, if take(libc::SIGUSR1) { 7 } else { 8 });
            }
        }
        let mut mode = [1];
        is_strict.read_exact(&mut mode).unwrap();
        assert_eq!(mode, [0], "strict mode");
        // SAFETY: the child is ours, and no other code waits for it.
        unsafe { libc::kill(child, libc::SIGUSR1) };
        tell.write_all(b"!").unwrap();
        let mut status = 0;
        // SAFETY: as above.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert!(libc::WIFEXITED(status), "the handler made another system call: {status:#x}");
        assert_eq!(libc::WEXITSTATUS(status), 7, "the handler ran");
    });
}

/// Shows T11.
/// T11: no waker is called under a borrow, so it may do what it likes.
fn a_waker_may_change_who_listens() {
    struct Nosy;
    impl Wake for Nosy {
        fn wake(self: Arc<Self>) {
            assert!(remove_signal_handler(libc::SIGUSR2));
        }
    }
    run(async {
        let mut stream = signal(libc::SIGUSR1).unwrap();
        let mut second = signal(libc::SIGUSR1).unwrap();
        add_signal_handler(libc::SIGUSR2, || ()).unwrap();
        {
            let mut wait = pin!(stream.recv());
            let waker = Waker::from(Arc::new(Nosy));
            assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            raise(libc::SIGUSR1);
            second.recv().await.unwrap();
            wait.await.unwrap();
        }
        assert!(!remove_signal_handler(libc::SIGUSR2), "the waker has done so");
        raise(libc::SIGUSR1);
        stream.recv().await.unwrap();
    });
}

//! The smallest budget, one operation a poll: everything is slow then, and everything ends. A leaf
//! that paid twice in one poll would be refused in each poll anew.

mod common;
use common::{on_real_selectors, scripted};
use singletrack::aio::{
    Barrier, Condition, Event, ExecutorJob, Lock, Queue, Semaphore, StreamWriter, UnixStream,
    consume_budget, gather, pipe, split, wait_for,
};
use singletrack::event_loop::create_eager_task;
use singletrack::task::budget::BUDGET;
use singletrack::{EventLoop, create_task, yield_now};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// Sets the budget of the loop that runs the test: `on_real_selectors` gives none.
fn set_budget(operations: u32) {
    singletrack::event_loop::core::current("a test").budget.set(operations);
}

#[test]
fn with_any_budget_a_leaf_that_is_polled_by_hand_gets_through() {
    for budget in [1, 2, 3, 128] {
        on_real_selectors(async || {
            set_budget(budget);
            let (here, there) = UnixStream::pair().unwrap();
            there.write_all(b"hello").await.unwrap();
            let (mut reader, writer) = split(here);
            let polls = Rc::new(Cell::new(0));
            let count = Rc::clone(&polls);
            let task = create_task(async move {
                let filled = poll_fn(|cx| {
                    count.set(count.get() + 1);
                    reader.poll_fill(cx).map(|bytes| bytes.unwrap().to_vec())
                });
                assert_eq!(filled.await, b"hello");
                poll_fn(|cx| reader.poll_fill(cx).map(|bytes| assert!(bytes.is_ok()))).await;
                reader.consume(5);
                drop(there);
                let end = poll_fn(|cx| reader.poll_fill(cx).map(|bytes| bytes.unwrap().len()));
                assert_eq!(end.await, 0);
            });
            task.await.unwrap();
            poll_fn(|cx| writer.poll_drain(cx)).await.unwrap();
            assert!(polls.get() <= 3, "{} polls with a budget of {budget}", polls.get());
        });
    }
}

/// What only waits has not cost anything: a future beside it in the same task gets on.
#[test]
fn a_drain_that_waits_leaves_the_budget_to_the_reader_that_it_waits_for() {
    on_real_selectors(async || {
        set_budget(1);
        let (receiver, sender) = pipe().unwrap();
        let writer = StreamWriter::new(sender);
        writer.write(&vec![1; 300_000]).unwrap();
        let (mut got, mut polls) = (0, 0);
        let mut room = vec![0; 65_536];
        let (mut drained, mut drain) = (false, pin!(poll_fn(|cx| writer.poll_drain(cx))));
        poll_fn(|cx| {
            polls += 1;
            drained = drained || drain.as_mut().poll(cx).is_ready();
            while got < 300_000
                && let Poll::Ready(read) = receiver.poll_read(cx, &mut room)
            {
                got += read.unwrap();
            }
            if drained && got == 300_000 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        assert!(polls < 1000, "{polls} polls");
    });
}

async fn everything() {
    let queue = Rc::new(Queue::new(1));
    let (put, get) = (Rc::clone(&queue), queue);
    let producer = create_task(async move {
        for i in 0..20 {
            put.put(i).await.unwrap();
        }
    });
    let mut sum = 0;
    for _ in 0..20 {
        sum += get.get().await.unwrap();
    }
    producer.await.unwrap();
    assert_eq!(sum, 190);

    let shared = Rc::new((Lock::new(0), Condition::new(), Semaphore::new(2), Barrier::new(3)));
    let event = Rc::new(Event::new());
    let tasks = [1, 2, 3].map(|n| {
        let (shared, event) = (Rc::clone(&shared), Rc::clone(&event));
        create_eager_task(async move {
            let _permit = shared.2.acquire().await;
            let mut guard = shared.0.acquire().await;
            *guard += n;
            shared.1.notify_all();
            while *guard < 6 {
                guard = shared.1.wait(guard).await;
                event.set();
                if n != 3 {
                    break;
                }
            }
            drop((guard, _permit));
            event.set();
            event.wait().await;
            shared.3.wait().await.unwrap();
        })
    });
    wait_for(gather(tasks), Some(Duration::from_secs(20))).await.unwrap().unwrap();

    let (here, there) = UnixStream::pair().unwrap();
    let echo = create_task(async move {
        let (mut reader, writer) = split(there);
        for _ in 0..3 {
            let line = reader.readline().await.unwrap();
            writer.write(&line).unwrap();
            writer.drain().await.unwrap();
        }
    });
    let (mut reader, writer) = split(here);
    for line in [&b"one\n"[..], b"two\n", b"three\n"] {
        writer.write(line).unwrap();
        writer.drain().await.unwrap();
        assert_eq!(reader.readline().await.unwrap(), line);
    }
    echo.await.unwrap();
}

/// Shows T10.
#[test]
fn with_a_budget_of_one_everything_ends() {
    on_real_selectors(async || {
        set_budget(1);
        wait_for(everything(), Some(Duration::from_secs(30))).await.unwrap();
    });
    let event_loop = scripted();
    event_loop.set_budget(0); // as good as 1
    event_loop.run_until_complete(async {
        let lock = Lock::new(());
        for _ in 0..10 {
            drop(lock.acquire().await);
            yield_now().await;
        }
    });
}

/// How many turns a task takes, each with leaves that are always ready, before another one runs.
fn turns_before_others_run<F: Future>(turn: impl Fn() -> F) -> u32 {
    let event_loop = EventLoop::new().unwrap();
    event_loop.run_until_complete(async {
        let other = create_task(async {});
        let mut turns = 0;
        while !other.done() && turns < 10_000 {
            turn().await;
            turns += 1;
        }
        turns
    })
}

#[test]
fn a_task_of_foreign_leaves_that_pays_pauses_when_its_budget_is_spent() {
    assert_eq!(turns_before_others_run(|| std::future::ready(())), 10_000, "nothing else can");
    assert_eq!(turns_before_others_run(consume_budget), BUDGET + 1);
}

#[test]
fn awaiting_jobs_that_are_done_counts_against_the_budget_too() {
    let done = || ExecutorJob::from(singletrack::futures::Future::resolved(Ok(1)));
    assert_eq!(turns_before_others_run(done), BUDGET + 1);
}

/// Shows T10.
#[test]
fn a_barrier_of_one_party_lets_others_run() {
    let event_loop = scripted();
    event_loop.run_until_complete(async {
        let others = Rc::new(Cell::new(0));
        let count = Rc::clone(&others);
        let _other = create_task(async move {
            loop {
                count.set(count.get() + 1);
                yield_now().await;
            }
        })
        .cancel_on_drop();
        let barrier = Barrier::new(1);
        for _ in 0..10 * BUDGET {
            barrier.wait().await.unwrap();
        }
        assert!(others.get() > 1, "the other task has run {} times", others.get());
    });
}

//! Crates that ask for a waker and no more: they run. Named by the page `src/interop/what_runs.md`.

use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use singletrack::aio::{block_on, create_task, sleep, to_thread, yield_now};
use singletrack_real::threads;
use std::time::Duration;
use tower::{Service, ServiceExt};

const SOON: Duration = Duration::from_millis(1);

#[test]
fn futures_sets_give_results_as_they_come() {
    block_on(async {
        let mut set: FuturesUnordered<_> = (0..100_u32)
            .rev()
            .map(|n| async move {
                sleep(SOON * n / 10).await;
                n
            })
            .collect();
        let mut sum = 0;
        while let Some(n) = set.next().await {
            sum += n;
        }
        assert_eq!(sum, 4950);
        let never = std::future::pending::<()>();
        assert!(matches!(select(never, sleep(SOON)).await, Either::Right(_)));
    });
}

#[test]
fn tokios_channels_work_between_tasks_and_threads() {
    block_on(async {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(4);
        let foreign =
            create_task(to_thread(move || (0..1000).try_for_each(|n| sender.blocking_send(n))));
        let mut sum = 0;
        while let Some(n) = receiver.recv().await {
            sum += n;
        }
        assert_eq!((sum, foreign.await.unwrap().unwrap()), (499_500, Ok(())));
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let (watched, mut watches) = tokio::sync::watch::channel(0);
        drop(create_task(async move {
            yield_now().await;
            watched.send(7).unwrap();
            sender.send(8).unwrap();
        }));
        watches.changed().await.unwrap();
        assert_eq!((*watches.borrow(), receiver.await), (7, Ok(8)));
    });
}

#[test]
fn async_channels_work_between_tasks_and_threads() {
    block_on(async {
        let (sender, receiver) = async_channel::bounded(4);
        let foreign =
            create_task(to_thread(move || (0..1000).try_for_each(|n| sender.send_blocking(n))));
        let mut sum = 0;
        while let Ok(n) = receiver.recv().await {
            sum += n;
        }
        assert_eq!((sum, foreign.await.unwrap().unwrap().is_ok()), (499_500, true));
    });
}

#[test]
fn async_locks_are_held_across_an_await() {
    block_on(async {
        let lock = std::rc::Rc::new(async_lock::Mutex::new(0));
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let lock = std::rc::Rc::clone(&lock);
                create_task(async move {
                    let mut count = lock.lock().await;
                    let before = *count;
                    yield_now().await;
                    *count = before + 1;
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*lock.lock().await, 100);
    });
}

#[test]
fn towers_limit_of_concurrency_holds() {
    block_on(async {
        let busy = std::rc::Rc::new(std::cell::Cell::new((0, 0)));
        let service = tower::service_fn(|()| {
            let busy = std::rc::Rc::clone(&busy);
            async move {
                let (now, most) = busy.get();
                busy.set((now + 1, most.max(now + 1)));
                sleep(SOON).await;
                busy.set((busy.get().0 - 1, busy.get().1));
                Ok::<_, std::convert::Infallible>(())
            }
        });
        let limited = tower::limit::ConcurrencyLimit::new(service, 3);
        let all: FuturesUnordered<_> = (0..20)
            .map(|_| {
                let mut limited = limited.clone();
                async move { limited.ready().await.unwrap().call(()).await.unwrap() }
            })
            .collect();
        assert_eq!(all.count().await, 20);
        assert_eq!(busy.get(), (0, 3));
    });
}

#[test]
fn smols_timers_wake_us_from_a_thread_of_their_own() {
    block_on(async {
        let before = threads();
        async_io::Timer::after(SOON).await;
        assert!(threads() > before, "async-io has started its reactor");
    });
}

#[test]
fn a_tokio_runtime_on_a_thread_of_its_own_can_be_asked() {
    let (ask, mut asked) = tokio::sync::mpsc::channel::<tokio::sync::oneshot::Sender<u32>>(1);
    let runtime = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            while let Some(answer) = asked.recv().await {
                tokio::time::sleep(SOON).await;
                answer.send(42).unwrap();
            }
        });
    });
    block_on(async {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        ask.send(sender).await.unwrap();
        assert_eq!(receiver.await, Ok(42));
        drop(ask);
    });
    runtime.join().unwrap();
}

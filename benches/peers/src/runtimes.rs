//! Each runtime through its own usual interface: tasks, yield, a channel that holds one item.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

/// What the work needs.
pub trait Runtime: 'static {
    const NAME: &'static str;

    fn block_on<F: Future>(future: F) -> F::Output;

    /// On the runtime whose `block_on` is running.
    fn spawn<T: Send + 'static>(
        future: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T>;

    fn yield_now() -> impl Future<Output = ()> + Send;

    /// `None` if there are no timers. May be asked outside `block_on`, to find that out.
    fn sleep(delay: Duration) -> Option<impl Future>;

    /// One task sends 0, 1, 2 and so on, another sends each back; the sum of what came back.
    fn round_trips(n: u64) -> impl Future<Output = u64>;
}

/// A channel's two ends, as the peers' `round_trips` use them.
trait Channel: 'static {
    type Sender: Send + 'static;
    type Receiver: Send + 'static;
    fn new() -> (Self::Sender, Self::Receiver);
    fn send(to: &mut Self::Sender, value: u64) -> impl Future<Output = ()> + Send;
    fn receive(from: &mut Self::Receiver) -> impl Future<Output = u64> + Send;
}

async fn round_trips<R: Runtime, C: Channel>(n: u64) -> u64 {
    let ((mut to_b, mut from_a), (mut to_a, mut from_b)) = (C::new(), C::new());
    let a = R::spawn(async move {
        let mut sum = 0;
        for i in 0..n {
            C::send(&mut to_b, i).await;
            sum += C::receive(&mut from_b).await;
        }
        sum
    });
    let b = R::spawn(async move {
        for _ in 0..n {
            let i = C::receive(&mut from_a).await;
            C::send(&mut to_a, i).await;
        }
    });
    b.await;
    a.await
}

// ---- ours ----

pub struct Singletrack;

impl Runtime for Singletrack {
    const NAME: &'static str = "singletrack";

    fn block_on<F: Future>(future: F) -> F::Output {
        singletrack::EventLoop::new().expect("a loop").run_until_complete(future)
    }

    fn spawn<T: Send + 'static>(
        future: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> {
        Unwrapped(singletrack::create_task(future))
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        singletrack::yield_now()
    }

    fn sleep(delay: Duration) -> Option<impl Future> {
        Some(singletrack::aio::sleep(delay))
    }

    async fn round_trips(n: u64) -> u64 {
        use singletrack::aio::Queue;
        let (there, back) = (Rc::new(Queue::new(1)), Rc::new(Queue::new(1)));
        let (to_b, from_a) = (Rc::clone(&there), there);
        let (to_a, from_b) = (Rc::clone(&back), back);
        let a = singletrack::create_task(async move {
            let mut sum = 0;
            for i in 0..n {
                to_b.put(i).await.unwrap();
                sum += from_b.get().await.unwrap();
            }
            sum
        });
        let b = singletrack::create_task(async move {
            for _ in 0..n {
                let i = from_a.get().await.unwrap();
                to_a.put(i).await.unwrap();
            }
        });
        b.await.unwrap();
        a.await.unwrap()
    }
}

/// A handle whose error would be a bug of the benchmark.
struct Unwrapped<H>(H);

impl<H, T, E> Future for Unwrapped<H>
where
    H: Future<Output = Result<T, E>> + Unpin,
    E: std::fmt::Debug,
{
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        Pin::new(&mut self.0).poll(cx).map(|output| output.expect("no task fails"))
    }
}

// ---- tokio, current thread ----

pub struct Tokio;

impl Runtime for Tokio {
    const NAME: &'static str = "tokio";

    fn block_on<F: Future>(future: F) -> F::Output {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().expect("a runtime").block_on(future)
    }

    fn spawn<T: Send + 'static>(
        future: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> {
        Unwrapped(tokio::spawn(future))
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        tokio::task::yield_now()
    }

    fn sleep(delay: Duration) -> Option<impl Future> {
        Some(async move { tokio::time::sleep(delay).await }) // made when polled: needs a runtime
    }

    fn round_trips(n: u64) -> impl Future<Output = u64> {
        round_trips::<Tokio, TokioChannel>(n)
    }
}

struct TokioChannel;

impl Channel for TokioChannel {
    type Sender = tokio::sync::mpsc::Sender<u64>;
    type Receiver = tokio::sync::mpsc::Receiver<u64>;

    fn new() -> (Self::Sender, Self::Receiver) {
        tokio::sync::mpsc::channel(1)
    }

    async fn send(to: &mut Self::Sender, value: u64) {
        to.send(value).await.expect("the receiver lives");
    }

    async fn receive(from: &mut Self::Receiver) -> u64 {
        from.recv().await.expect("the sender lives")
    }
}

// ---- async-executor and async-io ----

pub struct Smol;

thread_local! {
    static EXECUTOR: RefCell<Rc<async_executor::LocalExecutor<'static>>> = RefCell::default();
}

impl Runtime for Smol {
    const NAME: &'static str = "async-executor/-io";

    fn block_on<F: Future>(future: F) -> F::Output {
        let executor = Rc::new(async_executor::LocalExecutor::new());
        EXECUTOR.set(Rc::clone(&executor));
        async_io::block_on(executor.run(future))
    }

    fn spawn<T: Send + 'static>(
        future: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> {
        EXECUTOR.with_borrow(|executor| executor.spawn(future))
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        futures_lite::future::yield_now()
    }

    fn sleep(delay: Duration) -> Option<impl Future> {
        Some(async_io::Timer::after(delay))
    }

    fn round_trips(n: u64) -> impl Future<Output = u64> {
        round_trips::<Smol, AsyncChannel>(n)
    }
}

struct AsyncChannel;

impl Channel for AsyncChannel {
    type Sender = async_channel::Sender<u64>;
    type Receiver = async_channel::Receiver<u64>;

    fn new() -> (Self::Sender, Self::Receiver) {
        async_channel::bounded(1)
    }

    async fn send(to: &mut Self::Sender, value: u64) {
        to.send(value).await.expect("the receiver lives");
    }

    async fn receive(from: &mut Self::Receiver) -> u64 {
        from.recv().await.expect("the sender lives")
    }
}

// ---- futures' LocalPool ----

pub struct LocalPool;

thread_local! {
    static SPAWNER: RefCell<Option<futures::executor::LocalSpawner>> = const { RefCell::new(None) };
}

impl Runtime for LocalPool {
    const NAME: &'static str = "futures LocalPool";

    fn block_on<F: Future>(future: F) -> F::Output {
        let mut pool = futures::executor::LocalPool::new();
        SPAWNER.set(Some(pool.spawner()));
        pool.run_until(future)
    }

    fn spawn<T: Send + 'static>(
        future: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> {
        use futures::task::LocalSpawnExt;
        SPAWNER.with_borrow(|spawner| {
            let spawner = spawner.as_ref().expect("inside `block_on`");
            spawner.spawn_local_with_handle(future).expect("the pool lives")
        })
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        futures_lite::future::yield_now()
    }

    fn sleep(_: Duration) -> Option<impl Future> {
        None::<std::future::Pending<()>>
    }

    fn round_trips(n: u64) -> impl Future<Output = u64> {
        round_trips::<LocalPool, FuturesChannel>(n)
    }
}

struct FuturesChannel;

impl Channel for FuturesChannel {
    type Sender = futures::channel::mpsc::Sender<u64>;
    type Receiver = futures::channel::mpsc::Receiver<u64>;

    fn new() -> (Self::Sender, Self::Receiver) {
        futures::channel::mpsc::channel(0) // and one for the sender: holds one
    }

    async fn send(to: &mut Self::Sender, value: u64) {
        futures::SinkExt::send(to, value).await.expect("the receiver lives");
    }

    async fn receive(from: &mut Self::Receiver) -> u64 {
        futures::StreamExt::next(from).await.expect("the sender lives")
    }
}

//! `tokio`, whose runtime, tasks, clock and sockets are our loop's. The rest (`sync`, `io`, the macros)
//! is tokio's own: `#[tokio::test]` writes `tokio::runtime::Builder`, and finds it here.

pub use real::*;
pub use task::spawn;

pub mod runtime {
    use crate::task::JoinHandle;
    use singletrack::EventLoop;
    use std::{future::Future, io};

    pub struct Builder(());

    impl Builder {
        pub fn new_current_thread() -> Builder {
            Builder(())
        }
        /// One thread, whatever is asked for.
        pub fn new_multi_thread() -> Builder {
            Builder(())
        }
        pub fn worker_threads(&mut self, _: usize) -> &mut Builder {
            self
        }
        pub fn enable_all(&mut self) -> &mut Builder {
            self
        }
        pub fn build(&mut self) -> io::Result<Runtime> {
            EventLoop::new().map(Runtime)
        }
    }

    pub struct Runtime(EventLoop);

    impl Runtime {
        pub fn block_on<F: Future>(&self, future: F) -> F::Output {
            self.0.run_until_complete(future)
        }
        pub fn spawn<F: Future + 'static>(&self, future: F) -> JoinHandle<F::Output> {
            JoinHandle(self.0.create_task(future))
        }
    }
}

pub mod task {
    pub use real::task::*;
    use singletrack::aio::{Task, TaskError, create_task};
    use std::future::Future;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    pub struct JoinHandle<T>(pub(crate) Task<T>);

    #[derive(Debug)]
    pub struct JoinError(TaskError);

    impl JoinError {
        pub fn is_cancelled(&self) -> bool {
            matches!(self.0, TaskError::Cancelled)
        }
    }

    impl<T> JoinHandle<T> {
        pub fn abort(&self) {
            self.0.cancel();
        }
    }

    impl<T> Future for JoinHandle<T> {
        type Output = Result<T, JoinError>;
        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
            Pin::new(&mut self.0).poll(cx).map_err(JoinError)
        }
    }

    pub fn spawn<F: Future + 'static>(future: F) -> JoinHandle<F::Output> {
        JoinHandle(create_task(future))
    }

    pub async fn yield_now() {
        singletrack::aio::yield_now().await;
    }
}

pub mod time {
    pub use real::time::*; // what is not below is only compiled, by crates that the suite needs
    use std::future::Future;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    #[derive(Debug)]
    pub struct Sleep(singletrack::aio::Sleep);

    impl Sleep {
        pub fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
            self.0.reset(deadline.into_std().saturating_duration_since(std::time::Instant::now()));
        }
    }

    impl Future for Sleep {
        type Output = ();
        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
            Pin::new(&mut self.0).poll(cx)
        }
    }

    pub fn sleep(delay: Duration) -> Sleep {
        Sleep(singletrack::aio::sleep(delay))
    }

    pub fn sleep_until(deadline: Instant) -> Sleep {
        Sleep(singletrack::aio::sleep_until(deadline.into_std()))
    }

    pub async fn timeout<F: Future>(
        limit: Duration,
        future: F,
    ) -> Result<F::Output, singletrack::aio::TimedOut> {
        singletrack::aio::wait_for(future, Some(limit)).await
    }
}

pub mod net {
    use crate::io::{AsyncRead, AsyncWrite, ReadBuf};
    use std::io::{self, IoSlice};
    use std::net::{Shutdown, SocketAddr, ToSocketAddrs};
    use std::pin::Pin;
    use std::task::{Context, Poll, ready};

    fn first(address: impl ToSocketAddrs) -> io::Result<SocketAddr> {
        address.to_socket_addrs()?.next().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    #[derive(Debug)]
    pub struct TcpListener(singletrack::aio::TcpListener);

    impl TcpListener {
        pub async fn bind(address: impl ToSocketAddrs) -> io::Result<TcpListener> {
            singletrack::aio::TcpListener::bind(first(address)?).map(TcpListener)
        }
        pub fn from_std(listener: std::net::TcpListener) -> io::Result<TcpListener> {
            singletrack::aio::TcpListener::from_std(listener).map(TcpListener)
        }
        pub fn local_addr(&self) -> io::Result<SocketAddr> {
            self.0.local_addr()
        }
        pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
            self.0.accept().await.map(|(stream, peer)| (TcpStream(stream), peer))
        }
    }

    #[derive(Debug)]
    pub struct TcpStream(singletrack::aio::TcpStream);

    impl TcpStream {
        pub async fn connect(address: impl ToSocketAddrs) -> io::Result<TcpStream> {
            singletrack::aio::TcpStream::connect(first(address)?).await.map(TcpStream)
        }
        pub fn peer_addr(&self) -> io::Result<SocketAddr> {
            self.0.peer_addr()
        }
        pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
            self.0.set_nodelay(on)
        }
    }

    impl AsyncRead for TcpStream {
        fn poll_read(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let count = ready!(self.0.poll_read(cx, buffer.initialize_unfilled()))?;
            buffer.advance(count);
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for TcpStream {
        fn poll_write(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.0.poll_write(cx, bytes)
        }
        fn poll_write_vectored(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            slices: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            self.0.poll_write_vectored(cx, slices)
        }
        fn is_write_vectored(&self) -> bool {
            true
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            // As `interop/halves.rs`, and tokio: a peer that has gone is no error here.
            Poll::Ready(match self.0.shutdown(Shutdown::Write) {
                Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
                done => done,
            })
        }
    }
}

//! The look-up of names, on threads of its own.
//!
//! *Assumes*: the system's resolver, `getaddrinfo(3)`, which blocks, for seconds if no name server
//! answers.
//! *Promises*: while a name is looked up the loop goes on; an address written as a number costs no
//! thread; no look-up waits for a job of another kind, nor can one of those wait for itself by way
//! of a look-up. A loop that is dropped does not wait for a name server that is silent.
//! *Leaves out*: a cache of names; asking name servers without the system's resolver, which alone
//! knows `/etc/hosts`, `nsswitch.conf` and what else a machine uses.
//!
//! ```text
//!   lookup_host ──► resolver_0 … resolver_7     a pool that each loop makes when it first needs it
//!   to_thread   ──► asyncio_0, asyncio_1, …     the default executor: whatever the user runs there
//! ```
//! asyncio's `getaddrinfo` runs on the default executor, and tokio's `lookup_host` on its pool for
//! blocking calls: there a look-up queues behind jobs that have nothing to do with it, and a job
//! that waits for a connection may hold the very thread that the connection's name needs.

use crate::aio::tasks::bridge::ExecutorJob;
use crate::event_loop::core::current;
use crate::futures::thread_pool::{ThreadPoolExecutor, ThreadPoolOptions};
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Look-ups at a time. Mostly there are one or two; but each name whose server is silent holds a
/// thread for as long as the resolver is patient.
const RESOLVERS: usize = 8;

/// The resolver threads of one loop. Dropped, it waits for them, unless one is with the system's
/// resolver.
struct Resolver {
    /// `None` only inside `drop`.
    pool: Option<ThreadPoolExecutor>,
    asking: Arc<Asking>,
}

#[derive(Default)]
struct Asking {
    threads: AtomicUsize,
    is_over: AtomicBool,
}

impl Default for Resolver {
    fn default() -> Self {
        let threads = ThreadPoolOptions::default().max_workers(RESOLVERS);
        let pool = threads.thread_name_prefix("resolver").build();
        let pool = Some(pool.expect("there is at least one thread"));
        Resolver { pool, asking: Arc::default() }
    }
}

impl Resolver {
    fn ask(&self, host: &str, port: u16) -> ExecutorJob<io::Result<Vec<SocketAddr>>> {
        let (name, asking) = (host.to_owned(), Arc::clone(&self.asking));
        let ask = move || {
            asking.threads.fetch_add(1, Ordering::SeqCst);
            let found = match asking.is_over.load(Ordering::SeqCst) {
                true => Ok(Vec::new()), // nobody waits for it any more
                false => (name.as_str(), port).to_socket_addrs().map(Iterator::collect),
            };
            asking.threads.fetch_sub(1, Ordering::SeqCst);
            found
        };
        ExecutorJob::from(self.pool.as_ref().expect("it is here until the drop").submit_fn(ask))
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        self.asking.is_over.store(true, Ordering::SeqCst);
        let pool = self.pool.take();
        // From here on no thread begins to ask; see `ask`.
        if self.asking.threads.load(Ordering::SeqCst) > 0 {
            pool.into_iter().for_each(ThreadPoolExecutor::detach);
        }
    }
}

/// The addresses of `host`, in the order in which the system wants them tried. Never empty.
///
/// A look-up that is given up, by a time limit say, is not made if it has not begun; else its thread
/// finishes it for nobody.
///
/// # Errors
/// What the resolver reports, with the name; `Other` if it could not be asked.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::lookup_host;
///
/// let event_loop = EventLoop::new()?;
/// let found = event_loop.run_until_complete(lookup_host("127.0.0.1", 80))?;
/// assert_eq!(found, ["127.0.0.1:80".parse().unwrap()]);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Panics
/// When polled outside a running loop.
#[doc(alias = "asyncio.loop.getaddrinfo")]
pub async fn lookup_host(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let failed = |e: io::Error| {
        let text = format!(
            "the name `{host}` could not be looked up: {e}; is it spelled right, and is the \
             network up?"
        );
        io::Error::new(e.kind(), text)
    };
    let asked = current("lookup_host").extensions.get::<Resolver>().ask(host, port);
    match asked.await.map_err(io::Error::other).flatten() {
        Ok(addresses) if addresses.is_empty() => {
            let text = format!("the name `{host}` has no address");
            Err(io::Error::new(io::ErrorKind::NotFound, text))
        }
        other => other.map_err(failed),
    }
}

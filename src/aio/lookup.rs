//! Names to addresses, on a thread of the default executor.
//!
//! *Assumes*: the system's resolver, which blocks; `to_thread` (`concurrent/bridge.rs`).
//! *Promises*: the loop goes on meanwhile; an address written as a number costs no thread.
//! *Leaves out*: a cache, and trying two addresses at once (Happy Eyeballs, RFC 8305).

use crate::aio::net::TcpStream;
use crate::base::error::while_trying;
use crate::concurrent::bridge::to_thread;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

/// The addresses of `host`, in the order in which the system wants them tried. Never empty.
///
/// # Errors
/// What the resolver reports, with the name; `Other` if it could not be asked.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::lookup::lookup_host;
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
    let name = host.to_owned();
    let lookup = move || Ok((name.as_str(), port).to_socket_addrs()?.collect::<Vec<_>>());
    let failed = |e: io::Error| {
        let text = format!(
            "the name `{host}` could not be looked up: {e}; is it spelled right, and is the \
             network up?"
        );
        io::Error::new(e.kind(), text)
    };
    match to_thread(lookup).await.map_err(io::Error::other).flatten() {
        Ok(addresses) if addresses.is_empty() => {
            let text = format!("the name `{host}` has no address");
            Err(io::Error::new(io::ErrorKind::NotFound, text))
        }
        other => other.map_err(failed),
    }
}

impl TcpStream {
    /// Looks `host` up and connects to the first of its addresses that answers.
    ///
    /// # Errors
    /// As [`lookup_host`]; else that of the last address that was tried, with the name.
    ///
    /// # Panics
    /// When polled outside a running loop.
    #[doc(alias = "asyncio.loop.create_connection")]
    pub async fn connect_name(host: &str, port: u16) -> io::Result<Self> {
        let mut last = None;
        for address in lookup_host(host, port).await? {
            match TcpStream::connect_to(address).await {
                Ok(stream) => return Ok(stream),
                Err(e) => last = Some((address, e)),
            }
        }
        let (address, e) = last.expect("there was at least one address");
        Err(while_trying(format_args!("cannot connect to `{host}` at {address}"))(e))
    }
}

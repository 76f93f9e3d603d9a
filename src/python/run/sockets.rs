//! The sockets of a program's event loop: connections and listeners of ours.
//!
//! *Assumes*: the thread of the loop, without the global lock.
//! *Promises*: what is sent goes in its order; what arrives, and how a socket ends, becomes a callback
//! of the program's loop; a socket that is closed still sends what was written.
//! *Leaves out*: buffers for reading, lines, servers, which are Python (`python/library/asyncio`).

use crate::aio::net::byte_stream::ByteStream;
use crate::aio::net::lookup::lookup_host;
use crate::aio::net::tcp::{TcpListener, TcpStream};
use crate::aio::streams::reader::{StreamReader, split};
use crate::aio::streams::writer::StreamWriter;
use crate::event_loop::join::Task;
use crate::event_loop::scheduler::create_task;
use crate::python::library::sockets::{Address, SocketEvent};
use crate::python::machine::outside::SocketRequest;
use crate::python::run::shell::Shell;
use crate::python::value::any::Id;
use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream as StdStream};
use std::rc::Rc;
use std::sync::Arc;

/// The most that is read at once.
const CHUNK: usize = 65_536;

/// The sockets of one loop, by their numbers.
pub(crate) struct Sockets {
    shell: Arc<Shell>,
    id: Id,
    open: RefCell<HashMap<u64, Open>>,
}

enum Open {
    Connection(Rc<StreamWriter<StdStream>>),
    Listener(Task<()>),
}

fn address(address: SocketAddr) -> Address {
    (address.ip().to_string(), address.port())
}

/// The class of an error as Python has it, and its text.
fn in_python(error: &io::Error, what: &str) -> SocketEvent {
    let class = match error.kind() {
        ErrorKind::ConnectionRefused => "ConnectionRefusedError",
        ErrorKind::ConnectionReset => "ConnectionResetError",
        ErrorKind::BrokenPipe => "BrokenPipeError",
        ErrorKind::TimedOut => "TimeoutError",
        _ => "OSError",
    };
    let number = match error.kind() {
        ErrorKind::ConnectionRefused => Some(111),
        ErrorKind::AddrInUse => Some(98),
        _ => error.raw_os_error(),
    };
    let text = match number {
        Some(number) => format!("[Errno {number}] {what}"),
        None => format!("{what}: {error}"),
    };
    SocketEvent::Failed(class, text)
}

impl Sockets {
    pub(crate) fn new(shell: &Arc<Shell>, id: Id) -> Rc<Sockets> {
        Rc::new(Sockets { shell: Arc::clone(shell), id, open: RefCell::default() })
    }

    /// Begins to do what the program wants of a socket.
    pub(crate) fn act(self: &Rc<Self>, number: u64, request: SocketRequest) {
        match request {
            SocketRequest::Connect(host, port) => {
                drop(create_task(Rc::clone(self).connect(number, host, port)));
            }
            SocketRequest::Listen(host, port) => {
                let task = create_task(Rc::clone(self).listen(number, host, port));
                self.open.borrow_mut().insert(number, Open::Listener(task));
            }
            SocketRequest::Unlisten => {
                if let Some(Open::Listener(task)) = self.open.borrow_mut().remove(&number) {
                    task.cancel();
                }
                self.tell(number, SocketEvent::Lost(None));
            }
            request => {
                let writer = match self.open.borrow().get(&number) {
                    Some(Open::Connection(writer)) => Rc::clone(writer),
                    _ => return,
                };
                self.write(number, writer, request);
            }
        }
    }

    fn write(
        self: &Rc<Self>,
        number: u64,
        writer: Rc<StreamWriter<StdStream>>,
        request: SocketRequest,
    ) {
        let sockets = Rc::clone(self);
        match request {
            // How the connection has failed is told by who reads it.
            SocketRequest::Send(bytes) => drop(writer.write(&bytes)),
            SocketRequest::End => drop(writer.write_eof()),
            SocketRequest::Drain => drop(create_task(async move {
                let _ = writer.drain().await;
                sockets.tell(number, SocketEvent::Drained);
            })),
            _ => drop(create_task(async move {
                writer.close();
                // It is gone, however it went.
                let _ = writer.wait_closed().await;
                sockets.lost(number, None);
            })),
        }
    }

    async fn connect(self: Rc<Self>, number: u64, host: String, port: u16) {
        let what = format!("Connect call failed ('{host}', {port})");
        let opened = TcpStream::connect_name(&host, port).await;
        let named = opened.and_then(|stream| {
            let names = (address(stream.local_addr()?), address(stream.peer_addr()?));
            Ok((stream, names))
        });
        match named {
            Ok((stream, (own, peer))) => {
                self.tell(number, SocketEvent::Open(own, Some(peer)));
                self.carry(number, stream);
            }
            Err(error) => self.tell(number, in_python(&error, &what)),
        }
    }

    async fn listen(self: Rc<Self>, number: u64, host: String, port: u16) {
        let what = format!("error while attempting to bind on address ('{host}', {port})");
        let bound = match lookup_host(&host, port).await {
            Ok(addresses) => match addresses.into_iter().next() {
                Some(first) => TcpListener::bind(first),
                None => Err(ErrorKind::NotFound.into()),
            },
            Err(error) => Err(error),
        };
        let named = bound.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let listener = match named {
            Ok((own, listener)) => {
                self.tell(number, SocketEvent::Open(address(own), None));
                listener
            }
            Err(error) => return self.tell(number, in_python(&error, &what)),
        };
        loop {
            let Ok((stream, peer)) = listener.accept().await else { return };
            let Ok(own) = stream.local_addr() else { continue };
            let new = self.shell.lock.attach(|gil| {
                let inside = self.shell.inside(gil);
                let new = inside.machine.outside.new_socket();
                let event = SocketEvent::Accepted(new, address(own), address(peer));
                inside.machine.socket_event(self.id, number, event);
                inside.wake_waiters();
                new
            });
            // An error says that the run is over.
            let Ok(new) = new else { return };
            self.carry(new, stream);
        }
    }

    /// Reads a connection from now on, and lets it be written to.
    fn carry(self: &Rc<Self>, number: u64, stream: TcpStream) {
        let stream: ByteStream<StdStream> = stream;
        let (reader, writer) = split(stream);
        self.open.borrow_mut().insert(number, Open::Connection(Rc::new(writer)));
        drop(create_task(Rc::clone(self).read(number, reader)));
    }

    async fn read(self: Rc<Self>, number: u64, mut reader: StreamReader<StdStream>) {
        loop {
            match reader.read(CHUNK).await {
                Ok(bytes) if bytes.is_empty() => return self.tell(number, SocketEvent::Eof),
                Ok(bytes) => self.tell(number, SocketEvent::Data(bytes)),
                Err(error) => {
                    let why = match error.kind() {
                        ErrorKind::ConnectionReset => "[Errno 104] Connection reset by peer".into(),
                        _ => error.to_string(),
                    };
                    return self.lost(number, Some(why));
                }
            }
        }
    }

    /// A connection is gone; that is told once.
    fn lost(&self, number: u64, why: Option<String>) {
        if self.open.borrow_mut().remove(&number).is_some() {
            self.tell(number, SocketEvent::Lost(why));
        }
    }

    /// Tells the program what has happened. An error says that the run is over.
    fn tell(&self, number: u64, event: SocketEvent) {
        let _ = self.shell.lock.attach(|gil| {
            let inside = self.shell.inside(gil);
            inside.machine.socket_event(self.id, number, event);
            inside.wake_waiters();
        });
    }
}

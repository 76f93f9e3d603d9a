//! What the streams of asyncio stand on: sockets, which only a real run has.
//!
//! *Promises*: a program finds out by name whether there are any; without a real run nothing here
//! touches the network.
//! *Leaves out*: the sockets themselves (`python/run/sockets.rs`).

use crate::python::machine::interpreter::{Machine, Row, exception_class};
use crate::python::machine::outside::SocketRequest;
use crate::python::machine::terms::{Arguments, Done, Look, R, Raise, value};
use crate::python::value::any::{Id, Value};
use crate::python::value::object::Object;

/// The rows of this file. Only the library's own Python sees them.
pub const ROWS: &[Row] = &[
    Row::of("prelude._asyncio_is_real", Look::C, |m, _| {
        value(Value::Bool(m.outside.clock.is_some()))
    }),
    Row::of("prelude._asyncio_socket", Look::C, socket),
    Row::of("prelude._asyncio_os_error", Look::C, os_error),
];

/// `_socket(number, what, …)`: the number of a new one, if it is none yet.
fn socket(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [number, what, first, second] = m.sorted(a, "socket", 2, ["number", "what", "a", "b"])?;
    let what = m.plain_str(what)?;
    let Some(event_loop) = m.running_loop() else {
        return Err(m.error("RuntimeError", "no running event loop"));
    };
    let host = match first {
        Value::Str(text) if !m.strings.text(text).is_empty() => m.strings.text(text).to_owned(),
        _ if what == "listen" => "0.0.0.0".to_owned(),
        _ => "127.0.0.1".to_owned(),
    };
    let port = match what.as_str() {
        "connect" | "listen" => u16::try_from(m.int_argument(second)?).ok(),
        _ => Some(0),
    };
    let Some(port) = port else {
        return Err(m.error("OverflowError", "connect(): port must be 0-65535."));
    };
    let request = match what.as_str() {
        "connect" => SocketRequest::Connect(host, port),
        "listen" => SocketRequest::Listen(host, port),
        "send" => SocketRequest::Send(m.bytes_of(first).unwrap_or_default()),
        "end" => SocketRequest::End,
        "drain" => SocketRequest::Drain,
        "unlisten" => SocketRequest::Unlisten,
        _ => SocketRequest::Close,
    };
    let number = match number.as_int() {
        Some(number) => u64::try_from(number).unwrap_or(0),
        None => m.outside.new_socket(),
    };
    m.outside.sockets.push((event_loop, number, request));
    value(Value::Int(i64::try_from(number).unwrap_or(0)))
}

/// `_os_error(class, text)`
fn os_error(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [class, text] = m.sorted(a, "os_error", 2, ["class", "text"])?;
    let (class, text) = (m.plain_str(class)?, m.plain_str(text)?);
    let class = if exception_class(&class).is_some() { class } else { "OSError".to_owned() };
    match m.error(&class, text) {
        Raise::Exception(id) => value(Value::Ref(id)),
        other => Err(other),
    }
}

/// What has happened to a socket.
#[derive(Debug, Clone)]
pub(crate) enum SocketEvent {
    /// It is open: its own address and its peer's, if it has one.
    Open(Address, Option<Address>),
    /// It could not be opened: the class of the error, and its text.
    Failed(&'static str, String),
    /// A listener has accepted this one.
    Accepted(u64, Address, Address),
    /// It has received this.
    Data(Vec<u8>),
    /// It will receive no more.
    Eof,
    /// What was to be sent is sent, or nearly.
    Drained,
    /// It is closed; by this, if it was not closed here.
    Lost(Option<String>),
}

/// A host and a port.
pub(crate) type Address = (String, u16);

impl Machine {
    /// Tells a loop what has happened to one of its sockets: a callback is ready.
    pub(crate) fn socket_event(&mut self, event_loop: Id, number: u64, event: SocketEvent) {
        if matches!(event, SocketEvent::Failed(..) | SocketEvent::Lost(_)) {
            self.outside.open_sockets = self.outside.open_sockets.saturating_sub(1);
        }
        let (what, value) = match event {
            SocketEvent::Open(own, None) => ("open", self.address(&own)),
            SocketEvent::Open(own, Some(peer)) => {
                let names = vec![self.address(&own), self.address(&peer)];
                ("open", self.add(Object::Tuple(names)))
            }
            SocketEvent::Failed(class, text) => {
                let parts = vec![self.text_value(class), self.text_value(&text)];
                ("failed", self.add(Object::Tuple(parts)))
            }
            SocketEvent::Accepted(new, own, peer) => {
                let new = Value::Int(i64::try_from(new).unwrap_or(0));
                let parts = vec![new, self.address(&own), self.address(&peer)];
                ("accepted", self.add(Object::Tuple(parts)))
            }
            SocketEvent::Data(bytes) => match self.bytes_value(&bytes) {
                Ok(bytes) => ("data", bytes),
                Err(_) => ("lost", self.text_value("it needs too much memory")),
            },
            SocketEvent::Eof => ("eof", Value::None),
            SocketEvent::Drained => ("drained", Value::None),
            SocketEvent::Lost(None) => ("lost", Value::None),
            SocketEvent::Lost(Some(why)) => ("lost", self.text_value(&why)),
        };
        let function = self.prelude("asyncio._socket_event");
        let number = Value::Int(i64::try_from(number).unwrap_or(0));
        let what = self.text_value(what);
        self.call_soon(event_loop, function, vec![number, what, value], None);
    }

    fn address(&mut self, (host, port): &Address) -> Value {
        let parts = vec![self.text_value(host), Value::Int(i64::from(*port))];
        self.add(Object::Tuple(parts))
    }
}

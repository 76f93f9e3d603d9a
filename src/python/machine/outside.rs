//! What is outside of a world: the clock, the lock's settings, and what is asked of the shell.
//!
//! *Promises*: without a shell nothing here is used: time is the world's, and a request stops the run.
//! *Leaves out*: asking (`python/machine/asking.rs`), and carrying it out (`python/run/shell.rs`).

use crate::python::machine::processes::{ProcessAnswer, ProcessRequest};
use crate::python::value::any::Id;
use crate::python::value::asyncio::Ready;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What a program asks of whoever runs it for real.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// A line of stdin.
    Line,
    /// Something of another process.
    Process(ProcessRequest),
}

/// What a program wants of a socket. It is told of what happens by callbacks of its loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketRequest {
    /// A connection to this host and port.
    Connect(String, u16),
    /// Connections from others, on this host and port.
    Listen(String, u16),
    /// To send this.
    Send(Vec<u8>),
    /// To be told when little is left to be sent.
    Drain,
    /// To send no more.
    End,
    /// To be closed, when all is sent.
    Close,
    /// To accept no more.
    Unlisten,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A text: a line without its end.
    Text(String),
    /// There is no more.
    End,
    /// What another process has to say.
    Process(ProcessAnswer),
    /// It could not be had, for this reason.
    Failed(String),
}

/// A clock whose time passes faster than real time, or as fast.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    began: Instant,
    /// Since 1970, when it began.
    pub(crate) wall: Duration,
    /// So much real time is a second of it.
    scale: f64,
}

impl Clock {
    /// A clock that begins now. With a scale of 0.01 a sleep of a second takes 10 ms.
    pub fn new(scale: f64) -> Clock {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock { began: Instant::now(), wall, scale }
    }

    /// Nanoseconds since it began.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped by `as`")]
    pub fn now(&self) -> u64 {
        (self.began.elapsed().as_secs_f64() / self.scale * 1e9) as u64
    }

    /// So many of its nanoseconds in real time.
    pub fn real(&self, nanoseconds: u64) -> Duration {
        let real = Duration::from_nanos(nanoseconds).as_secs_f64() * self.scale;
        Duration::try_from_secs_f64(real).unwrap_or(Duration::MAX)
    }

    /// When it will show so much; `None` if that is beyond all time.
    pub fn instant(&self, nanoseconds: u64) -> Option<Instant> {
        let real = Duration::from_nanos(nanoseconds).as_secs_f64() * self.scale;
        self.began.checked_add(Duration::try_from_secs_f64(real).ok()?)
    }
}

/// What the lock does when a waiter wants it, as the program sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switching {
    /// A waiter asks after so long.
    Interval(Duration),
    /// The holder drops it every so many ticks.
    Ticks(u32),
    /// There is no lock.
    None,
}

/// How the main thread has ended by `SystemExit`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exit {
    /// The exit code.
    pub code: u8,
    /// What is written to stderr.
    pub text: String,
}

/// What an event loop of the program has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoopNote {
    /// This became ready.
    Ready(Ready),
    /// A pass begins, for which these callbacks of timers are due.
    Pass(Vec<Id>),
    /// A step of the task with this number of a thread begins.
    Steps(usize),
    /// A callback begins.
    Calls(Id),
    /// A callback was cancelled, and its turn has come.
    Skips(Id),
    /// The loop is left.
    Leaves,
}

/// All that is outside of a world.
#[derive(Debug, Clone)]
pub struct Outside {
    /// What event loops have done since somebody has looked, if that is noted.
    pub loop_notes: Option<Vec<LoopNote>>,
    /// The clock of a real run.
    pub clock: Option<Clock>,
    /// When the lock changes hands.
    pub switching: Switching,
    /// The program has changed that.
    pub switching_changed: bool,
    /// What was asked for since the shell has looked, with the number of its answer.
    pub requests: Vec<(u64, Request)>,
    /// How often something was asked for.
    pub(crate) asked: u64,
    /// The shell has to look: there is something new in here or in the output, a new thread, or
    /// something that threads wait for may have changed.
    pub stirred: bool,
    /// Tasks that were made since somebody has looked, each with its event loop.
    pub born: Vec<(Id, usize)>,
    /// What is wanted of sockets since somebody has looked: the loop, and the number of each.
    pub sockets: Vec<(Id, u64, SocketRequest)>,
    /// How many sockets may have something to say.
    pub open_sockets: usize,
    /// Numbers that sockets have used.
    sockets_made: u64,
    /// What was printed is to be written at once.
    pub flush: bool,
    /// How the main thread has ended by `SystemExit`.
    pub exit: Option<Exit>,
    /// The name of the process, if it was started by the program.
    pub process: Option<String>,
}

impl Default for Outside {
    fn default() -> Outside {
        Outside {
            loop_notes: None,
            clock: None,
            switching: Switching::Interval(Duration::from_millis(5)),
            switching_changed: false,
            requests: Vec::new(),
            asked: 0,
            stirred: false,
            born: Vec::new(),
            sockets: Vec::new(),
            open_sockets: 0,
            sockets_made: 0,
            flush: false,
            exit: None,
            process: None,
        }
    }
}

impl Outside {
    /// Notes what an event loop does, if that is noted.
    pub(crate) fn note_loop(&mut self, note: impl FnOnce() -> LoopNote) {
        if let Some(notes) = &mut self.loop_notes {
            notes.push(note());
        }
    }

    /// The number of a new socket.
    pub(crate) fn new_socket(&mut self) -> u64 {
        self.sockets_made += 1;
        self.open_sockets += 1;
        self.sockets_made
    }
}

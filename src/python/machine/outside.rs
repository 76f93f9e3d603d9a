//! What is outside of a world: the clock, the lock's settings, and what is asked of the shell.
//!
//! *Promises*: without a shell nothing here is used: time is the world's, and a request stops the run.
//! *Leaves out*: carrying out what is asked (`python/run/shell.rs`).
//!
//! ```text
//!   input() ── ask(Line) ──▶ requests ──▶ the shell reads a line, without the lock
//!      ▲                                        │
//!      └── is called again: answered() ◀── world.answers ◀── deliver
//! ```

use crate::python::machine::interpreter::Machine;
use crate::python::machine::processes::{ProcessAnswer, ProcessRequest};
use crate::python::machine::terms::{Done, R, Raise};
use crate::python::machine::world::Wait;
use crate::python::value::any::Id;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What a program asks of whoever runs it for real.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// A line of stdin.
    Line,
    /// Something of another process.
    Process(ProcessRequest),
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
    wall: Duration,
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

/// All that is outside of a world.
#[derive(Debug, Clone)]
pub struct Outside {
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
    /// Something that threads wait for may have changed since the shell has looked.
    pub stirred: bool,
    /// Tasks that were made since somebody has looked, each with its event loop.
    pub born: Vec<(Id, usize)>,
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
            clock: None,
            switching: Switching::Interval(Duration::from_millis(5)),
            switching_changed: false,
            requests: Vec::new(),
            asked: 0,
            stirred: false,
            born: Vec::new(),
            flush: false,
            exit: None,
            process: None,
        }
    }
}

impl Machine {
    /// Nanoseconds since the run began, by its clock.
    pub fn now(&self) -> u64 {
        self.outside.clock.map_or(self.world.clock, |clock| clock.now())
    }

    /// Seconds since 1970. Without a clock the run began then.
    #[allow(clippy::cast_precision_loss, reason = "it is a time")]
    pub fn wall_time(&self) -> f64 {
        let wall = self.outside.clock.map_or(Duration::ZERO, |clock| clock.wall);
        wall.as_secs_f64() + self.now() as f64 / 1e9
    }

    /// Asks for something, and gives the number of the answer: [`Wait::Answer`] waits for it, and
    /// [`take_answer`](Self::take_answer) takes it.
    ///
    /// # Errors
    /// [`Raise::Stop`] if nobody runs this for real.
    pub(crate) fn request(&mut self, request: Request) -> R<u64> {
        if self.outside.clock.is_none() {
            return Err(Raise::Stop("this needs a real run: `singletrack run`".to_owned()));
        }
        self.outside.asked = self.outside.asked.wrapping_add(1);
        self.outside.requests.push((self.outside.asked, request));
        Ok(self.outside.asked)
    }

    /// Takes the answer with this number, if it has come.
    pub(crate) fn take_answer(&mut self, number: u64) -> Option<Answer> {
        self.world.answers.remove(&number)
    }

    /// For a call that asks, waits and is called again: the answer, or that it has to wait.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub(crate) fn ask(&mut self, request: Request) -> R<Result<Answer, Done>> {
        let number = match self.current.asked.take() {
            Some(number) => number,
            None => self.request(request)?,
        };
        Ok(match self.take_answer(number) {
            Some(answer) => Ok(answer),
            None => {
                self.current.asked = Some(number);
                Err(Done::Wait(Wait::Answer(number), None))
            }
        })
    }
}

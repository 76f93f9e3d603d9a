//! Asking what is outside of a world: for the time, for a line of stdin, for another process.
//!
//! *Promises*: without a shell the time is the world's, and a request stops the run.
//! *Leaves out*: carrying out what is asked (`python/run/shell.rs`).
//!
//! ```text
//!   input() ── ask(Line) ──▶ requests ──▶ the shell reads a line, without the lock
//!      ▲                                        │
//!      └── is called again: answered() ◀── world.answers ◀── deliver
//! ```

use crate::python::machine::interpreter::Machine;
use crate::python::machine::outside::{Answer, Request};
use crate::python::machine::terms::{Done, R, Raise};
use crate::python::machine::world::Wait;
use std::time::Duration;

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
        self.outside.stirred = true;
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

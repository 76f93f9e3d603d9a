//! Runs: a program in virtual time on one thread, or for real.
//!
//! ```text
//!   single     threads take turns, and time jumps: the same output each time; what tests compare with
//!
//!   real       a run for real: its settings, Ctrl-C, how it has ended
//!     └─ carry      OS threads, each of which carries a thread of the program
//!          ├─ loops      event loops, whose tasks carry those of the program; their sockets
//!          ├─ requests   other processes: workers, children, queues; child: what such a one does
//!          └─ shell      what a thread does that has the lock: a burst, then a look
//!               ├─ inside     what is under the lock: the machine, who waits, the end
//!               │    └─ waiters    whom to wake
//!               ├─ executors   pools of threads; their jobs are threads of the world
//!               ├─ processes   the other processes, by number
//!               └─ streams    stdout, stderr, stdin
//! ```
//! # Who carries a thread
//!
//! A thread of the world ([`World::threads`](crate::python::machine::world::World::threads)) is data;
//! somebody has to carry it: to call [`Shell::turn`](shell::Shell::turn) for it with the lock held.
//!
//! * *An OS thread* does it in a loop, `carry::carry`, and parks while the thread waits. What starts
//!   one for each new thread of the world is `carry::begin`: there a job of an executor goes to a
//!   worker of ours instead, which calls `carry::carry`.
//! * *A task of an event loop* does it when it is polled: `lock.attach(|gil| shell.turn(gil, number,
//!   cx.waker()))`. `Turn::Waits` is `Poll::Pending`, with a timer if it has a moment; everything but
//!   that and `Ended` goes to `carry::attend`. The OS thread that runs the loop has no lock meanwhile:
//!   the Python thread that called `run_forever` waits, by a `Wait` of its own.
//! * *What is elsewhere* (a line of stdin, a worker process) is asked for: a function of the library
//!   calls [`Machine::ask`](crate::python::machine::interpreter::Machine) with a
//!   [`Request`](crate::python::machine::outside::Request), `carry::answer` has it done without the
//!   lock, and [`Shell::deliver`](shell::Shell::deliver) brings the answer and wakes who waits for it.
//!
//! A new kind of [`Wait`](crate::python::machine::world::Wait) needs its line in `World::has_come`, and
//! whatever changes that sets `machine.outside.stirred` (`sync_argument` does it); then who waits is
//! woken. If it waits for what is outside, `Inside::look_for_deadlock` must know.
//!
//! Read `inside`, then `shell`, then `carry`; imports point down. All of it executes the one
//! [`Machine`](crate::python::machine::interpreter::Machine) that the explorer executes, too.

pub mod carry;
pub mod child;
pub mod executors;
pub mod inside;
pub mod loops;
pub mod processes;
pub mod real;
pub mod requests;
pub mod shell;
pub mod single;
pub mod sockets;
pub mod streams;
pub mod waiters;

pub use inside::Ending;
pub use real::{RealRan, RealRun};
pub use single::{Ran, program, run_single};
pub use streams::Streams;

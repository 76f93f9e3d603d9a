//! Event loops of ours under those of the program: each task is carried by one of our tasks.
//!
//! *Assumes*: an OS thread without the global lock, whose thread of the program runs an event loop.
//! *Promises*: a task has the lock only while it runs; who goes on when is the program's order, for
//! only the task whose turn it is gets woken; a timer is a sleep of ours.
//! *Leaves out*: whose turn it is (`python/machine/tasks.rs`).
//!
//! ```text
//!   asyncio.run(main())     the OS thread leaves `carry`, and runs an EventLoop
//!     run_forever ───────── task 0: polled when there are callbacks, or a timer is due
//!     create_task ───────── one task each: polled when its turn has come
//!     open_connection ───── tasks that read, for each connection (`python/run/sockets.rs`)
//! ```

use crate::aio::time::sleep::{Sleep, sleep_until};
use crate::event_loop::lifecycle::EventLoop;
use crate::event_loop::scheduler::create_task;
use crate::gil::lock::token::Gil;
use crate::python::front::position::Position;
use crate::python::run::inside::Ending;
use crate::python::run::shell::{Shell, Turn};
use crate::python::run::sockets::Sockets;
use crate::python::value::any::Id;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

/// What is left to whoever carries a thread: `carry::attend`.
pub(crate) type Attend = fn(&Arc<Shell>, &mut Gil<'_>, Turn);

/// The event loops of one OS thread, by the program's. Tasks stay in theirs while it does not run.
#[derive(Default)]
pub(crate) struct Loops(HashMap<Id, (EventLoop, Rc<Sockets>)>);

impl Loops {
    /// Runs the loop until the thread that runs it has left it, or has ended.
    pub(crate) fn drive(&mut self, shell: &Arc<Shell>, number: usize, id: Id, attend: Attend) {
        // A loop that was closed has no tasks that could go on.
        self.0.retain(|other, _| *other == id || !is_closed(shell, *other));
        if let Err(error) = self.run(shell, number, id, attend) {
            // An error says that the run is over.
            let _ = shell.lock.attach(|gil| {
                let inside = shell.inside(gil);
                let at: Position = inside.machine.position();
                let why = format!("no event loop is to be had: {error}");
                inside.ending.get_or_insert(Ending::Stopped(why, at));
            });
        }
    }

    fn run(&mut self, shell: &Arc<Shell>, number: usize, id: Id, attend: Attend) -> io::Result<()> {
        let (event_loop, sockets) = match self.0.entry(id) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert((EventLoop::new()?, Sockets::new(shell, id))),
        };
        let (shell, sockets) = (Arc::clone(shell), Rc::clone(sockets));
        let runner = Carried { shell, number, id, runs: true, sleep: None, sockets, attend };
        event_loop.run_until_complete(runner);
        Ok(())
    }
}

fn is_closed(shell: &Arc<Shell>, id: Id) -> bool {
    let closed = shell.lock.attach(|gil| {
        let world = &shell.inside(gil).machine.world;
        world.event_loop(id).is_none_or(|running| running.closed)
    });
    closed.unwrap_or(true)
}

/// A task of ours that carries a task of the program, or the thread that runs the loop.
struct Carried {
    shell: Arc<Shell>,
    number: usize,
    /// The loop.
    id: Id,
    /// It is the thread that runs the loop.
    runs: bool,
    /// Until the limit of what it waits for.
    sleep: Option<Pin<Box<Sleep>>>,
    sockets: Rc<Sockets>,
    attend: Attend,
}

/// How a turn went, for our loop.
enum Went {
    Waits(Option<Instant>),
    Done,
}

impl Carried {
    /// Lets the thread of the program run until it waits; new tasks of the loop are begun.
    fn turn(&self, cx: &mut Context<'_>) -> Went {
        let turn = self.shell.lock.attach(|gil| {
            loop {
                let turn = self.shell.turn(gil, self.number, cx.waker());
                let went = match turn {
                    Turn::Waits(until) => Went::Waits(until),
                    Turn::Ended | Turn::Over => Went::Done,
                    turn => {
                        (self.attend)(&self.shell, gil, turn);
                        continue;
                    }
                };
                let inside = self.shell.inside(gil);
                let left = self.runs && inside.runs(self.number) != Some(self.id);
                let went = if left { Went::Done } else { went };
                return (went, inside.take_born(self.id), inside.take_sockets(self.id));
            }
        });
        // An error says that the run is over.
        let Ok((went, born, wanted)) = turn else { return Went::Done };
        for number in born {
            let (shell, sockets) = (Arc::clone(&self.shell), Rc::clone(&self.sockets));
            let (id, runs, sleep, attend) = (self.id, false, None, self.attend);
            drop(create_task(Carried { shell, number, id, runs, sleep, sockets, attend }));
        }
        for (number, request) in wanted {
            self.sockets.act(number, request);
        }
        went
    }
}

impl Future for Carried {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.turn(cx) {
            Went::Done => return Poll::Ready(()),
            Went::Waits(None) => self.sleep = None,
            Went::Waits(Some(until)) => {
                let mut sleep = Box::pin(sleep_until(until));
                if sleep.as_mut().poll(cx).is_ready() {
                    cx.waker().wake_by_ref();
                }
                self.sleep = Some(sleep);
            }
        }
        Poll::Pending
    }
}

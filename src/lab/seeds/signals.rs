//! Signals that come at any moment, and tasks that listen to them.
//!
//! *Assumes*: no other process sends these two.
//! *Promises*: whoever listened when the last of its signals came learns of it: else it would wait for
//! ever. Nobody is told more often than there were signals. Signals are the process's: of the worlds on
//! several threads each lives when the one before is over.
//! *Leaves out*: the kernel's part: a signal that interrupts a system call, and a handler that runs in
//! the middle of a step. `tests/aio_signals.rs` sends real ones.
//!
//! What stands in for the kernel is [`note_again`], which raises the flag and writes to the descriptor
//! as the handler does; from there on all is as for a real one. A signal that nobody listens to is
//! not sent, for its default action would end the process.

use crate::aio::signals::{add_signal_handler, remove_signal_handler, signal};
use crate::aio::sync::event::Event;
use crate::aio::time::sleep::sleep;
use crate::event_loop::join::Task;
use crate::lab::seeds::log::Log;
use crate::sim::program::{Sim, all_end};
use crate::sys::signal::{note_again, take, wakeup_fd};
use parking_lot::{Mutex, MutexGuard};
use std::cell::Cell;
use std::fs::File;
use std::io::Read;
use std::rc::Rc;
use std::time::Duration;

/// Real-time signals without a meaning.
const NUMBERS: [i32; 2] = [40, 41];
const MOST_LISTENERS: usize = 3;
const MOST_SIGNALS: usize = 5;

/// Held by the world that lives.
static ALONE: Mutex<()> = Mutex::new(());

struct Kernel {
    _alone: MutexGuard<'static, ()>,
    /// How many of each have come, and how many listen to each.
    sent: [Cell<u64>; 2],
    listening: [Cell<u64>; 2],
    /// The last of each has yet to come, and comes next.
    over: Cell<bool>,
}

impl Kernel {
    fn alone() -> Kernel {
        let (sent, listening) = Default::default();
        Kernel { _alone: ALONE.lock(), sent, listening, over: Cell::new(false) }
    }

    fn send(&self, kind: usize) {
        if self.listening[kind].get() > 0 {
            self.sent[kind].update(|sent| sent + 1);
            note_again(NUMBERS[kind]);
        }
    }
}

/// Starts some listeners, and whoever signals them; ends when all have heard the last.
pub fn start(sim: &Sim, log: &Log) -> Task<()> {
    let kernel = Rc::new(Kernel::alone());
    forget_earlier_worlds();
    let listener = |number| {
        let listens = listen(sim.clone(), log.clone(), Rc::clone(&kernel), number);
        sim.spawn(&format!("listener {number}"), listens)
    };
    let listeners: Vec<Task<()>> = (0..sim.choose(MOST_LISTENERS + 1)).map(listener).collect();
    if sim.choose(4) == 1
        && let Some(task) = listeners.last()
    {
        task.cancel();
    }
    sim.spawn("signals", send_all(sim.clone(), log.clone(), kernel, listeners))
}

/// Signals that came too late for a world are none of the next.
fn forget_earlier_worlds() {
    if let Ok(fd) = wakeup_fd() {
        let _ = File::from(fd).read(&mut [0; 8]);
    }
    NUMBERS.iter().for_each(|number| _ = take(*number));
}

async fn send_all(sim: Sim, log: Log, kernel: Rc<Kernel>, listeners: Vec<Task<()>>) {
    let called = Rc::new((Cell::new(0), Event::new()));
    let calls = Rc::clone(&called);
    let handles = sim.choose(2) == 1 && {
        kernel.listening[0].update(|count| count + 1);
        let handler = move || {
            calls.0.update(|count| count + 1);
            calls.1.set();
        };
        add_signal_handler(NUMBERS[0], handler).is_ok()
    };
    for _ in 0..sim.choose(MOST_SIGNALS) {
        sleep(Duration::from_millis(sim.choose(6) as u64)).await;
        kernel.send(sim.choose(2));
    }
    called.1.clear();
    kernel.over.set(true);
    (0..2).for_each(|kind| kernel.send(kind));
    all_end(listeners).await;
    if handles {
        called.1.wait().await;
        assert!(remove_signal_handler(NUMBERS[0]), "the handler was there");
        let (calls, sent) = (called.0.get(), kernel.sent[0].get());
        assert!(calls <= sent, "the handler is called {calls} times for {sent} signals");
        log.line(format_args!("the handler is called {calls} times"));
    }
    log.line(format_args!("the signals are over: {:?}", kernel.sent));
}

async fn listen(sim: Sim, log: Log, kernel: Rc<Kernel>, number: usize) {
    let kind = sim.choose(2);
    sleep(Duration::from_millis(sim.choose(8) as u64)).await;
    if kernel.over.get() {
        return;
    }
    let Ok(mut arrivals) = signal(NUMBERS[kind]) else { return };
    let _listens = Listens::to(&kernel, kind);
    // One may have come, but not have been told, before this began to listen.
    let before = kernel.sent[kind].get().saturating_sub(1);
    let mut heard = 0;
    while arrivals.recv().await.is_ok() {
        heard += 1;
        let sent = kernel.sent[kind].get() - before;
        assert!(heard <= sent, "listener {number} hears {heard} of {sent} signals");
        if kernel.over.get() {
            break;
        }
        sleep(Duration::from_millis(sim.choose(4) as u64)).await;
    }
    log.line(format_args!("listener {number}: {heard} arrivals"));
}

/// Counted as long as it lives.
struct Listens(Rc<Kernel>, usize);

impl Listens {
    fn to(kernel: &Rc<Kernel>, kind: usize) -> Listens {
        kernel.listening[kind].update(|count| count + 1);
        Listens(Rc::clone(kernel), kind)
    }
}

impl Drop for Listens {
    fn drop(&mut self) {
        self.0.listening[self.1].update(|count| count - 1);
    }
}

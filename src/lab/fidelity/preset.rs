//! The emulator's side: a preset whose threads do what the interpreter's did.
//!
//! *Assumes*: the calling process has one thread.
//! *Promises*: the same threads, loops and system calls as `fidelity.py`, each loop with
//! the checkpoints of its bytecode and as much work a pass.
//! *Leaves out*: an interpreter. Between two ticks there is a spin of the right length.

use crate::gil::lock::cell::GilCell;
use crate::gil::lock::global_lock::GlobalLock;
use crate::gil::lock::token::Gil;
use crate::gil::rules::policy::SwitchPolicy;
use crate::lab::fidelity::crowd::crowd;
use crate::lab::fidelity::subject::{ADDERS, ADDITIONS, PAIRS, Passes, Subject, countdown_passes};
use crate::lab::fidelity::subject::{
    exchange_packets, return_packets, send_pings, socket, time_pings,
};
use crate::lab::report::failure::Failure;
use crate::lab::report::measure::{ChildRun, measure};
use crate::lab::report::outside;
use crate::lab::scenes::bytecode::{Work, countdown, increment, increment_by_call};
use crate::lab::scenes::computing::{join, serve_beside, spawn};
use crate::lab::scenes::echo::{CoreSplit, serve_and_ask};
use crate::lab::scenes::race::add_together;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How long a child may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The same for a crowd of thousands, which has to be started first.
const CROWD_LIMIT: Duration = Duration::from_secs(180);
/// The loops of `lab/scenes/bytecode.rs` work twice a pass.
const TWICE: u32 = 2;

/// A preset whose loops take as long as an interpreter's.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    policy: SwitchPolicy,
    passes: Passes,
}

impl Preset {
    /// The preset with loops of these lengths.
    pub fn new(policy: SwitchPolicy, passes: Passes) -> Preset {
        Preset { policy, passes }
    }

    /// A UDP server in a child, asked by this process: the peer's number, and the server's.
    fn serve<T: Send + 'static>(
        &self,
        burners: usize,
        serve: fn(&mut Gil<'_>, &UdpSocket) -> io::Result<T>,
        number: fn(T) -> f64,
        peer: impl FnOnce(SocketAddr) -> Result<f64, Failure>,
    ) -> Result<(f64, f64), Failure> {
        let cores = CoreSplit::find()?;
        let socket = socket().map_err(|e| no_socket(&e))?;
        let address = socket.local_addr().map_err(|e| no_socket(&e))?;
        let (policy, pass) = (self.policy, self.passes.countdown);
        let server = cores.on(&cores.server, || {
            ChildRun::begin(&[socket.as_fd()], || {
                let socket = socket.try_clone().map_err(|e| no_socket(&e))?;
                let (work, lock) = (Work::of(pass / TWICE), GlobalLock::new(policy));
                let serve = move |gil: &mut Gil<'_>| serve(gil, &socket);
                let (served, _) = serve_beside(&lock, burners, work, "server", serve)?;
                served.map(number).map_err(|e| no_socket(&e))
            })
        })?;
        let seen = cores.on(&cores.peer, || peer(address))?;
        let (measured, _) = server.finish(PATIENCE)?;
        Ok((seen, measured))
    }
}

impl Subject for Preset {
    fn lost(&mut self, by_call: bool) -> Result<f64, Failure> {
        let Preset { policy, passes } = *self;
        let (lost, _) = measure(PATIENCE, || {
            let pass = if by_call { passes.add_by_call } else { passes.add };
            let (work, lock) = (Work::of(pass / TWICE), GlobalLock::new(policy));
            let body = if by_call { increment_by_call } else { increment };
            let add = move |gil: &mut Gil<'_>, x: &GilCell<i64>| body(gil, x, ADDITIONS, work);
            let x = add_together(&lock, ADDERS, add)?;
            let counted = lock.attach(|gil| *x.get(gil)).unwrap_or(0);
            Ok((ADDERS * ADDITIONS) as i64 - counted)
        })?;
        Ok(lost as f64)
    }

    fn countdown(&mut self, time: Duration) -> Result<f64, Failure> {
        let Preset { policy, passes } = *self;
        let n = countdown_passes(time, passes.countdown);
        let (ratio, _) = measure(PATIENCE, || {
            let (work, lock) = (Work::of(passes.countdown / TWICE), GlobalLock::new(policy));
            let start = || spawn(&lock, "fidelity", move |gil| countdown(gil, n, work));
            let pair = |_| {
                let begun = Instant::now();
                let threads = [start()?, start()?];
                threads.into_iter().try_for_each(join)?;
                let together = begun.elapsed();
                let begun = Instant::now();
                start().and_then(join)?;
                start().and_then(join)?;
                Ok((together.as_secs_f64(), begun.elapsed().as_secs_f64()))
            };
            let runs: Vec<(f64, f64)> = (0..PAIRS).map(pair).collect::<Result<_, Failure>>()?;
            let best =
                |time: fn(&(f64, f64)) -> f64| runs.iter().map(time).fold(f64::MAX, f64::min);
            Ok(best(|run| run.0) / best(|run| run.1))
        })?;
        Ok(ratio)
    }

    fn switches(&mut self, time: Duration) -> Result<f64, Failure> {
        let Preset { policy, passes } = *self;
        let (rate, _) = measure(time + PATIENCE, || {
            let (work, lock) = (Work::of(passes.countdown / TWICE), GlobalLock::new(policy));
            let done = Arc::new(AtomicBool::new(false));
            let seen = Arc::new(GilCell::new(&lock, Seen { owner: 0, changes: 0 }));
            let start = |me| {
                let (done, seen) = (Arc::clone(&done), Arc::clone(&seen));
                spawn(&lock, "fidelity", move |gil| watch(gil, me, &seen, &done, work))
            };
            let watchers: Vec<_> = [1, 2].into_iter().map(start).collect::<Result<_, _>>()?;
            let changes = || lock.attach(|gil| (seen.get(gil).changes, Instant::now()));
            std::thread::sleep(Duration::from_millis(20)); // now both have begun
            let first = changes();
            std::thread::sleep(time);
            let last = changes();
            done.store(true, Relaxed);
            watchers.into_iter().try_for_each(|watcher| join(watcher).map(drop))?;
            let ((first, begun), (last, ended)) =
                (first.map_err(Failure::lost_thread)?, last.map_err(Failure::lost_thread)?);
            Ok((last - first) as f64 / (ended - begun).as_secs_f64())
        })?;
        Ok(rate)
    }

    fn latency(&mut self, time: Duration) -> Result<f64, Failure> {
        let peer = |server| send_pings(server, time).map(|()| 0.0);
        self.serve(1, time_pings, |delay| delay, peer).map(|(_, delay)| delay)
    }

    fn bandwidth(&mut self, burners: usize, time: Duration) -> Result<f64, Failure> {
        let peer = |server| exchange_packets(server, time);
        self.serve(burners, return_packets, |()| 0.0, peer).map(|(rate, _)| rate)
    }

    fn echo(&mut self, burners: usize, time: Duration) -> Result<f64, Failure> {
        let work = Work::of(self.passes.countdown / TWICE);
        let (answers, _, _) = serve_and_ask(self.policy, burners, work, time, &CoreSplit::find()?)?;
        outside::check()?;
        Ok(answers.per_second())
    }

    fn crowd(&mut self, threads: usize) -> Result<f64, Failure> {
        let Preset { policy, passes } = *self;
        let work = Work::of(passes.countdown / TWICE);
        measure(CROWD_LIMIT, || crowd(policy, threads, work)).map(|(time, _)| time)
    }
}

/// Which thread has run last, and how often that has changed.
struct Seen {
    owner: u32,
    changes: u64,
}

/// `while not stop: if owner != me: owner = me; changes += 1`.
fn watch(gil: &mut Gil<'_>, me: u32, seen: &GilCell<Seen>, stop: &AtomicBool, work: Work) {
    while !stop.load(Relaxed) {
        gil.tick();
        let seen = seen.get_mut(gil);
        if seen.owner != me {
            seen.owner = me;
            seen.changes += 1;
        }
        work.run();
        gil.tick();
        work.run();
        gil.checkpoint();
    }
}

fn no_socket(why: &io::Error) -> Failure {
    Failure::io("a socket", why, "close other programs")
}

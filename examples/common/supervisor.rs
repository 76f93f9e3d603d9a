//! The two roles of `prefork_server`: a worker, and the supervisor that keeps count of workers.
//!
//! ```text
//!   events: a worker ended, SIGHUP, SIGTERM ──▶ supervise ──▶ start_worker, signal_before, end
//! ```

use singletrack::aio::Queue;
use singletrack::aio::StreamReader;
use singletrack::aio::StreamWriter;
use singletrack::aio::TcpListener;
use singletrack::aio::signal;
use singletrack::aio::sleep;
use singletrack::aio::start_server;
use singletrack::aio::wait_for;
use singletrack::process::Descriptor;
use singletrack::process::ForkServer;
use singletrack::process::ProcessOptions;
use singletrack::process::{Receiver, Sender, pipe};
use singletrack::sys::process::Death;
use singletrack::sys::process::send_signal;
use singletrack::{EventLoop, create_task};
use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write};
use std::net::{self, SocketAddr, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How long connections may go on after a worker was told to stop.
const GRACE: Duration = Duration::from_secs(2);

/// The whole life of a worker process. It accepts from a socket that its siblings share.
fn serve((socket, generation, mut ready): (Descriptor, u32, Sender<u32>)) {
    let served = EventLoop::new().and_then(|event_loop| {
        event_loop.run_until_complete(async {
            let mut told_to_stop = signal(libc::SIGTERM)?;
            let _the_supervisors = [signal(libc::SIGINT)?, signal(libc::SIGHUP)?];
            let socket = net::TcpListener::from(OwnedFd::from(socket));
            let server = start_server(TcpListener::from_std(socket)?, move |reader, writer| {
                answer(reader, writer, generation)
            });
            // If this fails, the supervisor is gone, and this worker is about to be killed.
            let _ = ready.send(&std::process::id());
            told_to_stop.recv().await?;
            server.close();
            if wait_for(server.wait_closed(), Some(GRACE)).await.is_err() {
                server.close_clients();
            }
            Ok(())
        })
    });
    served.expect("a loop, a signal and a socket");
}

/// Gives every line back; one that says `slow` after a while.
async fn answer(
    mut reader: StreamReader<TcpStream>,
    writer: StreamWriter<TcpStream>,
    generation: u32,
) {
    while let Ok(line) = reader.readline().await {
        if line.is_empty() {
            return; // the end of the stream
        }
        if line == b"slow\n" {
            sleep(Duration::from_millis(300)).await;
        }
        let head = format!("{generation} {} ", std::process::id());
        if writer.write(&[head.as_bytes(), &line].concat()).is_err() {
            return;
        }
    }
}

/// Prints a line. A server goes on when its output is not read any more.
fn log(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// What the supervisor waits for.
#[derive(Clone, Copy)]
enum SupervisorEvent {
    Ended(u32, Death),
    Reload,
    Stop,
}

struct Worker {
    pidfd: OwnedFd,
    generation: u32,
    started_at: Instant,
}

struct Supervisor {
    fork_server: ForkServer,
    /// The socket that all workers share: as long as it is open here, no connection is refused.
    socket: net::TcpListener,
    size: usize,
    generation: u32,
    workers: BTreeMap<u32, Worker>,
    events: Rc<Queue<SupervisorEvent>>,
}

impl Supervisor {
    /// Starts a worker of this generation; what is received says that it accepts.
    fn start_worker(&mut self) -> Result<Receiver<u32>, Box<dyn Error>> {
        let socket = Descriptor::from(OwnedFd::from(self.socket.try_clone()?));
        let (ready, tell) = pipe()?;
        let generation = self.generation;
        // A daemon: should the supervisor fail, its workers are killed, not waited for.
        let options = ProcessOptions::default().daemon(true);
        let mut process = options.spawn(&self.fork_server, serve, (socket, generation, tell))?;
        let pid = process.pid();
        let pidfd = process.sentinel().try_clone_to_owned()?;
        self.workers.insert(pid, Worker { pidfd, generation, started_at: Instant::now() });
        let events = Rc::clone(&self.events);
        drop(create_task(async move {
            // Without a fork server there are no processes: then all of them have been killed.
            let _ = process.ended().await;
            let death = process.exit_code().unwrap_or(Death::Signal(libc::SIGKILL));
            let _ = events.put(SupervisorEvent::Ended(pid, death)).await;
        }));
        Ok(ready)
    }

    /// Starts the workers that are missing, and waits until they accept.
    async fn start_missing(&mut self) -> Result<(), Box<dyn Error>> {
        let current = |worker: &&Worker| worker.generation == self.generation;
        let missing = self.size - self.workers.values().filter(current).count();
        let started: Vec<_> =
            (0..missing).map(|_| self.start_worker()).collect::<Result<_, _>>()?;
        for mut ready in started {
            // An error is the end of that worker, which its pidfd will report.
            if let Ok(pid) = ready.recv_async().await {
                log(&format!("worker {pid} of generation {} accepts", self.generation));
            }
        }
        Ok(())
    }

    /// Sends a signal to all workers from before this generation.
    fn signal_before(&self, generation: u32, number: i32) -> io::Result<()> {
        let mut old = self.workers.values().filter(|worker| worker.generation < generation);
        old.try_for_each(|worker| send_signal(worker.pidfd.as_fd(), number))
    }

    async fn supervise(mut self) -> Result<(), Box<dyn Error>> {
        loop {
            // Not before all events are handled: a stop may be among them.
            if self.events.empty() {
                self.start_missing().await?;
            }
            match self.events.get().await? {
                SupervisorEvent::Ended(pid, death) => {
                    let worker = self.workers.remove(&pid).expect("a worker of ours");
                    if worker.generation == self.generation {
                        log(&format!("worker {pid} ended by {death}"));
                        if worker.started_at.elapsed() < Duration::from_secs(1) {
                            sleep(Duration::from_millis(50)).await; // in case it can never start
                        }
                    }
                }
                SupervisorEvent::Reload => {
                    self.generation += 1;
                    self.start_missing().await?;
                    self.signal_before(self.generation, libc::SIGTERM)?; // only now, so that some worker accepts all the time
                    log(&format!("generation {} has taken over", self.generation));
                }
                SupervisorEvent::Stop => break,
            }
        }
        self.end().await
    }

    /// Has all workers finish, and waits until they are gone.
    async fn end(mut self) -> Result<(), Box<dyn Error>> {
        self.signal_before(u32::MAX, libc::SIGTERM)?;
        while !self.workers.is_empty() {
            match wait_for(self.events.get(), Some(2 * GRACE)).await {
                Ok(Ok(SupervisorEvent::Ended(pid, _))) => drop(self.workers.remove(&pid)),
                Ok(_) => {}
                Err(_) => self.signal_before(u32::MAX, libc::SIGKILL)?,
            }
        }
        log("all workers are gone");
        Ok(())
    }
}

/// Runs the server until SIGTERM or Ctrl-C; calls `started` with its address.
pub fn run(
    size: usize,
    port: u16,
    started: impl FnOnce(SocketAddr) + 'static,
) -> Result<(), Box<dyn Error>> {
    let fork_server = ForkServer::start()?; // before the loop and any thread
    let socket = net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port)))?;
    let address = socket.local_addr()?;
    EventLoop::new()?.run_until_complete(async move {
        let events = Rc::new(Queue::new(0));
        for number in [libc::SIGHUP, libc::SIGINT, libc::SIGTERM] {
            let (mut signals, events) = (signal(number)?, Rc::clone(&events));
            let what = if number == libc::SIGHUP {
                SupervisorEvent::Reload
            } else {
                SupervisorEvent::Stop
            };
            drop(create_task(async move {
                while signals.recv().await.is_ok() && events.put(what).await.is_ok() {}
            }));
        }
        log(&format!("serving {address} from process {}", std::process::id()));
        started(address);
        let workers = BTreeMap::new();
        Supervisor { fork_server, socket, size, generation: 1, workers, events }.supervise().await
    })
}

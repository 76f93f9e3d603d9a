//! Clients that send bytes to a server that sends them back, over connections with faults.
//!
//! *Promises*: a client that is answered gets its own bytes, all of them, in order; one that is not
//! learns of it by an error or by its limit of time; none waits for ever. The server outlives every
//! accept that fails, counts each of them, and when it is closed no connection is left.
//! *Leaves out*: the kernel's own listeners: who is accepted when is not the same twice.

use crate::aio::net::byte_stream::ByteStream;
use crate::aio::streams::reader::StreamReader;
use crate::aio::streams::server::{Server, ServerOptions, start_server_with};
use crate::aio::streams::writer::StreamWriter;
use crate::aio::sync::semaphore::Semaphore;
use crate::aio::time::sleep::sleep;
use crate::aio::time::timeout::timeout;
use crate::event_loop::join::Task;
use crate::lab::seeds::faulty::Faulty;
use crate::lab::seeds::listener::{Backlog, FaultyListener};
use crate::lab::seeds::log::Log;
use crate::sim::program::{Sim, all_end};
use std::io;
use std::rc::Rc;
use std::time::Duration;

const MOST_CLIENTS: usize = 4;
const MOST_ROUNDS: usize = 3;
const MOST_BYTES: usize = 300;

/// Starts some clients and their server; ends with them.
pub fn start(sim: &Sim, log: &Log) -> Task<()> {
    let (listener, backlog) = FaultyListener::new(sim);
    let millis = |most: usize| Duration::from_millis(sim.choose(most) as u64);
    let options =
        ServerOptions { connections: 1 + sim.choose(3), backoff: millis(20), linger: millis(3) };
    let server = start_server_with(listener, options, echo);
    let at_once = Rc::new(Semaphore::new(1 + sim.choose(2)));
    let mut clients = Vec::new();
    for number in 0..=sim.choose(MOST_CLIENTS) {
        let (sim_of, log, at_once) = (sim.clone(), log.clone(), Rc::clone(&at_once));
        let backlog = Rc::clone(&backlog);
        let name = format!("client {number}");
        clients.push(sim.spawn(&name, async move {
            let _permit = at_once.acquire().await;
            let limit = Duration::from_millis(10 << sim_of.choose(4));
            match timeout(limit).run(talk(&sim_of, number, &backlog)).await {
                Ok(Ok(rounds)) => log.line(format_args!("client {number}: {rounds} rounds")),
                Ok(Err(e)) => log.line(format_args!("client {number}: {:?}", e.kind())),
                Err(_) => log.line(format_args!("client {number}: too late")),
            }
        }));
    }
    // Some are no longer wanted.
    if sim.choose(4) == 1
        && let Some(task) = clients.last()
    {
        task.cancel();
    }
    sim.spawn("server", close(sim.clone(), log.clone(), server, backlog, clients))
}

/// Closes the server when its clients are done, or before.
async fn close(
    sim: Sim,
    log: Log,
    server: Server<FaultyListener>,
    backlog: Rc<Backlog>,
    mut clients: Vec<Task<()>>,
) {
    match sim.choose(4) {
        1 => sleep(Duration::from_millis(sim.choose(30) as u64)).await,
        _ => all_end(clients.drain(..)).await,
    }
    match sim.choose(4) {
        1 => server.close_clients(),
        2 => server.abort_clients(),
        _ => {}
    }
    server.close();
    server.wait_closed().await;
    assert_eq!(server.connections(), 0, "the server is closed, and a connection is left");
    let stats = server.stats();
    assert_eq!(
        (stats.failed, stats.pending_retries),
        (backlog.failures(), 0),
        "accepts that failed"
    );
    all_end(clients.drain(..)).await;
    log.line(format_args!("the server is over: {stats:?}"));
}

async fn talk(sim: &Sim, number: usize, backlog: &Backlog) -> io::Result<usize> {
    let stream = ByteStream::new(backlog.connect(sim)?)?;
    let rounds = 1 + sim.choose(MOST_ROUNDS);
    for round in 0..rounds {
        sleep(Duration::from_millis(sim.choose(8) as u64)).await;
        let length = 1 + sim.choose(MOST_BYTES);
        let bytes: Vec<u8> = (0..length).map(|at| (number + round + at) as u8).collect();
        stream.write_all(&bytes).await?;
        let mut answer = vec![0; length];
        stream.read_exact(&mut answer).await?;
        assert_eq!(answer, bytes, "client {number} got other bytes than it sent");
    }
    Ok(rounds)
}

async fn echo(mut reader: StreamReader<Faulty>, writer: StreamWriter<Faulty>) {
    while let Ok(bytes) = reader.read(64).await {
        if bytes.is_empty() || writer.write(&bytes).is_err() || writer.drain().await.is_err() {
            return;
        }
    }
}

//! Clients that send bytes to a server that sends them back, over connections with faults.
//!
//! *Promises*: a client that is answered gets its own bytes, all of them, in order; one that is not
//! learns of it by an error or by its limit of time; none waits for ever.
//! *Leaves out*: listeners: who is accepted when is the kernel's to say.

use crate::aio::net::byte_stream::ByteStream;
use crate::aio::sync::semaphore::Semaphore;
use crate::aio::time::sleep::sleep;
use crate::aio::time::timeout::timeout;
use crate::event_loop::join::Task;
use crate::lab::seeds::faulty::Faulty;
use crate::lab::seeds::log::Log;
use crate::sim::program::Sim;
use std::io;
use std::rc::Rc;
use std::time::Duration;

const MOST_CLIENTS: usize = 4;
const MOST_ROUNDS: usize = 3;
const MOST_BYTES: usize = 300;

/// Starts some clients and their server; each ends.
pub fn start(sim: &Sim, log: &Log) -> Vec<Task<()>> {
    let at_once = Rc::new(Semaphore::new(1 + sim.choose(2)));
    let mut tasks = Vec::new();
    for number in 0..=sim.choose(MOST_CLIENTS) {
        let Ok((here, there)) = Faulty::pair(sim, true) else { continue };
        tasks.push(sim.spawn(&format!("server of {number}"), serve(there)));
        let (sim_of, log, at_once) = (sim.clone(), log.clone(), Rc::clone(&at_once));
        let name = format!("client {number}");
        tasks.push(sim.spawn(&name, async move {
            let _permit = at_once.acquire().await;
            let limit = Duration::from_millis(10 << sim_of.choose(4));
            match timeout(limit).run(talk(&sim_of, number, here)).await {
                Ok(Ok(rounds)) => log.line(format_args!("client {number}: {rounds} rounds")),
                Ok(Err(e)) => log.line(format_args!("client {number}: {:?}", e.kind())),
                Err(_) => log.line(format_args!("client {number}: too late")),
            }
        }));
    }
    // Some are no longer wanted.
    if sim.choose(4) == 1
        && let Some(task) = tasks.last()
    {
        task.cancel();
    }
    tasks
}

async fn talk(sim: &Sim, number: usize, connection: Faulty) -> io::Result<usize> {
    let stream = ByteStream::new(connection)?;
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

async fn serve(connection: Faulty) {
    let Ok(stream) = ByteStream::new(connection) else { return };
    let mut buffer = [0; 64];
    while let Ok(got @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..got]).await.is_err() {
            return;
        }
    }
}

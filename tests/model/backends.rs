//! The same life of real sockets under both selectors: what is ready must be the same,
//! edge-triggered or oneshot.

use super::reader::Reader;
use singletrack::base::id::Key;
use singletrack::event_loop::reactor::Reactor;
use singletrack::selector::event::Selector;
use singletrack::selector::mio::MioSelector;
use singletrack::selector::polling::PollingSelector;
use singletrack::sys::fd::Direction;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

#[derive(Debug, Clone)]
pub enum Op {
    Open,
    /// The peer of the i-th pair sends so many bytes.
    PeerSends(usize, usize),
    /// The peer reads all there is.
    PeerReads(usize),
    PeerCloses(usize),
    /// We read until the system says `WouldBlock` or the end.
    Read(usize),
    /// We write until the system says `WouldBlock` or an error.
    Write(usize),
    Drop(usize),
}

pub fn check_bytes(bytes: &[u8]) {
    let op = |r: &mut Reader| {
        Some(match r.byte()? % 7 {
            0 => Op::Open,
            1 => Op::PeerSends(r.below(4)?, 1 + 20 * r.below(250)?),
            2 => Op::PeerReads(r.below(4)?),
            3 => Op::PeerCloses(r.below(4)?),
            4 => Op::Read(r.below(4)?),
            5 => Op::Write(r.below(4)?),
            _ => Op::Drop(r.below(4)?),
        })
    };
    check(&Reader::new(bytes).list(op));
}

pub fn check(ops: &[Op]) {
    let mut mio = World::new(Box::new(MioSelector::new().unwrap()));
    let mut polling = World::new(Box::new(PollingSelector::new().unwrap()));
    for op in ops {
        assert_eq!(mio.apply(op), polling.apply(op), "{op:?}");
        assert_eq!(mio.readiness(), polling.readiness(), "after {op:?} of {ops:?}");
    }
}

struct Pair {
    ours: UnixStream,
    peer: Option<UnixStream>,
    key: Key,
}

/// One reactor and its descriptors.
struct World {
    reactor: Reactor,
    pairs: Vec<Option<Pair>>,
}

impl World {
    fn new(selector: Box<dyn Selector>) -> World {
        World { reactor: Reactor::new(selector), pairs: Vec::new() }
    }

    /// Does one thing. What the system calls themselves returned is part of the result.
    fn apply(&mut self, op: &Op) -> String {
        if let Op::Open = op {
            if self.pairs.iter().flatten().count() == 4 {
                return String::new();
            }
            let (ours, peer) = UnixStream::pair().unwrap();
            ours.set_nonblocking(true).unwrap();
            peer.set_nonblocking(true).unwrap();
            let key = self.reactor.register(ours.as_fd()).unwrap();
            let pair = Some(Pair { ours, peer: Some(peer), key });
            match self.pairs.iter_mut().find(|slot| slot.is_none()) {
                Some(slot) => *slot = pair,
                None => self.pairs.push(pair),
            }
            return String::new();
        }
        let (Op::PeerSends(i, _) | Op::PeerReads(i) | Op::PeerCloses(i)) = op else {
            return self.apply_to_ours(op);
        };
        let Some(Some(pair)) = self.pairs.get_mut(*i) else { return String::new() };
        match (op, &mut pair.peer) {
            (Op::PeerSends(_, n), Some(peer)) => format!("{:?}", peer.write(&vec![1; *n]).is_ok()),
            (Op::PeerReads(_), Some(peer)) => {
                let mut sum = 0;
                while let Ok(n @ 1..) = peer.read(&mut [0; 65536]) {
                    sum += n;
                }
                format!("{sum}")
            }
            (Op::PeerCloses(_), peer @ Some(_)) => {
                let _ = peer.as_ref().unwrap().shutdown(Shutdown::Both);
                *peer = None;
                String::new()
            }
            _ => String::new(),
        }
    }

    fn apply_to_ours(&mut self, op: &Op) -> String {
        let (Op::Read(i) | Op::Write(i) | Op::Drop(i)) = *op else { unreachable!() };
        let Some(slot) = self.pairs.get_mut(i) else { return String::new() };
        let Some(pair) = slot else { return String::new() };
        let direction = match op {
            Op::Read(_) => Direction::Read,
            Op::Write(_) => Direction::Write,
            _ => {
                let _ = self.reactor.deregister(pair.key, pair.ours.as_fd());
                *slot = None;
                return String::new();
            }
        };
        let mut buffer = [7; 65536];
        let mut sum = 0;
        loop {
            let result = match direction {
                Direction::Read => pair.ours.read(&mut buffer),
                Direction::Write => pair.ours.write(&buffer),
            };
            match result {
                Ok(0) => return format!("end after {sum}"),
                Ok(n) => sum += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    self.reactor.clear(pair.key, pair.ours.as_fd(), direction).unwrap();
                    return format!("blocks after {sum}");
                }
                Err(e) => return format!("{:?} after {sum}", e.kind()),
            }
        }
    }

    /// Takes in all events there are, and returns what counts as ready.
    fn readiness(&mut self) -> Vec<Option<(bool, bool)>> {
        let mut woken = Vec::new();
        for _ in 0..3 {
            self.reactor.wait(Some(Duration::ZERO), &mut woken).unwrap();
        }
        self.pairs
            .iter()
            .map(|slot| {
                let key = slot.as_ref()?.key;
                let ready = |direction| self.reactor.is_ready(key, direction).unwrap();
                Some((ready(Direction::Read), ready(Direction::Write)))
            })
            .collect()
    }
}

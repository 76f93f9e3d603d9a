//! A race of connects: which address is tried next, and when (RFC 8305, "Happy Eyeballs"). Pure.
//!
//! *Promises*: every address is tried, unless another has won before; each a delay after the one
//! before it at the latest, and at once when that one has failed; the families take turns.
//! *Leaves out*: connecting and the clock (`aio/net/tcp.rs`); asking for the addresses of each
//! family by itself, as the RFC would: the system's resolver answers with all of them at once.
//!
//! ```text
//!   start ─► first ───────────── 250 ms ─► second ─────── 250 ms ─► third ...
//!              └─ fails: second, at once     └─ fails: third, at once
//!              any of them connects: the others are dropped
//! ```
//! Counterpart: `happy_eyeballs_delay` of asyncio's `create_connection`, which is off unless it is
//! given. Then one dead address costs all the time that the system tries it, two minutes mostly.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

/// How long an attempt is alone before the next address is tried beside it. The RFC's number.
pub const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The addresses that are still to be tried.
///
/// ```
/// use singletrack::aio::net::race::{AddressRace, Step};
///
/// let [a, b] = ["[::1]:80", "127.0.0.1:80"].map(|text| text.parse().unwrap());
/// let mut race = AddressRace::new([a, b]);
/// assert_eq!(race.next(false), Step::Try(a));
/// assert_eq!(race.next(false), Step::Wait { then_try_next: true });
/// assert_eq!(race.next(true), Step::Try(b)); // 250 ms later
/// race.failed();
/// assert_eq!(race.next(true), Step::Wait { then_try_next: false }); // for the other one
/// race.failed();
/// assert_eq!(race.next(true), Step::Lost);
/// ```
#[derive(Debug)]
pub struct AddressRace {
    waiting: VecDeque<SocketAddr>,
    running: usize,
    /// An attempt has failed since the last one began.
    at_once: bool,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Begin to connect to this one, and count the delay from now.
    Try(SocketAddr),
    /// Wait for an attempt to end.
    Wait {
        /// Or for the delay.
        then_try_next: bool,
    },
    /// All have failed.
    Lost,
}

impl AddressRace {
    /// Takes the addresses in the system's order, and has the families take turns, beginning with
    /// that of the first: a family that does not work at all then costs one delay.
    pub fn new(addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        let addresses: Vec<_> = addresses.into_iter().collect();
        let first_family = addresses.first().map(SocketAddr::is_ipv4);
        let (first, second): (Vec<_>, Vec<_>) =
            addresses.into_iter().partition(|address| Some(address.is_ipv4()) == first_family);
        let (mut first, mut second) = (first.into_iter(), second.into_iter());
        let mut waiting = VecDeque::new();
        loop {
            let pair = [first.next(), second.next()];
            if pair == [None, None] {
                return AddressRace { waiting, running: 0, at_once: false };
            }
            waiting.extend(pair.into_iter().flatten());
        }
    }

    /// What to do next. `delay_over`: the delay has passed since the last attempt began.
    pub fn next(&mut self, delay_over: bool) -> Step {
        if (self.running == 0 || self.at_once || delay_over)
            && let Some(address) = self.waiting.pop_front()
        {
            self.running += 1;
            self.at_once = false;
            return Step::Try(address);
        }
        match self.running {
            0 => Step::Lost,
            _ => Step::Wait { then_try_next: !self.waiting.is_empty() },
        }
    }

    /// One of the attempts has failed.
    pub fn failed(&mut self) {
        self.running -= 1;
        self.at_once = true;
    }
}

//! `singletrack sim`: the loop, the lock and the pool in one simulated world, a seed at a time
//!
//! ```text
//!   world      what a seed draws, and what must hold at its end
//!     ├─ clients   clients and a server
//!     │   ├─ listener  accepts that fail: EMFILE, ENFILE, ENOMEM, ECONNABORTED
//!     │   └─ faulty    a connection: EINTR, EAGAIN, short reads and writes, ECONNRESET
//!     ├─ pool      the pool's dispatcher, its workers tasks, their pipes connections; forks fail
//!     │            (EAGAIN, ENOMEM, EMFILE), workers die at any byte that they read or write
//!     ├─ signals   signals at any moment, by the real dispatcher
//!     └─ threads   threads under a policy, on simulated cores
//!   log        what happened, as one number
//!   command    seeds in turn; the first that fails, shrunk and told
//! ```
//! All of it runs on one event loop in virtual time, as a program of [`sim`](crate::sim): its seed
//! chooses the order of tasks, the faults, and the sizes of everything. Two runs of one seed are the
//! same to the last line of their logs; what fails is shrunk to the fewest faults and to the order
//! nearest to FIFO. This is what TigerBeetle's VOPR and FoundationDB's simulator do for databases.

pub mod clients;
pub mod command;
pub mod faulty;
pub mod listener;
pub mod log;
pub mod pool;
pub mod signals;
pub mod threads;
pub mod world;

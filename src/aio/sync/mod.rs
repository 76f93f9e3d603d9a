//! Waiting for each other: locks, events, semaphores, barriers, queues.
//!
//! ```text
//!      lock ───────┐                 queue          the primitives, each a pure `Synchronizer`
//!   (+ condition)  │              ┌────┴────┐       in a `RefCell`
//!        │      semaphore ◄───────┘         │
//!        │         │   event ◄──────────────┘   barrier
//!        ▼         ▼     ▼                         ▼
//!   waiters:  Acquire, the future ── Synchronizer ── Waiters, the queue (pure)
//!
//!   notify:   tasks without an order that check again after a change (streams, servers)
//! ```
//! Read `waiters` first: all that is hard is there. Then `event` (the shortest rules), `semaphore`,
//! `queue` (two lots of permits and a store), `lock`, `barrier`; `notify`
//! stands for itself.
//!
//! # How to add a primitive
//!
//! 1. Write its rules as a struct without a `RefCell`: its state, and a `Waiters<G>` with what a
//!    waiter is granted as `G`. Every method that lets tasks go on returns their wakers
//!    (`Waiters::grant`, `Waiters::grant_all`) and calls none.
//! 2. Implement `Synchronizer` for it: `try_acquire` must be fair, that is give nothing to a
//!    newcomer while others wait; `give_back` says what becomes of a grant whose waiter was
//!    dropped: to the next waiter (`Permits`), or nothing (`EventState`). If it counts what is held
//!    and what is promised, `promise` and `claim` move a grant from one count to the other.
//! 3. Wrap it in a `RefCell`. To wait is `Acquire::of(&self.state).await`; to let go is to borrow,
//!    to change, to end the borrow, and only then to call `wake` (`Semaphore::release` shows it).
//! 4. Test its scenarios in `tests/aio_sync.rs` on the scripted selector, with drops at every
//!    await. The queue of waiters and the permits are checked against a model in
//!    `tests/model/` (`tests/aio_waiters.rs` and the fuzz target `sync_prims` drive it): a
//!    rule of another kind belongs there as well. If asyncio has the primitive, add a row to
//!    `tests/aio_passes.rs`, which counts iterations beside asyncio's, and to `aio/asyncio.md`.
//! 5. Re-export the type in `aio/mod.rs`; the pure half stays behind its path.

pub mod barrier;
pub mod event;
pub mod lock;
pub mod notify;
pub mod queue;
pub mod semaphore;
pub mod waiters;

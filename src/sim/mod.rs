//! A program of tasks, run in every order in which a loop could run it.
//!
//! ```text
//!   explorer    which orders, until one fails; then shrunk, and told
//!     ├─ frontier     those with the fewest deviations from FIFO first      ┐
//!     ├─ sleep_sets   all of them, but for swaps of independent steps       ├ pure
//!     ├─ order        what was chosen in a run; read and written            │
//!     ├─ guide        who chooses: an order, chance, or a search            ┘
//!     └─ trial        one run: a loop whose next step is chosen
//!          ├─ stage      what the run and its program share
//!          ├─ program    what the program may ask of its simulation
//!          ├─ panics     its panics, caught and not printed
//!          └─ story      the run, step by step, with the lines of its awaits
//! ```
//! # What is explored
//!
//! A loop runs its ready queue FIFO, and what makes a task ready comes when it comes: a packet, a
//! deadline, another thread. So the order of tasks between their awaits is not the program's to say,
//! and a test that passes has seen one of many. Here each step chooses among all tasks that are ready,
//! and the next deadline; time is virtual, and what a descriptor will say is up to its other end, which
//! the program has too. [`Sim::choose`] and [`Sim::fails`] let it add what else may happen.
//!
//! ```
//! use singletrack::sim::explore;
//! use singletrack::aio::Event;
//! use std::rc::Rc;
//!
//! explore(|sim| async move {
//!     let event = Rc::new(Event::new());
//!     let sets = Rc::clone(&event);
//!     let setter = sim.spawn("setter", async move { sets.set() });
//!     event.wait().await; // whoever goes first, this ends
//!     setter.await.unwrap();
//! });
//! ```
//!
//! # Counterparts
//!
//! loom and shuttle choose between threads, at each access of an atomic or a lock; turmoil and madsim
//! simulate hosts and networks under one order a seed. For tasks of one loop the place of a switch
//! is the await, which makes the search so much smaller that all orders can often be tried. `singletrack
//! explore FILE.py` does the same for Python's awaits.

pub mod explorer;
pub mod frontier;
pub mod guide;
pub mod order;
pub(crate) mod panics;
pub mod program;
pub mod sleep_sets;
pub mod stage;
pub mod story;
pub(crate) mod trial;

pub use explorer::{Explored, Explorer, Failing, explore};
pub use order::Order;
pub use program::{Shared, Sim, all_end};
pub use stage::RunEnd;

//! Where the loop waits for descriptors: epoll through mio or polling, or a script.
//!
//! ```text
//!                event_loop/reactor.rs      makes all calls but one: `core.rs` beside it asks for
//!                          │                the waker. Tests drive the reactor on every backend
//!                          ▼
//!          event     the trait `Selector`, and its contract
//!            ▲             ▲              ▲
//!           mio         polling        scripted
//!     edge-triggered    oneshot        virtual time, events from a script
//!     EventLoop::new    EventLoop::with_selector
//!            │
//!            ▼
//!         sleeper          where nothing is watched, the thread parks
//! ```
//! Read `event` first: a backend is six methods and what they promise, and a seventh if its clock
//! can be read cheaply. `mio` and `polling` are the two idioms of epoll; `scripted` is what makes
//! the loop's tests deterministic; `simulated`, with time that jumps as well, over descriptors whose
//! both ends are the program's own, is what `sim` explores programs on.
//!
//! # How to add a backend
//!
//! 1. A file here with a type and its `impl Selector`, a `pub mod` and a place in the drawing
//!    above. The documentation of [`event::Selector`] is the contract: which of the methods may do
//!    nothing, and above all whether the backend **must** send
//!    [`READ_CLOSED`](event::Readiness::READ_CLOSED) (it must if its `rearm` does nothing).
//! 2. If it calls `unsafe` functions (`polling` does, to borrow a descriptor for longer than a
//!    call), it allows them by an attribute, as that file does, and gets a row in the table of
//!    `lib.rs`. Then `BLESS=1 cargo test --test floors` lists the file in `lib.rs`.
//! 3. A line in `on_real_selectors` of `tests/common/mod.rs`: the tests of sockets, streams and pipes
//!    that use it then run on the backend, `the_end_of_a_stream_is_seen_whenever_it_comes` of
//!    `tests/net.rs` among them, which shows whether `READ_CLOSED` is missing. And one more `World`
//!    in `check` of `tests/model/backends.rs`, compared as the two are now: `tests/backend_diff.rs`
//!    and the fuzz target `backend_diff` drive it with random lives of real sockets. (They read
//!    until `WouldBlock`, so they do not see a missing `READ_CLOSED`.)
//! 4. `EventLoop::with_selector(Box::new(…))` runs a loop on it. To make it the default, change
//!    `EventLoop::new` in `event_loop/lifecycle.rs`.

pub mod event;
pub mod mio;
pub mod polling;
pub mod scripted;
pub mod simulated;
pub mod sleeper;

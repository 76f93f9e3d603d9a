//! Loops with the checkpoints that CPython's bytecode has for the same source line.
//!
//! *Assumes*: the machine is not much slower a moment after it was measured.
//! *Promises*: counted instructions tick, back edges and calls are checkpoints, and what 2.7
//! does without counting (constants, locals) is nothing here.
//! *Leaves out*: a real machine with opcodes (`vm/`).
//!
//! ```text
//!   while n > 0: n -= 1        for _ in range(n): x += 1        … x += f(1)
//!
//!   COMPARE_OP         tick     FOR_ITER        tick              FOR_ITER        tick
//!   INPLACE_SUBTRACT   tick     LOAD_GLOBAL x   tick, load        LOAD_GLOBAL x   tick, load
//!   JUMP_ABSOLUTE      edge     INPLACE_ADD     tick              LOAD_GLOBAL f   tick
//!                               STORE_GLOBAL x  tick, store       CALL_FUNCTION   tick, edge
//!                               JUMP_ABSOLUTE   edge              INPLACE_ADD     tick
//!                                                                 STORE_GLOBAL x  tick, store
//!                                                                 JUMP_ABSOLUTE   edge
//! ```

use crate::gil::lock::cell::GilCell;
use crate::gil::lock::token::Gil;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How long an interpreter works between two ticks, roughly: half of CPython's 25 ns or more
/// for one pass of a countdown.
pub(crate) const OPCODE: Duration = Duration::from_nanos(12);
/// Passes of a loop between two checks whether it should end.
const CHUNK: u64 = 256;
/// Rounds of the measured spin.
const TRIAL: u64 = 400_000;

/// How much an interpreter does between two ticks, as rounds of a multiplication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    rounds: u64,
}

impl Work {
    /// Work that takes this long, measured here and now.
    pub fn of(time: Duration) -> Work {
        let trial = || {
            let start = Instant::now();
            Work { rounds: TRIAL }.run();
            start.elapsed()
        };
        let best = (0..5).map(|_| trial()).min().unwrap_or_default().as_nanos().max(1);
        let rounds = time.as_nanos() * u128::from(TRIAL) / best;
        Work { rounds: u64::try_from(rounds).unwrap_or(u64::MAX) }
    }

    /// Does it. Each multiplication needs the one before, so none can be left out.
    #[inline]
    pub fn run(self) {
        let mut x = black_box(7u64);
        for _ in 0..self.rounds {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        }
        black_box(x);
    }
}

/// `while n > 0: n -= 1`, where one pass takes two times `work`.
pub fn countdown(gil: &mut Gil<'_>, n: u64, work: Work) {
    for _ in 0..n {
        gil.tick();
        work.run();
        gil.tick();
        work.run();
        gil.checkpoint();
    }
}

/// The same until `done` is set, but at least one chunk: on a busy machine that may be before the
/// thread has begun, and a rate of nothing says nothing. Gives the number of passes.
pub fn countdown_until(gil: &mut Gil<'_>, done: &AtomicBool, work: Work) -> u64 {
    let mut passes = 0;
    loop {
        countdown(gil, CHUNK, work);
        passes += CHUNK;
        if done.load(Relaxed) {
            return passes;
        }
    }
}

/// `for _ in range(n): x += 1`, where one pass takes two times `work`.
pub fn increment(gil: &mut Gil<'_>, x: &GilCell<i64>, n: u64, work: Work) {
    for _ in 0..n {
        gil.tick();
        gil.tick();
        let loaded = *x.get(gil);
        work.run();
        gil.tick();
        let sum = loaded + 1;
        work.run();
        gil.tick();
        *x.get_mut(gil) = sum;
        gil.checkpoint();
    }
}

/// The same until `done` is set, but at least one chunk. Gives the number of passes.
pub fn increment_until(gil: &mut Gil<'_>, x: &GilCell<i64>, done: &AtomicBool, work: Work) -> u64 {
    let mut passes = 0;
    loop {
        increment(gil, x, CHUNK, work);
        passes += CHUNK;
        if done.load(Relaxed) {
            return passes;
        }
    }
}

/// `for _ in range(n): x += f(1)`, with a call between the load and the store.
pub fn increment_by_call(gil: &mut Gil<'_>, x: &GilCell<i64>, n: u64, work: Work) {
    for _ in 0..n {
        gil.tick();
        gil.tick();
        let loaded = *x.get(gil);
        work.run();
        gil.tick();
        gil.tick();
        let one = black_box(1);
        gil.checkpoint();
        work.run();
        gil.tick();
        let sum = loaded + one;
        gil.tick();
        *x.get_mut(gil) = sum;
        gil.checkpoint();
    }
}

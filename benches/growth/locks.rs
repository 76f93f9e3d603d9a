//! A crowd at the lock: threads that all wait for it, then have it in turn; and at std's mutex.

use crate::sample::{Meter, Sample};
use singletrack::gil::{GilCell, GlobalLock, SwitchPolicy};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often each thread takes the lock: once behind all the others, then as it comes.
const TURNS: u64 = 20;
const STACK: usize = 64 * 1024;
/// Between looks whether all are there.
const LOOK: Duration = Duration::from_millis(1);

/// All wait while this thread has the lock.
pub fn waiters(count: u64) -> Sample {
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_10);
    let cell = Arc::new(GilCell::new(&lock, 0u64));
    let add = {
        let (lock, cell) = (lock.clone(), Arc::clone(&cell));
        move || lock.attach(|gil| *cell.get_mut(gil) += 1).expect("it is not finalised")
    };
    let mut meter = Meter::start();
    let all = lock.attach(|_| {
        let all = crowd(count, add);
        while lock.waiting() < count as usize {
            thread::sleep(LOOK);
        }
        meter.full();
        all
    });
    join(all.expect("it is not finalised"));
    let sample = meter.stop(count);
    assert_eq!(lock.attach(|gil| *cell.get_mut(gil)), Ok(count * TURNS));
    sample
}

/// The same with std's mutex, which has no policy.
pub fn bare_waiters(count: u64) -> Sample {
    let (sum, there) = (Arc::new(Mutex::new(0u64)), Arc::new(AtomicU64::new(0)));
    let add = {
        let (sum, there) = (Arc::clone(&sum), Arc::clone(&there));
        move || {
            there.fetch_add(1, SeqCst);
            *sum.lock().expect("no panic") += 1;
        }
    };
    let mut meter = Meter::start();
    let held = sum.lock().expect("no panic");
    let all = crowd(count, add);
    while there.load(SeqCst) < count {
        thread::sleep(LOOK);
    }
    thread::sleep(LOOK);
    meter.full();
    drop(held);
    join(all);
    let sample = meter.stop(count);
    assert_eq!(*sum.lock().expect("no panic"), count * TURNS);
    sample
}

fn crowd(count: u64, turn: impl Fn() + Send + Sync + 'static) -> Vec<JoinHandle<()>> {
    let turn = Arc::new(turn);
    let one = |_| {
        let turn = Arc::clone(&turn);
        let body = move || (0..TURNS).for_each(|_| turn());
        thread::Builder::new().stack_size(STACK).spawn(body).expect("a thread")
    };
    (0..count).map(one).collect()
}

fn join(all: Vec<JoinHandle<()>>) {
    all.into_iter().for_each(|thread| thread.join().expect("no panic"));
}

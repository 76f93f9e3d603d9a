//! Threads under a lock that wait for data, as `t1_t2_t3` has them.

use singletrack::gil::{Gil, GilCell, GilThread, GlobalLock, SwitchPolicy};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// The order in which the data comes: for T3 first.
pub const ARRIVALS: [usize; 3] = [3, 2, 1];

/// One look of a thread: whether its data is there.
pub type Look = Box<dyn FnMut(&mut Gil<'_>) -> bool + Send>;

/// What one way came to: who was served in which order, how often somebody looked, switches.
pub struct Way {
    pub served: Vec<usize>,
    pub looks: u64,
    pub switches: u64,
}

/// Threads under the lock, each of which calls `look` until it says that the data is there.
pub fn threads(
    looks: [Look; 3],
    wait: Duration,
    mut deliver: impl FnMut(usize) + Send + 'static,
) -> Result<Way, Box<dyn Error>> {
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_10);
    let seen = Arc::new(GilCell::new(&lock, (Vec::new(), 0)));
    let (mut waiting, count) = (Vec::new(), Arc::new(AtomicUsize::new(0)));
    for (number, mut look) in (1..).zip(looks) {
        let (seen, count) = (Arc::clone(&seen), Arc::clone(&count));
        waiting.push(GilThread::spawn(&lock, &format!("T{number}"), move |gil| {
            loop {
                let there = look(gil);
                seen.get_mut(gil).1 += 1;
                if there {
                    seen.get_mut(gil).0.push(number);
                    count.fetch_add(1, Ordering::Release);
                    return;
                }
                gil.checkpoint();
            }
        })?);
    }
    let peer = thread::spawn(move || {
        for (served, number) in ARRIVALS.into_iter().enumerate() {
            thread::sleep(wait);
            deliver(number - 1);
            // However busy the machine is, the next does not come before this one is seen.
            while count.load(Ordering::Acquire) == served {
                thread::sleep(Duration::from_millis(1));
            }
        }
    });
    waiting.into_iter().try_for_each(GilThread::join)?;
    peer.join().map_err(|_| "the peer panicked")?;
    let (served, looks) = lock.attach(|gil| seen.get(gil).clone())?;
    Ok(Way { served, looks, switches: lock.counters().switches })
}

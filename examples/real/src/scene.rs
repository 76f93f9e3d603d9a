//! The dashboard's scene: threads under the interpreter lock, packets that one of them handles, and
//! what can be seen of it.
//!
//! *Promises*: whoever looks takes no lock that these threads need, other than for the list of
//! delays; while nobody looks, the threads sleep.

use crate::{AnyError, threads};
use serde_json::{Value, json};
use singletrack::aio::interval;
use singletrack::gil::{Gil, GilThread, GlobalLock, LockState, SwitchPolicy};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What one picture shows, and how often there is a new one.
const WINDOW: Duration = Duration::from_millis(400);
pub const REFRESH: Duration = Duration::from_millis(100);

/// How often a packet arrives, and how many may wait; later ones are lost.
const ARRIVAL: Duration = Duration::from_millis(10);
const QUEUE: usize = 200;

/// What the threads and the loop share.
pub struct Scene {
    pub lock: GlobalLock,
    watchers: AtomicUsize,
    waiting: AtomicUsize,
    lost: AtomicUsize,
    /// How long the last packets waited until they were handled, newest last.
    delays: Mutex<Vec<f64>>,
}

impl Scene {
    /// Two threads that compute and one that handles packets.
    pub fn start() -> Result<(Arc<Scene>, Sender<Instant>), AnyError> {
        let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_10);
        lock.record(4096);
        let zero = || AtomicUsize::new(0);
        let (watchers, waiting, lost, delays) = (zero(), zero(), zero(), Mutex::default());
        let scene = Arc::new(Scene { lock, watchers, waiting, lost, delays });
        for name in ["compute 1", "compute 2"] {
            let watched = Arc::clone(&scene);
            GilThread::spawn(&scene.lock, name, move |gil| {
                loop {
                    while watched.watchers.load(SeqCst) == 0 {
                        gil.sleep(REFRESH);
                    }
                    gil.checkpoint(); // a loop's jump back, where a request is seen
                }
            })?;
        }
        let (sender, packets) = channel();
        let handler = Arc::clone(&scene);
        GilThread::spawn(&scene.lock, "packets", move |gil| handler.handle(gil, &packets))?;
        Ok((scene, sender))
    }

    /// Waits for a packet without the lock and handles it with the lock, for ever.
    fn handle(&self, gil: &mut Gil<'_>, packets: &Receiver<Instant>) {
        while let Ok(arrived) = gil.detach(|| packets.recv()) {
            self.waiting.fetch_sub(1, SeqCst);
            let mut delays = self.delays.lock().expect("nobody panics with it");
            delays.push(arrived.elapsed().as_secs_f64() * 1e3);
            let excess = delays.len().saturating_sub(50);
            delays.drain(..excess);
        }
    }

    /// What the page draws: each thread's states within the window, in milliseconds of it.
    pub fn picture(&self) -> Value {
        let recording = self.lock.recording();
        let until = recording.until;
        let from = until.saturating_sub(WINDOW.as_nanos() as u64);
        let at = |time: u64| (time.max(from) - from) as f64 / 1e6;
        let lanes: Vec<Value> = recording
            .tracks
            .iter()
            .map(|track| {
                let slices = track.slices(until).into_iter().filter(|slice| slice.to > from);
                let slices = slices.map(|slice| {
                    let state = LockState::ALL.iter().position(|state| *state == slice.state);
                    json!([at(slice.from), at(slice.to), state])
                });
                json!({ "name": track.name, "slices": slices.collect::<Vec<_>>() })
            })
            .collect();
        let mut delays = self.delays.lock().expect("nobody panics with it").clone();
        delays.sort_by(f64::total_cmp);
        json!({
            "window": WINDOW.as_millis() as u64,
            "lanes": lanes,
            "queue": self.waiting.load(SeqCst),
            "lost": self.lost.load(SeqCst),
            "delay": delays.get(delays.len() / 2),
            "switches": self.lock.switch_number(),
            "interval": self.lock.switch_interval().map(|time| time.as_secs_f64() * 1e3),
            "threads": threads(),
        })
    }
}

/// Packets arrive, whoever handles them, as long as somebody looks.
pub async fn arrivals(scene: Arc<Scene>, packets: Sender<Instant>) {
    let mut clock = interval(ARRIVAL);
    loop {
        clock.tick().await;
        if scene.watchers.load(SeqCst) == 0 {
            continue;
        }
        if scene.waiting.load(SeqCst) == QUEUE {
            scene.lost.fetch_add(1, SeqCst);
        } else if packets.send(Instant::now()).is_ok() {
            scene.waiting.fetch_add(1, SeqCst);
        }
    }
}

/// The threads compute while one of these is alive.
pub struct Watcher(Arc<Scene>);

impl Watcher {
    pub fn new(scene: &Arc<Scene>) -> Watcher {
        scene.watchers.fetch_add(1, SeqCst);
        Watcher(Arc::clone(scene))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.0.watchers.fetch_sub(1, SeqCst);
    }
}

//! The Mandelbrot set, by threads under a lock, by processes, and by a loop with processes.
//!
//! Level: 2 of 3. Minutes: 5. Read: src/process/pool/chunk.rs
//!
//! Question: which of them computes faster than one thread, and what does it cost to send the work
//! away? Prediction: threads under a lock do not, whatever their number; processes do, by as many as
//! there are cores; the loop beside them costs nothing. Rows are quick, so one job for each row
//! spends its time on the way: several rows in one job are better.
//!
//!     cargo run --release --example mandelbrot
//!     cargo run --release --example mandelbrot -- --out mandelbrot.ppm
//!
//! CI: --width 160 --height 60 --depth 200
//!
//! Speed is printed and not asserted, for others may use the machine; that all came to the same
//! picture is.

mod common;

use common::measured;
use common::options::Options;
use common::picture::{draw, write_picture};
use serde::{Deserialize, Serialize};
use singletrack::EventLoop;
use singletrack::aio::{create_task, gather, run_in_executor};
use singletrack::gil::{GilThread, GlobalLock, SwitchPolicy};
use singletrack::process::pool::options::MapOptions;
use singletrack::process::{ForkServer, Pool, ProcessPool};
use std::error::Error;
use std::time::{Duration, Instant};

/// What to compute: a row of a picture.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Row {
    y: usize,
    width: usize,
    height: usize,
    depth: u32,
}

/// After how many steps a point has left, for each of a row.
type Steps = Vec<u32>;

/// A row; `pause` is called after each point.
fn points(row: Row, mut pause: impl FnMut()) -> Steps {
    let Row { y, width, height, depth } = row;
    let b = (y as f64 / height as f64 - 0.5) * 2.4;
    let point = |x: usize| {
        let a = (x as f64 / width as f64 - 0.7) * 3.2;
        let (mut re, mut im, mut steps) = (0.0, 0.0, 0);
        while steps < depth && re * re + im * im < 4.0 {
            (re, im, steps) = (re * re - im * im + a, 2.0 * re * im + b, steps + 1);
        }
        pause();
        steps
    };
    (0..width).map(point).collect()
}

fn compute(row: Row) -> Steps {
    points(row, || ())
}

/// Half of the rows by each of two threads.
fn by_threads(rows: &[Row]) -> Result<Vec<Steps>, Box<dyn Error>> {
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_10);
    let halves = rows.chunks(rows.len().div_ceil(2)).map(|half| {
        let half = half.to_vec();
        let body = move |gil: &mut singletrack::gil::Gil<'_>| -> Vec<Steps> {
            half.into_iter().map(|row| points(row, || gil.checkpoint())).collect()
        };
        GilThread::spawn(&lock, "half", body)
    });
    let threads: Vec<_> = halves.collect::<Result<_, _>>()?;
    Ok(threads.into_iter().map(GilThread::join).collect::<Result<Vec<_>, _>>()?.concat())
}

/// A task for each row, on a loop that could do other things meanwhile.
fn by_loop(pool: &ProcessPool, rows: &[Row]) -> Result<Vec<Steps>, Box<dyn Error>> {
    EventLoop::new()?.run_until_complete(async {
        let jobs = rows.iter().map(|&row| create_task(run_in_executor(pool, compute, row)));
        Ok(gather(jobs).await?.into_iter().collect::<Result<_, _>>()?)
    })
}

/// One line of the table, if the picture is the same; gives the time.
fn timed(
    name: &str,
    picture: &mut Vec<Steps>,
    first: Option<Duration>,
    way: impl FnOnce() -> Result<Vec<Steps>, Box<dyn Error>>,
) -> Result<Duration, Box<dyn Error>> {
    let begin = Instant::now();
    let steps = way()?;
    let took = begin.elapsed();
    if picture.is_empty() {
        *picture = steps;
    } else {
        assert_eq!(*picture, steps, "{name}: the same picture");
    }
    let speed = first.unwrap_or(took).as_secs_f64() / took.as_secs_f64();
    let bar = "#".repeat((speed * 10.0).round() as usize);
    println!("{name:34}{:>8} ms  x{speed:<5.2}{bar}", took.as_millis());
    Ok(took)
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::read(&["--width N", "--height N", "--depth N", "--out FILE"]);
    let width = options.value("--width", 20..=10_000, 640);
    let height = options.value("--height", 20..=10_000, 240);
    let depth = options.value("--depth", 10..=1_000_000, 1000);
    let cores = std::thread::available_parallelism()?.get();
    let pool = Pool::new(&ForkServer::start()?, cores)?; // before any thread
    let rows: Vec<Row> = (0..height).map(|y| Row { y, width, height, depth }).collect();

    let picture = &mut Vec::new();
    let one =
        timed("one thread", picture, None, || Ok(rows.iter().map(|&row| compute(row)).collect()))?;
    let two = timed("two threads under a lock", picture, Some(one), || by_threads(&rows))?;
    let mut best = Duration::MAX;
    for size in [1, 8, height / cores] {
        let chunks = MapOptions::default().chunksize(size);
        let name = format!("{cores} processes, {size} rows a job");
        let took = timed(&name, picture, Some(one), || {
            Ok(pool.map_with(chunks, compute, rows.clone()).result()?)
        })?;
        best = best.min(took);
    }
    timed("loop and processes, 1 row a job", picture, Some(one), || {
        by_loop(pool.executor(), &rows)
    })?;
    draw(picture, depth);
    if let Some(path) = options.text("--out") {
        write_picture(path, picture, depth)?;
    }
    let speed = |took: Duration| one.as_secs_f64() / took.as_secs_f64();
    measured(format_args!(
        "Two threads under a lock were {:.2} times as fast as one, and {cores} processes {:.2} times, \
         with the same picture of {width} x {height} points.",
        speed(two),
        speed(best)
    ));
    Ok(())
}

//! procpool: jobs over pipes to two worker processes.

use crate::args::{Args, Line, percentile};
use crate::threadpool::spin;
use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use singletrack::process::ForkServer;
use singletrack::process::MapOptions;
use singletrack::process::Pool;
use std::fmt;
use std::time::Instant;

const WORKERS: usize = 2;
const MIB: usize = 1 << 20;

fn square(x: u64) -> u64 {
    x * x
}

/// Bytes that are encoded in one go; serde takes a `Vec<u8>` for a list of numbers.
#[derive(Clone)]
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Visitor)
    }
}

fn echo(bytes: Bytes) -> Bytes {
    bytes
}

/// Runs the operation that `op=` names. To be called while this process has one thread.
pub fn procpool(args: &Args) {
    let op = args.text("op", "map1");
    let fork_server = ForkServer::start().expect("one thread so far");
    let pool = || Pool::new(&fork_server, WORKERS).expect("a pool");
    match op.as_str() {
        "map1" | "mapauto" => map(&op, args, &pool()),
        "rtt" => round_trips(args, &pool()),
        "bw" => bandwidth(args, &pool()),
        "startstop" => start_stop(args, &pool),
        "cpu" => cpu(&pool()),
        other => {
            eprintln!("op={other}: want map1, mapauto, rtt, bw, startstop or cpu");
            std::process::exit(2);
        }
    }
}

fn line<'a>(variant: String, primary: &'a str, better: &'a str) -> Line<'a> {
    Line { workload: "procpool", variant, primary, better }
}

fn timed<R>(run: impl FnOnce() -> R) -> (f64, R) {
    let start = Instant::now();
    let result = run();
    (start.elapsed().as_secs_f64(), result)
}

/// Every worker has answered.
fn warm(pool: &Pool) {
    let naps = MapOptions::default().chunksize(1);
    let nap = |ms: u64| std::thread::sleep(std::time::Duration::from_millis(ms));
    pool.map_with(naps, nap, [2; 2 * WORKERS]).result().expect("a warm pool");
}

fn map(op: &str, args: &Args, pool: &Pool) {
    let n = args.number("n", 100_000);
    let chunksize = if op == "map1" { 1 } else { (n as usize).div_ceil(8) };
    let options = MapOptions::default().chunksize(chunksize);
    warm(pool);
    let (time, squares) = timed(|| pool.map_with(options, square, 0..n).result().expect("a map"));
    let sum = |squares: &mut dyn Iterator<Item = u64>| squares.fold(0, u64::wrapping_add);
    assert_eq!(sum(&mut squares.into_iter()), sum(&mut (0..n).map(|x| x * x)));
    line(format!("op={op},n={n}"), "us_per_item", "lower").print(&[
        ("us_per_item", time * 1e6 / n as f64),
        ("items_per_s", n as f64 / time),
        ("n", n as f64),
    ]);
}

fn round_trips(args: &Args, pool: &Pool) {
    let n = args.number("n", 20_000);
    warm(pool);
    let call = |i| assert_eq!(pool.apply(square, i), Ok(i * i));
    (0..200).for_each(call);
    let mut times = Vec::with_capacity(n as usize);
    let (time, ()) = timed(|| {
        for i in 0..n {
            let start = Instant::now();
            call(i);
            times.push(start.elapsed().as_nanos() as u64);
        }
    });
    times.sort_unstable();
    line(format!("op=rtt,n={n}"), "us_mean", "lower").print(&[
        ("us_mean", time * 1e6 / n as f64),
        ("us_p50", percentile(&times, 50.0) / 1e3),
        ("us_p99", percentile(&times, 99.0) / 1e3),
    ]);
}

fn bandwidth(args: &Args, pool: &Pool) {
    let mib = args.number("mib", 256);
    warm(pool);
    let bytes = Bytes(vec![b'x'; MIB]);
    // No more than is needed to keep the workers busy: the peers do not hold 256 MiB either.
    let options = MapOptions::default().chunksize(1).buffersize(2 * WORKERS);
    let echoes = |count| {
        let payloads = (0..count).map(|_| bytes.clone());
        let echoes = pool.imap_with(options, echo, payloads);
        let lengths = echoes.map(|bytes| bytes.expect("an echo").0.len());
        assert_eq!(lengths.sum::<usize>(), count as usize * MIB);
    };
    echoes(4);
    let (time, ()) = timed(|| echoes(mib));
    line(format!("op=bw,mib={mib}"), "mib_per_s", "higher")
        .print(&[("mib_per_s", mib as f64 / time)]);
}

fn start_stop(args: &Args, pool: &dyn Fn() -> Pool) {
    let once = || {
        timed(|| {
            let pool = pool();
            assert_eq!(pool.apply(square, 3), Ok(9));
            pool.close();
            pool.join();
        })
        .0
    };
    let mut times: Vec<f64> = (0..args.number("reps", 30)).map(|_| once()).collect();
    times.sort_by(f64::total_cmp);
    line("op=startstop".to_owned(), "ms", "lower")
        .print(&[("ms", times[times.len() / 2] * 1e3), ("min_ms", times[0] * 1e3)]);
}

fn cpu(pool: &Pool) {
    const SAMPLE: u64 = 20_000_000;
    let (time, _) = timed(|| spin(SAMPLE));
    let rounds = (SAMPLE as f64 * 0.05 / time) as u64;
    warm(pool);
    let (serial, _) = timed(|| (0..32).map(|_| spin(rounds)).fold(0, u64::wrapping_add));
    let options = MapOptions::default().chunksize(1);
    let (parallel, _) =
        timed(|| pool.map_with(options, spin, vec![rounds; 32]).result().expect("a map"));
    line("op=cpu,jobs=32x50ms".to_owned(), "speedup", "higher").print(&[
        ("speedup", serial / parallel),
        ("serial_s", serial),
        ("parallel_s", parallel),
    ]);
}

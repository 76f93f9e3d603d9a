//! `time`, `random` and `math`.
//!
//! *Promises*: without a real run no clock and no chance: time is the world's, and the numbers of
//! `random` come from its seed; in the explorer, each of a few is tried.
//! *Leaves out*: the numbers that CPython's `random` would give for the same seed.

use crate::python::library::sequences::python;
use crate::python::library::sync::nanoseconds;
use crate::python::machine::interpreter::{Machine, Row};
use crate::python::machine::operators::as_float;
use crate::python::machine::terms::{Arguments, Done, Location, Look, R, value};
use crate::python::machine::world::{Stage, Wait};
use crate::python::value::any::Value;
use crate::python::value::object::Object;

/// The rows of this file.
pub const ROWS: &[Row] = &[
    Row::of("time.sleep", Look::C, sleep),
    Row::of("time.time", Look::C, time),
    Row::of("time.monotonic", Look::C, monotonic),
    Row::of("time.perf_counter", Look::C, monotonic),
    Row::of("random.random", Look::C, random),
    Row::of("random.uniform", Look::C, uniform),
    Row::of("random.randint", Look::C, randint),
    Row::of("random.randrange", Look::C, randrange),
    Row::of("random.choice", Look::C, |m, a| chances(m, a, "_choice")),
    Row::of("random.choices", Look::C, choices),
    Row::of("random.sample", Look::C, sample),
    Row::of("random.shuffle", Look::C, |m, a| chances(m, a, "_shuffle")),
    Row::of("prelude._below", Look::C, below),
    Row::of("random.gauss", Look::C, gauss),
    Row::of("random.seed", Look::C, seed),
    Row::of("time.process_time", Look::C, time),
    Row::of("time.time_ns", Look::C, time_ns),
    Row::of("time.monotonic_ns", Look::C, time_ns),
    Row::of("time.perf_counter_ns", Look::C, time_ns),
    Row::of("sys.setrecursionlimit", Look::C, set_recursion_limit),
    Row::of("sys.getrecursionlimit", Look::C, |m, _| {
        value(Value::Int(i64::try_from(m.limits.frames).unwrap_or(1000)))
    }),
    Row::of("math.sqrt", Look::C, sqrt),
    Row::of("math.floor", Look::C, |m, a| whole(m, a, "__floor__", f64::floor)),
    Row::of("math.ceil", Look::C, |m, a| whole(m, a, "__ceil__", f64::ceil)),
];

/// The most numbers of chance that the explorer tries each.
const MOST_CHOICES: i128 = 8;

fn sleep(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [seconds] = m.sorted(a, "sleep", 1, ["seconds"])?;
    let Some(seconds) = as_float(seconds) else {
        let name = m.type_name(seconds);
        return m.type_error(format!("'{name}' object cannot be interpreted as an integer"));
    };
    if seconds < 0.0 {
        return m.value_error("sleep length must be non-negative");
    }
    if m.timeless || m.current.stage == Stage::Slept {
        m.current.stage = Stage::None;
        return Ok(Done::Blocked(Value::None));
    }
    let until = m.now().saturating_add(nanoseconds(seconds));
    m.current.stage = Stage::Slept;
    Ok(Done::Wait(Wait::Sleep(until), None))
}

fn time(m: &mut Machine, _: &Arguments) -> R<Done> {
    value(Value::Float(m.wall_time()))
}

#[allow(clippy::cast_precision_loss, reason = "it is a time")]
fn monotonic(m: &mut Machine, _: &Arguments) -> R<Done> {
    value(Value::Float(m.now() as f64 / 1e9))
}

impl Machine {
    /// The next number of chance: SplitMix64.
    fn next_random(&mut self) -> u64 {
        self.one_sequence |= self.timeless;
        self.note(Location::Output, true);
        self.world.random = self.world.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.world.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn random_float(&mut self) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
        let bits = (self.next_random() >> 11) as f64;
        bits / 9_007_199_254_740_992.0
    }

    /// A number from `low` to `high`, both included; or that the explorer has to choose it.
    fn random_int(&mut self, low: i64, high: i64) -> Result<i64, Done> {
        let span = i128::from(high) - i128::from(low) + 1;
        let offset = match (self.timeless && (2..=MOST_CHOICES).contains(&span), self.chosen.take())
        {
            (true, Some(chosen)) => i128::from(chosen),
            (true, None) => {
                return Err(Done::Wait(Wait::Choice(u32::try_from(span).unwrap_or(1)), None));
            }
            (false, _) if span <= 1 => 0,
            (false, _) => i128::from(self.next_random()) % span,
        };
        Ok(i64::try_from(i128::from(low) + offset).unwrap_or(low))
    }
}

fn random(m: &mut Machine, _: &Arguments) -> R<Done> {
    let float = m.random_float();
    value(Value::Float(float))
}

fn uniform(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [low, high] = m.sorted(a, "uniform", 2, ["a", "b"])?;
    let (low, high) = (as_float(low).unwrap_or(0.0), as_float(high).unwrap_or(0.0));
    let float = m.random_float();
    value(Value::Float(low + (high - low) * float))
}

fn randint(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [low, high] = m.sorted(a, "randint", 2, ["a", "b"])?;
    let (low, high) = (m.int_argument(low)?, m.int_argument(high)?);
    if low > high {
        return m.value_error("empty range for randint()");
    }
    m.random_int(low, high).map_or_else(Ok, |int| value(Value::Int(int)))
}

fn randrange(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [first, second, step] = m.sorted(a, "randrange", 1, ["start", "stop", "step"])?;
    let first = m.int_argument(first)?;
    let (low, high) = match second {
        Value::Unset => (0, first),
        second => (first, m.int_argument(second)?),
    };
    if low >= high {
        return m.value_error("empty range for randrange()");
    }
    let step = if step == Value::Unset { 1 } else { m.int_argument(step)?.max(1) };
    m.random_int(0, (high - low - 1) / step)
        .map_or_else(Ok, |int| value(Value::Int(low + int * step)))
}

/// What CPython does in Python with a sequence.
fn chances(m: &mut Machine, a: &Arguments, name: &str) -> R<Done> {
    let [items] = m.sorted(a, &name[1..], 1, ["seq"])?;
    python(m, name, vec![items])
}

fn below(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [most] = m.sorted(a, "_randbelow", 1, ["n"])?;
    let most = m.int_argument(most)?;
    m.random_int(0, most - 1).map_or_else(Ok, |int| value(Value::Int(int)))
}

fn seed(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [seed] = m.sorted(a, "seed", 0, ["a"])?;
    m.note(Location::Output, true);
    m.world.random = seed.as_int().unwrap_or(0).cast_unsigned();
    value(Value::None)
}

fn sqrt(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "sqrt", 1, ["x"])?;
    match as_float(x) {
        Some(float) if float >= 0.0 => value(Value::Float(float.sqrt())),
        Some(_) => m.value_error("math domain error"),
        None => {
            let name = m.type_name(x);
            m.type_error(format!("must be real number, not {name}"))
        }
    }
}

fn whole(m: &mut Machine, a: &Arguments, method: &str, f: fn(f64) -> f64) -> R<Done> {
    let [x] = m.sorted(a, "floor", 1, ["x"])?;
    if m.class_of(x).is_some() {
        return m.convert(x, &[method], "must be real number");
    }
    if let Some(int) = x.as_int() {
        return value(Value::Int(int));
    }
    match as_float(x) {
        Some(float) => value(Value::Int(m.as_whole(f(float))?)),
        None => {
            let name = m.type_name(x);
            m.type_error(format!("must be real number, not {name}"))
        }
    }
}

fn time_ns(m: &mut Machine, _: &Arguments) -> R<Done> {
    value(Value::Int(i64::try_from(m.world.clock).unwrap_or(i64::MAX)))
}

/// The deepest recursion that a program may ask for.
const DEEPEST: usize = 20_000;

fn set_recursion_limit(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [limit] = m.sorted(a, "setrecursionlimit", 1, ["limit"])?;
    let limit = m.int_argument(limit)?;
    if limit < 1 {
        return m.value_error("recursion limit must be greater or equal than 1");
    }
    m.limits.frames = usize::try_from(limit).unwrap_or(DEEPEST).min(DEEPEST);
    value(Value::None)
}

fn choices(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [items, weights, _, count] =
        m.sorted(a, "choices", 1, ["population", "weights", "cum_weights", "k"])?;
    let items = m.items(items)?;
    let count = if count == Value::Unset { 1 } else { m.int_argument(count)? };
    let weights = match weights {
        Value::Unset | Value::None => vec![1.0; items.len()],
        weights => {
            let weights = m.items(weights)?;
            weights.into_iter().map(|weight| as_float(weight).unwrap_or(0.0)).collect()
        }
    };
    if items.is_empty() || weights.len() != items.len() {
        return Err(m.error("IndexError", "Cannot choose from an empty population"));
    }
    let total: f64 = weights.iter().sum();
    m.charge(usize::try_from(count).unwrap_or(0))?;
    let mut out = Vec::new();
    for _ in 0..count {
        let mut left = m.random_float() * total;
        let at = weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        out.push(items[at.unwrap_or(items.len() - 1)]);
    }
    value(m.add(Object::List(out)))
}

/// In an order of chance; the explorer takes one of them.
fn shuffled(m: &mut Machine, mut items: Vec<Value>) -> Vec<Value> {
    for at in (1..items.len()).rev() {
        let with = m.next_random() % (at as u64 + 1);
        items.swap(at, usize::try_from(with).unwrap_or(0));
    }
    items
}

fn sample(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [items, count] = m.sorted(a, "sample", 2, ["population", "k"])?;
    let (items, count) = (m.items(items)?, m.int_argument(count)?);
    match usize::try_from(count).ok().filter(|count| *count <= items.len()) {
        None => m.value_error("Sample larger than population or is negative"),
        Some(count) => {
            let mut items = shuffled(m, items);
            items.truncate(count);
            value(m.add(Object::List(items)))
        }
    }
}

fn gauss(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [mean, deviation] = m.sorted(a, "gauss", 0, ["mu", "sigma"])?;
    let (mean, deviation) = (as_float(mean).unwrap_or(0.0), as_float(deviation).unwrap_or(1.0));
    let (x, y) = (1.0 - m.random_float(), m.random_float());
    let normal = (-2.0 * x.ln()).sqrt() * (std::f64::consts::TAU * y).cos();
    value(Value::Float(mean + deviation * normal))
}

//! The shape of somebody's work: the steps of a job, how many jobs, and how many at once. Pure.
//!
//! *Promises*: whatever changes a shape keeps the order and the proportions of its steps. What
//! arithmetic says of it ([`Shape::least_wall`]) holds for every model and every machine.
//! *Leaves out*: where it comes from (`lab/choose/steps.rs`, `lab/choose/source.rs`).

use crate::lab::choose::quantity::{shown_size, shown_time};
use crate::lab::compare::model::Model;
use crate::lab::compare::step::Step;
use crate::lab::compare::verdict::Nature;
use std::time::Duration;

/// What one step asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// To compute, with the lock where there is one.
    Cpu(Duration),
    /// To wait for something outside.
    Io(Duration),
    /// To compute without the lock, as CPython does when it hashes or compresses.
    Native(Duration),
    /// To carry so many bytes to the process that computes, and back.
    Send(u32),
}

/// Somebody's work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// The steps of a job, in their order.
    pub parts: Vec<Part>,
    /// How many jobs there are; `None`: as many as it takes to measure.
    pub jobs: Option<usize>,
    /// How many may be under way at once.
    pub inflight: usize,
}

/// What the server's answer takes beyond the time that it was asked for, about: for estimates only.
const ANSWER_S: f64 = 60e-6;
/// What it takes to have a process do something, about: for estimates only.
const PIPE_S: f64 = 80e-6;
/// What it takes to make a job, hand it out and note its end, about, whatever its steps.
const LEAST_S: f64 = 10e-6;

impl Shape {
    fn sum(&self, of: impl Fn(&Part) -> Option<Duration>) -> Duration {
        self.parts.iter().filter_map(of).sum()
    }

    /// How long a job computes with the lock.
    pub fn cpu(&self) -> Duration {
        self.sum(|part| if let Part::Cpu(time) = part { Some(*time) } else { None })
    }

    /// How long a job waits.
    pub fn io(&self) -> Duration {
        self.sum(|part| if let Part::Io(time) = part { Some(*time) } else { None })
    }

    /// How long a job computes without the lock.
    pub fn native(&self) -> Duration {
        self.sum(|part| if let Part::Native(time) = part { Some(*time) } else { None })
    }

    /// How much a job carries.
    pub fn payload(&self) -> u32 {
        let sizes = self.parts.iter().map(|part| if let Part::Send(n) = part { *n } else { 0 });
        sizes.fold(0, u32::saturating_add)
    }

    /// Whether it waits at all.
    pub fn waits(&self) -> bool {
        !self.io().is_zero()
    }

    /// The steps on a machine that does so many operations in a millisecond of CPU time.
    pub fn steps(&self, operations_per_ms: f64) -> Vec<Step> {
        let operations =
            |time: Duration| (time.as_secs_f64() * 1e3 * operations_per_ms).round() as u64;
        let micros = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        let step = |part: &Part| match *part {
            Part::Cpu(time) if !time.is_zero() => Some(Step::Cpu(operations(time).max(1))),
            Part::Native(time) if !time.is_zero() => Some(Step::Native(operations(time).max(1))),
            Part::Io(time) if !time.is_zero() => Some(Step::Io(micros(time).max(1))),
            Part::Send(bytes) if bytes > 0 => Some(Step::Send(bytes)),
            _ => None,
        };
        self.parts.iter().filter_map(step).collect()
    }

    /// The same work with so much computing with the lock, in the same places; before everything
    /// else, where there was none.
    pub fn with_cpu(&self, time: Duration) -> Shape {
        let whole = self.cpu();
        let mut shape = self.clone();
        if whole.is_zero() {
            shape.parts.insert(0, Part::Cpu(time));
            return shape;
        }
        for part in &mut shape.parts {
            if let Part::Cpu(own) = part {
                *own = time.mul_f64(own.div_duration_f64(whole));
            }
        }
        shape
    }

    /// The same work with such a payload, before everything else.
    pub fn with_payload(&self, bytes: u32) -> Shape {
        let mut shape = self.clone();
        shape.parts.retain(|part| !matches!(part, Part::Send(_)));
        shape.parts.insert(0, Part::Send(bytes));
        shape
    }

    /// The same work, so many at once.
    pub fn with_inflight(&self, inflight: usize) -> Shape {
        Shape { inflight, ..self.clone() }
    }

    /// What kind of work the rule of thumb takes it for.
    pub fn nature(&self) -> Nature {
        let computing = (self.cpu() + self.native()).as_secs_f64();
        Nature::measured(computing, self.io().as_secs_f64(), self.inflight)
    }

    /// Seconds that so many jobs take at least under this model on so many cores, whatever the
    /// machine: what is computed behind one lock or on one loop cannot be done side by side, and a
    /// job takes as long as its steps.
    ///
    /// ```
    /// use singletrack::lab::choose::shape::{Part, Shape};
    /// use singletrack::lab::compare::model::Model;
    /// use std::time::Duration;
    ///
    /// let ms = Duration::from_millis;
    /// let parts = vec![Part::Cpu(ms(2)), Part::Io(ms(20))];
    /// let shape = Shape { parts, jobs: None, inflight: 32 };
    /// let least_ms = |model| (shape.least_wall(400, model, 2) * 1e3).round();
    /// assert_eq!(least_ms(Model::EventLoop), 800.0);
    /// assert_eq!(least_ms(Model::LoopProcesses), 400.0);
    /// assert_eq!(least_ms(Model::Processes), 4400.0);
    /// ```
    pub fn least_wall(&self, jobs: usize, model: Model, workers: usize) -> f64 {
        let seconds = |time: Duration| time.as_secs_f64();
        let (cpu, native) = (seconds(self.cpu()), seconds(self.native()));
        let job = cpu + native + seconds(self.io());
        let (jobs, workers) = (jobs as f64, workers.max(1) as f64);
        let on_all = (cpu + native) / workers;
        let (computing, at_once) = match model {
            Model::Sequential => (job, 1.0),
            Model::EventLoop => (cpu + native, self.inflight as f64),
            Model::ThreadsPy2 | Model::ThreadsPy32 | Model::ThreadsPy310 => {
                (cpu.max(on_all), self.inflight as f64)
            }
            Model::Processes => (on_all, workers),
            Model::ThreadsFree | Model::Interpreters | Model::LoopProcesses => {
                (on_all, self.inflight as f64)
            }
        };
        (jobs * computing).max(jobs / at_once.min(jobs) * job)
    }

    /// About how long so many jobs will take: for planning, not for judging.
    fn estimate(&self, jobs: usize, model: Model, workers: usize) -> f64 {
        let pipes = match model {
            Model::Processes | Model::LoopProcesses => PIPE_S * jobs as f64,
            _ => 0.0,
        };
        let answers = if self.waits() { ANSWER_S * jobs as f64 } else { 0.0 };
        self.least_wall(jobs, model, workers) + pipes + answers
    }

    /// How long a round of one job of these models takes, added up, and the fastest of them alone.
    fn per_job(&self, models: &[Model], workers: usize) -> (f64, f64) {
        /// Whoever takes so many times as long as another is stopped.
        const STOPPED: f64 = 4.0;
        let base = self.inflight.max(64);
        let one = |model: &Model| (self.estimate(base, *model, workers) / base as f64).max(LEAST_S);
        let fastest = models.iter().map(one).fold(f64::INFINITY, f64::min).max(LEAST_S);
        (models.iter().map(|model| one(model).min(STOPPED * fastest)).sum(), fastest)
    }

    /// How many jobs a round should have, so that about `rounds` rounds of these models fit into
    /// `time`: as many as were asked for if they fit; so many that all can be under way, if three
    /// rounds of those fit.
    pub fn jobs_for(&self, models: &[Model], workers: usize, time: Duration, rounds: u32) -> usize {
        /// A round that nobody asked for is about so long for the fastest.
        const USUAL: f64 = 0.25;
        let (round, fastest) = self.per_job(models, workers);
        let fit = |rounds: u32| time.as_secs_f64() / f64::from(rounds.max(1)) / round;
        let wanted = self.jobs.map_or(USUAL / fastest, |jobs| jobs as f64);
        let all_under_way = (2 * self.inflight).min(self.jobs.unwrap_or(usize::MAX));
        let least = all_under_way.min(fit(3) as usize).max(Self::fewest(workers));
        (wanted.min(fit(rounds)) as usize)
            .clamp(least.min(self.jobs.unwrap_or(usize::MAX)), Self::MOST_JOBS)
    }

    /// Fewer jobs than this measure nothing.
    fn fewest(workers: usize) -> usize {
        2 * workers
    }

    /// Whether not even three rounds of the fewest jobs fit into that time.
    pub fn is_too_long(&self, models: &[Model], workers: usize, time: Duration) -> bool {
        let (round, _) = self.per_job(models, workers);
        let jobs = self.jobs.unwrap_or(usize::MAX).min(Self::fewest(workers)) as f64;
        // A job takes as long as its steps, however many are under way.
        let job = (self.cpu() + self.native() + self.io()).as_secs_f64();
        (round * jobs).max(job * models.len() as f64) * 3.0 > time.as_secs_f64()
    }

    /// More jobs than this make nothing clearer.
    pub const MOST_JOBS: usize = 1_000_000;

    /// As it would be asked for on the command line, its steps in one line.
    pub fn words(&self) -> String {
        let mut words: Vec<String> = self
            .parts
            .iter()
            .map(|part| match part {
                Part::Cpu(time) => format!("cpu {}", shown_time(*time)),
                Part::Io(time) => format!("io {}", shown_time(*time)),
                Part::Native(time) => format!("native {}", shown_time(*time)),
                Part::Send(bytes) => format!("send {}", shown_size(*bytes)),
            })
            .collect();
        words.push(format!("{} at once", self.inflight));
        words.join(" · ")
    }
}

/// Work as steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The steps of a job.
    pub parts: Vec<Part>,
    /// How many at once, where the work itself says that.
    pub inflight: Option<usize>,
    /// What was assumed, a sentence each.
    pub assumed: Vec<String>,
}

impl Measured {
    /// Steps that need no assumption.
    pub fn of(parts: Vec<Part>) -> Measured {
        Measured { parts, inflight: None, assumed: Vec::new() }
    }
}

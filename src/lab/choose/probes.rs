//! What would flip the verdict: which settings are tried, and the measuring.
//!
//! *Promises*: a probe is a contest of its own, of the same work but for one setting; none begins when
//! the time is up. A winner by time stands where it is still faster than all others by the margin; a
//! winner by price where no other is; a tie where nobody is ahead of the others.
//! *Leaves out*: the search (`lab/choose/flips.rs`). Of a probe a few rounds must do: near a flip it
//! may say either, which is why a flip is told by two values.

use crate::lab::choose::chosen::family;
use crate::lab::choose::contest::Contest;
use crate::lab::choose::flips::{Flip, Knob, Probe, search};
use crate::lab::choose::shape::Shape;
use crate::lab::compare::cases::Cores;
use crate::lab::compare::evidence::MARGIN;
use crate::lab::compare::judgement::{How, Judgement};
use crate::lab::compare::model::Model;
use crate::lab::compare::race::Effort;
use crate::lab::compare::result::CaseResult;
use crate::lab::report::failure::Failure;
use std::time::{Duration, Instant};

/// How long a probe may go on.
const PROBE: Duration = Duration::from_millis(800);
/// So many rounds should go into it.
const ROUNDS: u32 = 4;
/// So much apart, and a tie is none any more: a probe has few rounds.
const APART: f64 = 1.15;
/// So far from the work's own values flips are looked for.
const FAR: u64 = 16;
/// The largest payload that is tried.
const HEAVY: u64 = 4 << 20;

/// A verdict that may flip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Who was ahead: a model, or those of a family; or one of those who tied.
    pub best: Vec<Model>,
    /// How that was decided.
    pub how: How,
}

impl Standing {
    /// What a judgement says; `None` if one model alone ran, or the rounds say nothing.
    pub fn of(judgement: &Judgement) -> Option<Standing> {
        let first = *judgement.best.first()?;
        match (judgement.how, family(judgement)) {
            (_, Some(_)) => Some(Standing { best: judgement.best.clone(), how: How::Faster }),
            (How::Alone | How::Unclear, None) => None,
            (how, None) => Some(Standing { best: vec![first], how }),
        }
    }

    /// Whether it stands, by the walls of some models, and who is ahead. `None` without its models,
    /// or any other.
    ///
    /// ```
    /// use singletrack::lab::choose::probes::Standing;
    /// use singletrack::lab::compare::judgement::How;
    /// use singletrack::lab::compare::model::Model::{EventLoop, Processes};
    ///
    /// let faster = Standing { best: vec![EventLoop], how: How::Faster };
    /// assert_eq!(faster.at(&[(EventLoop, 1.0), (Processes, 2.0)]), Some((true, EventLoop)));
    /// assert_eq!(faster.at(&[(EventLoop, 1.0), (Processes, 1.01)]), Some((false, Processes)));
    /// let tie = Standing { best: vec![EventLoop], how: How::Same };
    /// assert_eq!(tie.at(&[(EventLoop, 1.0), (Processes, 1.01)]), Some((true, EventLoop)));
    /// ```
    pub fn at(&self, walls: &[(Model, f64)]) -> Option<(bool, Model)> {
        let is_own = |(model, _): &&(Model, f64)| self.best.contains(model);
        let fastest = |a: &&(Model, f64), b: &&(Model, f64)| a.1.total_cmp(&b.1);
        let &(best, own) = walls.iter().filter(is_own).min_by(fastest)?;
        let others = walls.iter().filter(|wall| !is_own(wall));
        let &(_, wall) = others.clone().min_by(fastest)?;
        // Of several that are as fast, the one that was named first.
        let &(other, _) = others.clone().find(|(_, other)| *other <= wall * MARGIN)?;
        let ratio = wall / own;
        let stands = match self.how {
            How::Faster => ratio >= MARGIN,
            How::Cheaper | How::CheaperAtLeast => ratio * MARGIN >= 1.0,
            How::Same | How::Unclear | How::Alone => (1.0 / APART..=APART).contains(&ratio),
        };
        // One that is not faster any more is as good as the other, which is why it flips.
        let ahead = match (stands, self.how) {
            (true, _) => best,
            (false, How::Same | How::Unclear | How::Alone) if ratio > 1.0 => best,
            (false, _) => other,
        };
        Some((stands, ahead))
    }
}

/// Which settings are tried, the likeliest first: from the work's own value to the end of a range.
pub fn ranges(shape: &Shape, workers: usize, models: &[Model]) -> Vec<(Knob, (u64, u64))> {
    let cpu = u64::try_from(shape.cpu().as_nanos()).unwrap_or(u64::MAX / FAR);
    let (inflight, payload) = (shape.inflight as u64, u64::from(shape.payload()));
    let forks = models.iter().any(|m| matches!(m, Model::Processes | Model::LoopProcesses));
    let mut ranges = Vec::new();
    if cpu > 1_000 {
        ranges.push((Knob::Cpu, (cpu, (cpu / FAR).max(1_000))));
    }
    if shape.waits() && inflight > 1 {
        ranges.push((Knob::Inflight, (inflight, (inflight / FAR).max(1))));
    }
    if workers > 1 {
        ranges.push((Knob::Cores, (workers as u64, 1)));
    }
    if forks && payload < HEAVY {
        ranges.push((Knob::Payload, (payload, HEAVY)));
    }
    let more = if cpu == 0 { 10_000_000 } else { cpu.saturating_mul(FAR) };
    ranges.push((Knob::Cpu, (cpu, more.min(200_000_000).max(cpu))));
    if shape.waits() && inflight < 512 {
        ranges.push((Knob::Inflight, (inflight, (inflight * FAR).min(1024))));
    }
    ranges.retain(|(_, (from, until))| from != until);
    ranges
}

/// Looks for flips in all these ranges until `deadline`; what was found before a failure is kept in
/// `flips`. `progress` is called with what is tried.
///
/// # Errors
/// If a contest fails.
pub fn flips(
    contest: &Contest<'_>,
    shape: &Shape,
    (standing, models): (&Standing, &[Model]),
    deadline: Instant,
    flips: &mut Vec<Flip>,
    mut progress: impl FnMut(Knob, u64),
) -> Result<(), Failure> {
    for (knob, (from, until)) in ranges(shape, contest.workers, models) {
        let found = search(knob, (from, until), |value| {
            if Instant::now() + PROBE > deadline {
                return Ok(None);
            }
            progress(knob, value);
            probe(contest, shape, (standing, models), knob, value)
        })?;
        flips.push(found);
    }
    Ok(())
}

fn probe(
    contest: &Contest<'_>,
    shape: &Shape,
    (standing, models): (&Standing, &[Model]),
    knob: Knob,
    value: u64,
) -> Result<Option<Probe>, Failure> {
    let count = usize::try_from(value).unwrap_or(usize::MAX);
    let mut contest = *contest;
    let changed = match knob {
        Knob::Cpu => shape.with_cpu(Duration::from_nanos(value)),
        Knob::Payload => shape.with_payload(u32::try_from(value).unwrap_or(u32::MAX)),
        Knob::Inflight => shape.with_inflight(count),
        Knob::Cores => {
            (contest.cores, contest.workers) = (Cores::First(count), count);
            shape.clone()
        }
    };
    // How many jobs a round has, nobody has asked for.
    let changed = Shape { jobs: None, ..changed };
    let effort = Effort { rounds: None, time: Some(PROBE) };
    let raced = contest.race(&changed, models, (effort, ROUNDS), |_, _| {});
    let result = raced.map_err(|unfinished| unfinished.failure)?;
    let found = standing.at(&walls(&result));
    Ok(found.map(|(stands, ahead)| Probe { value, stands, ahead }))
}

/// The walls of the models that came to their end.
fn walls(result: &CaseResult) -> Vec<(Model, f64)> {
    let whole = result.models.iter().filter(|model| !model.cut);
    whole.map(|model| (model.model, model.wall.median)).collect()
}

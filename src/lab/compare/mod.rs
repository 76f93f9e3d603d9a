//! `singletrack compare`: the same jobs under eight models.
//!
//! ```text
//!   asked for    request    its arguments
//!                cases      cpu, slow-io, fast-io, files, compress, urls ──▶ jobs
//!                model      the eight models, by name
//!                trial      every file and page once: which can be had, and what it comes to
//!                  │
//!   the race     race       round by round, each run in a child of its own, until it is clear
//!                  │          └─ server    the process that the I/O cases talk to
//!                  │
//!   one run      run        what a model's child does
//!                threads    sequential, threads-free, threads-py*        ┐ three ways to make the
//!                  └─ gate  lets them begin together, and go together    │ calls of a job
//!                loops      event-loop                                   │
//!                processes  processes, loop+processes                    ┘
//!                lane       takes jobs one after another, and keeps the figures
//!                footprint  memory, threads and time of all processes of the run
//!                job        the jobs, each written once
//!                context    what a job may call, and each model answers in its own way
//!                compute    the computations of jobs, with ticks and native parts
//!                step       a job made of steps, for `singletrack choose`
//!                url, http  one GET, and its answer as it comes, as bytes
//!                  │
//!   a film       recorded   one more run of each model, with lanes for what it did
//!                  film     what its engines have recorded, on one axis
//!                  └─ tape  what a lane writes down that no engine watches
//!                bands      that in characters, for `--lanes`
//!                  │
//!   the outcome  result     medians of the rounds, and what each round cost
//!                evidence   two models, round by round: faster, the same, or not enough rounds
//!                judgement  which of some models to choose, and for what
//!                verdict    with a GIL and without, and whether the rule of thumb agrees
//!                notes      what bounds it, who was stopped, what a connection costs
//!                output     a table and sentences; and the progress meanwhile
//!                document   a JSON object; export, CSV and Markdown
//!                html       a page of HTML
//!                  └─ charts    its pictures, each with what it shows as its title
//!                card       the finding as one picture
//!                sweep      one setting through a range, and where the curve bends
//! ```
//! To read: [`job`], [`lane`], then [`threads`] and [`loops`] side by side, [`race`], [`evidence`],
//! [`judgement`]. What the columns *computing*, *GIL wait* and *blocked* mean stands in [`lane`].
//!
//! # How to add a model
//!
//! 1. Add a variant to [`model::Model`], with its name in `Model::name`, its families in
//!    `Model::belongs_to`, for which the compiler asks, and its place in `Model::ALL`, for which
//!    it does not: a model that is missing there has no name on the command line.
//! 2. Say in `dispatch` (`lab/compare/run.rs`) what runs it. The compiler asks for this line. A
//!    lock with another policy is one more line there; lanes of another kind are one more
//!    implementation of [`context::Calls`], run by [`lane::run_lane`], which returns
//!    [`lane::LaneStats`]; a [`lane::Phase`] is begun when it is ready and ended with the last lane.
//! 3. Name it in the help text (`MODELS` in `lab/compare/request.rs`) and in the table at the head of
//!    `lab/compare/job.rs`.
//! 4. `tests/compare_cli.rs` expects the models of its list `MODELS` in every result and compares
//!    their checksums: add the name there. Correct the counts in `tests/lab_pure.rs`
//!    (`every_model_has_one_name_and_the_rule_knows_most`) and in the example of `Model`.
//!
//! # How to add a job and a case
//!
//! 1. A job is a variant of [`job::Job`] and an arm of [`job::run`], written against
//!    [`context::JobContext`] alone. Its value must depend on the job alone. What it computes is a
//!    [`compute::Compute`] that ticks about once a microsecond: a thread under a lock drops it at no
//!    other moment of a computation, but for what CPython would do in C without the lock: that goes
//!    through [`compute::Tick::native`].
//! 2. A case is a variant of [`cases::Case`]: its word in `Case::parse`, `Case::is_name` and
//!    `Case::name`, its `Case::nature`, and its jobs in `Case::plan`.
//! 3. Name it in the help text of `CompareArgs::cases` (`lab/compare/request.rs`) and give it a test in
//!    `tests/compare_cli.rs`; `assert_whole` there checks that all models ran, that their checksums
//!    agree, and that the figures are plausible.

pub mod bands;
pub mod card;
pub mod cases;
pub mod charts;
pub mod compute;
pub mod context;
pub mod document;
pub mod evidence;
pub mod export;
pub mod film;
pub mod footprint;
pub mod gate;
pub mod html;
pub mod http;
pub mod job;
pub mod judgement;
pub mod lane;
pub mod loops;
pub mod model;
pub mod notes;
pub mod output;
pub mod processes;
pub mod race;
pub mod recorded;
pub mod request;
pub mod result;
pub mod run;
pub mod server;
pub mod step;
pub mod sweep;
pub mod tape;
pub mod threads;
pub mod trial;
pub mod url;
pub mod verdict;

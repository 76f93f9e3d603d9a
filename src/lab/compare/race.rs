//! The server of the I/O cases: a process of its own that answers as late as it is asked to.
//!
//! *Assumes*: to be the only business of its process.
//! *Promises*: the answer depends on the question alone; a peer that breaks the protocol
//! loses its connection and nothing else.
//! *Leaves out*: speed records. It is a thread per connection in every round of every
//! model, so that it is no model's ally.
//!
//! # The comparison: every model in every round, in another order each time
//!
//! *Assumes*: the calling process has one thread.
//! *Promises*: whatever slows the machine down for a while falls on no model alone; models
//! that disagree about the answer are an error, not a result.
//! *Leaves out*: showing anything. `progress` is told before each run.

use crate::base::random::SplitMix64;
use crate::lab::compare::cases::{Case, Plan, Sizes};
use crate::lab::compare::job::Question;
use crate::lab::compare::model::Model;
use crate::lab::compare::result::{CaseResult, ModelResult, ModelRound};
use crate::lab::compare::run;
use crate::lab::report::failure::Failure;
use crate::lab::report::measure::{ForkedChild, measure};
use crate::sys::socket::set_backlog;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::Duration;
use std::{io, thread};

/// The longest answer that is given.
pub const LONGEST_ANSWER: u32 = 1 << 20;
/// A question, an answer and a few calls: far less than the usual 2 MiB.
const STACK: usize = 64 * 1024;

/// Serves for ever.
///
/// # Errors
/// What `accept` reports, other than that a peer has given up.
pub fn serve(listener: &TcpListener) -> io::Result<()> {
    loop {
        let (stream, _) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(e) if e.kind() == io::ErrorKind::ConnectionAborted => continue,
            Err(e) => return Err(e),
        };
        // A peer that goes away, even in the middle of a word, is its own business.
        let session = move || drop(converse(stream));
        thread::Builder::new().stack_size(STACK).spawn(session)?;
    }
}

/// Answers one peer until it closes.
fn converse(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut bytes = [0; Question::BYTES];
    loop {
        stream.read_exact(&mut bytes)?;
        let question = Question::from_bytes(bytes);
        if question.answer > LONGEST_ANSWER {
            return Err(io::Error::from(io::ErrorKind::InvalidData));
        }
        if question.late_us > 0 {
            thread::sleep(Duration::from_micros(u64::from(question.late_us)));
        }
        stream.write_all(&answer(question))?;
    }
}

/// The answer to a question.
pub fn answer(question: Question) -> Vec<u8> {
    SplitMix64::new(question.seed).bytes(question.answer as usize)
}

/// How to compare.
#[derive(Debug, Clone)]
pub struct Race {
    /// Which models, in the order in which they are shown.
    pub models: Vec<Model>,
    /// How often each runs.
    pub rounds: usize,
    /// How much each does.
    pub sizes: Sizes,
    /// How long one run may take.
    pub limit: Duration,
}

/// The server of the I/O cases, as long as this value lives.
#[derive(Debug)]
pub struct ServerProcess {
    address: SocketAddr,
    _process: ForkedChild,
}

impl ServerProcess {
    /// Starts it on a free port of the loopback interface.
    ///
    /// # Errors
    /// If there is no free port or no room for a process.
    pub fn start() -> Result<ServerProcess, Failure> {
        let refuse = |e: io::Error| Failure::io("the server", &e, "close other programs");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(refuse)?;
        // All lanes may connect at the same moment.
        set_backlog(&listener, i32::MAX).map_err(refuse)?;
        let address = listener.local_addr().map_err(refuse)?;
        let serve = || i32::from(serve(&listener).is_err());
        let process = ForkedChild::start(&[listener.as_fd()], serve)?;
        Ok(ServerProcess { address, _process: process })
    }
}

impl Race {
    /// How many runs there will be.
    pub fn runs(&self, cases: usize) -> usize {
        cases * self.rounds * self.models.len()
    }

    /// Compares the models on one case. `progress` hears the name of the model that is
    /// about to run, once for each of [`runs`](Self::runs).
    ///
    /// # Errors
    /// The first failure of any run, with the case and the model it befell; or that two
    /// runs came to different answers.
    pub fn case(
        &self,
        case: &Case,
        mut progress: impl FnMut(Model),
    ) -> Result<CaseResult, Failure> {
        let server = case.needs_server().then(ServerProcess::start).transpose()?;
        let address = server.as_ref().map_or((Ipv4Addr::LOCALHOST, 0).into(), |s| s.address);
        let plan = case.plan(&self.sizes, address).map_err(|f| f.within(case.name()))?;
        let mut rounds: Vec<Vec<ModelRound>> = vec![Vec::new(); self.models.len()];
        let mut first = None;
        for round in 0..self.rounds {
            for &at in &self.order(round) {
                let model = self.models[at];
                progress(model);
                let measured =
                    self.once(model, &plan).map_err(|f| f.within(&place(case, model)))?;
                agree(case, &mut first, model, measured.run.tally.checksum)?;
                rounds[at].push(measured);
            }
        }
        let models = self.models.iter().zip(&rounds);
        let results = models.filter_map(|(&model, rounds)| ModelResult::of(model, rounds));
        let sizes = (self.rounds, plan.lanes, plan.workers);
        CaseResult::of(case.name(), case.nature(), sizes, results.collect())
            .ok_or_else(|| Failure::new(case.name(), "nothing ran", "name at least one model"))
    }

    /// The places of the models in this round.
    fn order(&self, round: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.models.len()).collect();
        SplitMix64::new(self.sizes.seed.wrapping_add(round as u64)).shuffle(&mut order);
        order
    }

    fn once(&self, model: Model, plan: &Plan) -> Result<ModelRound, Failure> {
        let (run, usage) = measure(self.limit, || run::run(model, plan.clone()))?;
        Ok(ModelRound { run, usage })
    }
}

fn place(case: &Case, model: Model) -> String {
    format!("{} under {model}", case.name())
}

/// Every run must find what the first one found.
fn agree(
    case: &Case,
    first: &mut Option<(Model, u64)>,
    model: Model,
    checksum: u64,
) -> Result<(), Failure> {
    let (other, expected) = *first.get_or_insert((model, checksum));
    if checksum == expected {
        return Ok(());
    }
    let why = format!("its checksum is {checksum:016x}, and {other} had found {expected:016x}");
    Err(Failure::new(
        place(case, model),
        why,
        "give input that stays the same while it is compared",
    ))
}

//! What `multiprocessing` and `ProcessPoolExecutor` stand on, and `os`.
//!
//! *Promises*: what cannot be sent to another process is refused as CPython's `pickle` refuses it, and
//! what comes back is whole; a child begins with a copy of this world, as after `fork`.
//! *Leaves out*: processes themselves (`python/run/processes.rs`), pools and queues, which are Python
//! (`multiprocessing.py`, `futures.py`).

use crate::python::image::write::Refused;
use crate::python::library::sync::{gives_up, limit_of};
use crate::python::machine::interpreter::{Machine, Row};
use crate::python::machine::operators::as_float;
use crate::python::machine::outside::{Answer, Request};
use crate::python::machine::processes::{Copied, Outcome, ProcessAnswer, ProcessRequest};
use crate::python::machine::terms::{Arguments, Done, Look, R, Raise, value};
use crate::python::machine::world::{Limit, Thread, Wait};
use crate::python::value::any::Value;
use crate::python::value::frame::Then;
use crate::python::value::object::Object;
use std::sync::Arc;

/// The rows of this file. Only the library's own Python sees those of `prelude`.
pub const ROWS: &[Row] = &[
    Row::of("prelude._start_workers", Look::C, start_workers),
    Row::of("prelude._submit_job", Look::C, submit_job),
    Row::of("prelude._take_results", Look::C, take_results),
    Row::of("prelude._stop_workers", Look::C, stop_workers),
    Row::of("prelude._start_process", Look::C, start_process),
    Row::of("prelude._wait_process", Look::C, wait_process),
    Row::of("prelude._signal_process", Look::C, signal_process),
    Row::of("prelude._start_thread", Look::C, start_thread),
    Row::of("prelude._next_job", Look::C, next_job),
    Row::of("prelude._give_back", Look::C, give_back),
    Row::of("prelude._new_queue", Look::C, new_queue),
    Row::of("prelude._put_queue", Look::C, put_queue),
    Row::of("prelude._get_queue", Look::C, get_queue),
    Row::of("prelude._utc_offset", Look::C, utc_offset),
    Row::of("os.cpu_count", Look::C, |m, _| value(Value::Int(m.cpus()))),
    Row::of("os.getpid", Look::C, |m, _| value(Value::Int(m.process_id()))),
    Row::of("os._exit", Look::C, exit),
];

fn refused(m: &mut Machine, why: &Refused) -> Raise {
    m.error(why.class, &why.text)
}

fn number(m: &mut Machine, value: Value) -> R<u64> {
    Ok(m.int_argument(value)?.cast_unsigned())
}

impl Machine {
    /// How many cores there are. The same number everywhere, unless a program runs for real.
    fn cpus(&self) -> i64 {
        let real = self.outside.clock.map(|_| std::thread::available_parallelism());
        real.map_or(self.cpus, |cpus| cpus.map_or(1, |n| i64::try_from(n.get()).unwrap_or(1)))
    }

    /// The id of the process, which is 1 unless a program runs for real.
    fn process_id(&self) -> i64 {
        self.outside.clock.map_or(1, |_| i64::from(std::process::id()))
    }

    /// Asks for something of another process; a failure of the system is an `OSError`.
    fn ask_process(&mut self, request: ProcessRequest) -> R<Result<ProcessAnswer, Done>> {
        Ok(match self.ask(Request::Process(request))? {
            Err(wait) => Err(wait),
            Ok(Answer::Process(answer)) => Ok(answer),
            Ok(Answer::Failed(why)) => return Err(self.error("OSError", why)),
            Ok(_) => return Err(self.error("OSError", "an answer to another question")),
        })
    }

    /// The value of bytes from another process.
    fn received(&mut self, bytes: &[u8]) -> R<Value> {
        let received = self.value_from(bytes);
        received.map_err(|why| self.error("OSError", format!("a broken message: {why}")))
    }

    /// What `exitcode` is, of an object that may be a process.
    pub(crate) fn exit_code(&self, object: Value) -> Option<Value> {
        let class = self.class_of(object)?;
        let process = self.prelude("multiprocessing.Process").id()?;
        if !self.is_subclass(class, process) {
            return None;
        }
        let own = match self.world.heap.get(object.id()?) {
            Object::Instance(instance) => instance.attributes.get(self.strings.find("_number")?)?,
            _ => return None,
        };
        let answer = own.as_int().and_then(|n| self.world.answers.get(&n.cast_unsigned()));
        Some(match answer {
            Some(Answer::Process(ProcessAnswer::Ended(code))) => Value::Int(i64::from(*code)),
            _ => Value::None,
        })
    }
}

/// The number of the request that a call has made before, and what is asked for if it has not.
fn once(
    m: &mut Machine,
    make: impl FnOnce(&mut Machine) -> R<ProcessRequest>,
) -> R<ProcessRequest> {
    match m.current.asked {
        // It is not asked for again.
        Some(_) => Ok(ProcessRequest::NextJob),
        None => make(m),
    }
}

fn world(m: &mut Machine) -> R<Copied> {
    // What was printed so far comes before what the child prints.
    m.outside.flush = true;
    let copied = m.world_and_queues().map_err(|why| refused(m, &why));
    copied.map(|(world, queues)| Copied { world, queues })
}

/// `_start_workers(count, tasks)`: the number of new workers.
fn start_workers(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [count, tasks] = m.sorted(a, "_start_workers", 2, ["count", "tasks"])?;
    let own = m.current.asked;
    let request = once(m, |m| {
        let count = usize::try_from(m.int_argument(count)?).unwrap_or(1);
        let tasks = match tasks {
            Value::None => None,
            tasks => Some(u32::try_from(m.int_argument(tasks)?).unwrap_or(1)),
        };
        Ok(ProcessRequest::Workers { count, tasks, world: world(m)? })
    })?;
    match m.ask_process(request)? {
        Err(wait) => Ok(wait),
        Ok(_) => value(Value::Int(own.unwrap_or(0).cast_signed())),
    }
}

/// `_submit_job(workers, job, function, args, kwargs)`
fn submit_job(m: &mut Machine, a: &Arguments) -> R<Done> {
    let names = ["workers", "job", "function", "args", "kwargs"];
    let [workers, job, function, args, kwargs] = m.sorted(a, "_submit_job", 5, names)?;
    let (workers, job) = (number(m, workers)?, number(m, job)?);
    let call = m.add(Object::Tuple(vec![function, args, kwargs]));
    let call = m.value_image(call).map_err(|why| refused(m, &why))?;
    m.request(Request::Process(ProcessRequest::Job { workers, job, call }))?;
    value(Value::None)
}

/// `_take_results(workers)`: waits for results; a list of job, kind, and value.
fn take_results(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [workers] = m.sorted(a, "_take_results", 1, ["workers"])?;
    let workers = number(m, workers)?;
    let results = match m.take_answer(workers) {
        Some(Answer::Process(ProcessAnswer::Results(results))) => results,
        _ => return Ok(Done::Wait(Wait::Answer(workers), None)),
    };
    let mut list = Vec::new();
    for (job, outcome) in results {
        let (kind, result) = match outcome {
            Outcome::Value(bytes) => (0, m.received(&bytes)?),
            Outcome::Raised(bytes) => (1, m.received(&bytes)?),
            Outcome::Lost(why) => (2, m.text_value(&why)),
        };
        let job = Value::Int(job.cast_signed());
        list.push(m.add(Object::Tuple(vec![job, Value::Int(kind), result])));
    }
    m.charge(4 * list.len())?;
    let list = m.add(Object::List(list));
    Ok(Done::Blocked(list))
}

/// `_stop_workers(workers, kill)`
fn stop_workers(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [workers, kill] = m.sorted(a, "_stop_workers", 2, ["workers", "kill"])?;
    let (workers, kill) = (number(m, workers)?, m.plain_truth(kill)?);
    m.request(Request::Process(ProcessRequest::Stop { workers, kill }))?;
    value(Value::None)
}

/// `_start_process(name, daemon)`: the number and the id of a new process.
fn start_process(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [name, daemon] = m.sorted(a, "_start_process", 2, ["name", "daemon"])?;
    let own = m.current.asked;
    let request = once(m, |m| {
        let (name, daemon) = (m.text_argument(name)?.to_string(), m.plain_truth(daemon)?);
        Ok(ProcessRequest::Start { name, daemon, world: world(m)? })
    })?;
    match m.ask_process(request)? {
        Err(wait) => Ok(wait),
        Ok(ProcessAnswer::Pid(pid)) => {
            let own = Value::Int(own.unwrap_or(0).cast_signed());
            value(m.add(Object::Tuple(vec![own, Value::Int(i64::from(pid))])))
        }
        Ok(_) => Err(m.error("OSError", "the process did not start")),
    }
}

/// `_wait_process(number, timeout)`: whether it has ended in time.
fn wait_process(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [process, limit] = m.sorted(a, "_wait_process", 2, ["number", "timeout"])?;
    let process = number(m, process)?;
    let late = m.has_timed_out();
    if m.world.answers.contains_key(&process) {
        return value(Value::Bool(true));
    }
    if late || gives_up(m, Value::Unset, limit)? {
        return value(Value::Bool(false));
    }
    let limit = limit_of(m, limit)?;
    Ok(Done::Wait(Wait::Answer(process), limit))
}

/// `_signal_process(number, kill)`
fn signal_process(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [process, kill] = m.sorted(a, "_signal_process", 2, ["number", "kill"])?;
    let (process, kill) = (number(m, process)?, m.plain_truth(kill)?);
    m.request(Request::Process(ProcessRequest::Signal { process, kill }))?;
    value(Value::None)
}

/// `_start_thread(daemon, function, *args)`: a thread that calls a function of the library.
fn start_thread(m: &mut Machine, a: &Arguments) -> R<Done> {
    let (Some(daemon), Some(function)) = (a.values.first().copied(), a.values.get(1).copied())
    else {
        return m.type_error("_start_thread() needs a function");
    };
    let daemon = m.plain_truth(daemon)?;
    let fresh = Thread { born: m.position(), daemon, ..Thread::default() };
    let starter = std::mem::replace(&mut m.current, fresh);
    let arguments = Arguments { values: a.values[2..].to_vec(), named: Vec::new() };
    let begun = m.call_value(function, arguments, Then::Discard);
    let fresh = std::mem::replace(&mut m.current, starter);
    begun?;
    m.world.threads.push(Arc::new(fresh));
    m.outside.stirred = true;
    value(Value::None)
}

/// `_next_job()`: waits for a job of this worker: its function, and its arguments.
fn next_job(m: &mut Machine, _: &Arguments) -> R<Done> {
    match m.ask_process(ProcessRequest::NextJob)? {
        Err(wait) => Ok(wait),
        Ok(ProcessAnswer::Bytes(bytes)) => {
            let call = m.received(&bytes)?;
            Ok(Done::Blocked(call))
        }
        Ok(_) => Err(m.error("OSError", "no job")),
    }
}

/// `_give_back(ok, value)`: what came of the job.
fn give_back(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [ok, result] = m.sorted(a, "_give_back", 2, ["ok", "value"])?;
    let ok = m.plain_truth(ok)?;
    let outcome = match m.value_image(result) {
        Ok(bytes) if ok => Outcome::Value(bytes),
        Ok(bytes) => Outcome::Raised(bytes),
        Err(why) => {
            let raised = match refused(m, &why) {
                Raise::Exception(id) => m.value_image(Value::Ref(id)),
                _ => Err(why.clone()),
            };
            raised.map_or_else(|why| Outcome::Lost(why.text), Outcome::Raised)
        }
    };
    m.outside.flush = true;
    m.request(Request::Process(ProcessRequest::Reply(outcome)))?;
    value(Value::None)
}

/// `_new_queue(most)`: the number of a new queue.
fn new_queue(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [most] = m.sorted(a, "_new_queue", 1, ["most"])?;
    let own = m.current.asked;
    let request = once(m, |m| {
        let most = m.int_argument(most)?;
        Ok(ProcessRequest::Queue(usize::try_from(most).unwrap_or(0)))
    })?;
    match m.ask_process(request)? {
        Err(wait) => Ok(wait),
        Ok(_) => value(Value::Int(own.unwrap_or(0).cast_signed())),
    }
}

/// How long a call may wait: not at all, so long, or for ever.
fn patience(m: &mut Machine, block: Value, limit: Value) -> R<Limit> {
    if gives_up(m, block, limit)? {
        return Ok(Some(0));
    }
    limit_of(m, limit)
}

/// `_put_queue(queue, value, block, timeout)`: whether there was space in time.
fn put_queue(m: &mut Machine, a: &Arguments) -> R<Done> {
    let names = ["queue", "value", "block", "timeout"];
    let [queue, item, block, limit] = m.sorted(a, "_put_queue", 4, names)?;
    let request = once(m, |m| {
        let (queue, limit) = (number(m, queue)?, patience(m, block, limit)?);
        let bytes = m.value_image(item).map_err(|why| refused(m, &why))?;
        Ok(ProcessRequest::Put(queue, bytes, limit))
    })?;
    match m.ask_process(request)? {
        Err(wait) => Ok(wait),
        Ok(answer) => Ok(Done::Blocked(Value::Bool(answer != ProcessAnswer::Late))),
    }
}

/// `_get_queue(queue, block, timeout)`: a tuple of the next value; an empty one if there was none in
/// time.
fn get_queue(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [queue, block, limit] = m.sorted(a, "_get_queue", 3, ["queue", "block", "timeout"])?;
    let request =
        once(m, |m| Ok(ProcessRequest::Get(number(m, queue)?, patience(m, block, limit)?)))?;
    let items = match m.ask_process(request)? {
        Err(wait) => return Ok(wait),
        Ok(ProcessAnswer::Bytes(bytes)) => vec![m.received(&bytes)?],
        Ok(_) => Vec::new(),
    };
    let items = m.add(Object::Tuple(items));
    Ok(Done::Blocked(items))
}

/// `_utc_offset(moment)`: of local time, in seconds. There is none, unless a program runs for real.
fn utc_offset(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [moment] = m.sorted(a, "_utc_offset", 1, ["moment"])?;
    #[allow(clippy::cast_possible_truncation, reason = "clamped by `as`")]
    let moment = as_float(moment).unwrap_or(0.0) as i64;
    let offset = m.outside.clock.map_or(0, |_| crate::sys::usage::utc_offset(moment));
    value(Value::Int(offset))
}

/// `os._exit(code)`: the process ends at once.
fn exit(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [code] = m.sorted(a, "_exit", 1, ["status"])?;
    let own = m.current.asked;
    let code = (m.int_argument(code)? & 0xff).cast_unsigned().to_le_bytes()[0];
    if own.is_none() {
        m.current.asked = Some(m.request(Request::Process(ProcessRequest::Exit(code)))?);
    }
    Ok(Done::Wait(Wait::Answer(m.current.asked.unwrap_or(0)), None))
}

//! `sys` and `input`: what a program asks of its interpreter and of its process.
//!
//! *Promises*: in a real run the setters act on the lock, and what it has not is an `AttributeError`,
//! as in CPython; elsewhere they change nothing, for the explorer tries every order anyway.
//! *Leaves out*: the lock (`gil`), and reading stdin (`python/run`).

use crate::python::library::sync::nanoseconds;
use crate::python::machine::interpreter::{Machine, Row};
use crate::python::machine::operators::as_float;
use crate::python::machine::outside::{Answer, Request, Switching};
use crate::python::machine::terms::{Arguments, Done, Look, R, value};
use crate::python::value::any::Value;
use std::sync::Arc;
use std::time::Duration;

/// The rows of this file.
pub const ROWS: &[Row] = &[
    Row::of("sys.setswitchinterval", Look::C, set_switch_interval),
    Row::of("sys.getswitchinterval", Look::C, switch_interval),
    Row::of("sys.setcheckinterval", Look::C, set_check_interval),
    Row::of("sys.getcheckinterval", Look::C, check_interval),
    Row::of("sys.exit", Look::C, exit),
    Row::of("input", Look::C, input),
];

/// The longest interval that the lock takes, in seconds.
const LONGEST: f64 = 86_400.0;

fn missing<T>(m: &mut Machine, name: &str, instead: &str) -> R<T> {
    let text = format!("module 'sys' has no attribute '{name}' under this policy: {instead}");
    Err(m.error("AttributeError", text))
}

fn set_switch_interval(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [seconds] = m.sorted(a, "setswitchinterval", 1, ["interval"])?;
    let Some(seconds) = as_float(seconds) else {
        let name = m.type_name(seconds);
        return m.type_error(format!("must be real number, not {name}"));
    };
    if seconds <= 0.0 {
        return m.value_error("switch interval must be strictly positive");
    }
    match m.outside.switching {
        Switching::Interval(_) => {
            let interval = Duration::from_nanos(nanoseconds(seconds.min(LONGEST)).max(1));
            m.outside.switching = Switching::Interval(interval);
            m.outside.switching_changed = true;
            m.outside.stirred = true;
        }
        Switching::Ticks(_) => {
            return missing(m, "setswitchinterval", "it counts, so call setcheckinterval");
        }
        Switching::None => {}
    }
    value(Value::None)
}

fn switch_interval(m: &mut Machine, _: &Arguments) -> R<Done> {
    match m.outside.switching {
        Switching::Interval(interval) => value(Value::Float(interval.as_secs_f64())),
        Switching::Ticks(_) => {
            missing(m, "getswitchinterval", "it counts, so call getcheckinterval")
        }
        Switching::None => value(Value::Float(0.005)),
    }
}

/// Since 3.2 this does nothing, and since 3.9 it is gone.
fn set_check_interval(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [ticks] = m.sorted(a, "setcheckinterval", 1, ["n"])?;
    let ticks = m.int_argument(ticks)?;
    if matches!(m.outside.switching, Switching::Ticks(_)) {
        // CPython 2 takes 0 and less, too: it checks at every tick then.
        let ticks = u32::try_from(ticks.clamp(1, i64::from(i32::MAX))).unwrap_or(1);
        m.outside.switching = Switching::Ticks(ticks);
        m.outside.switching_changed = true;
        m.outside.stirred = true;
    }
    value(Value::None)
}

fn check_interval(m: &mut Machine, _: &Arguments) -> R<Done> {
    value(Value::Int(match m.outside.switching {
        Switching::Ticks(ticks) => i64::from(ticks),
        Switching::Interval(_) | Switching::None => 100,
    }))
}

fn exit(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [status] = m.sorted(a, "exit", 0, ["status"])?;
    let arguments = if status == Value::Unset { Vec::new() } else { vec![status] };
    Err(m.exception("SystemExit", arguments))
}

/// Prints the prompt, and waits for a line of stdin.
fn input(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [prompt] = m.sorted(a, "input", 0, ["prompt"])?;
    if m.current.asked.is_none() && prompt != Value::Unset {
        let prompt = m.plain_str(prompt)?;
        Arc::make_mut(&mut m.world.output).push_str(&prompt);
        m.outside.flush = true;
    }
    match m.ask(Request::Line)? {
        Err(wait) => Ok(wait),
        Ok(Answer::Text(line)) => {
            let line = m.text_value(&line);
            value(line)
        }
        Ok(Answer::End) => Err(m.error("EOFError", "EOF when reading a line")),
        Ok(Answer::Process(_)) => Err(m.error("OSError", "an answer to another question")),
        Ok(Answer::Failed(why)) => Err(m.error("OSError", why)),
    }
}

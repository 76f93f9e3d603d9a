//! One event of a trace file, as its JSON has it. Pure.
//!
//! *Promises*: of a file one event is held at a time; pairs keep their order; a time is exact to the
//! nanosecond for the first hundred days.
//! *Leaves out*: what events mean together (`lab/timeline/trace_reader.rs`).

use crate::lab::timeline::timeline::{Nanos, State};
use serde::de::value::{Error, StrDeserializer};
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, IntoDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// The longest time that a number of microseconds tells to the nanosecond.
const LATEST_US: f64 = 9e12;

/// An object has no more members than this: ours have some ten.
const MOST_MEMBERS: usize = 1000;

/// A trace file, whose events are handed over one by one. Read, it is what it says of itself; `None`
/// if it has no events, or says nothing.
pub(crate) struct TraceFile<F>(pub(crate) F);

impl<'de, F: FnMut(TraceEvent)> DeserializeSeed<'de> for TraceFile<F> {
    type Value = Option<Pairs>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Option<Pairs>, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de, F: FnMut(TraceEvent)> Visitor<'de> for TraceFile<F> {
    type Value = Option<Pairs>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with events")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Option<Pairs>, A::Error> {
        let (mut other, mut events) = (None, None);
        while let Some(key) = map.next_key::<String>()? {
            match &*key {
                "otherData" if other.is_some() => {
                    return Err(A::Error::duplicate_field("otherData"));
                }
                "otherData" => other = Some(map.next_value::<Pairs>()?),
                "traceEvents" if events.is_some() => {
                    return Err(A::Error::duplicate_field("traceEvents"));
                }
                "traceEvents" => events = Some(map.next_value_seed(Events(&mut self.0))?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(events.and(other))
    }
}

/// The events of a file.
struct Events<'a, F>(&'a mut F);

impl<'de, F: FnMut(TraceEvent)> DeserializeSeed<'de> for Events<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de, F: FnMut(TraceEvent)> Visitor<'de> for Events<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut events: A) -> Result<(), A::Error> {
        while let Some(event) = events.next_element()? {
            (self.0)(event);
        }
        Ok(())
    }
}

/// An event. Which fields there are depends on its kind.
#[derive(Debug, Deserialize)]
pub(crate) struct TraceEvent {
    pub(crate) ph: String,
    #[serde(default)]
    pub(crate) name: String,
    cat: Option<String>,
    pid: Option<u32>,
    tid: Option<u64>,
    ts: Option<f64>,
    dur: Option<f64>,
    id: Option<Scalar>,
    state: Option<String>,
    #[serde(default)]
    pub(crate) args: Pairs,
}

impl TraceEvent {
    pub(crate) fn pid(&self) -> Result<u32, String> {
        self.pid.ok_or_else(|| "it has no pid".to_owned())
    }

    pub(crate) fn tid(&self) -> Result<u64, String> {
        self.tid.ok_or_else(|| "it has no tid".to_owned())
    }

    pub(crate) fn id(&self) -> Result<&str, String> {
        self.id.as_ref().map(|id| &*id.0).ok_or_else(|| "it has no id".to_owned())
    }

    /// When it happens or begins.
    pub(crate) fn at(&self) -> Result<Nanos, String> {
        nanos(self.ts).ok_or_else(|| "its ts is no time".to_owned())
    }

    /// How long it lasts.
    pub(crate) fn lasts(&self) -> Result<Nanos, String> {
        nanos(self.dur).ok_or_else(|| "its dur is no length of time".to_owned())
    }

    /// The state that it begins: of a slice the category, of a task a field of its own.
    pub(crate) fn state(&self) -> Result<State, String> {
        let word = if self.ph == "X" { &self.cat } else { &self.state };
        let none = || "its state is none of ours".to_owned();
        let word: StrDeserializer<'_, Error> =
            word.as_deref().ok_or_else(none)?.into_deserializer();
        State::deserialize(word).map_err(|_| none())
    }
}

fn nanos(micros: Option<f64>) -> Option<Nanos> {
    let micros = micros.filter(|micros| (0.0..=LATEST_US).contains(micros))?;
    Some((micros * 1000.0).round() as Nanos)
}

/// The members of an object, in their order.
#[derive(Debug, Default)]
pub(crate) struct Pairs(Vec<(String, String)>);

impl Pairs {
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == key).map(|(_, value)| &**value)
    }

    pub(crate) fn into_details(self) -> Vec<(String, String)> {
        self.0
    }
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Pairs, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts and numbers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, Scalar>()? {
                    if pairs.len() == MOST_MEMBERS {
                        let why = format!("an object with more than {MOST_MEMBERS} members");
                        return Err(A::Error::custom(why));
                    }
                    pairs.push((key, value.0));
                }
                pairs.shrink_to_fit();
                Ok(Pairs(pairs))
            }
        }
        from.deserialize_map(Members)
    }
}

/// A text, or a number as one.
#[derive(Debug)]
struct Scalar(String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Scalar, D::Error> {
        struct Value;
        impl Visitor<'_> for Value {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a whole number")
            }

            fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
                Ok(Scalar(number.to_string()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar(text.to_owned()))
            }
        }
        from.deserialize_any(Value)
    }
}

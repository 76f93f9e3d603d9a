//! All turns for machines: one JSON object.
//!
//! *Promises*: all that the terminal shows is in it; whether it has come to its end, too.

use crate::lab::turns::turn::Stepped;
use serde_json::{Value, json};

/// The version of the fields and their meaning.
pub const SCHEMA_VERSION: u32 = 1;

/// All of it, for machines.
pub fn document(stepped: &Stepped) -> Value {
    let (ended, turns) = (stepped.ended, &stepped.turns);
    match stepped.question {
        Some(question) => json!({
            "schema_version": SCHEMA_VERSION, "scene": stepped.name, "question": question,
            "ended": ended, "turns": turns,
        }),
        None => json!({
            "schema_version": SCHEMA_VERSION, "program": stepped.name, "ended": ended,
            "why": stepped.end, "turns": turns,
        }),
    }
}

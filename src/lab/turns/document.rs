//! All turns for machines: one JSON object.
//!
//! *Promises*: all that the terminal shows is in it; whether it has come to its end, too.

use crate::lab::turns::turn::Stepped;
use serde_json::{Value, json};

/// All of it, for machines.
pub fn document(stepped: &Stepped) -> Value {
    let (ended, turns) = (stepped.ended, &stepped.turns);
    match stepped.question {
        Some(question) => {
            json!({ "scene": stepped.name, "question": question, "ended": ended, "turns": turns })
        }
        None => json!({ "program": stepped.name, "ended": ended, "why": stepped.end,
                        "turns": turns }),
    }
}

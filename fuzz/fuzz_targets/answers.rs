#![no_main]

#[path = "../../tests/common/answers_check.rs"]
mod answers_check;

libfuzzer_sys::fuzz_target!(|input: &str| answers_check::check_any_answers(input));

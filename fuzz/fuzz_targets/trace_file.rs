#![no_main]

#[path = "../../tests/common/memory.rs"]
mod memory;
#[path = "../../tests/common/trace_check.rs"]
mod trace_check;

libfuzzer_sys::fuzz_target!(|input: &[u8]| trace_check::check_any_trace(input));

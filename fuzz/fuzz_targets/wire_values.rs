#![no_main]

#[path = "../../tests/common/memory.rs"]
mod memory;
#[path = "../../tests/common/wire_check.rs"]
mod wire_check;

libfuzzer_sys::fuzz_target!(|input: &[u8]| wire_check::check_any_value(input));

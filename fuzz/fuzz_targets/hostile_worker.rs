#![no_main]

#[path = "../../tests/common/hostile_worker.rs"]
mod hostile_worker;

libfuzzer_sys::fuzz_target!(|input: &[u8]| hostile_worker::run(input));

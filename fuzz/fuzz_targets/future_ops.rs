#![no_main]

#[path = "../../tests/common/future_ops.rs"]
mod future_ops;

libfuzzer_sys::fuzz_target!(|input: &[u8]| future_ops::run(input));

#![no_main]

#[path = "../../tests/common/pool_ops.rs"]
mod pool_ops;

libfuzzer_sys::fuzz_target!(|input: &[u8]| pool_ops::run(input));

#![no_main]

#[path = "../../tests/common/frame_ops.rs"]
mod frame_ops;

libfuzzer_sys::fuzz_target!(|input: &[u8]| frame_ops::run(input));

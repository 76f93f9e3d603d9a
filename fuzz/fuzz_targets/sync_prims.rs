#![no_main]

#[path = "../../tests/model/mod.rs"]
mod model;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    model::sync::check_bytes(input);
    model::queue::check_queue_bytes(input);
});

//! See `ir_fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ir_fuzz::run("config", data));

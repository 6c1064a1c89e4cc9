#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gazelle_tests::fuzz::session_messages(data));

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gazelle_tests::fuzz::hint_messages(data));

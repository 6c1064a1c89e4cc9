#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gazelle_tests::fuzz::onnx_import(data));

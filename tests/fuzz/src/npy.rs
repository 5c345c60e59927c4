//! Any file as an .npy file, header and all, by the C library's summary.

#![no_main]

use libfuzzer_sys::fuzz_target;

mod library;

fuzz_target!(|data: &[u8]| {
    let path = std::env::temp_dir().join(format!("fuzz-{}.npy", std::process::id()));
    // As it is, and behind the magic bytes.
    for start in [&b""[..], b"\x93NUMPY\x01\x00"] {
        std::fs::write(&path, [start, data].concat()).expect("the folder of temporary files");
        library::summarize(format!("{{\"path\": {path:?}}}").as_bytes());
    }
});

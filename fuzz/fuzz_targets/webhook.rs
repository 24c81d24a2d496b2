//! Any bytes at all: nothing breaks, and what comes out is sound.
#![no_main]

mod laws;

use libfuzzer_sys::fuzz_target;
use transom::meta::signature::Signature;

fuzz_target!(|body: &[u8]| {
    laws::events(body);
    laws::signature(body);
    if let Ok(header) = std::str::from_utf8(body) {
        let _ = Signature::parse(header);
    }
});

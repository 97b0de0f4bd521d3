//! What a delegate printed: a result or an error, read in each version and said again in each.
#![no_main]

use libfuzzer_sys::fuzz_target;
use multus_cni::result::ResultDocument;
use multus_cni::{Error, Version};

const VERSIONS: [&str; 7] = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

fuzz_target!(|bytes: &[u8]| {
    let _error = Error::from_json(bytes);
    let versions = VERSIONS.map(|text| Version::parse(text).expect("a version of the specification"));
    for expected in versions {
        let Ok(document) = ResultDocument::parse(bytes, expected) else { continue };
        let Ok(result) = document.result() else { continue };
        for version in versions {
            let Ok(said) = document.to_version(version) else { continue };
            let again = ResultDocument::parse(said.get().as_bytes(), version).expect("what we say, we read");
            assert_eq!(again.version(), version, "a result says its version");
        }
        assert!(ResultDocument::of(&result, document.version()).is_ok(), "a result that was read can be said");
    }
});

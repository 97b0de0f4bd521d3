//! `CNI_ARGS`: what was read reads back from its own text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use multus_cni::Args;

fuzz_target!(|text: &str| {
    if let Ok(args) = Args::parse(text) {
        assert_eq!(Args::parse(&args.to_string()).as_ref(), Ok(&args));
        for (key, _) in args.iter() {
            assert!(args.get(key).is_some());
        }
    }
});

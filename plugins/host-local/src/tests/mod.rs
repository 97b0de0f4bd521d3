mod memory;
mod ranges;
mod reference;

use multus_guest_cni::double;
use serde_json::json;

use memory::Memory;

/// A case of this component has, besides what all have: `store`, the claims and notes that are there before, whose they
/// are (`c1` is us) or what they say; `dead`, whose claims can be reclaimed; `after`, what is there then; `directory`,
/// where it was looked for.
#[test]
fn cases() {
    for case in double::cases(env!("CARGO_MANIFEST_DIR")) {
        let store = Memory::of(&case.members);
        case.compare(crate::add(&store, &case.attachment(), &case.conf()));
        if let Some(after) = case.members.get("after") {
            assert_eq!(json!(store.content()), *after, "{}", case.name);
        }
        if let Some(directory) = case.members.get("directory") {
            assert_eq!(json!(store.asked()), *directory, "{}", case.name);
        }
        assert!(case.members["after"].is_object() || case.members["failure"]["code"] == 7, "{}", case.name);
    }
}

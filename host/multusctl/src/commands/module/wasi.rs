//! What a component imports of WASI, and what that gets it: in words, for whoever installs it.

use std::collections::BTreeMap;

use multus_wasm::{Role, is_wasi};

/// One line for each package of WASI that a component imports; none if it imports nothing of it.
pub(super) fn in_words(imports: &[String], role: Role) -> Vec<String> {
    let wasi: Vec<&str> = imports.iter().map(String::as_str).filter(|import| is_wasi(import)).collect();
    let of_package = |(package, interfaces): (&str, Vec<&str>)| {
        let gets = gets(package, role).unwrap_or("nothing");
        format!("imports wasi:{package} ({}) and gets of it: {gets}", interfaces.join(", "))
    };
    packages(&wasi).into_iter().map(of_package).collect()
}

/// Interfaces by their packages.
fn packages<'a>(imports: &[&'a str]) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut packages: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for import in imports {
        let path = import.trim_start_matches("wasi:").split('@').next().unwrap_or_default();
        if let Some((package, interface)) = path.split_once('/') {
            packages.entry(package).or_default().push(interface);
        }
    }
    packages
}

/// As the table in `docs/security.md` says it, shorter.
fn gets(package: &str, role: Role) -> Option<&'static str> {
    let is_function = role != Role::Delegate;
    Some(match package {
        "cli" => "no arguments, no environment, no terminal; what it writes becomes lines of the log",
        "io" => "streams at their end, or to the log; it never waits for one",
        "clocks" if is_function => "a clock that stands still",
        "clocks" => "the node's clock; what it sleeps counts as CPU time",
        "random" if is_function => "numbers that are made from its arguments, so no secrets",
        "random" => "the kernel's random numbers",
        "filesystem" => "no folder, so no file",
        "sockets" => "no address and no connection: each is refused",
        "http" => "no answer: each request is refused",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use multus_wasm::wasi_interfaces;

    #[test]
    fn each_package_is_said_with_what_it_gives() {
        let imports = [
            "multus:delegate/log@0.1.0",
            "wasi:random/insecure-seed@0.2.6",
            "wasi:cli/stdout@0.2.6",
            "wasi:cli/exit@0.2.6",
            "wasi:keyvalue/store@0.2.0",
        ]
        .map(str::to_owned);
        let cli = "imports wasi:cli (stdout, exit) and gets of it: no arguments, no environment, no terminal; what it \
                   writes becomes lines of the log";
        let random = |gets: &str| format!("imports wasi:random (insecure-seed) and gets of it: {gets}");
        assert_eq!(
            in_words(&imports, Role::Policy),
            [cli, &random("numbers that are made from its arguments, so no secrets")]
        );
        assert_eq!(in_words(&imports, Role::Delegate), [cli, &random("the kernel's random numbers")]);
        assert_eq!(in_words(&imports[..1], Role::Policy), [""; 0]);
    }

    #[test]
    fn no_package_that_is_given_is_left_out() {
        for interface in wasi_interfaces() {
            let (package, _) = interface.split_once('/').unwrap();
            for role in Role::ALL {
                assert!(gets(package, role).is_some(), "{package} for a {role}");
            }
        }
    }
}

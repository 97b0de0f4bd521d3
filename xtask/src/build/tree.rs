//! What may be linked into the plugin, by the packages of its tree.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};

/// What a compiler consists of, as parts of names. Cranelift's containers (`cranelift-bitset`, …) are in wasmtime's
/// runtime, too.
const COMPILERS: [&str; 4] = ["cranelift-codegen", "wasmtime-internal-cranelift", "regalloc", "winch"];

/// The one provider of cryptography.
const PROVIDER: &str = "ring";

/// The others, and what brings them along.
const OTHER_PROVIDERS: [&str; 12] = [
    "aws-lc-fips-sys",
    "aws-lc-rs",
    "aws-lc-sys",
    "boring",
    "boring-sys",
    "mbedtls",
    "native-tls",
    "openssl",
    "openssl-sys",
    "rustls-openssl",
    "rustls-rustcrypto",
    "schannel",
];

/// Judges the lines of `cargo tree --prefix none`.
///
/// # Errors
/// If there is a compiler, or anything but one provider of cryptography.
pub(super) fn judge(tree: &str) -> Result<()> {
    // A package that is needed twice stands there twice, the second time with a mark behind it.
    let packages: BTreeSet<Package<'_>> = tree.lines().filter_map(Package::of).collect();
    // It would be 10 MB, slow to start, and an attacker's tool.
    let compilers = named(&packages, |name| COMPILERS.iter().any(|part| name.contains(part)));
    ensure!(compilers.is_empty(), "multus must not hold a compiler, but its tree has {compilers}");
    // A second one is dead weight, and which of them rustls takes is decided while a pod starts.
    let others = named(&packages, |name| OTHER_PROVIDERS.contains(&name));
    ensure!(others.is_empty(), "{PROVIDER} is multus's provider of cryptography, but its tree has {others}");
    let provider = packages.iter().filter(|package| package.name == PROVIDER).count();
    ensure!(
        provider == 1,
        "multus needs {PROVIDER} once, but its tree has {provider} versions: {}",
        named(&packages, |name| name == PROVIDER)
    );
    Ok(())
}

/// `ring v0.17.14`.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Package<'a> {
    name: &'a str,
    version: &'a str,
}

impl<'a> Package<'a> {
    fn of(line: &'a str) -> Option<Package<'a>> {
        let mut words = line.split(' ');
        Some(Package { name: words.next()?, version: words.next()? })
    }
}

/// Those whose names fit, for people.
fn named(packages: &BTreeSet<Package<'_>>, fits: impl Fn(&str) -> bool) -> String {
    let found = packages.iter().filter(|package| fits(package.name));
    found.map(|package| format!("{} {}", package.name, package.version)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "multus v0.1.0 (/source/host/multus)\nring v0.17.14\nrustls v0.23.46\nring v0.17.14 (*)\n\
                        cranelift-bitset v0.135.8\nopenssl-probe v0.2.2\n";

    #[test]
    fn one_provider_and_no_compiler() {
        judge(GOOD).unwrap();
        for (further, complaint) in [
            ("cranelift-codegen v0.135.8", "a compiler, but its tree has cranelift-codegen v0.135.8"),
            ("regalloc2 v0.13.5", "regalloc2"),
            ("wasmtime-internal-winch v48.0.8", "winch"),
            (
                "aws-lc-rs v1.17.0",
                "ring is multus's provider of cryptography, but its tree has aws-lc-rs v1.17.0",
            ),
            ("openssl-sys v0.9.111", "openssl-sys"),
            ("native-tls v0.2.14", "native-tls"),
            ("ring v0.16.20", "2 versions: ring v0.16.20, ring v0.17.14"),
        ] {
            let error = judge(&format!("{GOOD}{further}\n")).unwrap_err().to_string();
            assert!(error.contains(complaint), "{further}: {error}");
        }
        let error = judge("multus v0.1.0\n").unwrap_err().to_string();
        assert!(error.contains("has 0 versions"), "{error}");
    }
}

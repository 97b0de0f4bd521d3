//! Versions of the specification: which we speak, and which one of them a configuration means.

use std::fmt;

use serde_json::json;

use crate::error::{Code, Error};

/// A version of the CNI specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// First number.
    pub major: u16,
    /// Second number.
    pub minor: u16,
    /// Third number.
    pub patch: u16,
}

/// Every version that we speak, oldest first.
pub const SUPPORTED: &[Version] = &[
    Version::V0_1_0,
    Version::V0_2_0,
    Version::V0_3_0,
    Version::V0_3_1,
    Version::V0_4_0,
    Version::V1_0_0,
    Version::V1_1_0,
];

impl Version {
    /// 0.1.0: what a configuration without `cniVersion` means.
    pub const V0_1_0: Self = Self::new(0, 1, 0);
    /// 0.2.0: VERSION.
    pub const V0_2_0: Self = Self::new(0, 2, 0);
    /// 0.3.0: results with interfaces and any number of addresses.
    pub const V0_3_0: Self = Self::new(0, 3, 0);
    /// 0.3.1: lists of plugins.
    pub const V0_3_1: Self = Self::new(0, 3, 1);
    /// 0.4.0: CHECK, and prevResult at DEL.
    pub const V0_4_0: Self = Self::new(0, 4, 0);
    /// 1.0.0: addresses without a `version` of their own.
    pub const V1_0_0: Self = Self::new(1, 0, 0);
    /// 1.1.0: STATUS, GC, and more of interfaces and routes in results.
    pub const V1_1_0: Self = Self::new(1, 1, 0);

    const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self { major, minor, patch }
    }

    /// Reads `1.1.0`; numbers left out at the end are 0, as the reference library reads them.
    ///
    /// # Errors
    /// Code 7 for text that is no version. An unknown version is none: see [`Version::is_supported`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let invalid = || Error::new(Code::InvalidConfig, format!("`{text}` is not a version such as 1.0.0"));
        let mut numbers = [0; 3];
        for (index, part) in text.split('.').enumerate() {
            let number = numbers.get_mut(index).ok_or_else(invalid)?;
            let digits = part.bytes().all(|byte| byte.is_ascii_digit());
            *number = part.parse().ok().filter(|_| digits).ok_or_else(invalid)?;
        }
        let [major, minor, patch] = numbers;
        Ok(Self { major, minor, patch })
    }

    /// Whether we speak it.
    pub fn is_supported(self) -> bool {
        SUPPORTED.contains(&self)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// The version to use with a configuration: the highest that both its `cniVersion` or `cniVersions`
/// and we know (CNI-12). Neither (or an empty `cniVersion` alone) means 0.1.0, as in the specification.
///
/// # Errors
/// Code 7 for a value that is no version, code 1 if we speak none of them.
pub fn negotiate(cni_version: Option<&str>, cni_versions: &[String]) -> Result<Version, Error> {
    let single = cni_version.filter(|text| !text.is_empty());
    let written: Vec<&str> = single.into_iter().chain(cni_versions.iter().map(String::as_str)).collect();
    if written.is_empty() {
        return Ok(Version::V0_1_0);
    }
    let versions = written.iter().map(|text| Version::parse(text)).collect::<Result<Vec<_>, _>>()?;
    versions.into_iter().filter(|version| version.is_supported()).max().ok_or_else(|| {
        let msg = format!("CNI version {} is not supported", written.join(", "));
        Error::new(Code::IncompatibleVersion, msg)
            .with_details(format!("supported: {}", supported().join(", ")))
    })
}

/// The answer to VERSION (CNI-10): one line of JSON that repeats the caller's `cniVersion`.
pub fn report(cni_version: &str) -> String {
    json!({ "cniVersion": cni_version, "supportedVersions": supported() }).to_string()
}

fn supported() -> Vec<String> {
    SUPPORTED.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cni_10_version_repeats_the_callers_and_lists_ours() {
        assert_eq!(
            report("0.4.0"),
            r#"{"cniVersion":"0.4.0","supportedVersions":["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]}"#
        );
    }

    #[test]
    fn cni_12_the_highest_version_that_both_know_is_used() {
        type Row = (Option<&'static str>, &'static [&'static str], Result<&'static str, u32>);
        let rows: &[Row] = &[
            (None, &[], Ok("0.1.0")),
            (Some(""), &[], Ok("0.1.0")),
            (Some("0.3.1"), &[], Ok("0.3.1")),
            (Some("1.0"), &[], Ok("1.0.0")),
            (Some("0.4.0"), &["0.3.1", "1.1.0", "1.0.0"], Ok("1.1.0")),
            (Some("1.1.0"), &["0.3.1"], Ok("1.1.0")),
            (None, &["1.0.0", "9.0.0"], Ok("1.0.0")),
            (Some("1.2.0"), &["0.4.0"], Ok("0.4.0")),
            (Some("1.2.0"), &[], Err(1)),
            (Some("0.3.5"), &[], Err(1)),
            (None, &["2.0.0"], Err(1)),
            (Some("abc"), &[], Err(7)),
            (Some("1.0.0.0"), &[], Err(7)),
            (Some("+1.0.0"), &[], Err(7)),
            (Some("1..0"), &[], Err(7)),
            (Some("1.0.99999999"), &[], Err(7)),
            (Some("1.0.0"), &["x"], Err(7)),
        ];
        for (single, many, expected) in rows {
            let many: Vec<String> = many.iter().map(|text| (*text).to_owned()).collect();
            let found = negotiate(*single, &many).map(|version| version.to_string());
            assert_eq!(found.as_deref().map_err(|error| error.code), *expected, "{single:?} {many:?}");
        }
    }

    proptest! {
        #[test]
        fn a_version_reads_back(major in 0_u16.., minor in 0_u16.., patch in 0_u16..) {
            let version = Version { major, minor, patch };
            prop_assert_eq!(Version::parse(&version.to_string()).unwrap(), version);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = Version::parse(&text);
        }
    }
}

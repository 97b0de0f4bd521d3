//! The rows CNI-01 … CNI-19, as they show through a CNI plugin's interface: environment, standard input and
//! output, exit status. They judge `MULTUS_BIN`, or any plugin that `CNI_CONFORMANCE_PLUGIN` names (what
//! `cargo xtask test --plugin PATH` does); what only multus has to do is left out then, and said.
//!
//! Each row is a test of its own and writes what it found for the table that `cargo xtask test` prints.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod answers;
mod delegation;
mod environment;
mod lists;
mod records;
mod results;
mod row;
mod self_test;
mod subject;
mod verbs;
mod versions;

use multus_tests::private;
use row::Row;
use subject::Subject;

macro_rules! rows {
    ($($test:ident $id:literal $title:literal $checks:path;)*) => {$(
        #[test]
        fn $test() {
            private(|| Row::run($id, $title, &Subject::from_environment(), $checks));
        }
    )*};
}

rows! {
    cni_01 "CNI-01" "environment of each verb" environment::variables;
    cni_02 "CNI-02" "names" environment::names;
    cni_03 "CNI-03" "exit status, result, error object" answers::shapes;
    cni_04 "CNI-04" "error codes" answers::codes;
    cni_05 "CNI-05" "ADD" verbs::add;
    cni_06 "CNI-06" "DEL" verbs::del;
    cni_07 "CNI-07" "CHECK" verbs::check;
    cni_08 "CNI-08" "STATUS" verbs::status;
    cni_09 "CNI-09" "GC" verbs::gc;
    cni_10 "CNI-10" "VERSION" versions::version;
    cni_11 "CNI-11" "what a plugin of a list gets" lists::input;
    cni_12 "CNI-12" "choice and conversion of versions" versions::conversion;
    cni_13 "CNI-13" "keys of a conflist" lists::keys;
    cni_14 "CNI-14" "one call at a time, of what was recorded" records::calls;
    cni_15 "CNI-15" "every field of a result" results::fields;
    cni_16 "CNI-16" "libcni's cache" records::cache;
    cni_17 "CNI-17" "delegation" delegation::delegates;
    cni_18 "CNI-18" "conventions" delegation::conventions;
    cni_19 "CNI-19" "tracing variables" delegation::tracing;
}

//! Components that use the interface as it is meant: each example is one, built and run by the tests of `host/compile`.

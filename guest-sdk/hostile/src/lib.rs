//! Components that misbehave: each example is one, built and run by the tests of `host/compile`.

//! The import that the sandbox does not have.

#![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated")]

wit_bindgen::generate!({
    inline: "
        package multus:hostile;

        world curious {
            import wasi:cli/environment@0.2.6;
        }

        package wasi:cli@0.2.6 {
            interface environment {
                get-environment: func() -> list<tuple<string, string>>;
            }
        }
    ",
    generate_all,
});

//! What all tests together have heard functions do is what the policies in the templates grant: no more, no less.
//!
//! Cargo runs this after `it`, by their names; before it, or without it, there is no record of these sources, and this fails.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use carillon_xtask::privileges::{Policies, UNHEARD, findings, record};

#[test]
fn every_function_may_what_it_was_heard_to_do_and_nothing_else() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = record::folder(root).unwrap();
    let heard = record::read(&folder);
    assert!(heard.is_ok(), "nothing was heard of these sources yet: run `cargo test --package carillon-tests --test it` first");

    let findings = findings(&Policies::read(root).unwrap(), &heard.unwrap(), UNHEARD);

    let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(told.is_empty(), "{} findings; `cargo xtask privileges` lists them, too:\n{}", told.len(), told.join("\n"));
}

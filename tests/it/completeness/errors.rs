//! Every error code stands in the catalogue, and the catalogue names no other.

use std::collections::BTreeSet;

use carillon_xtask::errors;

use super::root;

#[test]
fn the_catalogue_of_errors_names_the_codes_of_the_sources() {
    let (used, named) = (errors::used(&root()).unwrap(), errors::catalogued(&root()).unwrap());

    let missing: BTreeSet<_> = used.difference(&named).collect();
    let unused: BTreeSet<_> = named.difference(&used).collect();
    assert!(missing.is_empty(), "{} lacks {missing:?}", errors::CATALOGUE);
    assert!(unused.is_empty(), "{} names {unused:?}, which nothing uses", errors::CATALOGUE);
    assert!(used.contains("caller.unknown"));
}

//! The binary of the function `identity-rewrap-secrets`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::schedule::<carillon_functions_identity::IdentityRewrapSecrets>())
}

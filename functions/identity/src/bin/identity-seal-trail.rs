//! The binary of the function `identity-seal-trail`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::schedule::<carillon_functions_identity::IdentitySealTrail>())
}

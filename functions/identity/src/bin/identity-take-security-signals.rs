//! The binary of the function `identity-take-security-signals`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::schedule::<carillon_functions_identity::IdentityTakeSecuritySignals>())
}

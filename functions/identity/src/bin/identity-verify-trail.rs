//! The binary of the function `identity-verify-trail`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::queue::<carillon_functions_identity::IdentityVerifyTrail>())
}

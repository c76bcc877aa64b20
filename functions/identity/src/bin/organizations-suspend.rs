//! The binary of the function `organizations-suspend`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::http::<carillon_functions_identity::OrganizationsSuspend>())
}

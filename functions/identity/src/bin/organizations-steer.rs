//! The binary of the function `organizations-steer`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::http::<carillon_functions_identity::OrganizationsSteer>())
}

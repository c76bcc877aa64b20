//! The binary of the function `roles-apply`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::queue::<carillon_functions_identity::RolesApply>())
}

//! The binary of the function `sessions-log-out-everywhere`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::http::<carillon_functions_identity::SessionsLogOutEverywhere>())
}

//! The binary of the function `security-events-list`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::http::<carillon_functions_identity::SecurityEventsList>())
}

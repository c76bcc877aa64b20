//! The binary of the function `security-events-acknowledge`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::http::<carillon_functions_identity::SecurityEventsAcknowledge>())
}

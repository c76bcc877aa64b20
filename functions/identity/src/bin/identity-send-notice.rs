//! The binary of the function `identity-send-notice`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::queue::<carillon_functions_identity::IdentitySendNotice>())
}

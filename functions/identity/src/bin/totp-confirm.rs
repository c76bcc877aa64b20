//! The binary of the function `totp-confirm`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::http::<carillon_functions_identity::TotpConfirm>())
}

//! The binary of the function `recovery-codes-renew`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::http::<carillon_functions_identity::RecoveryCodesRenew>())
}

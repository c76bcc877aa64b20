//! The binary of the function `accounts-verify-email`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::public::<carillon_functions_identity::AccountsVerifyEmail>())
}

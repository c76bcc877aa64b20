//! The binary of the function `accounts-sign-up`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::public::<carillon_functions_identity::AccountsSignUp>())
}

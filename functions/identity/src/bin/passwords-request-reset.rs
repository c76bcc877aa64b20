//! The binary of the function `passwords-request-reset`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::public::<carillon_functions_identity::PasswordsRequestReset>())
}

//! The binary of the function `logins-link`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::http::<carillon_functions_identity::LoginsLink>())
}

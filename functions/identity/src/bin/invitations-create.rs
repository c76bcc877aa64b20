//! The binary of the function `invitations-create`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::http::<carillon_functions_identity::InvitationsCreate>())
}

//! The binary of the function `invitations-accept`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::public::<carillon_functions_identity::InvitationsAccept>())
}

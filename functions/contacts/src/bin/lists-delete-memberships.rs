//! The binary of the function `lists-delete-memberships`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::queue::<carillon_functions_contacts::ListsDeleteMemberships>())
}

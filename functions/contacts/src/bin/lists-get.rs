//! The binary of the function `lists-get`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::http::<carillon_functions_contacts::ListsGet>())
}

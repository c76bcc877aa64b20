//! The binary of the function `lists-list`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::http::<carillon_functions_contacts::ListsList>())
}

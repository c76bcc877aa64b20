//! The binary of the function `suppressions-add`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::http::<carillon_functions_contacts::SuppressionsAdd>())
}

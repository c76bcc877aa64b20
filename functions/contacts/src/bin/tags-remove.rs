//! The binary of the function `tags-remove`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::http::<carillon_functions_contacts::TagsRemove>())
}

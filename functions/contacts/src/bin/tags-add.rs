//! The binary of the function `tags-add`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::http::<carillon_functions_contacts::TagsAdd>())
}

//! The binary of the function `templates-preview`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::http::<carillon_functions_templates::TemplatesPreview>())
}

//! The binary of the function `imports-import-chunk`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::queue::<carillon_functions_contacts::ImportsImportChunk>())
}

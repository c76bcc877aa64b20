//! The binary of the function `providers-start`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::public::<carillon_functions_identity::ProvidersStart>())
}

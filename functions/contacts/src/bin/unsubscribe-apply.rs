//! The binary of the function `unsubscribe-apply`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::public::<carillon_functions_contacts::UnsubscribeApply>())
}

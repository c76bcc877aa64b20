//! The binary of the function `unsubscribe-show`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::public::<carillon_functions_contacts::UnsubscribeShow>())
}

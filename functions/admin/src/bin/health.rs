//! The binary of the function `health`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::public::<carillon_functions_admin::Health>())
}

//! The binary of the function `campaigns-finish`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::queue::<carillon_functions_campaigns::CampaignsFinish>())
}

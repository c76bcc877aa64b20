//! The binary of the function `campaigns-pause`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::http::<carillon_functions_campaigns::CampaignsPause>())
}

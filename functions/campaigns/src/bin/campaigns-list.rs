//! The binary of the function `campaigns-list`.
fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::http::<carillon_functions_campaigns::CampaignsList>())
}

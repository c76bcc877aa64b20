//! The Lambda `sending-release-work`.

fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::batch::<carillon_functions_sending::release_work::SendingReleaseWork>())
}

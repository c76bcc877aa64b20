//! The Lambda `sending-release-on-schedule`.

fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::schedule::<carillon_functions_sending::release_on_schedule::SendingReleaseOnSchedule>())
}

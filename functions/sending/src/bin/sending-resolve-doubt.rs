//! The Lambda `sending-resolve-doubt`.

fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::schedule::<carillon_functions_sending::resolve_doubt::SendingResolveDoubt>())
}

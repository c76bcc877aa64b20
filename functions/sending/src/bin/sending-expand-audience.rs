//! The Lambda `sending-expand-audience`.

fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::queue::<carillon_functions_sending::expand_audience::SendingExpandAudience>())
}

//! The Lambda `sending-sweep-outbox`.

fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::schedule::<carillon_functions_sending::sweep_outbox::SendingSweepOutbox>())
}

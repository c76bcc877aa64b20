//! The Lambda `senders-create`.

fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::http::<carillon_functions_sending::create_sender::SendersCreate>())
}

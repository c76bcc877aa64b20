//! The Lambda `senders-list`.

fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::http::<carillon_functions_sending::list_senders::SendersList>())
}

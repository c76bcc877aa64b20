//! The Lambda `sending-deliver-email`.

fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::queue::<carillon_functions_sending::deliver_email::SendingDeliverEmail>())
}

//! The Lambda `sending-deliver-sms`.

fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::queue::<carillon_functions_sending::deliver_sms::SendingDeliverSms>())
}

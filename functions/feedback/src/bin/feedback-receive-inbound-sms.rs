//! The Lambda `feedback-receive-inbound-sms`.

fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::public::<carillon_functions_feedback::receive_inbound_sms::FeedbackReceiveInboundSms>())
}

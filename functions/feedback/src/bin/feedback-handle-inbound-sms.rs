//! The Lambda `feedback-handle-inbound-sms`.

fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::queue::<carillon_functions_feedback::handle_inbound_sms::FeedbackHandleInboundSms>())
}

//! The Lambda `feedback-receive-twilio-status`.

fn main() -> std::process::ExitCode {
    carillon_harness::run(
        carillon_harness::Entry::public::<carillon_functions_feedback::receive_twilio_status::FeedbackReceiveTwilioStatus>(),
    )
}

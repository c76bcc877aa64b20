//! The Lambda `feedback-record-twilio-status`.

fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::batch::<carillon_functions_feedback::record_twilio_status::FeedbackRecordTwilioStatus>())
}

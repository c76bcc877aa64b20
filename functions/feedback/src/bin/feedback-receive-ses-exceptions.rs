//! The Lambda `feedback-receive-ses-exceptions`.

fn main() -> std::process::ExitCode {
    carillon_harness::run(
        carillon_harness::Entry::batch::<carillon_functions_feedback::receive_ses_exceptions::FeedbackReceiveSesExceptions>(),
    )
}

//! The Lambda `feedback-fold-ses-events`.

fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::batch::<carillon_functions_feedback::fold_ses_events::FeedbackFoldSesEvents>())
}

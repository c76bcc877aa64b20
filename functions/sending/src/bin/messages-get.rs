//! The Lambda `messages-get`.

fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::http::<carillon_functions_sending::get_message::MessagesGet>())
}

//! The Lambda `sending-fold-figures`.

fn main() -> std::process::ExitCode {
    carillon_harness::run(carillon_harness::Entry::batch::<carillon_functions_sending::fold_figures::SendingFoldFigures>())
}

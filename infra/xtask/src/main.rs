//! `cargo xtask <command>`: chores of the repository.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{Command, ExitCode};

use carillon_xtask::{errors, events, openapi};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Chores of the repository")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Lists the sample events of every function; fails where one has none, or one that is not JSON.
    Events,
    /// Compares the error codes of the sources with docs/errors.md.
    Errors,
    /// Writes docs/openapi.json, the description of the API.
    Openapi,
    /// Builds the bench with optimisation, a profile of its own that takes minutes at first, and runs it with these arguments.
    #[command(disable_help_flag = true)]
    Bench {
        /// The bench's arguments: `--help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    // The repository that this program was built from, wherever it is called.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let done = match Arguments::parse().chore {
        Chore::Events => list_events(&root),
        Chore::Errors => compare_errors(&root),
        Chore::Openapi => write_openapi(&root),
        Chore::Bench { arguments } => bench(&root, arguments),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("the repository cannot be read: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A program of its own, for its profile.
fn bench(root: &Path, arguments: Vec<OsString>) -> io::Result<ExitCode> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root).args(["run", "--profile", "bench-fast", "--package", "carillon-bench", "--"]).args(arguments);
    let ended = cargo.status()?;
    Ok(ended.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

fn list_events(root: &Path) -> io::Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for (function, samples) in events::samples(root)? {
        let told: Vec<String> = samples
            .iter()
            .map(|sample| match &sample.problem {
                None => sample.file.clone(),
                Some(problem) => format!("{} ({problem})", sample.file),
            })
            .collect();
        if samples.is_empty() || samples.iter().any(|sample| sample.problem.is_some()) {
            code = ExitCode::FAILURE;
        }
        println!("{function:40} {}", if told.is_empty() { "none".to_owned() } else { told.join(", ") });
    }
    Ok(code)
}

fn compare_errors(root: &Path) -> io::Result<ExitCode> {
    let (used, named) = (errors::used(root)?, errors::catalogued(root)?);
    used.difference(&named).for_each(|code| println!("not in {}: {code}", errors::CATALOGUE));
    named.difference(&used).for_each(|code| println!("not in the sources: {code}"));
    println!("{} codes in the sources, {} in {}", used.len(), named.len(), errors::CATALOGUE);
    Ok(if used == named { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn write_openapi(root: &Path) -> io::Result<ExitCode> {
    std::fs::write(root.join(openapi::DOCUMENT), openapi::text(root)?)?;
    println!("{} is written", openapi::DOCUMENT);
    Ok(ExitCode::SUCCESS)
}

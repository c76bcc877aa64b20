//! `cargo xtask <command>`: chores of the repository.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use carillon_kernel::{Clock, IdSource, Setup};
use carillon_local::deployed::{Given, Ports};
use carillon_local::platform::keys;
use carillon_xtask::{bootstrap, errors, events, openapi, privileges};
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
    /// Draws every key that a deployment is given, and writes each as a parameter of the templates: infra/README.md tells where they belong.
    Keys,
    /// Draws a key that signs access tokens, and writes it with its public half as the template's parameters take them.
    TokenKey,
    /// Makes the first organization of a platform in AWS, and writes its API key, which may also operate the platform; infra/README.md tells
    /// what it reads from the environment.
    Bootstrap {
        /// The organization's name.
        #[arg(long)]
        name: String,
    },
    /// Writes docs/openapi.json, the description of the API.
    Openapi,
    /// Compares what functions were heard to do in the tests with what their policies grant; fails where they differ.
    Privileges {
        /// The folder of a record under target/privileges, instead of that of the sources as they are.
        #[arg(long)]
        record: Option<PathBuf>,
    },
    /// Draws what a deployment to an emulator is given: keys, settings, and the addresses of stand-ins; writes it as JSON.
    EmulatorGiven {
        /// The port of the API and of the stand-ins' pages.
        #[arg(long)]
        front: u16,
        /// The port of the stand-ins' endpoints.
        #[arg(long)]
        providers: u16,
    },
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
        Chore::Keys => Ok(draw_keys()),
        Chore::TokenKey => Ok(draw_token_key()),
        Chore::Bootstrap { name } => make_first_organization(&name),
        Chore::Openapi => write_openapi(&root),
        Chore::Privileges { record } => compare_privileges(&root, record),
        Chore::EmulatorGiven { front, providers } => Ok(draw_given(Ports { front, providers })),
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

fn draw_keys() -> ExitCode {
    let ids = IdSource::system();
    for (name, key) in keys::drawn(&ids) {
        println!("{name}={key}");
    }
    println!("EdgeKey={}", keys::draw(&ids));
    ExitCode::SUCCESS
}

#[expect(clippy::disallowed_methods, reason = "credentials come in the environment, as for every tool of AWS")]
fn make_first_organization(name: &str) -> io::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let setup = Setup::new(Clock::system(), IdSource::system()).with_settings(std::env::vars().collect());
    match runtime.block_on(bootstrap::first_key(&setup, name)) {
        Ok(key) => println!("{}", key.expose()),
        Err(failure) => {
            eprintln!("{}", failure.chain());
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn draw_token_key() -> ExitCode {
    let key = keys::draw_signing(&IdSource::system());
    println!("TokenSigningKey={key}\nTokenKeys={}", keys::public_keys(&key));
    ExitCode::SUCCESS
}

fn draw_given(ports: Ports) -> ExitCode {
    println!("{:#}", serde_json::json!(Given::draw(ports, &IdSource::system())));
    ExitCode::SUCCESS
}

fn write_openapi(root: &Path) -> io::Result<ExitCode> {
    std::fs::write(root.join(openapi::DOCUMENT), openapi::text(root)?)?;
    println!("{} is written", openapi::DOCUMENT);
    Ok(ExitCode::SUCCESS)
}

fn compare_privileges(root: &Path, record: Option<PathBuf>) -> io::Result<ExitCode> {
    let folder = record.map_or_else(|| privileges::record::folder(root), Ok)?;
    let Ok(record) = privileges::record::read(&folder) else {
        eprintln!("nothing was heard of these sources yet: run `cargo test --package carillon-tests --test it`");
        return Ok(ExitCode::FAILURE);
    };
    let findings = privileges::findings(&privileges::Policies::read(root)?, &record, privileges::UNHEARD);
    findings.iter().for_each(|finding| println!("{finding}"));
    println!("{} functions were heard, {} findings", record.len(), findings.len());
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

//! The bench: what a recipient costs in CPU time, in memory, in wall time and in money. See [`report`] for what it prints.
//!
//! Reading order: [`stage`] (the embedded servers and the stand-ins in a process of their own), [`campaign`] and [`people`] (what
//! is sent to whom), [`deliver`] with [`steps`] and [`plain`] (CPU and allocations of the deliver path), [`worker`] and
//! [`end_to_end`] (throughput and memory of all consumers), [`answers`] (how long they take for known and unknown addresses), [`prices`] and [`cost`] (money), [`month`] (the bill of a month),
//! [`report`].

mod answers;
mod campaign;
mod cost;
mod deliver;
mod end_to_end;
mod measure;
mod month;
mod people;
mod plain;
mod prices;
mod report;
mod stage;
mod steps;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use report::Report;
use stage::StageOptions;

/// Anything that ends the bench: it is a program for people, who read the text.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Measures the send path; without a command everything.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Bench {
    /// Print the report as JSON instead of tables.
    #[arg(long, global = true)]
    json: bool,
    /// Folder of the report; the data of the runs lies below it, and is deleted.
    #[arg(long, global = true, default_value = "target/bench")]
    out: PathBuf,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// CPU time and allocations per recipient on the deliver path, beside plain SendEmail calls.
    Deliver {
        /// Recipients of each measured round.
        #[arg(long, default_value_t = 10_000)]
        recipients: u32,
    },
    /// Recipients per second and peak memory, whole campaigns through the local platform.
    Send {
        /// Recipients of each campaign.
        #[arg(long, value_delimiter = ',', default_values_t = [1_000, 100_000, 1_000_000])]
        recipients: Vec<u64>,
    },
    /// Metered AWS requests and units per recipient, and what they cost.
    Cost {
        /// Recipients of the two campaigns: one without and one with every event.
        #[arg(long, default_value_t = 100_000)]
        recipients: u64,
    },
    /// How long answers take for addresses with and without an account.
    Answers {
        /// Requests of each kind.
        #[arg(long, default_value_t = 200)]
        rounds: u32,
    },
    /// What a month costs for three sizes, in Markdown; measures nothing.
    Month {
        /// Write the table into infra/README.md instead.
        #[arg(long)]
        write: bool,
    },
    /// The child process of the embedded servers, the API and the stand-ins.
    #[command(hide = true)]
    Stage(StageOptions),
    /// The child process of the consumers and schedules.
    #[command(hide = true)]
    Worker(worker::WorkerOptions),
}

fn main() -> ExitCode {
    let bench = Bench::parse();
    carillon_harness::start_log(carillon_harness::LogFormat::Text, "error");
    match run(&bench) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn run(bench: &Bench) -> Result<(), Failure> {
    let mut report = Report::default();
    match &bench.command {
        Some(Command::Stage(options)) => return stage::serve(options),
        Some(Command::Worker(options)) => return worker::run(options),
        Some(Command::Month { write }) => return tell_month(*write),
        Some(Command::Deliver { recipients }) => report.deliver = Some(deliver::run(&bench.out, *recipients)?),
        Some(Command::Send { recipients }) => report.sends = end_to_end::sends(&bench.out, recipients)?,
        Some(Command::Cost { recipients }) => report.costs = end_to_end::costs(&bench.out, *recipients)?,
        Some(Command::Answers { rounds }) => report.answers = answers::run(&bench.out, *rounds)?,
        None => {
            report.deliver = Some(deliver::run(&bench.out, 10_000)?);
            report.costs = end_to_end::costs(&bench.out, 100_000)?;
            report.sends = end_to_end::sends(&bench.out, &[1_000, 100_000, 1_000_000])?;
        }
    }
    report.keep(&bench.out)?;
    if bench.json {
        println!("{}", serde_json::to_string_pretty(&report)?)
    } else {
        println!("{report}")
    }
    Ok(())
}

/// The repository that this program was built from, wherever it is called.
fn tell_month(write: bool) -> Result<(), Failure> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    if write {
        return month::write(&root);
    }
    print!("{}", month::table(&root)?);
    Ok(())
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

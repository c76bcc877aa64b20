//! `binaries`: sizes, starts and answers of the functions' binaries, after `cargo lambda build`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use carillon_binaries::budget::{self, Budget};
use carillon_binaries::size::{self, Size};
use carillon_binaries::start::{self, Started};
use carillon_binaries::tls::EmptyTables;
use carillon_kernel::Secret;
use carillon_local::Platform;
use carillon_local::platform::{PlatformConfig, Port, Start};
use clap::{Parser, Subcommand};
use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};

/// The file of the budget, in the repository.
const BUDGET: &str = "infra/binaries/budget.json";
/// The setting that says where DynamoDB stands.
const TABLES: &str = "AWS_ENDPOINT_URL_DYNAMODB";

/// Anything that ends the program: people read it.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Measures the binaries of the functions, as `cargo lambda build` left them.
#[derive(Debug, Parser)]
#[command(name = "binaries")]
struct Arguments {
    /// The folder of the binaries.
    #[arg(long, global = true, default_value = "target/lambda")]
    lambda: PathBuf,
    /// The repository, with template.yaml and events/.
    #[arg(long, global = true, default_value = ".")]
    root: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fail when an archive is larger than its budget, and when a function has none.
    Check,
    /// Write the budget anew: what each archive has now, and a twentieth more, rounded up to ten kilobytes.
    Budget,
    /// Print a table of sizes, starts and peak memory.
    Measure {
        /// How often each function is started; the medians are printed.
        #[arg(long, default_value_t = 7)]
        times: usize,
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Give every sample event to its function's binary, through the Runtime API, and tell what it answered.
    Replay,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.command {
        Command::Check => check(&arguments),
        Command::Budget => write_budget(&arguments),
        Command::Measure { times, json } => measure(&arguments, *times, *json).await,
        Command::Replay => replay(&arguments).await,
    };
    done.unwrap_or_else(|error| {
        eprintln!("binaries: {error}");
        ExitCode::FAILURE
    })
}

fn check(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let budget: Budget = serde_json::from_slice(&std::fs::read(arguments.root.join(BUDGET))?)?;
    let built = size::all(&arguments.lambda)?;
    let breaches = budget::breaches(&built, &budget);
    breaches.iter().for_each(|breach| println!("{breach}"));
    println!("{} binaries, {} beyond {BUDGET}", built.len(), breaches.len());
    Ok(if breaches.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn write_budget(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let room = |size: &Size| (size.archive + size.archive / 20).next_multiple_of(10_000);
    let budget: Budget = size::all(&arguments.lambda)?.iter().map(|(function, size)| (function.clone(), room(size))).collect();
    std::fs::write(arguments.root.join(BUDGET), format!("{:#}\n", json!(budget)))?;
    println!("{BUDGET} names {} functions", budget.len());
    Ok(ExitCode::SUCCESS)
}

/// The embedded platform, where the binaries find their tables and queues; its own functions rest.
struct World {
    platform: Platform,
    /// An organization's key, which the samples' calls carry.
    key: Secret,
}

impl World {
    async fn start(root: &Path, data: &Path) -> Result<Self, Failure> {
        let mut config = PlatformConfig::new(root, data);
        (config.port, config.pollers, config.schedules) = (Port::Exactly(0), Start::OnRequest, Start::OnRequest);
        let platform = Platform::start(config).await?;
        let key = platform.bootstrap_organization("Samples").await?;
        Ok(Self { platform, key })
    }
}

/// The events of a function by their files, as who has this key sends them.
fn samples(root: &Path, function: &str, key: &str) -> Result<BTreeMap<String, Value>, Failure> {
    let mut samples = BTreeMap::new();
    for entry in std::fs::read_dir(root.join("events").join(function))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        samples.insert(name, serde_json::from_str(&std::fs::read_to_string(&path)?.replace("{{api_key}}", key))?);
    }
    Ok(samples)
}

async fn measure(arguments: &Arguments, times: usize, as_json: bool) -> Result<ExitCode, Failure> {
    let data = tempfile::tempdir()?;
    let world = World::start(&arguments.root, data.path()).await?;
    let tables = EmptyTables::start(data.path()).await?;
    let mut rows = Vec::new();
    for (function, size) in size::all(&arguments.lambda)? {
        let (binary, mut environment) = (arguments.lambda.join(&function).join("bootstrap"), world.platform.environment_of(&function)?);
        let first = |key: &str| -> Result<Value, Failure> {
            Ok(samples(&arguments.root, &function, key)?.into_values().next().unwrap_or_default())
        };
        // Nobody's key is refused before the tables are asked.
        let starts = start::several(&binary, &environment, &first("nobody")?, times).await?;
        let mut calls = Vec::new();
        if environment.contains_key(TABLES) {
            environment.insert(TABLES.to_owned(), tables.url());
            environment.insert("AWS_CA_BUNDLE".to_owned(), tables.root().display().to_string());
            calls = start::several(&binary, &environment, &first(world.key.expose())?, times).await?;
        }
        rows.push(Row::new(function, size, &starts, &calls));
    }
    world.platform.stop().await;
    if as_json {
        println!("{:#}", json!(rows.iter().map(Row::json).collect::<Vec<_>>()));
    } else {
        println!("{}", table(&rows));
    }
    Ok(ExitCode::SUCCESS)
}

/// What is printed of a function.
struct Row {
    function: String,
    size: Size,
    to_poll: Duration,
    to_answer: Duration,
    to_call: Option<Duration>,
    cpu: Duration,
    call_cpu: Option<Duration>,
    peak_kib: u64,
}

impl Row {
    /// Of starts whose call is refused at once, and of starts with a first call to tables behind TLS.
    fn new(function: String, size: Size, starts: &[Started], calls: &[Started]) -> Self {
        let middle = |of: fn(&Started) -> Duration, starts: &[Started]| median(starts.iter().map(of).collect());
        let peak_kib = starts.iter().chain(calls).map(|started| started.peak_kib).max().unwrap_or(0);
        let of_calls = |of| (!calls.is_empty()).then(|| middle(of, calls));
        Self {
            function,
            size,
            to_poll: middle(|started| started.to_poll, starts),
            to_answer: middle(|started| started.to_answer, starts),
            to_call: of_calls(|started| started.to_answer),
            cpu: middle(|started| started.cpu, starts),
            call_cpu: of_calls(|started| started.cpu),
            peak_kib,
        }
    }

    fn json(&self) -> Value {
        json!({
            "function": self.function,
            "file_bytes": self.size.file,
            "archive_bytes": self.size.archive,
            "to_poll_us": self.to_poll.as_micros(),
            "to_answer_us": self.to_answer.as_micros(),
            "to_call_us": self.to_call.map(|call| call.as_micros()),
            "cpu_us": self.cpu.as_micros(),
            "call_cpu_us": self.call_cpu.map(|cpu| cpu.as_micros()),
            "peak_kib": self.peak_kib,
        })
    }
}

fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort();
    durations.get(durations.len() / 2).copied().unwrap_or_default()
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header([
        "function",
        "file MB",
        "zip MB",
        "exec to poll ms",
        "exec to answer ms",
        "CPU",
        "with a TLS call ms",
        "CPU",
        "peak MB",
    ]);
    let millions = |bytes: u64| format!("{:.2}", bytes as f64 / 1e6);
    let milliseconds = |duration: Duration| format!("{:.2}", duration.as_secs_f64() * 1e3);
    for Row { function, size, to_poll, to_answer, to_call, cpu, call_cpu, peak_kib } in rows {
        let peak = format!("{:.1}", *peak_kib as f64 * 1024.0 / 1e6);
        table.add_row([
            function.clone(),
            millions(size.file),
            millions(size.archive),
            milliseconds(*to_poll),
            milliseconds(*to_answer),
            milliseconds(*cpu),
            to_call.map(milliseconds).unwrap_or_default(),
            call_cpu.map(milliseconds).unwrap_or_default(),
            peak,
        ]);
    }
    for column in 1..9 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

async fn replay(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let data = tempfile::tempdir()?;
    let world = World::start(&arguments.root, data.path()).await?;
    let (mut replayed, mut failed) = (0, 0);
    for (function, binary) in size::functions(&arguments.lambda)? {
        let environment = world.platform.environment_of(&function)?;
        for (file, event) in samples(&arguments.root, &function, world.key.expose())? {
            let (told, is_well) = match start::once(&binary, &environment, event).await {
                Ok(Started { answer: Ok(answer), .. }) => (told(&answer), is_well(&answer)),
                Ok(Started { answer: Err(failure), .. }) => (failure.to_string(), false),
                Err(error) => (error.to_string(), false),
            };
            replayed += 1;
            failed += usize::from(!is_well);
            println!("{} {function:36} {file:36} {told}", if is_well { "ok    " } else { "FAILED" });
        }
    }
    world.platform.stop().await;
    println!("{replayed} events, {failed} failed");
    Ok(if failed == 0 && replayed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Tells whether a function did what it is for, refusals of what the samples lack included, and did not break.
fn is_well(answer: &Value) -> bool {
    answer["statusCode"].as_u64().is_none_or(|status| status < 500)
}

/// An answer in a few words: the status of a route, the messages of a batch that come again.
fn told(answer: &Value) -> String {
    match (&answer["statusCode"], answer["batchItemFailures"].as_array()) {
        (Value::Number(status), _) => format!("status {status}"),
        (_, Some(failures)) => format!("{} of the batch come again", failures.len()),
        _ => "done".to_owned(),
    }
}

//! The binary `carillon`: the whole platform on this machine.

mod log;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use carillon_local::Platform;
use carillon_local::demo::{self, Account, DemoError};
use carillon_local::platform::{PlatformConfig, Port};
use clap::{Args, Parser, Subcommand};

/// Runs the whole Carillon platform on this machine, in one process: DynamoDB, SQS and S3 are embedded servers, SES and Twilio
/// are stand-ins that keep what was sent. Nothing leaves the machine.
#[derive(Debug, Parser)]
#[command(name = "carillon", version)]
struct Carillon {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Common {
    /// Folder of all data; what is there is gone on with.
    #[arg(long, global = true, default_value = ".carillon", value_name = "FOLDER")]
    data: PathBuf,
    /// Port of the API on 127.0.0.1; without it 8080, or any other when that is taken.
    #[arg(long, global = true)]
    port: Option<u16>,
    /// Folder of the repository, with template.yaml; without it found from the current folder.
    #[arg(long, global = true, value_name = "FOLDER")]
    root: Option<PathBuf>,
    /// Write the log to the terminal, instead of carillon.log in the data folder; an optional value filters it, such as info,carillon=debug.
    #[arg(long, global = true, value_name = "FILTER", num_args = 0..=1, require_equals = true, default_missing_value = "info")]
    log: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the main job: import contacts, send an email and an SMS campaign, follow everybody to the end; then serve.
    ///
    /// The first time it makes an organization and imports a file; later it sends another pair of campaigns to the same contacts.
    Demo(DemoArguments),
    /// Start everything and serve until Ctrl-C; what a stop or a crash interrupted goes on by itself.
    Serve,
}

#[derive(Debug, Args)]
struct DemoArguments {
    /// Delete the data folder before.
    #[arg(long)]
    fresh: bool,
    /// End after the statistics, instead of serving.
    #[arg(long)]
    exit: bool,
    /// Rows of the file that is imported.
    #[arg(long, default_value_t = 10_000, value_name = "ROWS")]
    contacts: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Carillon { common, command } = Carillon::parse();
    match run(&common, &command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("carillon: {}", error.chain());
            ExitCode::FAILURE
        }
    }
}

async fn run(common: &Common, command: &Command) -> Result<(), DemoError> {
    if matches!(command, Command::Demo(DemoArguments { fresh: true, .. })) {
        delete(&common.data)?;
    }
    log::start(&common.data, common.log.as_deref())?;
    let platform = Platform::start(config(common, command)).await?;
    match command {
        Command::Demo(arguments) => {
            println!("Carillon runs at {}\n", platform.url());
            demo::run(&platform, &common.data, arguments.contacts).await?;
            if !arguments.exit {
                serve(&platform, common).await?;
            }
        }
        Command::Serve => serve(&platform, common).await?,
    }
    platform.stop().await;
    Ok(())
}

/// Says where everything is, and waits for the end.
async fn serve(platform: &Platform, common: &Common) -> Result<(), DemoError> {
    let account = Account::open(platform, &common.data).await?;
    let (url, key) = (platform.url(), &account.api_key);
    println!("\n  API       {url}/v1\n  Outbox    {url}/_outbox\n  API key   {key}\n  Data      {}", common.data.display());
    println!("\nTry   curl -H 'Authorization: Bearer {key}' {url}/v1/campaigns\nStop  Ctrl-C");
    signalled().await.map_err(|error| DemoError::File("the signals of the process".to_owned(), error))
}

async fn signalled() -> std::io::Result<()> {
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminated.recv() => Ok(()),
    }
}

fn config(common: &Common, command: &Command) -> PlatformConfig {
    // On one machine nothing is late by minutes: what a crash left in doubt is looked at soon.
    let mut config = PlatformConfig::new(root(common), &common.data)
        .setting("DOUBT_SETTLING_SECONDS", "10")
        .setting("DOUBT_GIVING_UP_SECONDS", "60")
        .setting("STANDSTILL_SECONDS", "30");
    // Whoever turns a flag by /_flags looks at what it does.
    config.flags_interval_seconds = 1;
    if let Some(port) = common.port {
        config.port = Port::Exactly(port);
    }
    if matches!(command, Command::Demo(_)) {
        // An account of a middling size, so that the bars can be watched.
        config.standins.ses.max_send_rate = 2_500.0;
        return config.setting("SMS_RATE_PER_SECOND", "250").setting("FOLD_DELAY_SECONDS", "1");
    }
    config
}

/// The folder that was given, or the nearest above the current one with a template, or the one that this was built from.
fn root(common: &Common) -> PathBuf {
    let built_from = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let current = std::env::current_dir().unwrap_or_default();
    let nearest = || current.ancestors().find(|folder| folder.join("template.yaml").is_file()).map(Path::to_path_buf);
    common.root.clone().or_else(nearest).unwrap_or_else(built_from)
}

/// Deletes a data folder, and nothing that does not look like one.
fn delete(folder: &Path) -> Result<(), DemoError> {
    let failed = |error| DemoError::File(folder.display().to_string(), error);
    let is_empty = || std::fs::read_dir(folder).map(|mut files| files.next().is_none());
    if !folder.exists() || is_empty().map_err(failed)? {
        return Ok(());
    }
    if !folder.join("lock").is_file() {
        return Err(DemoError::Unexpected(format!("{} does not look like a data folder of Carillon: it is not deleted", folder.display())));
    }
    std::fs::remove_dir_all(folder).map_err(failed)
}

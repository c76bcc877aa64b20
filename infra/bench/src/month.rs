//! What a month costs, for three sizes: what is metered of each mail, what stands there whether mails are sent or not, and SES.
//!
//! The numbers of alarms, queues, keys, schedules and rules are counted in the templates, so that the table follows them. What a mail takes was metered
//! (`infra/decisions/0005-metered-cost.md`, which a test compares). What neither is metered nor counted is assumed in [`Size`] and [`assumed`], and the
//! table says so.

use std::fmt::Write as _;
use std::path::Path;

use carillon_local::template;
use serde_json::{Map, Value};

use crate::Failure;

/// The operator's documentation, which holds the table.
pub const DOCUMENT: &str = "infra/README.md";
const BEGIN: &str = "<!-- begin: cargo run -p carillon-bench -- month --write -->\n";
const END: &str = "<!-- end -->\n";

/// What a million recipients were metered at with every event, in US dollars: requests, units and records.
const METERED: f64 = 0.537;
/// What more opens and clicks cost that trickle in one by one.
const TRICKLING: f64 = 0.30;
/// Lambda's part of a million recipients.
const METERED_LAMBDA: f64 = 0.013;

/// US dollars, us-east-1; where each stands is in the table of `infra/README.md` below the sums.
mod price {
    /// One standard alarm on one metric, a month.
    pub(super) const ALARM: f64 = 0.10;
    /// One metric of one's own, a month.
    pub(super) const METRIC: f64 = 0.30;
    /// A dashboard beyond the first three of an account, a month.
    pub(super) const DASHBOARD: f64 = 3.0;
    /// A GB of log lines taken in, and one kept for a month.
    pub(super) const LOG: (f64, f64) = (0.50, 0.03);
    /// A key of KMS, a month.
    pub(super) const KEY: f64 = 1.0;
    /// A secret, a month.
    pub(super) const SECRET: f64 = 0.40;
    /// A request to SQS.
    pub(super) const SQS: f64 = 0.40e-6;
    /// An invocation by EventBridge Scheduler.
    pub(super) const SCHEDULE: f64 = 1.0e-6;
    /// An invocation of Lambda, and a GB-second on arm64.
    pub(super) const LAMBDA: (f64, f64) = (0.20e-6, 13.3334e-6);
    /// A request to an HTTP API.
    pub(super) const API: f64 = 1.0e-6;
    /// A request unit of DynamoDB, written and read.
    pub(super) const UNIT: (f64, f64) = (0.625e-6, 0.125e-6);
    /// A GB in a table, in its continuous backup, and in a daily one, a month.
    pub(super) const TABLE: (f64, f64, f64) = (0.25, 0.20, 0.10);
    /// A GB in S3, and in its class for what is read seldom, a month.
    pub(super) const S3: (f64, f64) = (0.023, 0.0125);
    /// The firewall, a rule of it, a month; a request through it, and one through CloudFront.
    pub(super) const EDGE: (f64, f64, f64) = (5.0, 1.0, 0.60e-6 + 1.0e-6);
    /// A mail by SES without a plan.
    pub(super) const MAIL: f64 = 0.10e-3;
    /// A mail by SES under the plan Essentials: up to ten million a month, and what goes beyond.
    pub(super) const ESSENTIALS: (f64, f64) = (0.16e-3, 0.14e-3);
}

/// What is assumed, because nothing meters it.
mod assumed {
    /// Bytes that a contact takes in the tables, with its address records, memberships and records of the trail.
    pub(super) const CONTACT: f64 = 4096.0;
    /// Bytes that a recipient of a campaign takes in the ledger, packed, with its index.
    pub(super) const RECIPIENT: f64 = 256.0;
    /// Events of SES for each mail, and the bytes of one.
    pub(super) const EVENTS: (f64, f64) = (2.4, 1800.0);
    /// Bytes of log for an invocation: the function's line, and Lambda's two.
    pub(super) const LINES: f64 = 2048.0;
    /// Milliseconds of an invocation, and the memory of a function in GB.
    pub(super) const INVOCATION: (f64, f64) = (20.0, 0.25);
    /// Units that a request of the API writes and reads.
    pub(super) const REQUEST: (f64, f64) = (3.0, 10.0);
    /// Months that the ledger, the archive of events and the log are kept.
    pub(super) const MONTHS: (f64, f64, f64) = (12.0, 13.0, 3.0);
    /// Mails for an invocation on the send path, all of its functions together.
    pub(super) const MAILS_OF_INVOCATION: f64 = 20.0;
}

const GB: f64 = 1024.0 * 1024.0 * 1024.0;
/// Minutes of a month of 730 hours.
const MINUTES: f64 = 730.0 * 60.0;
/// Lambda keeps five receives of up to 20 seconds open at each queue, also at one where nothing comes.
const RECEIVES_OF_MINUTE: f64 = 5.0 * 3.0;

/// A company, by what it does in a month.
struct Size {
    mails: f64,
    contacts: f64,
    requests: f64,
}

const SIZES: [Size; 3] = [
    Size { mails: 10_000.0, contacts: 2_500.0, requests: 10_000.0 },
    Size { mails: 1_000_000.0, contacts: 250_000.0, requests: 100_000.0 },
    Size { mails: 20_000_000.0, contacts: 5_000_000.0, requests: 1_000_000.0 },
];

/// What the templates make that costs by standing there.
#[derive(Debug, Default, PartialEq)]
struct Standing {
    alarms: f64,
    filters: f64,
    areas: f64,
    dashboards: f64,
    keys: f64,
    secrets: f64,
    queues: f64,
    invocations: f64,
    rules: f64,
}

/// A line of the bill: what it is, and what it costs each size.
struct Line {
    name: String,
    dollars: [f64; 3],
}

/// Writes the table into the operator's documentation.
pub fn write(root: &Path) -> Result<(), Failure> {
    let file = root.join(DOCUMENT);
    let text = std::fs::read_to_string(&file)?;
    let (before, _, after) = divided(&text)?;
    Ok(std::fs::write(file, format!("{before}{BEGIN}{}{END}{after}", table(root)?))?)
}

/// The text before the table, the table, and the text after it.
fn divided(text: &str) -> Result<(&str, &str, &str), Failure> {
    let (before, rest) = text.split_once(BEGIN).ok_or("the documentation has no place for the table")?;
    let (table, after) = rest.split_once(END).ok_or("the place of the table does not end")?;
    Ok((before, table, after))
}

/// Draws the table in Markdown.
pub fn table(root: &Path) -> Result<String, Failure> {
    let standing = standing(root)?;
    let idle = idle(&standing);
    let used: Vec<Line> = used();
    let mut text =
        String::from("| US dollars a month | 10,000 mails | 1 million mails | 20 million mails |\n| --- | ---: | ---: | ---: |\n");
    for line in idle.iter().chain(&used) {
        row(&mut text, &line.name, line.dollars);
    }
    let own = sum(idle.iter().chain(&used));
    row(&mut text, "**Carillon, without SES**", own);
    let (plain, essentials) = (SIZES.each_ref().map(|size| size.mails * price::MAIL), SIZES.each_ref().map(essentials));
    row(&mut text, "SES without a plan", plain);
    row(&mut text, "SES under Essentials, which new accounts have", essentials);
    row(&mut text, "**all, SES without a plan**", both(own, plain));
    row(&mut text, "**all, SES under Essentials**", both(own, essentials));
    row(&mut text, "besides, with the edge: firewall and CloudFront", edge(&standing));
    Ok(text)
}

fn row(text: &mut String, name: &str, dollars: [f64; 3]) {
    let [small, middle, large] = dollars.map(written);
    // Writing to a text cannot fail.
    let _ = writeln!(text, "| {name} | {small} | {middle} | {large} |");
}

/// Cents below a hundred dollars, whole dollars above.
fn written(dollars: f64) -> String {
    if dollars < 100.0 { format!("{dollars:.2}") } else { format!("{dollars:.0}") }
}

fn sum<'a>(lines: impl Iterator<Item = &'a Line>) -> [f64; 3] {
    lines.fold([0.0; 3], |sum, line| both(sum, line.dollars))
}

fn both(one: [f64; 3], other: [f64; 3]) -> [f64; 3] {
    let mut sums = one;
    sums.iter_mut().zip(other).for_each(|(sum, more)| *sum += more);
    sums
}

/// What it costs that everything stands there.
fn idle(standing: &Standing) -> Vec<Line> {
    let same = |name: String, dollars: f64| Line { name, dollars: [dollars; 3] };
    let metrics = standing.filters + standing.areas * carillon_harness::FIGURES.len() as f64;
    let paid = (standing.dashboards - 3.0).max(0.0);
    let pollers = standing.queues * RECEIVES_OF_MINUTE * MINUTES;
    let seconds = assumed::INVOCATION.0 / 1000.0 * assumed::INVOCATION.1;
    let schedules = standing.invocations * (price::SCHEDULE + price::LAMBDA.0 + seconds * price::LAMBDA.1);
    vec![
        same(format!("{} alarms", standing.alarms), standing.alarms * price::ALARM),
        same(format!("up to {metrics} metrics"), metrics * price::METRIC),
        same(format!("{} dashboards, of which three are free", standing.dashboards), paid * price::DASHBOARD),
        same(
            format!("{} keys of KMS, {} secrets", standing.keys, standing.secrets),
            standing.keys * price::KEY + standing.secrets * price::SECRET,
        ),
        same(format!("Lambda's pollers at {} queues, {:.1} million receives", standing.queues, pollers / 1e6), pollers * price::SQS),
        same(format!("schedules, {:.0} thousand invocations", standing.invocations / 1e3), schedules),
        same("their log lines".to_owned(), log(standing.invocations)),
    ]
}

/// What is paid for what is done.
fn used() -> Vec<Line> {
    let line = |name: &str, of: fn(&Size) -> f64| Line { name: name.to_owned(), dollars: SIZES.each_ref().map(of) };
    vec![
        line("mails: requests, units, records and Lambda, metered", |size| size.mails / 1e6 * (METERED + TRICKLING + METERED_LAMBDA)),
        line("requests to the API, estimated", |size| {
            let seconds = assumed::INVOCATION.0 / 1000.0 * assumed::INVOCATION.1;
            let units = assumed::REQUEST.0 * price::UNIT.0 + assumed::REQUEST.1 * price::UNIT.1;
            size.requests * (price::API + price::LAMBDA.0 + seconds * price::LAMBDA.1 + units)
        }),
        line("log lines, estimated", |size| log(size.requests + size.mails / assumed::MAILS_OF_INVOCATION)),
        line("tables with their backups, estimated", |size| {
            let bytes = size.contacts * assumed::CONTACT + size.mails * assumed::MONTHS.0 * assumed::RECIPIENT;
            bytes / GB * (price::TABLE.0 + price::TABLE.1 + price::TABLE.2)
        }),
        line("archive of events, full after 13 months, estimated", |size| {
            let month = size.mails * assumed::EVENTS.0 * assumed::EVENTS.1 / GB;
            month * (price::S3.0 + (assumed::MONTHS.1 - 1.0) * price::S3.1)
        }),
    ]
}

/// What the log lines of so many invocations cost, taken in and kept.
fn log(invocations: f64) -> f64 {
    invocations * assumed::LINES / GB * (price::LOG.0 + assumed::MONTHS.2 * price::LOG.1)
}

fn essentials(size: &Size) -> f64 {
    let first = size.mails.min(1e7);
    first * price::ESSENTIALS.0 + (size.mails - first) * price::ESSENTIALS.1
}

fn edge(standing: &Standing) -> [f64; 3] {
    SIZES.each_ref().map(|size| price::EDGE.0 + standing.rules * price::EDGE.1 + size.requests * price::EDGE.2)
}

/// Counts what the templates make, with everything that is optional.
fn standing(root: &Path) -> Result<Standing, Failure> {
    let mut standing = Standing::default();
    count(root, "template.yaml", &mut standing)?;
    let edge = template::written(&root.join("infra/edge.yaml"))?;
    let rules = resources(&edge).filter_map(|resource| resource.pointer("/Properties/Rules")?.as_array());
    standing.rules = rules.map(|rules| rules.len() as f64).sum();
    let stages = std::fs::read_to_string(root.join("samconfig.toml"))?;
    standing.secrets = stages.lines().filter(|line| line.contains("resolve:secretsmanager:carillon/production/")).count() as f64;
    Ok(standing)
}

/// Counts a template with those nested in it, each as often as it is named.
fn count(root: &Path, file: &str, standing: &mut Standing) -> Result<(), Failure> {
    let document = template::written(&root.join(file))?;
    for resource in resources(&document) {
        let properties = resource.get("Properties").unwrap_or(&Value::Null);
        match resource.get("Type").and_then(Value::as_str).unwrap_or_default() {
            "AWS::CloudFormation::Stack" => {
                let nested = properties.get("TemplateURL").and_then(Value::as_str).ok_or("a nested stack without a template")?;
                standing.areas += f64::from(nested.ends_with("area.yaml"));
                count(root, nested, standing)?;
            }
            "AWS::CloudWatch::Alarm" => standing.alarms += metrics_of(properties),
            "AWS::CloudWatch::Dashboard" => standing.dashboards += 1.0,
            "AWS::Logs::MetricFilter" => standing.filters += 1.0,
            "AWS::KMS::Key" => standing.keys += 1.0,
            "AWS::Serverless::Function" => events(properties, standing)?,
            _ => {}
        }
    }
    Ok(())
}

fn resources(document: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    document.get("Resources").and_then(Value::as_object).into_iter().flat_map(Map::values)
}

/// Each metric that an alarm looks at is paid for.
fn metrics_of(alarm: &Value) -> f64 {
    let metrics = alarm.get("Metrics").and_then(Value::as_array);
    metrics.map_or(1.0, |metrics| metrics.iter().filter(|metric| metric.get("MetricStat").is_some()).count().max(1) as f64)
}

/// Counts the queues and schedules of a function.
fn events(function: &Value, standing: &mut Standing) -> Result<(), Failure> {
    for event in function.get("Events").and_then(Value::as_object).into_iter().flatten().map(|(_, event)| event) {
        match event.get("Type").and_then(Value::as_str) {
            Some("SQS") => standing.queues += 1.0,
            Some("ScheduleV2") => {
                let rate = event.pointer("/Properties/ScheduleExpression").and_then(Value::as_str).ok_or("a schedule without a rate")?;
                standing.invocations += MINUTES / minutes(rate).ok_or_else(|| format!("a schedule of {rate}"))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// `rate(1 minute)` and the like.
fn minutes(rate: &str) -> Option<f64> {
    let (number, unit) = rate.strip_prefix("rate(")?.strip_suffix(')')?.split_once(' ')?;
    let unit = match unit.trim_end_matches('s') {
        "minute" => 1.0,
        "hour" => 60.0,
        "day" => 1440.0,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prices::{Item, PRICES};

    fn root() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    #[test]
    fn the_documentation_has_the_table_that_this_draws() {
        let text = std::fs::read_to_string(root().join(DOCUMENT)).unwrap();

        let (_, written, _) = divided(&text).unwrap();

        assert_eq!(written, table(&root()).unwrap(), "write it anew: cargo run -p carillon-bench -- month --write");
    }

    #[test]
    fn the_metered_figures_are_those_of_the_decision() {
        let decision = std::fs::read_to_string(root().join("infra/decisions/0005-metered-cost.md")).unwrap();

        let line = decision.lines().find(|line| line.starts_with("| with every event, per million")).unwrap();

        for figure in [METERED, METERED_LAMBDA] {
            assert!(line.contains(&format!("${figure:.3}")), "{figure}: {line}");
        }
        assert!(line.contains(&format!("${TRICKLING:.2}")), "{line}");
    }

    #[test]
    fn prices_that_are_metered_too_are_the_same() {
        let of_million = |item: Item| PRICES.iter().find(|price| price.item == item).unwrap().dollars_of_million;

        let here = [
            (Item::SqsRequest, price::SQS),
            (Item::LambdaInvocation, price::LAMBDA.0),
            (Item::LambdaGigabyteSecond, price::LAMBDA.1),
            (Item::DynamoWriteUnit, price::UNIT.0),
            (Item::DynamoReadUnit, price::UNIT.1),
        ];

        for (item, dollars) in here {
            assert!((of_million(item) - dollars * 1e6).abs() < 1e-9, "{item:?}");
        }
    }

    #[test]
    fn essentials_takes_less_beyond_ten_million() {
        let of = |mails: f64| essentials(&Size { mails, contacts: 0.0, requests: 0.0 });

        assert!((of(1e6) - 160.0).abs() < 1e-6);
        assert!((of(2e7) - 3000.0).abs() < 1e-6);
    }

    #[test]
    fn an_alarm_is_paid_by_the_metrics_that_it_looks_at() {
        let plain = serde_json::json!({ "MetricName": "Errors" });
        let rate = serde_json::json!({ "Metrics": [{ "Expression": "a/b" }, { "MetricStat": {} }, { "MetricStat": {} }] });

        assert!((metrics_of(&plain) - 1.0).abs() < f64::EPSILON);
        assert!((metrics_of(&rate) - 2.0).abs() < f64::EPSILON);
    }

    #[test]
    fn schedules_are_counted_by_their_rates() {
        assert_eq!(minutes("rate(5 minutes)"), Some(5.0));
        assert_eq!(minutes("rate(1 hour)"), Some(60.0));
        assert_eq!(minutes("cron(0 5 * * ? *)"), None);
    }
}

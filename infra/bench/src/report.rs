//! The report, for people as tables, for programs as JSON.

use std::fmt;
use std::path::Path;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::answers::{AnswerReport, Spread};
use crate::cost::Cost;
use crate::deliver::DeliverReport;
use crate::end_to_end::SendReport;
use crate::measure::Measured;
use crate::{prices, stage};

/// The goal for the CPU time of the deliver path, in microseconds per recipient.
const GOAL_CPU_US: f64 = 10.0;
/// The goal for a million recipients from end to end, in seconds.
const GOAL_SECONDS_OF_MILLION: f64 = 60.0;

/// Everything that was measured.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// CPU time and allocations of the deliver path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deliver: Option<DeliverReport>,
    /// Whole campaigns.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sends: Vec<SendReport>,
    /// What they cost.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub costs: Vec<Cost>,
    /// How long answers take for addresses with and without an account.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<AnswerReport>,
}

impl Report {
    /// Writes what was measured to one file a kind: `deliver.json`, `sends.json`, `costs.json`, `answers.json`.
    pub fn keep(&self, folder: &Path) -> Result<(), Failure> {
        std::fs::create_dir_all(folder)?;
        let write = |name: &str, text: serde_json::Result<String>| std::fs::write(folder.join(name), text?);
        if let Some(deliver) = &self.deliver {
            write("deliver.json", serde_json::to_string_pretty(deliver))?;
        }
        if !self.sends.is_empty() {
            write("sends.json", serde_json::to_string_pretty(&self.sends))?;
        }
        if !self.costs.is_empty() {
            write("costs.json", serde_json::to_string_pretty(&self.costs))?;
        }
        if !self.answers.is_empty() {
            write("answers.json", serde_json::to_string_pretty(&self.answers))?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(deliver) = &self.deliver {
            writeln!(formatter, "{}", deliver_table(deliver))?;
        }
        if !self.sends.is_empty() {
            writeln!(formatter, "{}", sends_table(&self.sends))?;
        }
        for cost in &self.costs {
            writeln!(formatter, "{}", cost_table(cost))?;
        }
        if !self.answers.is_empty() {
            writeln!(formatter, "{}", answers_table(&self.answers))?;
        }
        Ok(())
    }
}

fn deliver_table(report: &DeliverReport) -> String {
    let mut table = table(&["deliver path, per recipient", "CPU µs", "best", "allocations", "bytes"]);
    let mut row = |name: &str, measured: &Measured| {
        table.add_row([
            name.to_owned(),
            format!("{:.2}", measured.cpu_us),
            format!("{:.2}", measured.best_cpu_us),
            format!("{:.1}", measured.allocations),
            format!("{:.0}", measured.allocated_bytes),
        ]);
    };
    row("sending-deliver-email, all of it", &report.deliver);
    for step in &report.steps {
        row(&format!("  {}", step.name), &step.measured);
    }
    row("plain SDK: one SendEmail each, nothing else", &report.plain);
    let reached = verdict(report.deliver.cpu_us <= GOAL_CPU_US);
    format!("{table}\nThe plain calls take {:.1} times as much CPU. Goal ≤ {GOAL_CPU_US} µs: {reached}.", report.times_as_cheap)
}

fn sends_table(reports: &[SendReport]) -> String {
    let mut table = table(&["recipients", "seconds", "per second", "worker peak MB", "worker CPU µs", "servers CPU µs"]);
    for report in reports {
        table.add_row([
            report.recipients.to_string(),
            format!("{:.1}", report.seconds),
            format!("{:.0}", report.per_second),
            format!("{:.1}", report.worker_peak_mb),
            format!("{:.1}", report.worker_cpu_us),
            format!("{:.1}", report.servers_cpu_us),
        ]);
    }
    let mut text = format!(
        "{table}\nThe worker process runs the functions only; servers, stand-ins and API are another process. CPU is per recipient."
    );
    if let Some(million) = reports.iter().find(|report| report.recipients == 1_000_000) {
        let reached = verdict(million.seconds <= GOAL_SECONDS_OF_MILLION);
        text.push_str(&format!("\nGoal for a million, about {GOAL_SECONDS_OF_MILLION:.0} s: {reached}."));
    }
    text
}

fn answers_table(reports: &[AnswerReport]) -> String {
    let mut table = table(&["request; 10%, median, 90% in ms", "known address", "unknown address"]);
    let told = |spread: &Spread| format!("{:.1}, {:.1}, {:.1}", spread.tenth_ms, spread.median_ms, spread.nine_tenths_ms);
    for report in reports {
        table.add_row([report.name.clone(), told(&report.known), told(&report.unknown)]);
    }
    table.to_string()
}

fn cost_table(cost: &Cost) -> String {
    let million = format!("$ per million, {}", cost.name);
    let mut table = table(&[&million, "per recipient", "$ per million units", "$"]);
    for line in &cost.lines {
        table.add_row([
            line.name.clone(),
            format!("{:.5}", line.per_recipient),
            format!("{:.3}", line.price),
            format!("{:.4}", line.dollars),
        ]);
    }
    for (function, dollars) in &cost.by_function {
        table.add_row([format!("  of these {function}"), String::new(), String::new(), format!("{dollars:.4}")]);
    }
    let fates = stage::fates();
    let reached = verdict(cost.dollars_of_requests <= cost.goal);
    format!(
        "{table}\nWithout Lambda ${:.3} (goal ≤ ${:.2}: {reached}); Lambda ${:.3} by the times of this machine; SQS at the worst ${:.3};\n\
         opens and clicks at the worst ${:.3} more. Prices of {}, {}.\n\
         Of all mails {:.1} % bounce, {:.1} % bounce softly, {:.1} % are complained about, {:.0} % are opened, {:.0} % are clicked in.",
        cost.dollars_of_requests,
        cost.goal,
        cost.dollars_of_lambda,
        cost.dollars_of_sqs_at_worst,
        cost.dollars_of_readings_at_worst,
        prices::DATE,
        prices::REGION,
        fates.bounce_share * 100.0,
        fates.soft_bounce_share * 100.0,
        fates.complain_share * 100.0,
        fates.open_share * 100.0,
        fates.click_share * 100.0,
    )
}

fn verdict(reached: bool) -> &'static str {
    if reached { "reached" } else { "missed" }
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(header.iter().copied());
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

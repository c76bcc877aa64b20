//! What the demonstration shows: progress bars and tables.

use std::collections::BTreeMap;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::Deserialize;

/// The statistics of a campaign, as the API gives them.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Statistics {
    pub(super) status: String,
    started_at: Option<jiff::Timestamp>,
    finished_at: Option<jiff::Timestamp>,
    pub(super) figures: Option<Figures>,
}

/// The figures of a campaign.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Figures {
    pub(super) audience_complete: bool,
    pub(super) recipients: u64,
    skipped: BTreeMap<String, u64>,
    waiting: u64,
    cancelled: u64,
    pub(super) sent: u64,
    failed: u64,
    suppressed: u64,
    in_doubt: u64,
    #[serde(flatten)]
    reported: BTreeMap<String, u64>,
}

impl Statistics {
    /// Whether nothing more is to be sent.
    pub(super) fn has_ended(&self) -> bool {
        !["draft", "sending", "paused"].contains(&self.status.as_str())
    }

    /// How long it took, in seconds.
    fn seconds(&self) -> Option<f64> {
        let took = self.finished_at?.duration_since(self.started_at?);
        Some(took.as_secs_f64())
    }
}

/// Makes a bar with a label.
pub(super) fn bar(all: &MultiProgress, label: &'static str, length: u64) -> ProgressBar {
    let bar = all.add(ProgressBar::new(length));
    let style = ProgressStyle::with_template("  {prefix:<16} {bar:32.cyan/blue} {pos:>6}/{len:<6} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_prefix(label);
    bar
}

/// Writes the statistics of campaigns side by side.
pub(super) fn campaigns(columns: &[(String, Statistics)]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(std::iter::once(String::new()).chain(columns.iter().map(|(name, _)| name.clone())));
    let none = Figures::default();
    let all: Vec<&Figures> = columns.iter().map(|(_, statistics)| statistics.figures.as_ref().unwrap_or(&none)).collect();
    let mut row = |label: &str, cells: Vec<String>| {
        table.add_row(std::iter::once(label.to_owned()).chain(cells));
    };
    row("status", columns.iter().map(|(_, statistics)| statistics.status.clone()).collect());
    let took = |statistics: &Statistics| statistics.seconds().map_or("not ended".to_owned(), |seconds| format!("{seconds:.1} s"));
    row("time", columns.iter().map(|(_, statistics)| took(statistics)).collect());
    for (label, value) in outcome_rows() {
        row(label, all.iter().map(|figures| value(figures).to_string()).collect());
    }
    for (label, name) in REPORTED {
        let counts: Vec<u64> = all.iter().map(|figures| figures.reported.get(name).copied().unwrap_or(0)).collect();
        if counts.iter().any(|count| *count > 0) {
            row(label, counts.iter().map(u64::to_string).collect());
        }
    }
    let reasons: std::collections::BTreeSet<&String> = all.iter().flat_map(|figures| figures.skipped.keys()).collect();
    for reason in reasons {
        let counts = all.iter().map(|figures| figures.skipped.get(reason).copied().unwrap_or(0).to_string());
        row(&format!("left out: {}", reason.replace('_', " ")), counts.collect());
    }
    (1..=columns.len()).for_each(|place| {
        if let Some(column) = table.column_mut(place) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    });
    table.to_string()
}

type FigureRow = (&'static str, fn(&Figures) -> u64);

fn outcome_rows() -> [FigureRow; 7] {
    [
        ("recipients", |figures| figures.recipients),
        ("sent", |figures| figures.sent),
        ("failed", |figures| figures.failed),
        ("suppressed meanwhile", |figures| figures.suppressed),
        ("in doubt", |figures| figures.in_doubt),
        ("waiting", |figures| figures.waiting),
        ("cancelled", |figures| figures.cancelled),
    ]
}

const REPORTED: [(&str, &str); 11] = [
    ("  delivered", "delivered"),
    ("  bounced for good", "bounced_hard"),
    ("  bounced for now", "bounced_soft"),
    ("  undelivered", "undelivered"),
    ("  rejected", "rejected"),
    ("  complained", "complained"),
    ("  opened", "opened"),
    ("  opened by a machine", "opened_by_machine"),
    ("  clicked", "clicked"),
    ("  clicked by a machine", "clicked_by_machine"),
    ("  unsubscribed", "unsubscribed"),
];

/// Writes pairs of a label and a count.
pub(super) fn counts(rows: &[(&str, u64)]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    for (label, count) in rows {
        table.add_row([(*label).to_owned(), count.to_string()]);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

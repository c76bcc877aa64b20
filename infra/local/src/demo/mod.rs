//! The demonstration: the platform's main job, done through its API as a program outside would do it.
//!
//! Reading order: here the story; [`people`] the file of contacts; `api` the caller; [`account`] what is kept for the next time;
//! `show` the bars and tables.

pub mod account;
pub mod api;
pub mod people;
mod show;

use std::path::Path;
use std::time::Duration;

use carillon_standins::{SesFaults, TwilioFaults};
use indicatif::MultiProgress;
use serde::Deserialize;
use serde_json::json;

pub use account::{Account, Prepared};
pub use api::{Api, DemoError};

use crate::Platform;
use people::TEXTS_TAG;
use show::Statistics;

/// How often the progress is asked for.
const ASK_EVERY: Duration = Duration::from_millis(250);
/// How long an import or a campaign may stand still before the demonstration gives up.
const LONGEST_STILLSTAND: Duration = Duration::from_secs(180);
/// How long the last reports of providers are waited for.
const LONGEST_REPORTS: Duration = Duration::from_secs(60);

const HTML: &str = r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Spring at {{ organization.name }}</title></head>
<body style="margin:0;background:#f4f5f7;font-family:Helvetica,Arial,sans-serif;color:#1c2330">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td align="center" style="padding:32px 16px">
<table role="presentation" width="560" cellpadding="0" cellspacing="0" style="background:#ffffff;border-radius:12px">
<tr><td style="padding:32px">
<h1 style="margin:0 0 16px;font-size:24px">Hello {{ first_name | default("there") }},</h1>
<p style="line-height:1.6">Spring is here, and so is what you asked for. You are on our <strong>{{ plan | default("free") }}</strong> plan{% if plan == "business" %},
so everything below is yours already{% endif %}.</p>
<p><a href="https://www.example.com/spring" style="display:inline-block;background:#0b57d0;color:#ffffff;padding:12px 20px;border-radius:8px;text-decoration:none">See what is new</a></p>
</td></tr></table>
<p style="font-size:12px;color:#5a6477">{{ organization.name }} &middot; <a href="{{ unsubscribe_url }}" style="color:#5a6477">Unsubscribe</a></p>
</td></tr></table>
</body>
</html>
"#;
const SUBJECT: &str = r#"{{ first_name | default("Hello") }}, spring is here"#;
const TEXT_MESSAGE: &str =
    r#"Hi {{ first_name | default("there") }}, spring is here: https://example.com/s - {{ organization.name }}. Reply STOP to end."#;

#[derive(Deserialize)]
struct Made {
    id: String,
}

#[derive(Deserialize)]
struct NewImport {
    id: String,
    upload: Upload,
}

#[derive(Deserialize)]
struct Upload {
    url: String,
}

#[derive(Deserialize)]
struct Import {
    status: String,
    progress_percent: u8,
    counts: Rows,
}

#[derive(Deserialize)]
struct Rows {
    rows: u64,
    created: u64,
    updated: u64,
    unchanged: u64,
    duplicate_in_file: u64,
    rejected: u64,
}

#[derive(Deserialize)]
struct Campaigns {
    data: Vec<CampaignSummary>,
}

#[derive(Deserialize)]
struct CampaignSummary {
    id: String,
    name: String,
}

/// Tells the whole story, and prints it.
///
/// # Errors
/// [`DemoError`] when the platform, or the API, does not do what it must.
pub async fn run(platform: &Platform, folder: &Path, contacts: usize) -> Result<(), DemoError> {
    let mut account = Account::open(platform, folder).await?;
    let api = Api::new(platform.url(), account.key())?;
    let prepared = match account.prepared.clone() {
        Some(prepared) => {
            println!("The contacts are there from the last time. What was sent until now:\n");
            show_earlier(&api).await?;
            prepared
        }
        None => {
            give_fates(platform)?;
            let prepared = prepare(&api, contacts).await?;
            account.prepared = Some(prepared.clone());
            account.keep(folder)?;
            prepared
        }
    };
    send_both(platform, &api, &prepared).await
}

/// Lets some mails bounce, be complained about, opened and clicked, as in life.
fn give_fates(platform: &Platform) -> Result<(), DemoError> {
    let failed = |error| DemoError::File("the knobs of the stand-ins".to_owned(), error);
    let mail = SesFaults {
        bounce_share: 0.012,
        soft_bounce_share: 0.008,
        complain_share: 0.002,
        open_share: 0.38,
        open_delay_ms: 300,
        click_share: 0.07,
        click_delay_ms: 200,
        ..SesFaults::default()
    };
    platform.standins().set_ses_faults(mail).map_err(failed)?;
    let texts = TwilioFaults { undelivered_share: 0.03, failed_share: 0.01, ..TwilioFaults::default() };
    platform.standins().set_twilio_faults(texts).map_err(failed)
}

async fn prepare(api: &Api, contacts: usize) -> Result<Prepared, DemoError> {
    println!("Files that cannot be read are refused with the reason:\n");
    refuse(api, "UTF-16", people::utf16()).await?;
    refuse(api, "Latin-1", people::latin1()).await?;

    let list: Made = api.post("/v1/lists", json!({ "name": "Newsletter" })).await?;
    println!("\nImporting {contacts} rows as the world writes them:\n");
    import(api, &list.id, contacts).await?;

    let email_sender =
        json!({ "channel": "email", "address": "news@example.com", "name": "Carillon News", "reply_to": "hello@example.com" });
    let sms_sender = json!({ "channel": "sms", "address": "+15005550006", "name": "Carillon" });
    let email_template = json!({ "name": "Spring mail", "channel": "email", "content": { "subject": SUBJECT, "html": HTML, "preheader": "What you asked for is here." } });
    let sms_template = json!({ "name": "Spring text", "channel": "sms", "content": { "body": TEXT_MESSAGE } });
    Ok(Prepared {
        list: list.id,
        email_sender: api.post::<Made>("/v1/senders", email_sender).await?.id,
        sms_sender: api.post::<Made>("/v1/senders", sms_sender).await?.id,
        email_template: api.post::<Made>("/v1/templates", email_template).await?.id,
        sms_template: api.post::<Made>("/v1/templates", sms_template).await?.id,
    })
}

/// Uploads a file that must be refused, and shows why it was.
async fn refuse(api: &Api, encoding: &str, file: Vec<u8>) -> Result<(), DemoError> {
    let import: NewImport = api.post("/v1/imports", json!({})).await?;
    api.upload(&import.upload.url, file).await?;
    match api.post::<serde_json::Value>(&format!("/v1/imports/{}/start", import.id), json!({})).await {
        Err(DemoError::Refused { problem, .. }) => {
            println!("  {encoding:<8} {problem}");
            Ok(())
        }
        Err(other) => Err(other),
        Ok(_) => Err(DemoError::Unexpected(format!("a file in {encoding} was not refused"))),
    }
}

async fn import(api: &Api, list: &str, contacts: usize) -> Result<(), DemoError> {
    let import: NewImport = api.post("/v1/imports", json!({})).await?;
    api.upload(&import.upload.url, people::csv(contacts)).await?;
    let options = json!({
        "mapping": {
            "Country": "attributes.country",
            "Plan": "attributes.plan",
            "Customer since": "attributes.customer_since:date",
            "Notes": "attributes.notes",
        },
        "default_region": "GB",
        "consent": { "email": "demonstration", "sms": "demonstration" },
        "list_ids": [list],
    });
    let _: serde_json::Value = api.post(&format!("/v1/imports/{}/start", import.id), options).await?;
    let bars = MultiProgress::new();
    let bar = show::bar(&bars, "contacts", 0);
    let mut patience = Patience::new();
    let done = loop {
        let now: Import = api.get(&format!("/v1/imports/{}", import.id)).await?;
        // Until the end the number of rows is a guess from the bytes that are done.
        bar.set_length(now.counts.rows * 100 / u64::from(now.progress_percent.max(1)));
        bar.set_position(now.counts.rows);
        bar.set_message(format!("{} rejected", now.counts.rejected));
        match now.status.as_str() {
            "completed" => break now.counts,
            "failed" => return Err(DemoError::Unexpected("the import failed".to_owned())),
            _ => patience.wait(now.counts.rows, "the import").await?,
        }
    };
    bar.finish();
    let rows = [
        ("rows", done.rows),
        ("contacts created", done.created),
        ("updated", done.updated),
        ("unchanged", done.unchanged),
        ("duplicates, merged", done.duplicate_in_file),
        ("rejected, with reasons", done.rejected),
    ];
    println!("{}", show::counts(&rows));
    println!("The rejected rows: GET /v1/imports/{}/rejected", import.id);
    Ok(())
}

async fn send_both(platform: &Platform, api: &Api, prepared: &Prepared) -> Result<(), DemoError> {
    println!("\nSending an email campaign to the list and an SMS campaign to the tag {TEXTS_TAG}:\n");
    let email = json!({
        "name": "Spring by mail", "channel": "email", "template_id": prepared.email_template,
        "sender_id": prepared.email_sender, "audience": { "lists": [prepared.list] },
    });
    let sms = json!({
        "name": "Spring by text", "channel": "sms", "template_id": prepared.sms_template,
        "sender_id": prepared.sms_sender, "audience": { "tags": [TEXTS_TAG] },
    });
    let email: Made = api.post("/v1/campaigns", email).await?;
    let sms: Made = api.post("/v1/campaigns", sms).await?;
    for campaign in [&email, &sms] {
        let _: serde_json::Value = api.post(&format!("/v1/campaigns/{}/send", campaign.id), json!({})).await?;
    }
    let bars = MultiProgress::new();
    let (by_mail, by_text) = tokio::join!(follow(api, &email.id, (&bars, "mails")), follow(api, &sms.id, (&bars, "texts")));
    by_mail.and(by_text)?;
    if let Err(unsettled) = platform.settle_within(LONGEST_REPORTS).await {
        println!("  (not all reports of the providers have come yet: {unsettled})");
    }
    let columns = vec![("email".to_owned(), statistics(api, &email.id).await?), ("SMS".to_owned(), statistics(api, &sms.id).await?)];
    println!("{}", show::campaigns(&columns));
    Ok(())
}

/// Shows a campaign's progress until it has ended.
async fn follow(api: &Api, campaign: &str, (bars, label): (&MultiProgress, &'static str)) -> Result<(), DemoError> {
    let bar = show::bar(bars, label, 0);
    let mut patience = Patience::new();
    loop {
        let now = statistics(api, campaign).await?;
        if let Some(figures) = &now.figures {
            bar.set_length(figures.recipients);
            bar.set_position(figures.sent);
            bar.set_message(if figures.audience_complete { "" } else { "planning" });
        }
        if now.has_ended() {
            bar.finish();
            return Ok(());
        }
        let progress = now.figures.map_or(0, |figures| figures.sent + figures.recipients);
        patience.wait(progress, "a campaign").await?;
    }
}

async fn statistics(api: &Api, campaign: &str) -> Result<Statistics, DemoError> {
    api.get(&format!("/v1/campaigns/{campaign}/statistics")).await
}

async fn show_earlier(api: &Api) -> Result<(), DemoError> {
    let campaigns: Campaigns = api.get("/v1/campaigns?limit=4").await?;
    let mut columns = Vec::new();
    for campaign in campaigns.data {
        columns.push((campaign.name, statistics(api, &campaign.id).await?));
    }
    println!("{}", show::campaigns(&columns));
    Ok(())
}

/// Waits between two looks at something, and gives up when it stands still for too long.
struct Patience {
    progress: u64,
    since: tokio::time::Instant,
}

impl Patience {
    fn new() -> Self {
        Self { progress: 0, since: tokio::time::Instant::now() }
    }

    async fn wait(&mut self, progress: u64, what: &str) -> Result<(), DemoError> {
        if progress != self.progress {
            *self = Self { progress, since: tokio::time::Instant::now() };
        }
        if self.since.elapsed() > LONGEST_STILLSTAND {
            return Err(DemoError::Unexpected(format!("{what} stands still: see the log")));
        }
        tokio::time::sleep(ASK_EVERY).await;
        Ok(())
    }
}

//! The campaign that all runs send: an ordinary mail of marketing, to a list, prepared through the API.

use std::path::Path;

use carillon_contracts::{CampaignId, ListId, OrganizationId};
use carillon_local::demo::Api;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::stage::Stage;
use crate::{Failure, people};

/// Its texts: about 2 KB, with two fields of the contact, the organization's name and the link to unsubscribe.
const SUBJECT: &str = r#"{{ first_name | default("Hello") }}, spring is here"#;
const HTML: &str = r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Spring at {{ organization.name }}</title></head>
<body style="margin:0;background:#f4f5f7;font-family:Helvetica,Arial,sans-serif;color:#1c2330">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td align="center" style="padding:32px 16px">
<table role="presentation" width="560" cellpadding="0" cellspacing="0" style="background:#ffffff;border-radius:12px">
<tr><td style="padding:32px">
<h1 style="margin:0 0 16px;font-size:24px">Hello {{ first_name | default("there") }} {{ last_name | default("") }},</h1>
<p style="line-height:1.6">Spring is here, and so is what you asked for. We have worked on it all winter, and we think that you will like what
has become of it: everything is quicker, quieter and a little greener than it was, and nothing that you are used to has gone.</p>
<p><a href="https://www.example.com/spring" style="display:inline-block;background:#0b57d0;color:#ffffff;padding:12px 20px;border-radius:8px;text-decoration:none">See what is new</a></p>
</td></tr></table>
<p style="font-size:12px;color:#5a6477">{{ organization.name }} &middot; <a href="{{ unsubscribe_url }}" style="color:#5a6477">Unsubscribe</a></p>
</td></tr></table>
</body>
</html>
"#;

/// A campaign that may be sent.
#[derive(Debug, Clone, Copy)]
pub struct Prepared {
    /// The organization.
    pub organization: OrganizationId,
    /// The campaign.
    pub campaign: CampaignId,
}

/// What the API tells of a campaign.
#[derive(Debug, Clone, Deserialize)]
pub struct Statistics {
    /// The status.
    pub status: String,
    /// The figures; none for a draft.
    pub figures: Option<Figures>,
}

/// The figures of a campaign.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Figures {
    /// All recipients.
    pub recipients: u64,
    /// Those that the provider took.
    pub sent: u64,
}

#[derive(Deserialize)]
struct Made<Id> {
    id: Id,
}

impl Statistics {
    /// Whether nothing more is to be sent.
    pub fn has_ended(&self) -> bool {
        !["draft", "sending", "paused"].contains(&self.status.as_str())
    }
}

/// Makes a list of so many contacts, a sender, a template and a campaign; `told` hears how many contacts are written.
pub async fn prepare(stage: &Stage, contacts: u64, told: impl Fn(u64)) -> Result<Prepared, Failure> {
    let api = stage.api()?;
    let organization: Made<OrganizationId> = api.get("/v1/organization").await?;
    let list: ListId = make(&api, "lists", json!({ "name": "Everybody" })).await?;
    people::write(&stage.setup_of("contacts-create")?, (organization.id, list), contacts, told).await?;
    let sender = json!({ "channel": "email", "address": "news@example.com", "name": "Carillon News", "reply_to": "hello@example.com" });
    let sender: Value = make(&api, "senders", sender).await?;
    let template = json!({ "name": "Spring", "channel": "email", "content": { "subject": SUBJECT, "html": HTML } });
    let template: Value = make(&api, "templates", template).await?;
    let campaign =
        json!({ "name": "Spring", "channel": "email", "template_id": template, "sender_id": sender, "audience": { "lists": [list] } });
    Ok(Prepared { organization: organization.id, campaign: make(&api, "campaigns", campaign).await? })
}

/// Starts the campaign.
pub async fn send(api: &Api, campaign: CampaignId) -> Result<(), Failure> {
    let _: Value = api.post(&format!("/v1/campaigns/{campaign}/send"), json!({})).await?;
    Ok(())
}

/// Asks how the campaign goes.
pub async fn statistics(api: &Api, campaign: CampaignId) -> Result<Statistics, Failure> {
    Ok(api.get(&format!("/v1/campaigns/{campaign}/statistics")).await?)
}

async fn make<Id: DeserializeOwned>(api: &Api, things: &str, body: Value) -> Result<Id, Failure> {
    Ok(api.post::<Made<Id>>(&format!("/v1/{things}"), body).await?.id)
}

/// Makes an empty folder for a run's data.
pub fn empty_folder(out: &Path, name: &str) -> Result<std::path::PathBuf, Failure> {
    let folder = out.join("data").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

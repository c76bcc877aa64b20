//! The outbox for people: plain HTML, nothing loaded from elsewhere.

use std::{
    fmt::{self, Display, Formatter},
    sync::Arc,
};

use super::{OutboxCounts, OutboxPage, OutboxQuery};
use crate::record::{Channel, Email, Message, Sms};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1c2330}\
a{color:#0b57d0;text-decoration:none}a:hover{text-decoration:underline}h1{font-size:1.4rem}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #e3e6ec;\
vertical-align:top;overflow-wrap:anywhere}th{color:#5a6477;font-weight:600;min-width:8rem}\
form{display:flex;gap:.5rem;flex-wrap:wrap;margin:1rem 0}input,select,button{font:inherit;padding:.3rem .5rem;\
border:1px solid #c8cdd8;border-radius:6px;background:#fff}iframe{width:100%;height:32rem;border:1px solid #e3e6ec;\
border-radius:6px;background:#fff}pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f5f6f9;padding:1rem;border-radius:6px}\
.counts{color:#5a6477}.warn{color:#b3261e;font-weight:600}";

/// Text that is escaped for HTML when it is shown.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => formatter.write_str("&amp;")?,
                '<' => formatter.write_str("&lt;")?,
                '>' => formatter.write_str("&gt;")?,
                '"' => formatter.write_str("&quot;")?,
                '\'' => formatter.write_str("&#39;")?,
                other => write!(formatter, "{other}")?,
            }
        }
        Ok(())
    }
}

/// The campaigns that sent anything.
pub(super) struct Campaigns<'a> {
    /// The tag that names a campaign.
    pub(super) tag: &'a str,
    /// Their counts.
    pub(super) counts: &'a [(Channel, Arc<str>, OutboxCounts)],
}

/// The list of the newest messages.
pub(super) fn list(query: &OutboxQuery, page: &OutboxPage, campaigns: &Campaigns<'_>) -> String {
    let rows: String = page.items.iter().map(|message| row(message, campaigns.tag)).collect();
    let older = page.next_cursor.map(|cursor| older_link(query, cursor)).unwrap_or_default();
    let body = format!(
        "<h1>Outbox</h1>{}{}{}<table><tr><th>Time (UTC)<th>Channel<th>To<th>Subject or text<th>Campaign</tr>{rows}\
         </table>{older}",
        filter(query),
        counts(page.counts),
        campaign_table(campaigns.counts),
    );
    document("Outbox", &body)
}

/// One message.
pub(super) fn view(message: &Message) -> String {
    let body = match message {
        Message::Email(email) => email_view(email),
        Message::Sms(sms) => sms_view(sms),
    };
    document("Message", &format!("<p><a href=\"/_outbox\">Outbox</a></p>{body}"))
}

fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style><body>{body}</body></html>"
    )
}

fn filter(query: &OutboxQuery) -> String {
    let value = |text: &Option<String>| Escaped(text.as_deref().unwrap_or_default()).to_string();
    let option = |name: &str, channel: Option<Channel>, label: &str| {
        let selected = if query.channel == channel { " selected" } else { "" };
        format!("<option value=\"{name}\"{selected}>{label}</option>")
    };
    format!(
        "<form><input name=\"campaign\" placeholder=\"Campaign\" value=\"{}\"><input name=\"to\" placeholder=\"Recipient, \
         * for any text\" value=\"{}\"><select name=\"channel\">{}{}{}</select><button>Filter</button></form>",
        value(&query.campaign),
        value(&query.to),
        option("", None, "All channels"),
        option("email", Some(Channel::Email), "Email"),
        option("sms", Some(Channel::Sms), "SMS"),
    )
}

fn counts(counts: OutboxCounts) -> String {
    let OutboxCounts { total, distinct, duplicates } = counts;
    let class = if duplicates > 0 { "warn" } else { "counts" };
    format!("<p class=\"counts\">{total} messages, {distinct} distinct, <span class=\"{class}\">{duplicates} duplicates</span></p>")
}

fn campaign_table(campaigns: &[(Channel, Arc<str>, OutboxCounts)]) -> String {
    if campaigns.is_empty() {
        return String::new();
    }
    let row = |(channel, name, counts): &(Channel, Arc<str>, OutboxCounts)| {
        let link = serde_urlencoded::to_string([("campaign", &**name)]).unwrap_or_default();
        format!(
            "<tr><td><a href=\"/_outbox?{}\">{}</a><td>{}<td>{}<td>{}<td>{}</tr>",
            Escaped(&link),
            Escaped(name),
            channel_name(*channel),
            counts.total,
            counts.distinct,
            counts.duplicates
        )
    };
    let rows: String = campaigns.iter().map(row).collect();
    format!(
        "<details><summary>Campaigns</summary><table><tr><th>Campaign<th>Channel<th>Messages<th>Distinct<th>Duplicates\
         </tr>{rows}</table></details>"
    )
}

fn row(message: &Message, campaign_tag: &str) -> String {
    let (id, at, channel, to, text, campaign) = match message {
        Message::Email(email) => (
            &email.message_id,
            email.accepted_at,
            "Email",
            email.to.join(", "),
            email.subject.as_str(),
            email.tag(campaign_tag).unwrap_or_default(),
        ),
        Message::Sms(sms) => {
            let channel = if sms.direction == "inbound" { "SMS, inbound" } else { "SMS" };
            (&sms.sid, sms.accepted_at, channel, sms.to.clone(), sms.body.as_str(), sms.campaign.as_deref().unwrap_or_default())
        }
    };
    let text = if text.is_empty() { "(no text)" } else { text };
    format!(
        "<tr><td>{}<td>{channel}<td>{}<td><a href=\"/_outbox/{id}\">{}</a><td>{}</tr>",
        at.strftime("%Y-%m-%d %H:%M:%S"),
        Escaped(&to),
        Escaped(text),
        Escaped(campaign)
    )
}

fn older_link(query: &OutboxQuery, cursor: u64) -> String {
    let mut pairs = vec![("cursor", cursor.to_string()), ("limit", query.limit.to_string())];
    pairs.extend(query.campaign.clone().map(|campaign| ("campaign", campaign)));
    pairs.extend(query.to.clone().map(|to| ("to", to)));
    pairs.extend(query.channel.map(|channel| ("channel", channel_name(channel).to_ascii_lowercase())));
    let link = serde_urlencoded::to_string(pairs).unwrap_or_default();
    format!("<p><a href=\"/_outbox?{}\">Older</a></p>", Escaped(&link))
}

fn channel_name(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "Email",
        Channel::Sms => "SMS",
    }
}

fn email_view(email: &Email) -> String {
    let mut rows = field("From", &email.from) + &field("To", &email.to.join(", "));
    for (name, addresses) in [("Cc", &email.cc), ("Bcc", &email.bcc), ("Reply to", &email.reply_to)] {
        if !addresses.is_empty() {
            rows += &field(name, &addresses.join(", "));
        }
    }
    rows += &field("Accepted", &email.accepted_at.to_string());
    rows += &field("Message id", &email.message_id);
    rows += &field("Configuration set", email.configuration_set.as_deref().unwrap_or("none"));
    rows.extend(email.headers.iter().map(|header| field(&header.name, &header.value)));
    rows.extend(email.tags.iter().map(|tag| field(&format!("Tag {}", tag.name), &tag.value)));
    rows.extend(email.rendering_failure.iter().map(|reason| field("Rendering failure", reason)));
    let frame = |html: &String| format!("<h2>HTML</h2><iframe sandbox srcdoc=\"{}\"></iframe>", Escaped(html));
    let html = email.html.as_ref().map(frame).unwrap_or_default();
    let text = email.text.as_ref().map(|text| format!("<h2>Text</h2><pre>{}</pre>", Escaped(text))).unwrap_or_default();
    format!("<h1>{}</h1><table>{rows}</table>{html}{text}", Escaped(&email.subject))
}

fn sms_view(sms: &Sms) -> String {
    let mut rows = field("From", &sms.from) + &field("To", &sms.to) + &field("Direction", &sms.direction);
    rows += &field("Accepted", &sms.accepted_at.to_string());
    rows += &field("Message SID", &sms.sid);
    rows += &field("Status", &sms.status);
    rows += &field("Segments", &sms.segments.to_string());
    rows.extend(sms.error_code.iter().map(|code| field("Error code", &code.to_string())));
    rows.extend(sms.messaging_service_sid.iter().map(|sid| field("Messaging service", sid)));
    rows.extend(sms.campaign.iter().map(|campaign| field("Campaign", campaign)));
    format!("<h1>SMS</h1><table>{rows}</table><pre>{}</pre>", Escaped(&sms.body))
}

fn field(name: &str, value: &str) -> String {
    format!("<tr><th>{}<td>{}</tr>", Escaped(name), Escaped(value))
}

//! The shapes of SES's events (developer guide, "Contents of event data that Amazon SES publishes to Amazon SNS").

use serde::{Serialize, Serializer};

use super::check::{address, domain};
use crate::{config::SesConfig, record::Email};

/// Where everything on this machine comes from.
pub(super) const LOCAL_IP: &str = "127.0.0.1";

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body<'a> {
    pub(super) event_type: &'static str,
    pub(super) mail: Mail<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) send: Option<Empty>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) delivery: Option<Delivery<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) open: Option<Reading<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) click: Option<Reading<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bounce: Option<Bounce<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) complaint: Option<Complaint<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reject: Option<Reject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<Failure<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) delivery_delay: Option<DeliveryDelay<'a>>,
}

#[derive(Serialize)]
pub(super) struct Empty {}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Delivery<'a> {
    pub(super) timestamp: String,
    pub(super) processing_time_millis: i128,
    pub(super) recipients: [&'a str; 1],
    pub(super) smtp_response: &'static str,
    #[serde(rename = "reportingMTA")]
    pub(super) reporting_mta: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reading<'a> {
    pub(super) ip_address: &'static str,
    pub(super) timestamp: String,
    pub(super) user_agent: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) link: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bounce<'a> {
    pub(super) bounce_type: &'static str,
    pub(super) bounce_sub_type: &'static str,
    pub(super) bounced_recipients: [BouncedRecipient<'a>; 1],
    pub(super) timestamp: String,
    pub(super) feedback_id: String,
    #[serde(rename = "reportingMTA")]
    pub(super) reporting_mta: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BouncedRecipient<'a> {
    pub(super) email_address: &'a str,
    pub(super) action: &'static str,
    pub(super) status: &'static str,
    pub(super) diagnostic_code: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Complaint<'a> {
    pub(super) complained_recipients: [ComplainedRecipient<'a>; 1],
    pub(super) timestamp: String,
    pub(super) feedback_id: String,
    pub(super) user_agent: &'static str,
    pub(super) complaint_feedback_type: &'static str,
    pub(super) arrival_date: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ComplainedRecipient<'a> {
    pub(super) email_address: &'a str,
}

#[derive(Serialize)]
pub(super) struct Reject {
    pub(super) reason: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Failure<'a> {
    pub(super) error_message: &'a str,
    pub(super) template_name: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeliveryDelay<'a> {
    pub(super) timestamp: String,
    pub(super) delay_type: &'static str,
    pub(super) expiration_time: String,
    pub(super) delayed_recipients: [DelayedRecipient<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DelayedRecipient<'a> {
    pub(super) email_address: &'a str,
    pub(super) status: &'static str,
    pub(super) diagnostic_code: &'static str,
}

/// The `mail` object of every event.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Mail<'a> {
    pub(super) timestamp: String,
    pub(super) source: &'a str,
    pub(super) source_arn: String,
    pub(super) sending_account_id: &'a str,
    pub(super) message_id: &'a str,
    pub(super) destination: Vec<&'a str>,
    pub(super) headers_truncated: bool,
    pub(super) headers: Vec<MailHeader<'a>>,
    pub(super) common_headers: CommonHeaders<'a>,
    pub(super) tags: Tags<'a>,
}

#[derive(Serialize)]
pub(super) struct MailHeader<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CommonHeaders<'a> {
    pub(super) from: [&'a str; 1],
    pub(super) to: &'a [String],
    pub(super) message_id: &'a str,
    pub(super) subject: &'a str,
}

/// Tags as SES writes them: each value a list.
#[derive(Default)]
pub(super) struct Tags<'a>(Vec<(&'a str, [&'a str; 1])>);

impl Serialize for Tags<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'a> Mail<'a> {
    pub(super) fn new(email: &'a Email, account: &'a SesConfig) -> Self {
        let header = |name, value| MailHeader { name, value };
        let mut headers = vec![header("From", &email.from)];
        headers.extend(email.to.iter().map(|to| header("To", to)));
        headers.extend([header("Subject", &email.subject), header("MIME-Version", "1.0")]);
        headers.extend(email.headers.iter().map(|custom| header(&custom.name, &custom.value)));
        Self {
            timestamp: format!("{:.3}", email.accepted_at),
            source: &email.from,
            source_arn: format!("arn:aws:ses:{}:{}:identity/{}", account.region, account.account_id, domain(&email.from)),
            sending_account_id: &account.account_id,
            message_id: &email.message_id,
            destination: email.recipients().map(|recipient| address(recipient)).collect(),
            headers_truncated: false,
            headers,
            common_headers: CommonHeaders { from: [&email.from], to: &email.to, message_id: &email.message_id, subject: &email.subject },
            tags: Tags::new(email),
        }
    }
}

impl<'a> Tags<'a> {
    fn new(email: &'a Email) -> Self {
        let mut tags = Vec::with_capacity(email.tags.len() + 4);
        tags.extend(email.configuration_set.as_deref().map(|set| ("ses:configuration-set", [set])));
        tags.push(("ses:source-ip", [LOCAL_IP]));
        tags.push(("ses:from-domain", [domain(&email.from)]));
        tags.push(("ses:caller-identity", ["carillon"]));
        tags.extend(email.tags.iter().map(|tag| (tag.name.as_str(), [tag.value.as_str()])));
        Self(tags)
    }
}

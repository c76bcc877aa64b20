//! The calls.

use std::time::Duration;

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::Builder;
use aws_sdk_sesv2::error::ProvideErrorMetadata;
use aws_sdk_sesv2::types::BulkEmailEntryResult;
use aws_smithy_types::error::operation::BuildError;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use carillon_kernel::{Meter, Setup, SetupError};

use crate::bulk::{self, BulkEmail, BulkEntry, Content};
use crate::{CallFailure, EntryOutcome};

/// How long a call may take; a lease on what it sends must be longer.
pub const TIME_OUT: Duration = Duration::from_secs(20);

const CONNECT_TIME_OUT: Duration = Duration::from_secs(3);

/// What the account may send.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Account {
    /// Recipients per second.
    pub max_send_rate: f64,
    /// Recipients in 24 hours; nothing when there is no limit.
    pub max_24_hour: Option<f64>,
    /// Recipients in the last 24 hours.
    pub sent_24_hour: f64,
    /// Whether sending is enabled.
    pub sending_enabled: bool,
}

/// SES, in the setup's region.
#[derive(Debug, Clone)]
pub struct Ses {
    client: Client,
    meter: Meter,
}

impl Ses {
    /// Makes the client whose calls may take [`TIME_OUT`].
    ///
    /// # Errors
    /// [`SetupError`] when the region or the credentials are missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Self::with_time_out(setup, TIME_OUT)
    }

    /// Makes the client whose calls may take so long, from beginning to end.
    ///
    /// # Errors
    /// [`SetupError`] when the region or the credentials are missing.
    pub fn with_time_out(setup: &Setup, time_out: Duration) -> Result<Self, SetupError> {
        let config = carillon_aws::config(setup, "SESV2")?;
        let endpoint = carillon_aws::endpoint(setup, "SESV2").unwrap_or_default();
        let time_outs = TimeoutConfig::builder().connect_timeout(CONNECT_TIME_OUT.min(time_out)).operation_timeout(time_out).build();
        let client = setup.shared(&format!("{endpoint} {time_out:?}"), || {
            let once = RetryConfig::standard().with_max_attempts(1);
            Client::from_conf(Builder::from(&config).retry_config(once).timeout_config(time_outs).build())
        });
        Ok(Self { client, meter: setup.meter() })
    }

    /// Sends a mail to 1 to 50 recipients with one call, made once; gives one outcome for each entry, in their order.
    ///
    /// # Errors
    /// [`CallFailure`] when the call as a whole failed: it says whether nothing was sent or whether that is in doubt.
    pub async fn send_bulk(&self, email: BulkEmail) -> Result<Vec<EntryOutcome>, CallFailure> {
        let wanted = email.entries.len();
        let unbuildable = |_: BuildError| CallFailure::unbuildable();
        let BulkEmail { subject, html, text, default_data, headers, .. } = email;
        let content = Content { subject, html, text, default_data, headers }.into_wire().map_err(unbuildable)?;
        let entries = email.entries.into_iter().map(BulkEntry::into_wire).collect::<Result<Vec<_>, _>>().map_err(unbuildable)?;
        let request = self
            .client
            .send_bulk_email()
            .from_email_address(email.from)
            .set_reply_to_addresses(email.reply_to.map(|address| vec![address]))
            .set_configuration_set_name(email.configuration_set)
            .set_default_email_tags(bulk::tags(email.tags).map_err(unbuildable)?)
            .default_content(content)
            .set_bulk_email_entries(Some(entries));
        self.meter.request("ses.SendBulkEmail");
        let answer = request.send().await.map_err(|error| CallFailure::of(&error))?;
        outcomes(answer.bulk_email_entry_results, wanted)
    }

    /// Asks what the account may send.
    ///
    /// # Errors
    /// [`CallFailure`] when SES does not say.
    pub async fn account(&self) -> Result<Account, CallFailure> {
        self.meter.request("ses.GetAccount");
        let answer = self.client.get_account().send().await.map_err(|error| CallFailure::of(&error))?;
        let quota = answer.send_quota().ok_or(CallFailure::InDoubt { cause: "unreadable answer" })?;
        Ok(Account {
            max_send_rate: quota.max_send_rate(),
            max_24_hour: Some(quota.max24_hour_send()).filter(|limit| *limit >= 0.0),
            sent_24_hour: quota.sent_last24_hours(),
            sending_enabled: answer.sending_enabled(),
        })
    }

    /// Tells whether mail may be sent from an address or a domain: it is verified itself, or its domain is, or one above it
    /// (<https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html>).
    ///
    /// # Errors
    /// [`CallFailure`] when SES does not say.
    pub async fn identity_verified(&self, address_or_domain: &str) -> Result<bool, CallFailure> {
        for identity in identities(address_or_domain) {
            self.meter.request("ses.GetEmailIdentity");
            match self.client.get_email_identity().email_identity(identity).send().await {
                Ok(found) if found.verified_for_sending_status() => return Ok(true),
                Ok(_) => {}
                Err(error) if error.code() == Some("NotFoundException") => {}
                Err(error) => return Err(CallFailure::of(&error)),
            }
        }
        Ok(false)
    }
}

/// An answer with another number of results cannot be matched to the entries.
fn outcomes(results: Vec<BulkEmailEntryResult>, wanted: usize) -> Result<Vec<EntryOutcome>, CallFailure> {
    if results.len() != wanted {
        return Err(CallFailure::InDoubt { cause: "another number of results than entries" });
    }
    Ok(results.into_iter().map(EntryOutcome::of).collect())
}

/// The identities that allow an address, the narrowest first: itself, its domain, the domains above that have two labels or more.
fn identities(address_or_domain: &str) -> Vec<&str> {
    let mut all = vec![address_or_domain];
    let mut rest = address_or_domain.split_once('@').map(|(_, domain)| domain).or_else(|| above(address_or_domain));
    while let Some(domain) = rest {
        all.push(domain);
        rest = above(domain);
    }
    all
}

fn above(domain: &str) -> Option<&str> {
    domain.split_once('.').map(|(_, rest)| rest).filter(|rest| rest.contains('.'))
}

#[cfg(test)]
mod tests;

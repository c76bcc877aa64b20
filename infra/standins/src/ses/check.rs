//! What SES refuses of a single mail.

use std::borrow::Cow;

use axum::http::StatusCode;

use super::wire::SesError;
use crate::{
    config::SesConfig,
    record::{Email, Header, Tag},
};

/// Recipients of one mail, at most (SES quotas, "Maximum number of recipients per message").
const RECIPIENTS_MAX: usize = 50;
/// Headers of one mail, at most (API reference, `Message`).
const HEADERS_MAX: usize = 15;
/// Length of a mail, at most (SES quotas, "Maximum message size").
const MESSAGE_BYTES_MAX: usize = 40 * 1024 * 1024;

/// Why a mail is not accepted: a `BulkEmailStatus` and a sentence.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(super) status: Cow<'static, str>,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(status: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { status: status.into(), message: message.into() }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new("INVALID_PARAMETER", message)
    }
}

impl From<Refusal> for SesError {
    /// The error of `SendEmail` that says the same (API reference, `SendEmail`, errors).
    fn from(refusal: Refusal) -> Self {
        let (status, kind) = match &*refusal.status {
            "INVALID_PARAMETER" | "INVALID_SENDING_POOL_NAME" => (StatusCode::BAD_REQUEST, "BadRequestException"),
            "MESSAGE_REJECTED" | "MAIL_FROM_DOMAIN_NOT_VERIFIED" => (StatusCode::BAD_REQUEST, "MessageRejected"),
            "ACCOUNT_SUSPENDED" => (StatusCode::BAD_REQUEST, "AccountSuspendedException"),
            "ACCOUNT_SENDING_PAUSED" | "CONFIGURATION_SET_SENDING_PAUSED" => (StatusCode::BAD_REQUEST, "SendingPausedException"),
            "ACCOUNT_THROTTLED" | "ACCOUNT_DAILY_QUOTA_EXCEEDED" => (StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException"),
            "CONFIGURATION_SET_NOT_FOUND" | "TEMPLATE_NOT_FOUND" => (StatusCode::NOT_FOUND, "NotFoundException"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure"),
        };
        Self { status, kind, message: refusal.message }
    }
}

/// Whether the account may send at all.
pub(super) fn check_account(account: &SesConfig) -> Result<(), Refusal> {
    if account.enforcement_status == "SHUTDOWN" {
        return Err(Refusal::new("ACCOUNT_SUSPENDED", "The account's ability to send email is shut down."));
    }
    if !account.sending_enabled {
        return Err(Refusal::new("ACCOUNT_SENDING_PAUSED", "Email sending for this account is paused."));
    }
    Ok(())
}

/// Checks a mail as SES does before it accepts it.
pub(super) fn check(email: &Email, account: &SesConfig) -> Result<(), Refusal> {
    check_recipients(email)?;
    email.headers.iter().try_for_each(check_header)?;
    if email.headers.len() > HEADERS_MAX {
        return Err(Refusal::invalid(format!("At most {HEADERS_MAX} headers may be given.")));
    }
    email.tags.iter().try_for_each(check_tag)?;
    check_configuration_set(email, account)?;
    check_identities(email, account)
}

/// Checks a rendered mail's length.
pub(super) fn check_length(email: &Email) -> Result<(), Refusal> {
    let length = |part: &Option<String>| part.as_ref().map_or(0, String::len);
    if length(&email.html) + length(&email.text) + email.subject.len() > MESSAGE_BYTES_MAX {
        return Err(Refusal::invalid("Message length is more than 41943040 bytes long."));
    }
    Ok(())
}

/// The address in a mailbox such as `Name <name@example.com>`.
pub(super) fn address(mailbox: &str) -> &str {
    match (mailbox.rfind('<'), mailbox.rfind('>')) {
        (Some(start), Some(end)) => mailbox.get(start + 1..end).unwrap_or(mailbox),
        _ => mailbox,
    }
}

/// The domain of a mailbox.
pub(super) fn domain(mailbox: &str) -> &str {
    address(mailbox).rsplit_once('@').map_or("", |(_, domain)| domain)
}

fn check_recipients(email: &Email) -> Result<(), Refusal> {
    match email.recipients().count() {
        0 => return Err(Refusal::invalid("Recipient is required.")),
        1..=RECIPIENTS_MAX => {}
        _ => return Err(Refusal::invalid(format!("Recipient count exceeds {RECIPIENTS_MAX}."))),
    }
    if email.recipients().all(|recipient| is_address(address(recipient))) {
        return Ok(());
    }
    Err(Refusal::invalid("Illegal address"))
}

fn is_address(address: &str) -> bool {
    let legal = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic());
    address.rsplit_once('@').is_some_and(|(local, domain)| legal(local) && legal(domain) && !domain.contains('@'))
}

/// Names and values of headers (API reference, `MessageHeader`).
fn check_header(header: &Header) -> Result<(), Refusal> {
    let (name, value) = (&header.name, &header.value);
    let legal_name = (1..=126).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
    let legal_value = value.len() <= 995 && value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if legal_name && legal_value && name.len() + value.len() <= 996 {
        return Ok(());
    }
    Err(Refusal::invalid("Invalid header name or value"))
}

/// Names and values of tags (API reference, `MessageTag`).
fn check_tag(tag: &Tag) -> Result<(), Refusal> {
    let legal = |text: &str| {
        (1..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    };
    if legal(&tag.name) && legal(&tag.value) {
        return Ok(());
    }
    Err(Refusal::invalid(format!("Invalid tag name or value: <{}>.", tag.name)))
}

fn check_configuration_set(email: &Email, account: &SesConfig) -> Result<(), Refusal> {
    let (Some(name), Some(known)) = (&email.configuration_set, &account.configuration_sets) else { return Ok(()) };
    if known.contains(name) {
        return Ok(());
    }
    Err(Refusal::new("CONFIGURATION_SET_NOT_FOUND", format!("Configuration set <{name}> does not exist.")))
}

/// The sender must be verified; in the sandbox the recipients, too, except the mailbox simulator's.
fn check_identities(email: &Email, account: &SesConfig) -> Result<(), Refusal> {
    let unverified = |mailbox: &str| {
        format!(
            "Email address is not verified. The following identities failed the check in region {}: {}",
            account.region.to_ascii_uppercase(),
            address(mailbox)
        )
    };
    if !is_address(address(&email.from)) {
        return Err(Refusal::invalid("Missing final '@domain'"));
    }
    let Some(identities) = &account.verified_identities else { return Ok(()) };
    if !is_verified(identities, &email.from) {
        return Err(Refusal::new("MAIL_FROM_DOMAIN_NOT_VERIFIED", unverified(&email.from)));
    }
    let stranger = email.recipients().find(|recipient| domain(recipient) != super::fate::SIMULATOR && !is_verified(identities, recipient));
    match stranger {
        Some(stranger) if !account.production_access => Err(Refusal::new("MESSAGE_REJECTED", unverified(stranger))),
        _ => Ok(()),
    }
}

/// A verified domain covers its addresses and its subdomains.
fn is_verified(identities: &[String], mailbox: &str) -> bool {
    let (address, domain) = (address(mailbox), domain(mailbox).to_ascii_lowercase());
    identities.iter().any(|identity| {
        let identity = identity.to_ascii_lowercase();
        identity.eq_ignore_ascii_case(address)
            || identity == domain
            || domain.strip_suffix(&identity).is_some_and(|rest| rest.ends_with('.'))
    })
}

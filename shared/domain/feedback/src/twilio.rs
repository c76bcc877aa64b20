//! Status callbacks of Twilio: the address that a text carries out, and the fact that a status is.

use carillon_contracts::{EntryRef, FactKind, OrganizationId};
use carillon_kernel::Signer;

use crate::{FeedbackError, tags};

/// What the signatures in callback addresses are for.
const PURPOSE: &str = "twilio-status";

/// Gives the fact that a status is; nothing for the statuses on the way, after which another one comes
/// (<https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks>).
#[must_use]
pub fn fact(status: &str) -> Option<FactKind> {
    match status {
        "sent" => Some(FactKind::Sent),
        "delivered" => Some(FactKind::Delivered),
        "read" => Some(FactKind::Opened),
        "undelivered" | "failed" | "canceled" => Some(FactKind::Undelivered),
        _ => None,
    }
}

/// Makes the address to which Twilio reports on one attempt: its token names the attempt and is signed.
///
/// Its query names the run once more, for people who look at Twilio's console; it is not read back.
#[must_use]
pub fn callback_url(public_url: &str, signer: &Signer, (organization, entry): (OrganizationId, &EntryRef)) -> String {
    let EntryRef { run, plan, index, attempt } = entry;
    let payload = format!("{organization}.{run}.{plan}.{index}.{attempt}");
    let signature = signer.sign(PURPOSE, &payload);
    format!("{}/webhooks/twilio/status/{payload}.{signature}?{}={run}", public_url.trim_end_matches('/'), tags::RUN)
}

/// Reads the token of a callback address.
///
/// # Errors
/// [`FeedbackError::ForeignToken`] when it was not made by us.
pub fn read_token(signer: &Signer, token: &str) -> Result<(OrganizationId, EntryRef), FeedbackError> {
    let (payload, signature) = token.rsplit_once('.').ok_or(FeedbackError::ForeignToken)?;
    if !signer.verify(PURPOSE, payload, signature) {
        return Err(FeedbackError::ForeignToken);
    }
    read_payload(payload).ok_or(FeedbackError::ForeignToken)
}

fn read_payload(payload: &str) -> Option<(OrganizationId, EntryRef)> {
    let mut parts = payload.split('.');
    let organization = parts.next()?.parse().ok()?;
    let run = parts.next()?.parse().ok()?;
    let plan = parts.next()?.parse().ok()?;
    let index = parts.next()?.parse().ok()?;
    let attempt = parts.next()?.parse().ok()?;
    Some((organization, EntryRef { run, plan, index, attempt }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use carillon_contracts::{MessageId, Run};
    use carillon_kernel::Secret;

    use super::*;

    fn signer() -> Signer {
        Signer::new(&Secret::new("key"))
    }

    fn attempt() -> (OrganizationId, EntryRef) {
        let entry = EntryRef { run: Run::Message(MessageId::from_bytes([2; 16])), plan: 0, index: 3, attempt: 1 };
        (OrganizationId::from_bytes([1; 16]), entry)
    }

    fn token() -> String {
        let (organization, entry) = attempt();
        let url = callback_url("https://api.example.com/", &signer(), (organization, &entry));
        let (address, query) = url.split_once('?').unwrap();
        assert_eq!(query, format!("carillon_run={}", entry.run));
        address.strip_prefix("https://api.example.com/webhooks/twilio/status/").unwrap().to_owned()
    }

    #[test]
    fn a_token_reads_back() {
        assert_eq!(read_token(&signer(), &token()), Ok(attempt()));
        assert!(token().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)));
    }

    #[test]
    fn a_token_that_was_changed_or_made_by_others_is_refused() {
        let other_entry = token().replace(".0.3.1.", ".0.4.1.");
        let other_key = Signer::new(&Secret::new("other"));

        assert_eq!(read_token(&signer(), &other_entry), Err(FeedbackError::ForeignToken));
        assert_eq!(read_token(&other_key, &token()), Err(FeedbackError::ForeignToken));
        assert_eq!(read_token(&signer(), ""), Err(FeedbackError::ForeignToken));
    }

    #[test]
    fn statuses_at_an_end_are_facts_and_those_on_the_way_are_not() {
        assert_eq!(fact("sent"), Some(FactKind::Sent));
        assert_eq!(fact("delivered"), Some(FactKind::Delivered));
        assert_eq!(fact("read"), Some(FactKind::Opened));
        for status in ["undelivered", "failed", "canceled"] {
            assert_eq!(fact(status), Some(FactKind::Undelivered));
        }
        for status in ["accepted", "scheduled", "queued", "sending"] {
            assert_eq!(fact(status), None);
        }
    }
}

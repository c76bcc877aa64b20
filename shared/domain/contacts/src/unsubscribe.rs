//! The links by which recipients unsubscribe: signed, compact, and good for ever.
//!
//! A token is `base64url(organization, contact, channel, run?)`, a point, and the signature: at most 90 characters. It names ids only, so
//! that links in mails carry no address.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carillon_contracts::{CampaignId, Channel, ContactId, EntryRef, MessageId, OrganizationId, Run};
use carillon_kernel::Signer;

const PURPOSE: &str = "unsubscribe";
const BYTES: usize = 34;
const BYTES_WITH_ENTRY: usize = 56;
const OF_CAMPAIGN: u8 = 0x10;
const OF_MESSAGE: u8 = 0x20;

/// Whom an unsubscribe link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnsubscribeLink {
    /// The organization.
    pub organization: OrganizationId,
    /// The contact.
    pub contact: ContactId,
    /// The channel.
    pub channel: Channel,
    /// The attempt whose message carries the link, so that its figures tell who left by it.
    pub entry: Option<EntryRef>,
}

impl UnsubscribeLink {
    /// Gives the link's token.
    #[must_use]
    pub fn token(&self, signer: &Signer) -> String {
        let channel = match self.channel {
            Channel::Email => 1,
            Channel::Sms => 2,
        };
        let (kind, run) = match self.entry.map(|entry| entry.run) {
            None => (0, None),
            Some(Run::Campaign(id)) => (OF_CAMPAIGN, Some(id.to_bytes())),
            Some(Run::Message(id)) => (OF_MESSAGE, Some(id.to_bytes())),
        };
        let mut bytes = Vec::with_capacity(BYTES_WITH_ENTRY);
        bytes.extend([1, channel | kind]);
        bytes.extend(self.organization.to_bytes());
        bytes.extend(self.contact.to_bytes());
        bytes.extend(run.into_iter().flatten());
        if let Some(EntryRef { plan, index, attempt, .. }) = self.entry {
            bytes.extend(plan.to_be_bytes());
            bytes.extend([index, attempt]);
        }
        let payload = URL_SAFE_NO_PAD.encode(bytes);
        let signature = signer.sign(PURPOSE, &payload);
        format!("{payload}.{signature}")
    }

    /// Gives the link itself; `public_url` is the base address of the API.
    #[must_use]
    pub fn url(&self, public_url: &str, signer: &Signer) -> String {
        format!("{}/u/{}", public_url.trim_end_matches('/'), self.token(signer))
    }

    /// Reads a token; nothing when it was not signed by us.
    #[must_use]
    pub fn parse(token: &str, signer: &Signer) -> Option<Self> {
        let (payload, signature) = token.split_once('.')?;
        if !signer.verify(PURPOSE, payload, signature) {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(payload).ok()?;
        let id = |from: usize| bytes.get(from..from + 16).and_then(|part| <[u8; 16]>::try_from(part).ok());
        let [1, kind, ..] = bytes.as_slice() else { return None };
        let channel = match kind & 0x0f {
            1 => Channel::Email,
            2 => Channel::Sms,
            _ => return None,
        };
        let run = match (kind & 0xf0, bytes.len()) {
            (0, BYTES) => None,
            (OF_CAMPAIGN, BYTES_WITH_ENTRY) => Some(Run::Campaign(CampaignId::from_bytes(id(34)?))),
            (OF_MESSAGE, BYTES_WITH_ENTRY) => Some(Run::Message(MessageId::from_bytes(id(34)?))),
            _ => return None,
        };
        let entry = run.and_then(|run| {
            let plan = bytes.get(50..54).and_then(|part| <[u8; 4]>::try_from(part).ok()).map(u32::from_be_bytes)?;
            Some(EntryRef { run, plan, index: *bytes.get(54)?, attempt: *bytes.get(55)? })
        });
        Some(Self { organization: OrganizationId::from_bytes(id(2)?), contact: ContactId::from_bytes(id(18)?), channel, entry })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use carillon_kernel::Secret;

    use super::*;

    fn link(run: Option<Run>) -> UnsubscribeLink {
        let entry = run.map(|run| EntryRef { run, plan: 70_000, index: 49, attempt: 2 });
        let organization = OrganizationId::from_bytes([7; 16]);
        UnsubscribeLink { organization, contact: ContactId::from_bytes([255; 16]), channel: Channel::Email, entry }
    }

    #[test]
    fn a_link_reads_back_and_stays_short() {
        let signer = Signer::new(&Secret::new("key"));
        let campaign = Run::Campaign(CampaignId::from_bytes([3; 16]));
        for link in [link(None), link(Some(campaign)), link(Some(Run::Message(MessageId::from_bytes([4; 16]))))] {
            let token = link.token(&signer);

            assert!(token.len() <= 120, "{}", token.len());
            assert!(token.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"-_.".contains(&letter)));
            assert_eq!(UnsubscribeLink::parse(&token, &signer), Some(link));
        }
    }

    #[test]
    fn a_link_of_another_key_or_with_another_letter_is_none() {
        let signer = Signer::new(&Secret::new("key"));
        let token = link(None).token(&signer);

        assert_eq!(UnsubscribeLink::parse(&token, &Signer::new(&Secret::new("other"))), None);
        for place in 0..token.len() {
            let mut letters: Vec<char> = token.chars().collect();
            letters[place] = if letters[place] == 'A' { 'B' } else { 'A' };
            assert_eq!(UnsubscribeLink::parse(&letters.into_iter().collect::<String>(), &signer), None, "{place}");
        }
        assert_eq!(UnsubscribeLink::parse("", &signer), None);
    }

    #[test]
    fn the_address_has_one_slash() {
        let signer = Signer::new(&Secret::new("key"));

        assert!(link(None).url("https://mail.example/", &signer).starts_with("https://mail.example/u/"));
    }
}

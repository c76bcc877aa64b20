//! POST /u/{token}: unsubscribes, by one click of a mail program (RFC 8058) or by the page's button.

use std::sync::Arc;

use carillon_contacts::suppressions::Unsubscription;
use carillon_contacts::unsubscribe::UnsubscribeLink;
use carillon_contacts::{Proof, Suppressions};
use carillon_contracts::FactKind;
use carillon_dynamo::Trails;
use carillon_harness::{Failure, PublicFunction, RawRequest, Reply, Setup, SetupError};
use carillon_kernel::Signer;
use carillon_sending::{FoldRequests, Ledger};

use crate::unsubscribe_page;

/// The longest name of a program that is kept as proof, in characters.
const AGENT_LENGTH: usize = 300;

/// Unsubscribes. The POST to a signed link is the wish: form or multipart, with or without cookies, from any program.
/// Safe to repeat: a consent that was withdrawn keeps its first moment.
#[derive(Debug)]
pub struct UnsubscribeApply {
    signer: Signer,
    suppressions: Suppressions,
    trails: Trails,
    ledger: Ledger,
    folds: FoldRequests,
}

impl PublicFunction for UnsubscribeApply {
    const NAME: &'static str = "unsubscribe-apply";
    const REASON: &'static str = "recipients of messages have no account; the link is signed";

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            signer: Signer::new(&setup.secret("LINK_KEY")?),
            suppressions: Suppressions::from_setup(setup)?,
            trails: Trails::from_setup(setup, Self::NAME)?,
            ledger: Ledger::from_setup(setup)?,
            folds: FoldRequests::from_setup(setup)?,
        })
    }

    async fn handle(&self, request: RawRequest) -> Result<Reply, Failure> {
        let token = request.path.get("token").map(String::as_str).unwrap_or_default();
        let Some(link) = UnsubscribeLink::parse(token, &self.signer) else { return Ok(unsubscribe_page::unknown_link()) };
        let who = Unsubscription {
            organization: link.organization,
            contact: link.contact,
            channel: link.channel,
            source: source(&request.body).to_owned(),
            proof: proof(&request),
        };

        let trail = self.trails.of(link.organization, &request.origin.request_id, request.moment).actor("recipient");
        let trail = Arc::new(trail.from(request.origin.ip, request.origin.user_agent.clone()));
        self.suppressions.by(&trail).unsubscribe(&who, request.moment).await?;
        if let Some(entry) = link.entry {
            let touched = self.ledger.record_facts(&[(link.organization, entry, FactKind::Unsubscribed)], request.moment).await?;
            self.folds.ask(touched).await?;
        }

        Ok(unsubscribe_page::confirmation(link.channel))
    }
}

/// Tells how it was said: mail programs send `List-Unsubscribe=One-Click` (RFC 8058 section 3.2), as a form or as multipart.
fn source(body: &[u8]) -> &'static str {
    let text = String::from_utf8_lossy(body);
    if text.contains("List-Unsubscribe") && text.contains("One-Click") { "unsubscribe_one_click" } else { "unsubscribe_page" }
}

fn proof(request: &RawRequest) -> Proof {
    let user_agent = request.headers.get("user-agent").map(|agent| agent.chars().take(AGENT_LENGTH).collect());
    Proof { ip: request.origin.ip.map(|ip| ip.to_string()), user_agent }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bodies are those of RFC 8058, sections 8.1 to 8.3.
    #[test]
    fn one_click_is_known_in_both_encodings() {
        let multipart = b"--FormBoundaryjWmhtjORrn\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n\
            --FormBoundaryjWmhtjORrn--";

        assert_eq!(source(b"List-Unsubscribe=One-Click"), "unsubscribe_one_click");
        assert_eq!(source(multipart), "unsubscribe_one_click");
        assert_eq!(source(b"answer=unsubscribe"), "unsubscribe_page");
    }
}

//! GET /u/{token}: shows the page of an unsubscribe link, and changes nothing: scanners fetch links, too.

use carillon_contacts::unsubscribe::UnsubscribeLink;
use carillon_harness::{Failure, PublicFunction, RawRequest, Reply, Setup, SetupError};
use carillon_kernel::Signer;

use crate::unsubscribe_page;

/// Shows unsubscribe pages.
#[derive(Debug)]
pub struct UnsubscribeShow {
    signer: Signer,
}

impl PublicFunction for UnsubscribeShow {
    const NAME: &'static str = "unsubscribe-show";
    const REASON: &'static str = "recipients of messages have no account; the link is signed";

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { signer: Signer::new(&setup.secret("LINK_KEY")?) })
    }

    async fn handle(&self, request: RawRequest) -> Result<Reply, Failure> {
        let token = request.path.get("token").map(String::as_str).unwrap_or_default();
        let link = UnsubscribeLink::parse(token, &self.signer);
        Ok(link.map_or_else(unsubscribe_page::unknown_link, |link| unsubscribe_page::question(link.channel)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeMap;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use carillon_contracts::{Channel, ContactId, OrganizationId};
    use carillon_kernel::Secret;

    use super::*;

    fn show(token: &str) -> Reply {
        let function = UnsubscribeShow { signer: Signer::new(&Secret::new("key")) };
        let request = RawRequest {
            method: "GET".to_owned(),
            raw_path: String::new(),
            raw_query: String::new(),
            headers: BTreeMap::new(),
            path: BTreeMap::from([("token".to_owned(), token.to_owned())]),
            body: Vec::new(),
            cookies: Vec::new(),
            origin: carillon_contracts::Origin::default(),
            moment: jiff::Timestamp::UNIX_EPOCH,
        };
        match pin!(function.handle(request)).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(reply) => reply.unwrap(),
            Poll::Pending => unreachable!("showing the page waits for nothing"),
        }
    }

    #[test]
    fn a_signed_link_shows_a_button_and_another_does_not() {
        let link = UnsubscribeLink {
            organization: OrganizationId::from_bytes([1; 16]),
            contact: ContactId::from_bytes([2; 16]),
            channel: Channel::Email,
            entry: None,
        };

        let page = show(&link.token(&Signer::new(&Secret::new("key"))));
        let other = show(&link.token(&Signer::new(&Secret::new("other"))));

        assert_eq!(page.status, 200);
        assert!(page.body.contains("<form method=\"post\">") && page.body.contains("<button"));
        assert_eq!(other.status, 404);
        assert!(!other.body.contains("<form"));
    }
}

//! POST /v1/auth/refresh: gives the next tokens of a session for its refresh token, which is good once; may switch the organization.

use carillon_contracts::OrganizationId;
use carillon_harness::{Failure, Input, PublicFunction, RateClass, RawRequest, Reply, Setup, SetupError};
use carillon_identity::{AccountError, RefreshToken, Refreshes};
use carillon_kernel::IdSource;
use carillon_tokens::Cookie;
use serde::Deserialize;

use crate::session_answer::{Delivery, SessionAnswers};

/// Refreshes sessions.
#[derive(Debug)]
pub struct SessionsRefresh {
    refreshes: Refreshes,
    answers: SessionAnswers,
    ids: IdSource,
}

/// The refresh token, unless a cookie carries it, and the organization to go on in.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    refresh_token: Option<String>,
    organization_id: Option<OrganizationId>,
}

impl Input for Body {}

impl PublicFunction for SessionsRefresh {
    const NAME: &'static str = "sessions-refresh";
    const REASON: &'static str = "the access token may have ended; the refresh token is what is checked";
    const RATE_CLASS: RateClass = RateClass::Account;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { refreshes: Refreshes::from_setup(setup, Self::NAME)?, answers: SessionAnswers::from_setup(setup)?, ids: setup.ids() })
    }

    async fn handle(&self, request: RawRequest) -> Result<Reply, Failure> {
        let body: Body = request.json()?;
        let (text, delivery) = match body.refresh_token.as_deref() {
            Some(text) => (Some(text), Delivery::Body),
            None => (Cookie::Refresh.find(&request.cookies), Delivery::Cookies),
        };
        let token = text.and_then(RefreshToken::parse).ok_or(AccountError::RefreshRefused)?;
        if delivery == Delivery::Cookies {
            self.answers.defend(token.text.id, &request)?;
        }

        let wanted = (&token, body.organization_id);
        let open = self.refreshes.refresh(wanted, &request.origin, (request.moment, &self.ids)).await?;

        let answer = self.answers.open(&open, (delivery, None), request.moment)?;
        let reply = Reply::ok(&answer.body);
        Ok(answer.dress(reply))
    }
}

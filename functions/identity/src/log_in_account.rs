//! POST /v1/auth/login: opens a session for an address and its password, or asks for one more proof.

use carillon_contracts::OrganizationId;
use carillon_harness::{Failure, Input, Problem, PublicFunction, RateClass, RawRequest, Reply, Setup, SetupError};
use carillon_identity::{Demand, EmailAddress, LoginOutcome, Logins, Password, ProofMethod, Visit};
use carillon_kernel::IdSource;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::address;
use crate::session_answer::{Delivery, SessionAnswers};

/// Logs people in.
#[derive(Debug)]
pub struct AccountsLogIn {
    logins: Logins,
    answers: SessionAnswers,
    ids: IdSource,
}

/// Who logs in, into which organization, and how the tokens are to come.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    email: Option<EmailAddress>,
    password: Password,
    organization_id: Option<OrganizationId>,
    delivery: Delivery,
}

/// That one more proof is needed, and what may be one.
#[derive(Serialize)]
pub(crate) struct Demanded<'a> {
    second_factor_required: bool,
    challenge: &'a str,
    methods: &'a [ProofMethod],
    expires_at: Timestamp,
}

impl<'a> Demanded<'a> {
    /// Shows a demand.
    pub(crate) fn of(demand: &'a Demand) -> Self {
        let Demand { challenge, methods, expires_at } = demand;
        Self { second_factor_required: true, challenge: challenge.expose(), methods, expires_at: *expires_at }
    }
}

impl Input for Body {
    fn problems(&self) -> Vec<Problem> {
        let email = self.email.is_none().then(address::no_email);
        let password = self.password.is_empty().then(|| Problem::new("/password", "accounts.missing", "the password is needed"));
        email.into_iter().chain(password).collect()
    }
}

impl PublicFunction for AccountsLogIn {
    const NAME: &'static str = "accounts-log-in";
    const REASON: &'static str = "this is how a caller becomes known; the password is what is checked";
    const RATE_CLASS: RateClass = RateClass::Account;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { logins: Logins::from_setup(setup, Self::NAME)?, answers: SessionAnswers::from_setup(setup)?, ids: setup.ids() })
    }

    async fn handle(&self, request: RawRequest) -> Result<Reply, Failure> {
        let body: Body = request.json()?;
        let email = address::needed(body.email)?;
        self.answers.permit(body.delivery, &request)?;
        let device = self.answers.device(body.delivery, &request);
        let session = self.answers.session(body.delivery, &request);
        let visit = Visit { origin: &request.origin, device: device.as_deref(), session };

        let wanted = (body.organization_id, visit);
        let outcome = self.logins.log_in((email, &body.password), wanted, (request.moment, &self.ids)).await?;

        match outcome {
            LoginOutcome::SecondFactor(demand) => Ok(Reply::ok(&Demanded::of(&demand)).header("cache-control", "no-store")),
            LoginOutcome::Open(open) => {
                let answer = self.answers.open(&open, (body.delivery, device.as_deref()), request.moment)?;
                let reply = Reply::ok(&answer.body);
                Ok(answer.dress(reply))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_needs_an_address_and_a_password() {
        let pointers: Vec<String> = Body::default().problems().into_iter().map(|problem| problem.pointer).collect();

        assert_eq!(pointers, ["/email", "/password"]);
    }
}

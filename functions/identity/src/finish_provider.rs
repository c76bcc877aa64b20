//! POST /v1/auth/providers/{provider}/finish: opens a session for a login of Google or Facebook, or makes an account of it.

use std::time::Duration;

use carillon_contracts::{AuthenticationMethod, ExternalIdentity, OrganizationId, UserId};
use carillon_harness::{Failure, Input, Problem, PublicFunction, RateClass, RawRequest, Reply, Setup, SetupError};
use carillon_identity::{
    Admission, AttemptPurpose, LinkError, Links, Locale, LoginOutcome, Logins, NewOrganization, OrganizationName, TimeZoneName, Visit,
};
use carillon_kernel::{IdSource, Secret};
use carillon_social::Providers;
use serde::Deserialize;

use crate::log_in_account::Demanded;
use crate::provider::{COOKIE, attempt, came_back_problems, cookie, provider_of};
use crate::session_answer::{Delivery, SessionAnswers};
use crate::sign_up_gate::SignUpGate;

/// Ends logins by providers; a second factor is asked for as after a password.
#[derive(Debug)]
pub struct ProvidersFinish {
    gate: SignUpGate,
    links: Links,
    logins: Logins,
    providers: Providers,
    answers: SessionAnswers,
    ids: IdSource,
}

/// What came back, where to log in, and what to make of a login without an account.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    code: String,
    state: String,
    organization_id: Option<OrganizationId>,
    delivery: Delivery,
    sign_up: Option<SignUp>,
}

/// The organization of somebody new.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SignUp {
    organization_name: Option<OrganizationName>,
    locale: Option<Locale>,
    time_zone: Option<TimeZoneName>,
}

impl Input for Body {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = came_back_problems(&self.code, &self.state);
        if self.sign_up.as_ref().is_some_and(|new| new.organization_name.is_none()) {
            problems.push(Problem::new("/sign_up/organization_name", "organizations.name", "an organization needs a name"));
        }
        problems
    }
}

impl SignUp {
    fn organization(self) -> Option<NewOrganization> {
        let Self { organization_name, locale, time_zone } = self;
        let (locale, time_zone) = (locale.unwrap_or_default(), time_zone.unwrap_or_default());
        Some(NewOrganization { locale, time_zone, ..NewOrganization::named(organization_name?) })
    }
}

impl PublicFunction for ProvidersFinish {
    const NAME: &'static str = "providers-finish";
    const REASON: &'static str = "this is how a caller becomes known; what the provider says is what is checked";
    const RATE_CLASS: RateClass = RateClass::Account;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            gate: SignUpGate::from_setup(setup)?,
            links: Links::from_setup(setup, Self::NAME)?,
            logins: Logins::from_setup(setup, Self::NAME)?,
            providers: Providers::from_setup(setup)?,
            answers: SessionAnswers::from_setup(setup)?,
            ids: setup.ids(),
        })
    }

    async fn handle(&self, request: RawRequest) -> Result<Reply, Failure> {
        let provider = provider_of(&request.path)?;
        let Body { code, state, organization_id, delivery, sign_up } = request.json()?;
        self.answers.permit(delivery, &request)?;
        let purpose = (provider, AttemptPurpose::LogIn);
        let secrets = self.links.meet(purpose, (&state, request.cookie(COOKIE)), request.moment).await?;
        let identity = self.providers.identify(provider, &Secret::new(code), &attempt(&state, secrets)).await?;
        let user = self.user(&identity, sign_up, &request).await?;

        let device = self.answers.device(delivery, &request);
        let session = self.answers.session(delivery, &request);
        let visit = Visit { origin: &request.origin, device: device.as_deref(), session };
        let admission = Admission { method: AuthenticationMethod::External, organization: organization_id, visit };
        let outcome = self.logins.admit(user, admission, (request.moment, &self.ids)).await?;

        let reply = match outcome {
            LoginOutcome::SecondFactor(demand) => Reply::ok(&Demanded::of(&demand)).header("cache-control", "no-store"),
            LoginOutcome::Open(open) => {
                let answer = self.answers.open(&open, (delivery, device.as_deref()), request.moment)?;
                let reply = Reply::ok(&answer.body);
                answer.dress(reply)
            }
        };
        Ok(reply.cookie(cookie("", Duration::ZERO)))
    }
}

impl ProvidersFinish {
    /// Gives the user of a login, made now where it is nobody's and the request says so.
    async fn user(&self, identity: &ExternalIdentity, sign_up: Option<SignUp>, request: &RawRequest) -> Result<UserId, Failure> {
        let now = (request.moment, &self.ids);
        match (self.links.user_of(identity, &request.origin, now).await, sign_up.and_then(SignUp::organization)) {
            (Err(LinkError::NoAccount), Some(organization)) => {
                self.gate.pass(request.moment).await?;
                Ok(self.links.sign_up((identity, organization), &request.origin, now).await?)
            }
            (outcome, _) => Ok(outcome?),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_sign_up_needs_a_name_for_the_organization() {
        let body: Body = serde_json::from_str(r#"{"code":"c","state":"s","sign_up":{}}"#).unwrap();

        let pointers: Vec<String> = body.problems().into_iter().map(|problem| problem.pointer).collect();

        assert_eq!(pointers, ["/sign_up/organization_name"]);
    }
}

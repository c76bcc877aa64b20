//! POST /v1/auth/second-factor: answers the challenge of a login by a code or a recovery code, and opens the session.

use carillon_harness::{Failure, Input, Problem, PublicFunction, RateClass, RawRequest, Reply, Setup, SetupError};
use carillon_identity::{Logins, Proof, Visit};
use carillon_kernel::{IdSource, Secret};
use serde::Deserialize;

use crate::session_answer::{Delivery, SessionAnswers};

/// Takes the second proofs of logins.
#[derive(Debug)]
pub struct AccountsProveLogin {
    logins: Logins,
    answers: SessionAnswers,
    ids: IdSource,
}

/// The challenge, and exactly one proof.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    challenge: String,
    code: Option<Code>,
    recovery_code: Option<Code>,
    delivery: Delivery,
}

/// A code as it was typed.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Code(String);

impl std::fmt::Debug for Code {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Code(…)")
    }
}

impl Code {
    /// Gives the text.
    pub(crate) fn secret(self) -> Secret {
        Secret::new(self.0)
    }
}

impl Input for Body {
    fn problems(&self) -> Vec<Problem> {
        let needed = |pointer: &str, what: &str| Problem::new(pointer, "accounts.missing", what);
        let challenge = self.challenge.is_empty().then(|| needed("/challenge", "send the challenge of the login's answer"));
        let proof = (self.code.is_some() == self.recovery_code.is_some()).then(no_proof);
        challenge.into_iter().chain(proof).collect()
    }
}

impl PublicFunction for AccountsProveLogin {
    const NAME: &'static str = "accounts-prove-login";
    const REASON: &'static str = "this is how a caller becomes known; the login's challenge and the code are what is checked";
    const RATE_CLASS: RateClass = RateClass::Account;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { logins: Logins::from_setup(setup, Self::NAME)?, answers: SessionAnswers::from_setup(setup)?, ids: setup.ids() })
    }

    async fn handle(&self, request: RawRequest) -> Result<Reply, Failure> {
        let Body { challenge, code, recovery_code, delivery } = request.json()?;
        let proof = code.map(|code| Proof::Code(code.secret())).or(recovery_code.map(|code| Proof::RecoveryCode(code.secret())));
        let proof = proof.ok_or_else(|| Failure::invalid(vec![no_proof()]))?;
        self.answers.permit(delivery, &request)?;
        let device = self.answers.device(delivery, &request);
        let session = self.answers.session(delivery, &request);
        let visit = Visit { origin: &request.origin, device: device.as_deref(), session };

        let open = self.logins.prove((&challenge, &proof), visit, (request.moment, &self.ids)).await?;

        let answer = self.answers.open(&open, (delivery, device.as_deref()), request.moment)?;
        let reply = Reply::ok(&answer.body);
        Ok(answer.dress(reply))
    }
}

fn no_proof() -> Problem {
    Problem::new("/code", "accounts.missing", "send either a code or a recovery_code")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_proof_is_taken() {
        let of = |code: Option<&str>, recovery_code: Option<&str>| {
            let typed = |text: &str| Code(text.to_owned());
            let body =
                Body { challenge: "c".to_owned(), code: code.map(typed), recovery_code: recovery_code.map(typed), ..Body::default() };
            body.problems().len()
        };

        assert_eq!([of(None, None), of(Some("1"), Some("2")), of(Some("1"), None), of(None, Some("2"))], [1, 1, 0, 0]);
    }
}

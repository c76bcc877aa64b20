//! POST /v1/auth/step-up: proves once more who the caller is, by the password or a code, for what asks for a fresh proof.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Problem, Reply, Setup, SetupError};
use carillon_identity::{Password, Reproof, StepUps};
use carillon_tokens::Cookie;
use serde::Deserialize;

use crate::prove_login::Code;
use crate::session_answer::{Delivery, SessionAnswers, user_of};

/// Takes fresh proofs.
#[derive(Debug)]
pub struct SessionsStepUp {
    step_ups: StepUps,
    answers: SessionAnswers,
}

/// Exactly one proof.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    password: Option<Password>,
    code: Option<Code>,
}

impl Input for Body {
    fn problems(&self) -> Vec<Problem> {
        if self.password.is_some() == self.code.is_some() { vec![no_proof()] } else { Vec::new() }
    }
}

impl HttpFunction for SessionsStepUp {
    const NAME: &'static str = "sessions-step-up";
    const PERMISSION: Permission = Permission::AccountUse;
    const KEEPS_ANSWER: bool = false;
    type Query = Nothing;
    type Body = Body;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { step_ups: StepUps::from_setup(setup)?, answers: SessionAnswers::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Body>) -> Result<Reply, Failure> {
        let who = user_of(&call.caller)?;
        let step_ups = self.step_ups.by(&call.trail());
        // A page whose session lies in cookies must not get a token that its scripts can read.
        let by_cookie = call.cookie(Cookie::Access.name()).is_some_and(|token| !token.is_empty());
        let delivery = if by_cookie { Delivery::Cookies } else { Delivery::Body };
        let Body { password, code } = call.body;
        let proof = password.map(Reproof::Password).or(code.map(|code| Reproof::Code(code.secret())));
        let proof = proof.ok_or_else(|| Failure::invalid(vec![no_proof()]))?;

        let session = step_ups.step_up(who, (&proof, &call.origin), call.moment).await?;

        let answer = self.answers.access(&session, delivery, call.moment)?;
        let reply = Reply::ok(&answer.body);
        Ok(answer.dress(reply))
    }
}

fn no_proof() -> Problem {
    Problem::new("/password", "accounts.missing", "send either the password or a code")
}

//! POST /v1/auth/sign-up: makes an organization and its owner, who then follows the link in a mail; the answer is the same for every address.

use carillon_harness::{Failure, Input, Problem, PublicFunction, RateClass, RawRequest, Reply, Setup, SetupError};
use carillon_identity::{
    Accounts, EmailAddress, Locale, NewOrganization, NewPassword, OrganizationName, Password, PersonName, SignUp, TimeZoneName, UserSeed,
};
use carillon_kernel::IdSource;
use serde::Deserialize;

use crate::mailed::Mailed;
use crate::sign_up_gate::SignUpGate;

/// Signs people up.
#[derive(Debug)]
pub struct AccountsSignUp {
    gate: SignUpGate,
    accounts: Accounts,
    ids: IdSource,
}

/// Who signs up, and for what.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    organization_name: Option<OrganizationName>,
    name: Option<PersonName>,
    email: Option<EmailAddress>,
    password: Password,
    locale: Locale,
    time_zone: TimeZoneName,
}

impl Body {
    fn sign_up(self) -> Result<SignUp, Vec<Problem>> {
        let organization_text = self.organization_name.clone().map(String::from).unwrap_or_default();
        let words =
            [self.email.as_ref().map_or("", EmailAddress::as_str), self.name.as_ref().map_or("", PersonName::as_str), &organization_text];
        let password = NewPassword::parse(&self.password, &words).map_err(|refusal| refusal.problem("/password"));
        match (self.organization_name, self.name, self.email, password) {
            (Some(organization), Some(name), Some(email), Ok(password)) => {
                let (locale, time_zone) = (self.locale, self.time_zone);
                let organization =
                    NewOrganization { locale: locale.clone(), time_zone: time_zone.clone(), ..NewOrganization::named(organization) };
                Ok(SignUp { organization, owner: UserSeed { email, name, locale, time_zone }, password })
            }
            (organization, name, email, password) => {
                let needed = |pointer: &str, what: &str| Problem::new(pointer, "accounts.missing", format!("{what} is needed"));
                let problems = [
                    organization.is_none().then(|| needed("/organization_name", "the name of the organization")),
                    name.is_none().then(|| needed("/name", "your name")),
                    email.is_none().then(|| needed("/email", "an email address")),
                    password.err(),
                ];
                Err(problems.into_iter().flatten().collect())
            }
        }
    }
}

impl Input for Body {}

impl PublicFunction for AccountsSignUp {
    const NAME: &'static str = "accounts-sign-up";
    const REASON: &'static str = "who signs up has no account yet; the mailed link proves the address";
    const RATE_CLASS: RateClass = RateClass::Account;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { gate: SignUpGate::from_setup(setup)?, accounts: Accounts::from_setup(setup, Self::NAME)?, ids: setup.ids() })
    }

    async fn handle(&self, request: RawRequest) -> Result<Reply, Failure> {
        let body: Body = request.json()?;
        let new = body.sign_up().map_err(Failure::invalid)?;
        self.gate.pass(request.moment).await?;

        self.accounts.sign_up(new, &request.origin, (request.moment, &self.ids)).await?;

        Ok(Reply::accepted(&Mailed::LINK))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn body(password: &str) -> Body {
        Body {
            organization_name: Some(OrganizationName::try_from("Cobolworks".to_owned()).unwrap()),
            name: Some(PersonName::try_from("Grace".to_owned()).unwrap()),
            email: Some(EmailAddress::try_from("grace@cobolworks.example".to_owned()).unwrap()),
            password: Password::new(password),
            ..Body::default()
        }
    }

    #[test]
    fn everything_that_is_missing_is_told_at_once() {
        let pointers: Vec<String> = Body::default().sign_up().unwrap_err().into_iter().map(|problem| problem.pointer).collect();

        assert_eq!(pointers, ["/organization_name", "/name", "/email", "/password"]);
    }

    #[test]
    fn a_password_is_not_made_of_the_organization() {
        assert_eq!(body("cobolworks1").sign_up().unwrap_err().first().unwrap().code, "accounts.password_guessable");
        assert!(body("seven bells at midnight").sign_up().is_ok());
    }
}

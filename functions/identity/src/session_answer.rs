//! What logins and refreshes answer: tokens in the body for programs, or in cookies for a web application of ours.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carillon_contracts::{Caller, OrganizationId, Principal, SessionId, UserId};
use carillon_harness::{Failure, Kind, RawRequest, Reply, Setup, SetupError};
use carillon_identity::{OpenSession, RefreshToken, Session};
use carillon_kernel::IdSource;
use carillon_tokens::{AccessToken, Cookie, CsrfDefence, Grant, TokenError, Tokens, claims};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How long a browser is known again: browsers keep no cookie longer than 400 days.
const DEVICE_LIVES: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// How the tokens of a session come to its client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// In the body, for a program that keeps them.
    #[default]
    Body,
    /// In cookies that scripts cannot read, for a web application at a known origin.
    Cookies,
}

/// Makes the answers.
#[derive(Debug)]
pub(crate) struct SessionAnswers {
    tokens: Tokens,
    csrf: CsrfDefence,
    ids: IdSource,
}

/// The body of an answer: a session, and its tokens unless cookies carry them.
#[derive(Serialize)]
pub(crate) struct SessionBody {
    session_id: SessionId,
    user_id: UserId,
    organization_id: OrganizationId,
    token_type: &'static str,
    expires_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    csrf_token: String,
}

/// A body, and the cookies that go with it.
pub(crate) struct SessionAnswer {
    pub(crate) body: SessionBody,
    cookies: Vec<String>,
}

impl SessionAnswer {
    /// Adds the cookies to the reply.
    pub(crate) fn dress(self, reply: Reply) -> Reply {
        // What a shared cache must not keep (RFC 9111, section 5.2.2.5).
        self.cookies.into_iter().fold(reply.header("cache-control", "no-store"), Reply::cookie)
    }
}

impl SessionAnswers {
    /// Opens the answers; needs the settings `TOKEN_SIGNING_KEY` and `CREDENTIAL_KEY`.
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { tokens: Tokens::from_setup(setup)?, csrf: CsrfDefence::from_setup(setup)?, ids: setup.ids() })
    }

    /// Refuses cookies to pages of origins that are not ours.
    pub(crate) fn permit(&self, delivery: Delivery, request: &RawRequest) -> Result<(), Failure> {
        let origin = request.headers.get("origin").map(String::as_str);
        if delivery == Delivery::Cookies && !self.csrf.origins().allow(origin) {
            return Err(refused("cookies are for web applications at an origin that is configured (ALLOWED_ORIGINS)"));
        }
        Ok(())
    }

    /// Refuses a request that a page of another site may have made with the session's cookie.
    pub(crate) fn defend(&self, session: SessionId, request: &RawRequest) -> Result<(), Failure> {
        let header = |name: &str| request.headers.get(name).map(String::as_str);
        if self.csrf.allows(session, (header("origin"), header("x-csrf-token"))) {
            return Ok(());
        }
        Err(refused("a request with cookies needs an Origin of ours and the X-CSRF-Token of the session"))
    }

    /// Gives the text by which a browser is known again, a new one where it has none; nothing for programs.
    pub(crate) fn device(&self, delivery: Delivery, request: &RawRequest) -> Option<String> {
        let kept = Cookie::Device.find(&request.cookies).filter(|text| text.len() <= 64).map(str::to_owned);
        match delivery {
            Delivery::Body => None,
            Delivery::Cookies => kept.or_else(|| Some(URL_SAFE_NO_PAD.encode(self.ids.bytes::<16>()))),
        }
    }

    /// Gives the session that a browser has, by its cookie: a login in its place ends it.
    pub(crate) fn session(&self, delivery: Delivery, request: &RawRequest) -> Option<SessionId> {
        let kept = Cookie::Refresh.find(&request.cookies).filter(|_| delivery == Delivery::Cookies);
        kept.and_then(RefreshToken::parse).map(|token| token.text.id)
    }

    /// Answers with an open session.
    pub(crate) fn open(
        &self,
        open: &OpenSession,
        (delivery, device): (Delivery, Option<&str>),
        moment: Timestamp,
    ) -> Result<SessionAnswer, Failure> {
        let mut answer = self.access(&open.session, delivery, moment)?;
        let refresh = open.refresh_token.secret();
        match delivery {
            Delivery::Body => answer.body.refresh_token = Some(refresh.expose().to_owned()),
            Delivery::Cookies => {
                let lives = Duration::try_from(open.session.expires_at.duration_since(moment)).unwrap_or_default();
                answer.cookies.push(Cookie::Refresh.set(refresh.expose(), lives));
                answer.cookies.extend(device.map(|device| Cookie::Device.set(device, DEVICE_LIVES)));
            }
        }
        Ok(answer)
    }

    /// Answers with another access token of a session.
    pub(crate) fn access(&self, session: &Session, delivery: Delivery, moment: Timestamp) -> Result<SessionAnswer, Failure> {
        let Session { id, user, organization, .. } = *session;
        let grant = Grant { user, organization, session: id, methods: session.amr.clone() };
        let AccessToken { text, expires_at } = self.tokens.sign(&grant, moment).map_err(unsigned)?;
        let (access_token, cookies) = match delivery {
            Delivery::Body => (Some(text.expose().to_owned()), Vec::new()),
            Delivery::Cookies => (None, vec![Cookie::Access.set(text.expose(), claims::LIFETIME)]),
        };
        let body = SessionBody {
            session_id: id,
            user_id: user,
            organization_id: organization,
            token_type: "Bearer",
            expires_at,
            access_token,
            refresh_token: None,
            csrf_token: self.csrf.token(id),
        };
        Ok(SessionAnswer { body, cookies })
    }
}

/// Gives the user and the session of a caller who is a user.
pub(crate) fn user_of(caller: &Caller) -> Result<(UserId, SessionId), Failure> {
    match caller.principal {
        Principal::User(user, session) => Ok((user, session)),
        Principal::ApiKey(_) => Err(Failure::new(Kind::Forbidden, "caller.may_not", "an API key has no account")),
    }
}

/// Tells a browser that its session is over: the cookies go, and what it keeps of answers (<https://www.w3.org/TR/clear-site-data/>).
pub(crate) fn without_session(reply: Reply) -> Reply {
    let reply = reply.header("clear-site-data", "\"cache\", \"storage\"");
    Cookie::OF_SESSION.iter().fold(reply, |reply, cookie| reply.cookie(cookie.clear()))
}

fn unsigned(error: TokenError) -> Failure {
    Failure::new(Kind::Internal, "tokens.unsigned", error.to_string())
}

fn refused(detail: &str) -> Failure {
    Failure::new(Kind::Forbidden, "caller.csrf", detail)
}

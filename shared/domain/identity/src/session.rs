//! A session: one login of a user on one device, until it is revoked or ends.
//!
//! Its refresh tokens are numbered, and each is derived by our key from the session's seed and its number: so an older one is
//! recognised for what it is, without a list of them, and a made-up one is just wrong. The newest one is good once. When its answer was
//! lost and it comes again within seconds from the same program, the same next token is given once more, so that there is never
//! a second one that works. Any other token that comes after its successor was made means that somebody copied it.

use std::collections::BTreeSet;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carillon_contracts::{AuthenticationMethod, OrganizationId, Origin, SessionId, UserId};
use carillon_kernel::secret::equal_in_constant_time;
use carillon_kernel::{IdSource, KeyedHash, Secret};
use carillon_tokens::RefreshText;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long after a refresh the token before it still brings the same answer.
const LOST_ANSWER: SignedDuration = SignedDuration::from_secs(10);
/// The longest description of a program that is kept, in characters.
const AGENT_CHARACTERS: usize = 256;

/// A refresh token: it names its user and its session. `{crt_…}.{user}`, because a session lies under its user.
#[derive(Debug)]
pub struct RefreshToken {
    /// Whose it says it is; the session that is found tells.
    pub user: UserId,
    /// The text with the secret.
    pub text: RefreshText,
}

/// What refresh tokens are derived from besides our key; its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RefreshSeed(String);

/// A session as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The id.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The organization that it acts in.
    pub organization: OrganizationId,
    /// How the user proved who they are.
    pub amr: BTreeSet<AuthenticationMethod>,
    /// When the user did so last.
    pub authenticated_at: Timestamp,
    /// When the login was.
    pub created_at: Timestamp,
    /// When it was refreshed last.
    pub last_used_at: Timestamp,
    /// When it ends, whatever happens.
    pub expires_at: Timestamp,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// The device in words.
    pub device: String,
    /// What the program says that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// From where it was used last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// The place of that address, where a database of places is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// What its refresh tokens are derived from, besides our key.
    pub refresh_seed: RefreshSeed,
    /// The number of the refresh token that is good now.
    pub refresh_number: u32,
    /// When that one was made, unless it is the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated_at: Option<Timestamp>,
}

/// A session as its user sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionView {
    /// The id.
    pub id: SessionId,
    /// The organization that it acts in.
    pub organization_id: OrganizationId,
    /// The device in words.
    pub device: String,
    /// From where it was used last.
    pub ip: Option<String>,
    /// The place of that address, where it is known.
    pub place: Option<String>,
    /// How the user proved who they are.
    pub amr: BTreeSet<AuthenticationMethod>,
    /// When the login was.
    pub created_at: Timestamp,
    /// About when it was used last.
    pub last_used_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// What a session begins with.
#[derive(Debug, Clone)]
pub struct Beginning {
    /// Whose it is.
    pub user: UserId,
    /// The organization that it acts in.
    pub organization: OrganizationId,
    /// How the user proved who they are.
    pub amr: BTreeSet<AuthenticationMethod>,
    /// How long it lives.
    pub lives: SignedDuration,
    /// The place of the client, where it is known.
    pub place: Option<String>,
}

/// What a refresh token that came leads to.
#[derive(Debug, PartialEq, Eq)]
pub enum Refresh {
    /// It is the one that is good: the session with the next one, which must be stored, and the next one.
    Next(Box<Session>, RefreshToken),
    /// It is the one before, and its answer may have been lost: the next one once more.
    Again(RefreshToken),
    /// It is an older one: somebody copied it.
    Reused,
    /// It never was one of this session's.
    Foreign,
}

impl PartialEq for RefreshToken {
    /// Compares in constant time.
    fn eq(&self, other: &Self) -> bool {
        equal_in_constant_time(self.secret().expose().as_bytes(), other.secret().expose().as_bytes())
    }
}

impl Eq for RefreshToken {}

impl fmt::Debug for RefreshSeed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RefreshSeed(…)")
    }
}

impl RefreshToken {
    /// Gives the text that the client keeps.
    #[must_use]
    pub fn secret(&self) -> Secret {
        Secret::new(format!("{}.{}", self.text.text().expose(), self.user))
    }

    /// The number that it claims.
    fn number(&self) -> u32 {
        let [a, b, c, d, ..] = self.text.secret_bytes();
        u32::from_be_bytes([a, b, c, d])
    }

    /// Reads a text; none when it cannot be one that was ever made.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (text, user) = text.split_once('.')?;
        Some(Self { user: user.parse().ok()?, text: RefreshText::parse(text)? })
    }
}

impl Session {
    /// Begins a session, and makes its first refresh token.
    #[must_use]
    pub fn begin(beginning: Beginning, origin: &Origin, keyed: &KeyedHash, (moment, ids): (Timestamp, &IdSource)) -> (Self, RefreshToken) {
        let Beginning { user, organization, amr, lives, place } = beginning;
        let session = Self {
            id: ids.id(moment),
            user,
            organization,
            amr,
            authenticated_at: moment,
            created_at: moment,
            last_used_at: moment,
            expires_at: moment + lives,
            revoked_at: None,
            device: device(origin.user_agent.as_deref()),
            user_agent: agent(origin),
            ip: origin.ip.map(|ip| ip.to_string()),
            place,
            refresh_seed: RefreshSeed(URL_SAFE_NO_PAD.encode(ids.bytes::<32>())),
            refresh_number: 1,
            rotated_at: None,
        };
        let token = session.token(1, keyed);
        (session, token)
    }

    /// Tells whether the session holds at a moment.
    #[must_use]
    pub fn holds_at(&self, moment: Timestamp) -> bool {
        self.revoked_at.is_none() && moment < self.expires_at
    }

    /// Tells what a refresh token leads to.
    #[must_use]
    pub fn refresh(self, token: &RefreshToken, keyed: &KeyedHash, origin: &Origin, moment: Timestamp) -> Refresh {
        let number = token.number();
        if number == 0 || number > self.refresh_number || self.token(number, keyed) != *token {
            return Refresh::Foreign;
        }
        let newest = self.refresh_number;
        let just_now = self.rotated_at.is_some_and(|at| moment.duration_since(at) <= LOST_ANSWER);
        match newest - number {
            0 => {
                let next = self.token(newest.saturating_add(1), keyed);
                Refresh::Next(Box::new(self.rotated(origin, moment)), next)
            }
            1 if just_now && self.user_agent == agent(origin) => Refresh::Again(self.token(newest, keyed)),
            _ => Refresh::Reused,
        }
    }

    fn rotated(self, origin: &Origin, moment: Timestamp) -> Self {
        Self {
            refresh_number: self.refresh_number.saturating_add(1),
            rotated_at: Some(moment),
            last_used_at: moment,
            ip: origin.ip.map(|ip| ip.to_string()),
            user_agent: agent(origin),
            ..self
        }
    }

    /// Makes the token of a number: four bytes of it, and 224 bits that only we can derive.
    fn token(&self, number: u32, keyed: &KeyedHash) -> RefreshToken {
        let derived = keyed.hash("refresh token", &Secret::new(format!("{} {} {number}", self.id, self.refresh_seed.0)));
        let derived = URL_SAFE_NO_PAD.decode(derived).unwrap_or_default();
        let mut secret = [0; 32];
        secret.iter_mut().zip(number.to_be_bytes().into_iter().chain(derived)).for_each(|(to, from)| *to = from);
        RefreshToken { user: self.user, text: RefreshText::of(self.id, secret) }
    }

    /// Shows the session to its user.
    #[must_use]
    pub fn view(&self, asking: SessionId) -> SessionView {
        SessionView {
            id: self.id,
            organization_id: self.organization,
            device: self.device.clone(),
            ip: self.ip.clone(),
            place: self.place.clone(),
            amr: self.amr.clone(),
            created_at: self.created_at,
            last_used_at: self.last_used_at,
            expires_at: self.expires_at,
            current: self.id == asking,
        }
    }
}

fn agent(origin: &Origin) -> Option<String> {
    origin.user_agent.as_ref().map(|text| text.chars().take(AGENT_CHARACTERS).collect())
}

/// Says in a few words what a program says of itself in many: the browser and the system, else the first product.
pub(crate) fn device(user_agent: Option<&str>) -> String {
    // The order matters: Edge and Opera also claim to be Chrome, Chrome also claims to be Safari, Android also claims to be Linux.
    const BROWSERS: [(&str, &str); 6] =
        [("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")];
    const SYSTEMS: [(&str, &str); 6] =
        [("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS X", "macOS"), ("Linux", "Linux")];
    let Some(text) = user_agent else { return "Unknown device".to_owned() };
    let find = |known: &[(&str, &'static str)]| known.iter().find(|(mark, _)| text.contains(mark)).map(|(_, name)| *name);
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => text.split(['/', ' ']).next().unwrap_or_default().chars().take(40).collect(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    fn origin(agent: &str) -> Origin {
        Origin { ip: Some("192.0.2.1".parse().unwrap()), user_agent: Some(agent.to_owned()), request_id: String::new() }
    }

    fn keyed() -> KeyedHash {
        KeyedHash::new(&Secret::new("key"))
    }

    fn begun(ids: &IdSource) -> (Session, RefreshToken) {
        let beginning = Beginning {
            user: UserId::from_bytes([1; 16]),
            organization: OrganizationId::from_bytes([2; 16]),
            amr: [AuthenticationMethod::Password].into(),
            lives: SignedDuration::from_hours(1),
            place: None,
        };
        Session::begin(beginning, &origin("app/1"), &keyed(), (at(0), ids))
    }

    fn next(session: Session, token: &RefreshToken, second: i64) -> (Session, RefreshToken) {
        match session.refresh(token, &keyed(), &origin("app/1"), at(second)) {
            Refresh::Next(session, token) => (*session, token),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_token_reads_back_and_names_user_and_session() {
        let (session, token) = begun(&IdSource::seeded(1));

        let text = token.secret();

        assert!(text.expose().starts_with("crt_"));
        assert_eq!(RefreshToken::parse(text.expose()), Some(token));
        assert_eq!(RefreshToken::parse(&text.expose().replace("usr_", "ses_")), None);
        assert!(!format!("{session:?}").contains(&session.refresh_seed.0));
    }

    #[test]
    fn each_token_is_good_once_and_brings_the_next() {
        let ids = IdSource::seeded(1);
        let (session, first) = begun(&ids);

        let (session, second) = next(session, &first, 60);
        let (session, third) = next(session, &second, 120);

        assert_eq!(session.last_used_at, at(120));
        assert!(first != second && second != third);
    }

    #[test]
    fn an_older_token_is_reuse() {
        let ids = IdSource::seeded(1);
        let (session, first) = begun(&ids);
        let (session, second) = next(session, &first, 60);

        assert_eq!(session.clone().refresh(&first, &keyed(), &origin("app/1"), at(71)), Refresh::Reused);
        let (session, _) = next(session, &second, 61);
        assert_eq!(session.refresh(&first, &keyed(), &origin("app/1"), at(62)), Refresh::Reused, "not the one before any more");
    }

    #[test]
    fn a_lost_answer_is_given_once_more_for_some_seconds_to_the_same_program() {
        let ids = IdSource::seeded(1);
        let (session, first) = begun(&ids);
        let (session, second) = next(session, &first, 60);

        assert_eq!(session.clone().refresh(&first, &keyed(), &origin("app/1"), at(70)), Refresh::Again(second));
        assert_eq!(session.refresh(&first, &keyed(), &origin("other/1"), at(61)), Refresh::Reused);
    }

    #[test]
    fn a_token_of_another_session_or_made_up_leads_nowhere() {
        let ids = IdSource::seeded(1);
        let ((session, own), (_, foreign)) = (begun(&ids), begun(&ids));
        let (session, _) = next(session, &own, 60);
        let made_up = |number: u8| {
            let mut secret = [9; 32];
            secret[..4].copy_from_slice(&[0, 0, 0, number]);
            RefreshToken { user: session.user, text: RefreshText::of(session.id, secret) }
        };

        for token in [foreign, made_up(0), made_up(1), made_up(2), made_up(3)] {
            assert_eq!(session.clone().refresh(&token, &keyed(), &origin("app/1"), at(61)), Refresh::Foreign);
        }
    }

    #[test]
    fn a_token_of_another_key_leads_nowhere() {
        let (session, token) = begun(&IdSource::seeded(1));

        let other = KeyedHash::new(&Secret::new("other key"));

        assert_eq!(session.refresh(&token, &other, &origin("app/1"), at(1)), Refresh::Foreign);
    }

    proptest! {
        #[test]
        fn a_token_of_any_number_reads_back(seed: u64, number: u32) {
            let (session, _) = begun(&IdSource::seeded(seed));

            let token = session.token(number, &keyed());

            let read = RefreshToken::parse(token.secret().expose()).unwrap();
            prop_assert_eq!((read.number(), read.user, read.text.id), (number, session.user, session.id));
            prop_assert_eq!(read, token);
        }

        #[test]
        fn a_token_with_one_changed_character_leads_nowhere(seed: u64, place in 0_usize..200, letter in "[0-9A-Za-z_.-]") {
            let (session, token) = begun(&IdSource::seeded(seed));
            let text = token.secret().expose().to_owned();
            let place = place % text.len();
            let mut changed = text.clone();
            changed.replace_range(place..=place, &letter);
            prop_assume!(changed != text);

            // A token that names another user finds no session: nobody's session has that id under that user.
            let read = RefreshToken::parse(&changed).filter(|read| read.user == session.user && read.text.id == session.id);

            prop_assert!(read.is_none_or(|read| session.refresh(&read, &keyed(), &origin("app/1"), at(1)) == Refresh::Foreign));
        }

        #[test]
        fn no_text_breaks_the_reader(text in "(crt_)?[ -~]{0,120}") {
            prop_assert!(RefreshToken::parse(&text).is_none());
        }
    }

    #[test]
    fn a_device_is_told_in_a_few_words() {
        let of = |agent: &str| device(Some(agent));

        assert_eq!(of("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"), "Firefox on Linux");
        assert_eq!(
            of("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0"),
            "Edge on Windows"
        );
        assert_eq!(
            of("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36"),
            "Chrome on Android"
        );
        assert_eq!(of("curl/8.5.0"), "curl");
        assert_eq!(device(None), "Unknown device");
    }
}

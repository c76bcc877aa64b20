//! AppConfig's data plane, as far as functions use it: sessions whose tokens are used once, and flags that people and tests turn.
//!
//! Source: <https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_appconfigdata_StartConfigurationSession.html> and
//! `API_appconfigdata_GetLatestConfiguration.html`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use hyper_util::service::TowerToHyperService;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::EmbeddedError;
use super::server::{Server, accept, bind};
use crate::template::model::HostedFlags;

/// The running server.
#[derive(Debug)]
pub struct AppConfig {
    server: Server,
    flags: FlagsKeeper,
}

/// The flags that the server gives out; clones are the same.
#[derive(Debug, Clone)]
pub struct FlagsKeeper(Arc<Mutex<Kept>>);

#[derive(Debug)]
struct Kept {
    /// What the templates begin with; nothing before they are read.
    hosted: Option<HostedFlags>,
    /// What holds now.
    values: Map<String, Value>,
    /// Counts the changes.
    version: u64,
    /// The version that the session of each unused token has.
    tokens: HashMap<String, u64>,
    given_tokens: u64,
    is_silent: bool,
    /// When a session may ask again.
    interval_seconds: u32,
    /// The file that outlives a restart, as a deployment of AppConfig does.
    file: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NewSession {
    application_identifier: String,
    configuration_profile_identifier: String,
}

#[derive(Debug, Deserialize)]
struct Asked {
    configuration_token: String,
}

impl AppConfig {
    /// Starts the server on `port` (0 takes any free one), with what was turned in `folder`.
    ///
    /// # Errors
    /// Fails when the folder cannot be made or the port cannot be bound.
    pub async fn start(folder: &Path, port: u16) -> Result<Self, EmbeddedError> {
        std::fs::create_dir_all(folder).map_err(EmbeddedError::at(folder))?;
        let kept = Kept {
            hosted: None,
            values: Map::new(),
            version: 0,
            tokens: HashMap::new(),
            given_tokens: 0,
            is_silent: false,
            interval_seconds: 0,
            file: folder.join("flags.json"),
        };
        let flags = FlagsKeeper(Arc::new(Mutex::new(kept)));
        let routes = Router::new().route("/configurationsessions", post(start_session)).route("/configuration", get(latest));
        let service = TowerToHyperService::new(routes.with_state(flags.clone()));
        let (listener, address) = bind(port).await?;
        let server = Server::spawn(address, |stopped| accept(listener, service, stopped));
        Ok(Self { server, flags })
    }

    /// Returns the base URL of the server.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// The flags that the server gives out.
    #[must_use]
    pub fn flags(&self) -> FlagsKeeper {
        self.flags.clone()
    }

    /// Stops the server.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

impl FlagsKeeper {
    /// Gives out the flags of the templates, unless they were turned before: a deployment leaves alone what the operator turned. Sessions
    /// may ask again after so many seconds.
    ///
    /// # Errors
    /// Fails when the file of what was turned cannot be read.
    pub fn host(&self, hosted: HostedFlags, interval_seconds: u32) -> Result<(), EmbeddedError> {
        let mut kept = self.lock();
        let turned = match std::fs::read(&kept.file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| EmbeddedError::at(&kept.file)(error.into()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => hosted.values.clone(),
            Err(error) => return Err(EmbeddedError::at(&kept.file)(error)),
        };
        kept.set(turned);
        kept.hosted = Some(hosted);
        kept.interval_seconds = interval_seconds;
        Ok(())
    }

    /// What holds now, as functions get it.
    #[must_use]
    pub fn values(&self) -> Map<String, Value> {
        self.lock().values.clone()
    }

    /// Turns flags; those that are not named are as in the templates.
    ///
    /// # Errors
    /// A sentence when there is no such flag, or the file cannot be written.
    pub fn turn(&self, turned: &Map<String, Value>) -> Result<(), String> {
        let mut kept = self.lock();
        let mut values = kept.hosted.as_ref().map(|hosted| hosted.values.clone()).unwrap_or_default();
        for (name, value) in turned {
            if !values.contains_key(name) || !value.get("enabled").is_some_and(Value::is_boolean) {
                let names: Vec<&str> = values.keys().map(String::as_str).collect();
                return Err(format!("say {{\"enabled\": true}} or false of some of these: {}", names.join(", ")));
            }
            values.insert(name.clone(), value.clone());
        }
        let written = serde_json::to_vec_pretty(&values).map_err(std::io::Error::from).and_then(|bytes| std::fs::write(&kept.file, bytes));
        kept.set(values);
        written.map_err(|error| error.to_string())
    }

    /// Answers every request with a 500 from now on.
    pub fn fall_silent(&self) {
        self.lock().is_silent = true;
    }

    /// Answers again.
    pub fn speak_again(&self) {
        self.lock().is_silent = false;
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn set(&mut self, values: Map<String, Value>) {
        self.values = values;
        self.version += 1;
    }

    fn give_token(&mut self, has: u64) -> String {
        self.given_tokens += 1;
        let token = format!("token-{}", self.given_tokens);
        self.tokens.insert(token.clone(), has);
        token
    }
}

async fn start_session(State(flags): State<FlagsKeeper>, Json(new): Json<NewSession>) -> Response {
    let mut kept = flags.lock();
    if kept.is_silent {
        return refused(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerException");
    }
    let is_hosted = |hosted: &HostedFlags| {
        (&new.application_identifier, &new.configuration_profile_identifier) == (&hosted.application, &hosted.profile)
    };
    if !kept.hosted.as_ref().is_some_and(is_hosted) {
        return refused(StatusCode::NOT_FOUND, "ResourceNotFoundException");
    }
    let token = kept.give_token(0);
    (StatusCode::CREATED, Json(json!({ "InitialConfigurationToken": token }))).into_response()
}

async fn latest(State(flags): State<FlagsKeeper>, Query(asked): Query<Asked>) -> Response {
    let mut kept = flags.lock();
    if kept.is_silent {
        return refused(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerException");
    }
    let Some(has) = kept.tokens.remove(&asked.configuration_token) else {
        return refused(StatusCode::BAD_REQUEST, "BadRequestException");
    };
    let version = kept.version;
    let headers = [
        (header::CONTENT_TYPE.as_str(), "application/json".to_owned()),
        ("next-poll-configuration-token", kept.give_token(version)),
        ("next-poll-interval-in-seconds", kept.interval_seconds.to_string()),
    ];
    // Whoever has the latest version gets nothing.
    let body = if has == version { String::new() } else { Value::Object(kept.values.clone()).to_string() };
    (headers, body).into_response()
}

fn refused(status: StatusCode, kind: &'static str) -> Response {
    (status, [("x-amzn-errortype", kind)], Json(json!({ "Message": "refused" }))).into_response()
}

/// The knob: `/_flags` shows what holds (GET), and turns flags (PUT, `{"email_sending": {"enabled": false}}`); those not named are on again.
pub(crate) fn flags_router(flags: FlagsKeeper) -> Router {
    Router::new().route("/_flags", get(show).put(turn)).with_state(flags)
}

async fn show(State(flags): State<FlagsKeeper>) -> Json<Map<String, Value>> {
    Json(flags.values())
}

async fn turn(State(flags): State<FlagsKeeper>, Json(turned): Json<Map<String, Value>>) -> Response {
    match flags.turn(&turned) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosted() -> HostedFlags {
        let values = json!({ "email_sending": { "enabled": true }, "sign_up": { "enabled": true } });
        HostedFlags { application: "app".to_owned(), profile: "flags".to_owned(), values: values.as_object().cloned().unwrap_or_default() }
    }

    async fn served(folder: &Path) -> AppConfig {
        let server = AppConfig::start(folder, 0).await.unwrap();
        server.flags().host(hosted(), 15).unwrap();
        server
    }

    fn turned(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    async fn token(server: &AppConfig) -> String {
        let body = json!({ "ApplicationIdentifier": "app", "EnvironmentIdentifier": "live", "ConfigurationProfileIdentifier": "flags" });
        let url = format!("{}/configurationsessions", server.endpoint());
        let answer = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        answer.json::<Value>().await.unwrap()["InitialConfigurationToken"].as_str().unwrap().to_owned()
    }

    async fn ask(server: &AppConfig, token: &str) -> (u16, String, Option<String>) {
        let url = format!("{}/configuration?configuration_token={token}", server.endpoint());
        let answer = reqwest::get(url).await.unwrap();
        let next = answer.headers().get("next-poll-configuration-token").map(|token| token.to_str().unwrap().to_owned());
        (answer.status().as_u16(), answer.text().await.unwrap(), next)
    }

    #[tokio::test]
    async fn a_session_gets_the_flags_once_and_again_when_they_were_turned() {
        let folder = tempfile::tempdir().unwrap();
        let server = served(folder.path()).await;
        let first = token(&server).await;

        let (status, document, second) = ask(&server, &first).await;
        assert_eq!((status, document.as_str()), (200, r#"{"email_sending":{"enabled":true},"sign_up":{"enabled":true}}"#));
        assert_eq!(ask(&server, &first).await.0, 400, "a token is used once");
        let (_, unchanged, third) = ask(&server, &second.unwrap()).await;
        assert_eq!(unchanged, "");
        server.flags().turn(&turned(json!({ "sign_up": { "enabled": false } }))).unwrap();

        let (_, changed, _) = ask(&server, &third.unwrap()).await;
        assert_eq!(changed, r#"{"email_sending":{"enabled":true},"sign_up":{"enabled":false}}"#);
    }

    #[tokio::test]
    async fn what_was_turned_outlives_a_restart_and_a_deployment() {
        let folder = tempfile::tempdir().unwrap();
        let off = turned(json!({ "email_sending": { "enabled": false } }));
        let server = served(folder.path()).await;
        server.flags().turn(&off).unwrap();
        server.stop().await;

        let again = served(folder.path()).await;

        assert_eq!(again.flags().values()["email_sending"], off["email_sending"]);
    }

    #[tokio::test]
    async fn a_flag_that_does_not_exist_is_not_turned() {
        let folder = tempfile::tempdir().unwrap();
        let flags = served(folder.path()).await.flags();

        assert!(flags.turn(&turned(json!({ "email_sendin": { "enabled": false } }))).is_err());
        assert!(flags.turn(&turned(json!({ "email_sending": false }))).is_err());
        assert_eq!(flags.values(), hosted().values);
    }
}

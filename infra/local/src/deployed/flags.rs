//! Turns the flags of a deployment as the operator does: a new version of the document, deployed at once. The knob is `/_flags`, as locally.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::put;
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use super::Description;
use crate::embedded::{ACCESS_KEY_ID, REGION};

/// The setting that names the flags, of any function that reads them.
const SETTING: &str = "FLAGS_CONFIGURATION_ARN";

/// After this time every process has asked for the flags again: it asks every 15 seconds when it works.
const UNTIL_ALL_HAVE_HEARD: Duration = Duration::from_secs(16);

/// The control plane of AppConfig on the emulator.
#[derive(Debug, Clone)]
struct Control {
    endpoint: String,
    application: String,
    environment: String,
    profile: String,
    client: reqwest::Client,
    /// What was turned last; everything is on at first.
    turned: Arc<Mutex<Map<String, Value>>>,
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// The knob: PUT `{"email_sending": {"enabled": false}}`, answered when every function has heard of it; flags that are not named are on
/// again. Nothing where no function reads flags.
pub(super) fn router(description: &Description) -> Router {
    let arn = description.functions.values().find_map(|function| function.environment.get(SETTING));
    let parts: Vec<&str> = arn.map(|arn| arn.split('/').collect()).unwrap_or_default();
    let [_, application, _, environment, _, profile] = parts.as_slice() else { return Router::new() };
    let control = Control {
        endpoint: description.endpoint.clone(),
        application: (*application).to_owned(),
        environment: (*environment).to_owned(),
        profile: (*profile).to_owned(),
        client: reqwest::Client::new(),
        turned: Arc::default(),
    };
    Router::new().route("/_flags", put(turn)).with_state(control)
}

async fn turn(State(control): State<Control>, Json(turned): Json<Map<String, Value>>) -> Response {
    let mut last = control.turned.lock().await;
    if *last == turned {
        return StatusCode::NO_CONTENT.into_response();
    }
    match control.turn(turned.clone()).await {
        Ok(()) => {
            tokio::time::sleep(UNTIL_ALL_HAVE_HEARD).await;
            *last = turned;
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, Json(json!({ "error": error.to_string() }))).into_response(),
    }
}

impl Control {
    async fn turn(&self, turned: Map<String, Value>) -> Result<(), Failed> {
        let versions = format!("/applications/{}/configurationprofiles/{}/hostedconfigurationversions", self.application, self.profile);
        // The first version is the template's, in which everything is on.
        let mut document = self.ask(self.client.get(self.at(&format!("{versions}/1")))).await?;
        let values = document.get_mut("values").and_then(Value::as_object_mut).ok_or("the first version has no values")?;
        for (name, value) in turned {
            *values.get_mut(&name).ok_or_else(|| format!("there is no flag {name}"))? = value;
        }
        let written = self.authorized(self.client.post(self.at(&versions)).json(&document)).send().await?.error_for_status()?;
        let version = written.headers().get("version-number").ok_or("the new version has no number")?.to_str()?.to_owned();

        let strategies = self.ask(self.client.get(self.at("/deploymentstrategies"))).await?;
        let text = |strategy: &Value, name: &str| strategy.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut listed = strategies.get("Items").and_then(Value::as_array).into_iter().flatten();
        let strategy = listed.find(|strategy| text(strategy, "Name").ends_with("-at-once")).ok_or("there is no strategy")?;
        let deployments = format!("/applications/{}/environments/{}/deployments", self.application, self.environment);
        let deployment = json!({
            "ConfigurationProfileId": self.profile,
            "ConfigurationVersion": version,
            "DeploymentStrategyId": text(strategy, "Id"),
        });
        self.ask(self.client.post(self.at(&deployments)).json(&deployment)).await.map(|_| ())
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.endpoint)
    }

    async fn ask(&self, request: reqwest::RequestBuilder) -> Result<Value, Failed> {
        Ok(self.authorized(request).send().await?.error_for_status()?.json().await?)
    }

    /// The emulator reads service and region out of the credential, and checks no signature.
    fn authorized(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        let scope = format!("{ACCESS_KEY_ID}/20260101/{REGION}/appconfig/aws4_request");
        request.header("authorization", format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"))
    }
}

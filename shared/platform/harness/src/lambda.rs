//! Serves one entry on AWS Lambda.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use carillon_kernel::{Clock, IdSource, Setup};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

use crate::entry::{Entry, Invocation, Invoke};
use crate::log::{LogFormat, start_log};

/// What is logged: the figures too, and not the runtime's own span around each invocation, so that ours is the first one of a line.
const FILTER: &str = "info,metrics=info,lambda_runtime=warn";

/// Runs a function's binary: reads the environment, builds the function, serves until Lambda ends the process.
#[must_use]
pub fn run(entry: Entry) -> ExitCode {
    #[expect(clippy::disallowed_methods, reason = "the one place where a function's environment is read")]
    let settings: BTreeMap<String, String> = std::env::vars().collect();
    start_log(LogFormat::Json, settings.get("LOG_FILTER").map_or(FILTER, String::as_str));
    let setup = Setup::new(Clock::system(), IdSource::system()).with_settings(settings);
    let built = match (entry.build)(&setup) {
        Ok(built) => built,
        Err(error) => {
            tracing::error!(function = entry.name, error = %error, "function cannot start");
            return ExitCode::FAILURE;
        }
    };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return ExitCode::FAILURE };
    let served = runtime.block_on(async {
        setup.start().await;
        serve(built.into()).await
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(function = entry.name, error = %error, "runtime failed");
            ExitCode::FAILURE
        }
    }
}

async fn serve(function: Arc<dyn Invoke>) -> Result<(), lambda_runtime::Error> {
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let function = Arc::clone(&function);
        async move {
            let remaining = event.context.deadline().duration_since(now()).unwrap_or(Duration::ZERO);
            let trace = event.context.xray_trace_id.as_deref().and_then(|header| header.parse().ok());
            let invocation = Invocation { request_id: event.context.request_id.clone(), remaining, trace };
            function.invoke(event.payload, invocation).await.map_err(lambda_runtime::Error::from)
        }
    }))
    .await
}

#[expect(clippy::disallowed_methods, reason = "the deadline that Lambda gives is one of the wall clock")]
fn now() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

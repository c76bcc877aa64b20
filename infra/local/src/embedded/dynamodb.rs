//! DynamoDB: the crate `dynoxide-rs`, SQLite on disk behind DynamoDB's HTTP API.
//!
//! Streams stay off (they make writes slower with every write). Expired items go in a sweep each minute; AWS promises
//! no more than "within a few days", so readers check the expiry themselves.

use std::path::Path;
use std::time::Duration;

use dynoxide::Database;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::EmbeddedError;
use super::server::{Server, bind};

const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// The running DynamoDB server.
#[derive(Debug)]
pub struct DynamoDb {
    server: Server,
    sweeper: JoinHandle<()>,
}

impl DynamoDb {
    /// Starts the server on `port` (0 takes any free one), with its database file in `folder`.
    ///
    /// # Errors
    /// Fails when the database cannot be opened or the port cannot be bound.
    pub async fn start(folder: &Path, port: u16) -> Result<Self, EmbeddedError> {
        std::fs::create_dir_all(folder).map_err(EmbeddedError::at(folder))?;
        let database = open(&folder.join("tables.sqlite"))?;
        let (listener, address) = bind(port).await?;
        let sweeper = tokio::spawn(sweep(database.clone()));
        let server = Server::spawn(address, |stopped| async move {
            let stop = async move {
                // A dropped sender stops the server like a sent signal.
                let _ = stopped.await;
            };
            if let Err(error) = dynoxide::server::serve_with_shutdown(listener, database, stop).await {
                tracing::error!(%error, "the embedded DynamoDB server failed");
            }
        });
        Ok(Self { server, sweeper })
    }

    /// Returns the base URL of the server.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// Stops the sweep and the server, letting running requests finish.
    pub async fn stop(self) {
        self.sweeper.abort();
        self.server.stop().await;
    }
}

fn open(file: &Path) -> Result<Database, EmbeddedError> {
    let failed = |message: String| EmbeddedError::Start { server: "DynamoDB", message };
    let path = file.to_str().ok_or_else(|| failed("the path of the data folder is not UTF-8".to_owned()))?;
    let database = Database::new(path).map_err(|error| failed(error.to_string()))?;
    // This sets `synchronous = NORMAL`: with the write-ahead log no commit is lost when the process is killed, and no
    // write waits for the disk. Only a power cut can lose the last commits.
    database.disable_bulk_loading().map_err(|error| failed(error.to_string()))?;
    Ok(database)
}

async fn sweep(database: Database) {
    let mut ticks = interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let database = database.clone();
        match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(expired)) => tracing::debug!(expired, "swept expired items"),
            Ok(Err(error)) => tracing::warn!(%error, "the sweep of expired items failed"),
            Err(error) => tracing::warn!(%error, "the sweep of expired items was interrupted"),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::{AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};

    use super::*;
    use crate::embedded::{Clients, Endpoints};

    async fn started(folder: &Path) -> (DynamoDb, aws_sdk_dynamodb::Client) {
        let server = DynamoDb::start(folder, 0).await.unwrap();
        let clients = Clients::connect(&Endpoints { dynamodb: server.endpoint(), sqs: String::new(), s3: String::new() });
        (server, clients.dynamodb)
    }

    async fn create_table(client: &aws_sdk_dynamodb::Client) {
        client
            .create_table()
            .table_name("things")
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(
                AttributeDefinition::builder().attribute_name("pk").attribute_type(ScalarAttributeType::S).build().unwrap(),
            )
            .key_schema(KeySchemaElement::builder().attribute_name("pk").key_type(KeyType::Hash).build().unwrap())
            .send()
            .await
            .unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn items_survive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let (server, client) = started(folder.path()).await;
        create_table(&client).await;
        client
            .put_item()
            .table_name("things")
            .item("pk", AttributeValue::S("a".to_owned()))
            .item("colour", AttributeValue::S("red".to_owned()))
            .send()
            .await
            .unwrap();

        server.stop().await;
        let (server, client) = started(folder.path()).await;

        let found = client.get_item().table_name("things").key("pk", AttributeValue::S("a".to_owned())).send().await.unwrap();
        assert_eq!(found.item.unwrap().get("colour"), Some(&AttributeValue::S("red".to_owned())));
        server.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_failed_condition_is_the_error_that_aws_gives() {
        let folder = tempfile::tempdir().unwrap();
        let (server, client) = started(folder.path()).await;
        create_table(&client).await;
        let put = client
            .put_item()
            .table_name("things")
            .item("pk", AttributeValue::S("a".to_owned()))
            .condition_expression("attribute_not_exists(pk)");

        put.clone().send().await.unwrap();
        let refused = put.send().await.unwrap_err().into_service_error();

        assert!(refused.is_conditional_check_failed_exception());
        server.stop().await;
    }
}

//! The AWS SDK clients that the local platform itself uses, with a plain-HTTP connector.

use aws_credential_types::Credentials;

use super::{ACCESS_KEY_ID, Endpoints, REGION, SECRET_ACCESS_KEY};

/// One client per embedded server; clones share their connections.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Client of the embedded DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Client of the embedded SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// Client of the embedded S3, path-style.
    pub s3: aws_sdk_s3::Client,
}

impl Clients {
    /// Builds clients for `endpoints`; no request is made.
    #[must_use]
    pub fn connect(endpoints: &Endpoints) -> Self {
        let credentials = Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "embedded");
        let http = carillon_aws::Pool::plain().client();
        Self {
            dynamodb: aws_sdk_dynamodb::Client::from_conf(
                aws_sdk_dynamodb::Config::builder()
                    .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::v2026_01_12())
                    .region(aws_sdk_dynamodb::config::Region::new(REGION))
                    .credentials_provider(credentials.clone())
                    .endpoint_url(&endpoints.dynamodb)
                    .http_client(http.clone())
                    .build(),
            ),
            sqs: aws_sdk_sqs::Client::from_conf(
                aws_sdk_sqs::Config::builder()
                    .behavior_version(aws_sdk_sqs::config::BehaviorVersion::v2026_01_12())
                    .region(aws_sdk_sqs::config::Region::new(REGION))
                    .credentials_provider(credentials.clone())
                    .endpoint_url(&endpoints.sqs)
                    .http_client(http.clone())
                    .build(),
            ),
            s3: aws_sdk_s3::Client::from_conf(
                aws_sdk_s3::Config::builder()
                    .behavior_version(aws_sdk_s3::config::BehaviorVersion::v2026_01_12())
                    .region(aws_sdk_s3::config::Region::new(REGION))
                    .credentials_provider(credentials)
                    .endpoint_url(&endpoints.s3)
                    .http_client(http)
                    .force_path_style(true)
                    .build(),
            ),
        }
    }
}

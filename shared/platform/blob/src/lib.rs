//! Objects in the one bucket: whole, in ranges, and by addresses that let a browser upload.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use carillon_aws::told;
use carillon_kernel::{Ear, Fault, Kind, Meter, Setup, SetupError};

/// What can go wrong with an object.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There is no such object.
    #[error("the object is absent")]
    Absent,
    /// The object is another one than the caller knows.
    #[error("the object was replaced")]
    Replaced,
    /// The store does not answer or refuses.
    #[error("the object store does not answer: {0}")]
    Unavailable(String),
}

impl Fault for BlobError {
    fn kind(&self) -> Kind {
        match self {
            Self::Absent => Kind::Absent,
            Self::Replaced => Kind::Conflict,
            Self::Unavailable(_) => Kind::Unavailable,
        }
    }
    fn code(&self) -> &'static str {
        match self {
            Self::Absent => "blob.absent",
            Self::Replaced => "blob.replaced",
            Self::Unavailable(_) => "blob.unavailable",
        }
    }
}

/// An object as it was found: what is read of it later must be of the same one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its size in bytes.
    pub size: u64,
    /// Its entity tag, which another content does not have.
    pub tag: String,
}

/// A bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    client: Client,
    name: String,
    meter: Meter,
    ear: Ear,
}

impl Bucket {
    /// Opens the bucket that a setting names.
    ///
    /// # Errors
    /// [`SetupError`] when the setting, the region or the credentials are missing.
    pub fn from_setup(setup: &Setup, setting: &str) -> Result<Self, SetupError> {
        let config = carillon_aws::config(setup, "S3")?;
        let endpoint = carillon_aws::endpoint(setup, "S3");
        let path_style = endpoint.is_some();
        let client = setup.shared(endpoint.as_deref().unwrap_or_default(), || {
            Client::from_conf(aws_sdk_s3::config::Builder::from(&config).force_path_style(path_style).build())
        });
        Ok(Self { client, name: setup.text(setting)?, meter: setup.meter(), ear: setup.ear() })
    }

    /// Stores an object, replacing the one that is there.
    ///
    /// # Errors
    /// [`BlobError::Unavailable`] when the store does not take it.
    pub async fn put(&self, key: &str, content_type: &str, body: Bytes) -> Result<(), BlobError> {
        self.meter.request("s3.PutObject");
        let request = self.client.put_object().bucket(&self.name).key(key).content_type(content_type).body(ByteStream::from(body));
        request.send().await.map(|_| ()).map_err(|error| BlobError::Unavailable(told(&error)))
    }

    /// Tells the size of an object and which one it is.
    ///
    /// # Errors
    /// [`BlobError::Absent`] when there is none, [`BlobError::Unavailable`] when the store does not answer.
    pub async fn find(&self, key: &str) -> Result<Found, BlobError> {
        self.meter.request("s3.HeadObject");
        let answer = self.client.head_object().bucket(&self.name).key(key).send().await.map_err(|error| {
            let absent = error.as_service_error().is_some_and(|service| service.is_not_found());
            if absent { BlobError::Absent } else { BlobError::Unavailable(told(&error)) }
        })?;
        let size = u64::try_from(answer.content_length().unwrap_or_default()).unwrap_or_default();
        Ok(Found { size, tag: answer.e_tag().unwrap_or_default().to_owned() })
    }

    /// Reads a range of an object, from `offset`, at most `length` bytes; less at its end, nothing past it.
    ///
    /// # Errors
    /// [`BlobError::Absent`] when there is no such object, [`BlobError::Unavailable`] when the store does not answer.
    pub async fn range(&self, key: &str, offset: u64, length: u64) -> Result<Bytes, BlobError> {
        let range = format!("bytes={offset}-{}", offset.saturating_add(length).saturating_sub(1));
        Ok(self.get(key, Some(range)).await?.0)
    }

    /// Reads a range, as [`Bucket::range`], of the object that has this tag.
    ///
    /// # Errors
    /// [`BlobError::Replaced`] when another object is there by now, or as [`Bucket::range`].
    pub async fn range_of(&self, (key, tag): (&str, &str), offset: u64, length: u64) -> Result<Bytes, BlobError> {
        let range = format!("bytes={offset}-{}", offset.saturating_add(length).saturating_sub(1));
        match self.get(key, Some(range)).await? {
            (_, Some(found)) if found != tag => Err(BlobError::Replaced),
            (bytes, _) => Ok(bytes),
        }
    }

    /// Reads a whole object; for objects that are known to be small.
    ///
    /// # Errors
    /// [`BlobError::Absent`] when there is no such object, [`BlobError::Unavailable`] when the store does not answer.
    pub async fn read(&self, key: &str) -> Result<Bytes, BlobError> {
        Ok(self.get(key, None).await?.0)
    }

    async fn get(&self, key: &str, range: Option<String>) -> Result<(Bytes, Option<String>), BlobError> {
        self.meter.request("s3.GetObject");
        let sent = self.client.get_object().bucket(&self.name).key(key).set_range(range).send().await;
        let answer = match sent {
            Ok(answer) => answer,
            Err(error) => {
                return match error.code() {
                    Some("InvalidRange") => Ok((Bytes::new(), None)),
                    Some("NoSuchKey" | "NotFound") => Err(BlobError::Absent),
                    _ => Err(BlobError::Unavailable(told(&error))),
                };
            }
        };
        let tag = answer.e_tag().map(str::to_owned);
        let body = answer.body.collect().await.map_err(|error| BlobError::Unavailable(error.to_string()))?;
        Ok((body.into_bytes(), tag))
    }

    /// Makes an address to which anybody who has it may upload the object, until it expires.
    ///
    /// # Errors
    /// [`BlobError::Unavailable`] when the address cannot be signed.
    pub async fn upload_url(&self, key: &str, content_type: &str, valid_for: Duration) -> Result<String, BlobError> {
        // Who uses the address does so with the signer's permissions.
        self.ear.hear("s3:PutObject", &format!("{}/{key}", self.name));
        let expiry = PresigningConfig::expires_in(valid_for).map_err(|error| BlobError::Unavailable(error.to_string()))?;
        let request = self.client.put_object().bucket(&self.name).key(key).content_type(content_type);
        let signed = request.presigned(expiry).await.map_err(|error| BlobError::Unavailable(told(&error)))?;
        Ok(signed.uri().to_owned())
    }

    /// Makes an address from which anybody who has it may fetch the object, until it expires.
    ///
    /// # Errors
    /// [`BlobError::Unavailable`] when the address cannot be signed.
    pub async fn download_url(&self, key: &str, valid_for: Duration) -> Result<String, BlobError> {
        self.ear.hear("s3:GetObject", &format!("{}/{key}", self.name));
        let expiry = PresigningConfig::expires_in(valid_for).map_err(|error| BlobError::Unavailable(error.to_string()))?;
        let signed = self.client.get_object().bucket(&self.name).key(key).presigned(expiry).await;
        signed.map(|signed| signed.uri().to_owned()).map_err(|error| BlobError::Unavailable(told(&error)))
    }

    /// Deletes an object; one that is not there is deleted already.
    ///
    /// # Errors
    /// [`BlobError::Unavailable`] when the store does not answer.
    pub async fn delete(&self, key: &str) -> Result<(), BlobError> {
        self.meter.request("s3.DeleteObject");
        let request = self.client.delete_object().bucket(&self.name).key(key);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if matches!(error.code(), Some("NoSuchKey" | "NotFound")) => Ok(()),
            Err(error) => Err(BlobError::Unavailable(told(&error))),
        }
    }

    /// Lists the keys that start so; for prefixes that are known to have few.
    ///
    /// # Errors
    /// [`BlobError::Unavailable`] when the store does not answer.
    pub async fn list(&self, prefix: &str) -> Result<Vec<String>, BlobError> {
        let mut keys = Vec::new();
        let mut start = None;
        loop {
            self.meter.request("s3.ListObjectsV2");
            let request = self.client.list_objects_v2().bucket(&self.name).prefix(prefix).set_continuation_token(start);
            let answer = request.send().await.map_err(|error| BlobError::Unavailable(told(&error)))?;
            start = answer.next_continuation_token.clone();
            keys.extend(answer.contents.unwrap_or_default().into_iter().filter_map(|object| object.key));
            if start.is_none() {
                return Ok(keys);
            }
        }
    }
}

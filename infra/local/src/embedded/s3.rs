//! S3: the crates `s3s` and `s3s-fs`, objects as files, signatures checked, presigned URLs and multipart uploads.
//!
//! After each completed upload, and before its client has the answer, a hook hears of the object. So a killed process loses
//! no notification that its client believes sent; a hook that fails has to say so itself, the upload stands.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use percent_encoding::percent_decode_str;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;

use super::server::{Server, accept, bind};
use super::{ACCESS_KEY_ID, EmbeddedError, SECRET_ACCESS_KEY};

/// An object that was completely uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectCreated {
    /// The bucket's name.
    pub bucket: String,
    /// The object's key, decoded.
    pub key: String,
    /// The object's size in bytes.
    pub size_bytes: u64,
    /// How it was made, as S3 names its events: `Put`, `Copy` or `CompleteMultipartUpload`.
    pub how: &'static str,
}

/// What is called for each completed upload.
pub type ObjectHook = Arc<dyn Fn(ObjectCreated) -> BoxFuture<'static, ()> + Send + Sync>;

/// The running S3 server.
pub struct S3 {
    server: Server,
    hook: Arc<OnceLock<ObjectHook>>,
}

impl std::fmt::Debug for S3 {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("S3").field("server", &self.server).finish_non_exhaustive()
    }
}

impl S3 {
    /// Starts the server on `port` (0 takes any free one), with one folder per bucket in `folder`.
    ///
    /// # Errors
    /// Fails when the folder cannot be used or the port cannot be bound.
    pub async fn start(folder: &Path, port: u16) -> Result<Self, EmbeddedError> {
        std::fs::create_dir_all(folder).map_err(EmbeddedError::at(folder))?;
        let files = FileSystem::new(folder).map_err(|error| EmbeddedError::Start { server: "S3", message: format!("{error:?}") })?;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY_ID, SECRET_ACCESS_KEY));
        let hook = Arc::new(OnceLock::new());
        let front = Arc::new(Front { service: builder.build(), folder: folder.to_owned(), hook: Arc::clone(&hook) });
        let (listener, address) = bind(port).await?;
        let service = service_fn(move |request| {
            let front = Arc::clone(&front);
            async move { Ok::<_, Infallible>(front.answer(request).await) }
        });
        let server = Server::spawn(address, |stopped| accept(listener, service, stopped));
        Ok(Self { server, hook })
    }

    /// Has `hook` called after each completed upload and before its answer; the first hook stays.
    pub fn on_object_created(&self, hook: ObjectHook) {
        if self.hook.set(hook).is_err() {
            tracing::warn!("the hook for completed uploads was set already");
        }
    }

    /// Returns the base URL of the server.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// Stops the server, letting running requests finish for a moment.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

struct Front {
    service: S3Service,
    folder: PathBuf,
    hook: Arc<OnceLock<ObjectHook>>,
}

impl Front {
    async fn answer(&self, request: Request<Incoming>) -> Response<s3s::Body> {
        let upload = Upload::of(&request);
        match Service::call(&self.service, request).await {
            Ok(response) => match upload {
                Some(upload) if response.status() == StatusCode::OK => self.uploaded(upload, response).await,
                _ => response,
            },
            Err(error) => {
                tracing::error!(?error, "the embedded S3 server failed");
                internal_error()
            }
        }
    }

    async fn uploaded(&self, upload: Upload, response: Response<s3s::Body>) -> Response<s3s::Body> {
        // The answer of a long completion starts before its end, and can still turn out to be an error.
        let (parts, body) = response.into_parts();
        let Ok(body) = body.collect().await else {
            return internal_error();
        };
        let body = body.to_bytes();
        let refused = upload.how != "Put" && contains(&body, b"<Error>");
        let path = self.folder.join(&upload.bucket).join(&upload.key);
        if let (Some(hook), false) = (self.hook.get(), refused) {
            let size_bytes = std::fs::metadata(path).map_or(0, |file| file.len());
            hook(ObjectCreated { bucket: upload.bucket, key: upload.key, size_bytes, how: upload.how }).await;
        }
        Response::from_parts(parts, s3s::Body::from(body))
    }
}

struct Upload {
    bucket: String,
    key: String,
    how: &'static str,
}

impl Upload {
    /// Recognises a request that creates an object, by its method, path and query.
    fn of(request: &Request<Incoming>) -> Option<Self> {
        let (bucket, key) = request.uri().path().trim_start_matches('/').split_once('/')?;
        let query = request.uri().query().unwrap_or_default();
        let has = |names: &[&str]| query.split('&').filter_map(|pair| pair.split('=').next()).any(|name| names.contains(&name));
        let subresource = has(&["uploadId", "partNumber", "acl", "tagging", "retention", "legal-hold"]);
        let how = match *request.method() {
            Method::PUT if subresource => return None,
            Method::PUT if request.headers().contains_key("x-amz-copy-source") => "Copy",
            Method::PUT => "Put",
            Method::POST if has(&["uploadId"]) => "CompleteMultipartUpload",
            _ => return None,
        };
        let key = percent_decode_str(key).decode_utf8().ok()?.into_owned();
        (!key.is_empty()).then(|| Self { bucket: bucket.to_owned(), key, how })
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn internal_error() -> Response<s3s::Body> {
    let mut response = Response::new(s3s::Body::from(Bytes::new()));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use aws_sdk_s3::presigning::PresigningConfig;
    use aws_sdk_s3::primitives::ByteStream;
    use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};

    use super::*;
    use crate::embedded::{Clients, Endpoints};

    type Heard = Arc<Mutex<Vec<ObjectCreated>>>;

    async fn started(folder: &Path) -> (S3, aws_sdk_s3::Client, Heard) {
        let server = S3::start(folder, 0).await.unwrap();
        let client = Clients::connect(&Endpoints { dynamodb: String::new(), sqs: String::new(), s3: server.endpoint() }).s3;
        client.create_bucket().bucket("files").send().await.unwrap();
        let heard = Heard::default();
        let listener = Arc::clone(&heard);
        server.on_object_created(Arc::new(move |object| {
            listener.lock().unwrap().push(object);
            Box::pin(async {})
        }));
        (server, client, heard)
    }

    fn object(key: &str, size_bytes: u64, how: &'static str) -> ObjectCreated {
        ObjectCreated { bucket: "files".to_owned(), key: key.to_owned(), size_bytes, how }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_object_is_read_back_and_the_hook_hears_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let (server, client, heard) = started(folder.path()).await;

        client.put_object().bucket("files").key("a folder/näme.csv").body(ByteStream::from_static(b"hello")).send().await.unwrap();

        let found = client.get_object().bucket("files").key("a folder/näme.csv").send().await;
        let body = found.unwrap().body.collect().await.unwrap().into_bytes();
        assert_eq!(body.as_ref(), b"hello");
        assert_eq!(*heard.lock().unwrap(), [object("a folder/näme.csv", 5, "Put")]);
        server.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_presigned_url_takes_an_upload_and_a_changed_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (server, client, heard) = started(folder.path()).await;
        let expiry = PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
        let presigned = client.put_object().bucket("files").key("import.csv").presigned(expiry).await.unwrap();
        let http = reqwest::Client::new();

        let stored = http.put(presigned.uri()).body("a,b\n").send().await.unwrap();
        let changed = presigned.uri().replace("import.csv", "other.csv");
        let refused = http.put(changed).body("a,b\n").send().await.unwrap();

        assert_eq!(stored.status().as_u16(), 200);
        assert_eq!(refused.status().as_u16(), 403);
        assert_eq!(*heard.lock().unwrap(), [object("import.csv", 4, "Put")]);
        server.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_multipart_upload_is_heard_of_once_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let (server, client, heard) = started(folder.path()).await;
        let target = client.create_multipart_upload().bucket("files").key("big");
        let upload_id = target.send().await.unwrap().upload_id.unwrap();
        let mut completed = CompletedMultipartUpload::builder();
        for (part_number, size) in [(1, 5 * 1024 * 1024), (2, 10)] {
            let part = client
                .upload_part()
                .bucket("files")
                .key("big")
                .upload_id(&upload_id)
                .part_number(part_number)
                .body(ByteStream::from(vec![b'x'; size]))
                .send()
                .await
                .unwrap();
            completed = completed.parts(CompletedPart::builder().part_number(part_number).set_e_tag(part.e_tag).build());
        }

        let complete = client.complete_multipart_upload().bucket("files").key("big");
        let complete = complete.upload_id(&upload_id);
        complete.multipart_upload(completed.build()).send().await.unwrap();

        let size = 5 * 1024 * 1024 + 10;
        assert_eq!(*heard.lock().unwrap(), [object("big", size, "CompleteMultipartUpload")]);
        server.stop().await;
    }
}

//! The export of a person: a JSON file with everything that is kept about them, which they fetch by an address that ends soon.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use carillon_blob::Bucket;
use carillon_contracts::message::UserExportRequested;
use carillon_contracts::{ExportId, UserId};
use carillon_dynamo::{Audited, Change, Condition, Key, Table, Trail, Write, number, text};
use carillon_kernel::{IdSource, Setup, SetupError};
use carillon_outbox::Outbox;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::account_error::AccountError;
use crate::person::{PersonStore, PersonalItem, partition};
use crate::person_error::PersonError;
use crate::users::Users;

/// How long a file is kept; the bucket's rule for `exports/` takes as long.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long an address to fetch a file holds.
const ADDRESS_HOLDS: Duration = Duration::from_mins(15);
const FORMAT: &str = "carillon.person/1";

/// How far an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportStatus {
    /// The file is not written yet.
    Pending,
    /// The file can be fetched.
    Ready,
}

/// An export that a user asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonExport {
    /// The id.
    pub id: ExportId,
    /// Whose.
    pub user: UserId,
    /// How far it is.
    pub status: ExportStatus,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// Until when the file is kept.
    pub expires_at: Timestamp,
}

/// An export as its user sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportView {
    /// The id.
    pub id: ExportId,
    /// How far it is.
    pub status: ExportStatus,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// Until when the file is kept.
    pub expires_at: Timestamp,
    /// Where the file can be fetched, for fifteen minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// The file.
#[derive(Debug, Serialize)]
struct File {
    format: &'static str,
    user_id: UserId,
    exported_at: Timestamp,
    /// What is kept, by kind.
    data: BTreeMap<String, Vec<Map<String, Json>>>,
}

/// The exports of people.
#[derive(Debug, Clone)]
pub struct Exports {
    people: PersonStore,
    users: Users,
    bucket: Bucket,
    outbox: Outbox,
}

impl Exports {
    /// Opens the exports; needs the settings `ENTITIES_TABLE` and `BUCKET`.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            people: PersonStore::from_setup(setup)?,
            users: Users::from_setup(setup)?,
            bucket: Bucket::from_setup(setup, "BUCKET")?,
            outbox: Outbox::from_setup(setup)?,
        })
    }

    /// Takes a request for an export, which the trail tells of, and leaves the writing to a consumer.
    ///
    /// # Errors
    /// [`PersonError`] when the table fails.
    pub async fn request(
        &self,
        user: UserId,
        trail: &Arc<Trail>,
        (moment, ids): (Timestamp, &IdSource),
    ) -> Result<ExportView, PersonError> {
        let export =
            PersonExport { id: ids.id(moment), user, status: ExportStatus::Pending, requested_at: moment, expires_at: moment + KEPT };
        let message = UserExportRequested { user, export: export.id };
        let (message, ticket) = self.outbox.write(&message, moment, ids).map_err(AccountError::from)?;
        let put = self.put(&export)?.audited(Audited::created("export", export.id, &serde_json::json!({ "user": user })));
        self.table().by(trail).commit(vec![put, message]).await?;
        self.outbox.dispatch(ticket).await;
        Ok(view(&export, None))
    }

    /// Gives an export of a user, with an address for its file when that is written.
    ///
    /// # Errors
    /// [`PersonError::ExportAbsent`], or what the table fails with.
    pub async fn get(&self, user: UserId, id: ExportId, moment: Timestamp) -> Result<ExportView, PersonError> {
        let export = self.find(user, id).await?.filter(|export| moment < export.expires_at).ok_or(PersonError::ExportAbsent)?;
        let url = match export.status {
            ExportStatus::Ready => Some(self.bucket.download_url(&object_key(user, id), ADDRESS_HOLDS).await?),
            ExportStatus::Pending => None,
        };
        Ok(view(&export, url))
    }

    /// Writes the file of an export; `mails` are those that were sent to the person. A second time writes it anew.
    ///
    /// # Errors
    /// [`PersonError`] when table or bucket fail.
    pub async fn write(&self, (user, id): (UserId, ExportId), mails: Vec<Json>, moment: Timestamp) -> Result<(), PersonError> {
        // An account that was erased meanwhile takes its exports with it.
        let Some(export) = self.find(user, id).await? else { return Ok(()) };
        let file = File { format: FORMAT, user_id: user, exported_at: moment, data: self.gather(user, mails).await? };
        let body = serde_json::to_vec_pretty(&file).map_err(PersonError::Unwritable)?;
        self.bucket.put(&object_key(user, id), "application/json", Bytes::from(body)).await?;
        let ready = self.table().update(key(&export), Change::new().set("status", text("ready")), Condition::Present);
        match self.table().commit(vec![ready]).await {
            // Erased at this very moment: the file must go as well.
            Err(error) if error.is_refused() => Ok(self.bucket.delete(&object_key(user, id)).await?),
            outcome => Ok(outcome?),
        }
    }

    async fn gather(&self, user: UserId, mails: Vec<Json>) -> Result<BTreeMap<String, Vec<Map<String, Json>>>, PersonError> {
        let account = self.users.get(user).await?;
        let own = self.people.own(user).await?;
        let elsewhere = self.people.elsewhere(&account, &own).await?;
        let mut data: BTreeMap<String, Vec<Map<String, Json>>> = BTreeMap::new();
        let mut add = |item: PersonalItem| data.entry(item.entity.clone()).or_default().push(item.shown());
        // What was answered to a request is shown where it belongs; the copy may hold what is shown once, such as the text of an API key.
        own.into_iter().filter(|item| item.entity != "idempotency").chain(elsewhere).for_each(&mut add);
        self.people.unsealed_records(user).await?.into_iter().for_each(&mut add);
        let mut start = None;
        loop {
            let page = self.people.records(user, start).await?;
            page.items.into_iter().for_each(&mut add);
            start = page.next;
            if start.is_none() {
                break;
            }
        }
        loop {
            let page = self.people.events(user, start).await?;
            page.items.into_iter().for_each(&mut add);
            start = page.next;
            if start.is_none() {
                break;
            }
        }
        let mails = mails.into_iter().filter_map(|mail| match mail {
            Json::Object(members) => Some(members),
            _ => None,
        });
        data.entry("mail".to_owned()).or_default().extend(mails);
        Ok(data)
    }

    async fn find(&self, user: UserId, id: ExportId) -> Result<Option<PersonExport>, PersonError> {
        Ok(self.table().find(Key::new(partition(user), sort_key(id))).await?)
    }

    fn put(&self, export: &PersonExport) -> Result<Write, PersonError> {
        let put = self.table().put(key(export), export, Condition::Absent)?;
        Ok(put.with("entity", text("export")).with("schema", number(1)).with("ttl", number(export.expires_at.as_second())))
    }

    const fn table(&self) -> &Table {
        self.people.table()
    }
}

fn view(export: &PersonExport, url: Option<String>) -> ExportView {
    ExportView { id: export.id, status: export.status, requested_at: export.requested_at, expires_at: export.expires_at, url }
}

/// The prefix of the files of a user's exports.
pub(crate) fn object_prefix(user: UserId) -> String {
    format!("exports/users/{user}/")
}

fn object_key(user: UserId, id: ExportId) -> String {
    format!("{}{id}.json", object_prefix(user))
}

fn key(export: &PersonExport) -> Key {
    Key::new(partition(export.user), sort_key(export.id))
}

fn sort_key(id: ExportId) -> String {
    format!("EXPORT#{id}")
}

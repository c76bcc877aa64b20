//! Reads the trail, the latest first.

use carillon_contracts::OrganizationId;
use carillon_dynamo::{Cursor, Key, Page, Record};
use carillon_kernel::{Setup, SetupError};
use jiff::Timestamp;

use super::error::AuditError;
use super::record::{TrailFilter, TrailRecord};
use super::store::{AuditStore, Range};

/// How many records are read at once, and how often for one page, when a filter leaves out most of them.
const READ: u32 = 200;
const READS: u32 = 10;
/// How many bytes of changes a page holds before it ends early: an answer of a function takes 6 MB.
const PAGE_BYTES: usize = 1_000_000;

/// The audit trail of an organization, for its readers.
#[derive(Debug, Clone)]
pub struct AuditTrail {
    store: AuditStore,
}

impl AuditTrail {
    /// Opens the trail; needs the setting `ENTITIES_TABLE`.
    ///
    /// # Errors
    /// [`SetupError`] when the setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { store: AuditStore::from_setup(setup)? })
    }

    /// Gives a page of the records that a filter wants, the latest first. It may be short or empty although more follow: the cursor tells.
    ///
    /// # Errors
    /// [`AuditError::Cursor`] for one of another organization or filter, or what the table fails with.
    pub async fn page(
        &self,
        (organization, filter): (OrganizationId, &TrailFilter),
        (cursor, limit): (Option<Cursor>, u32),
        moment: Timestamp,
    ) -> Result<Page<TrailRecord>, AuditError> {
        let (name, keys) = (organization.to_string(), filter.range());
        let mut months = filter.months(organization, moment);
        let mut start = cursor.map(|cursor| standpoint(&cursor, (&name, filter), &mut months)).transpose()?.flatten();
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let (mut items, mut bytes): (Vec<TrailRecord>, usize) = (Vec::new(), 0);
        for _ in 0..READS {
            let Some(month) = months.last().cloned() else { return Ok(Page { items, next: None }) };
            let range = Range { organization: &name, month: &month, keys: (&keys.0, &keys.1) };
            let page = self.store.page_back(range, start.take().map(|sk| range.after(&sk)), READ).await?;
            for stored in page.records.into_iter().filter(|stored| filter.wants(stored)) {
                let sk = stored.sk.clone();
                bytes += stored.record.changes.len();
                items.push(stored.shown());
                if items.len() == wanted || bytes >= PAGE_BYTES {
                    return Ok(Page { items, next: Some(range.after(&sk).bound_to(&filter.mark())) });
                }
            }
            start = page.next.as_ref().and_then(|next| next.attribute("sk").map(str::to_owned));
            if start.is_none() {
                months.pop();
            }
        }
        // An empty sort key stands for the beginning of a month.
        let next = months.last().map(|month| Cursor::after(&Key::new(Record::partition(&name, month), start.unwrap_or_default())));
        Ok(Page { items, next: next.map(|next| next.bound_to(&filter.mark())) })
    }
}

/// Reads where a cursor stands: leaves the months up to its own, and gives the sort key behind which to go on.
fn standpoint(
    cursor: &Cursor,
    (organization, filter): (&str, &TrailFilter),
    months: &mut Vec<String>,
) -> Result<Option<String>, AuditError> {
    let (first, last) = filter.range();
    let place = months.iter().position(|month| cursor.partition() == Some(&Record::partition(organization, month)));
    let sk = cursor.attribute("sk").unwrap_or_default();
    let is_inside = sk.is_empty() || (first.as_str() <= sk && sk <= last.as_str());
    let Some(place) = place.filter(|_| is_inside && cursor.is_bound_to(&filter.mark())) else { return Err(AuditError::Cursor) };
    months.truncate(place + 1);
    Ok((!sk.is_empty()).then(|| sk.to_owned()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn months() -> Vec<String> {
        ["2026-10", "2026-11", "2026-12"].map(str::to_owned).into()
    }

    fn cursor(partition: &str, sk: &str, filter: &TrailFilter) -> Cursor {
        Cursor::after(&Key::new(partition, sk)).bound_to(&filter.mark()).to_string().parse().unwrap()
    }

    #[test]
    fn a_cursor_goes_on_in_its_month_and_the_ones_before() {
        let filter = TrailFilter::default();
        let mut left = months();
        let sk = "2026-11-21T10:00:00.000Z#00";

        let place = standpoint(&cursor("ORG#org_1#AUDIT#2026-11", sk, &filter), ("org_1", &filter), &mut left).unwrap();

        assert_eq!((place.as_deref(), left.len()), (Some(sk), 2));
        let begin = standpoint(&cursor("ORG#org_1#AUDIT#2026-11", "", &filter), ("org_1", &filter), &mut months()).unwrap();
        assert_eq!(begin, None);
    }

    #[test]
    fn a_cursor_of_another_organization_filter_or_range_is_refused() {
        let filter = TrailFilter { to: "2026-11-30T00:00:00Z".parse().ok(), ..TrailFilter::default() };
        let other = TrailFilter { actor: Some("usr_1".to_owned()), ..filter.clone() };
        let refuses = |cursor: Cursor| standpoint(&cursor, ("org_1", &filter), &mut months()).is_err();

        assert!(refuses(cursor("ORG#org_2#AUDIT#2026-11", "2026-11-01#0", &filter)));
        assert!(refuses(cursor("ORG#org_1#SEALS", "2026-11-01#0", &filter)));
        assert!(refuses(cursor("ORG#org_1#AUDIT#2026-11", "2026-11-01#0", &other)));
        assert!(refuses(cursor("ORG#org_1#AUDIT#2026-12", "2026-12-01#0", &filter)));
        assert!(!refuses(cursor("ORG#org_1#AUDIT#2026-11", "2026-11-01#0", &filter)));
    }
}

//! A look at an audience: how large it is, whom one could write to, and which fields they have.

use std::collections::BTreeSet;

use carillon_campaigns::Campaign;
use carillon_contacts::{AudienceReader, AudienceSize, Member, Standing};
use carillon_harness::Failure;

/// How many contacts are looked at, at the most, for fields that are seldom there.
const LOOKED_AT: usize = 5_000;
/// How many contacts are read at once.
const PAGE: usize = 500;
/// How many recipients a content is tried on.
const TRIED: usize = 50;

/// What was seen of an audience.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) size: AudienceSize,
    /// The first recipients: members whom one may write to.
    pub(crate) recipients: Vec<Member>,
    /// Which of the wanted fields no recipient had.
    pub(crate) unseen: BTreeSet<String>,
    /// How many contacts were looked at for them.
    pub(crate) looked_at: usize,
}

impl Sample {
    /// Counts a campaign's audience up to `counted`, and looks at it until every wanted field was seen once, to its end, or to a limit.
    pub(crate) async fn take(reader: &AudienceReader, campaign: &Campaign, wanted: Vec<String>, counted: u64) -> Result<Self, Failure> {
        let (organization, composition) = (campaign.organization, &campaign.composition);
        let size = reader.size(organization, &composition.audience, counted).await?;
        let mut sample = Self { size, recipients: Vec::new(), unseen: wanted.into_iter().collect(), looked_at: 0 };
        let mut after = None;
        while sample.wants_more() {
            let page = reader.page(organization, (&composition.audience, composition.channel), after, PAGE).await?;
            after = page.members.last().map(|member| member.position).or(after);
            sample.add(page.members);
            if page.end {
                break;
            }
        }
        Ok(sample)
    }

    fn wants_more(&self) -> bool {
        self.looked_at < LOOKED_AT && (self.recipients.len() < TRIED || !self.unseen.is_empty())
    }

    fn add(&mut self, members: Vec<Member>) {
        self.looked_at += members.len();
        for member in members.into_iter().filter(|member| member.standing == Standing::Eligible) {
            self.unseen.retain(|field| !has(&member, field));
            if self.recipients.len() < TRIED {
                self.recipients.push(member);
            }
        }
    }

    /// Counts the tried recipients that lack a field.
    pub(crate) fn lacking(&self, field: &str) -> usize {
        self.recipients.iter().filter(|member| !has(member, field)).count()
    }
}

fn has(member: &Member, field: &str) -> bool {
    member.fields.get(field).is_some_and(|value| !value.is_null())
}

#[cfg(test)]
pub(crate) mod tests {
    use carillon_contacts::Position;
    use carillon_contracts::ContactId;
    use serde_json::{Map, Value};

    use super::*;

    pub(crate) fn member(number: u8, standing: Standing, fields: &[(&str, &str)]) -> Member {
        let id = ContactId::from_bytes([number; 16]);
        let fields: Map<String, Value> = fields.iter().map(|(name, text)| ((*name).to_owned(), Value::from(*text))).collect();
        Member { id, position: Position::of(id), address: Some(format!("c{number}@example.com")), standing, fields }
    }

    pub(crate) fn sample(members: Vec<Member>, wanted: &[&str]) -> Sample {
        let size = AudienceSize { contacts: u64::try_from(members.len()).unwrap_or_default(), at_least: false };
        let unseen = wanted.iter().map(|field| (*field).to_owned()).collect();
        let mut sample = Sample { size, recipients: Vec::new(), unseen, looked_at: 0 };
        sample.add(members);
        sample
    }

    #[test]
    fn a_field_is_seen_only_on_somebody_whom_one_may_write_to() {
        let members =
            vec![member(1, Standing::Unsubscribed, &[("city", "Lisbon")]), member(2, Standing::Eligible, &[("first_name", "Ana")])];

        let sample = sample(members, &["city", "first_name"]);

        assert_eq!(sample.unseen.iter().collect::<Vec<_>>(), ["city"]);
        assert_eq!((sample.recipients.len(), sample.looked_at), (1, 2));
        assert_eq!((sample.lacking("city"), sample.lacking("first_name")), (1, 0));
    }

    #[test]
    fn the_look_ends_when_every_field_was_seen_and_enough_recipients_are_there() {
        let many = (0..60).map(|number| member(number, Standing::Eligible, &[("city", "Lisbon")])).collect();

        let sample = sample(many, &["city"]);

        assert_eq!(sample.recipients.len(), TRIED);
        assert!(!sample.wants_more());
    }
}

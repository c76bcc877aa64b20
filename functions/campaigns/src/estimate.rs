//! What a send will cost, in the units that providers bill: mails, or segments of texts, tried on the first recipients.

use std::collections::BTreeSet;

use carillon_templates::{CompiledSms, Content, Context, Encoding, SmsRenderer, segment};
use serde::Serialize;

use crate::sample::Sample;

/// How many characters of a link stand for its token.
const TOKEN_CHARACTERS: usize = 91;

/// What a send reaches and costs, as far as it can be told before.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Estimate {
    /// The contacts of the audience; not all of them may be written to.
    contacts: u64,
    /// Whether there are more: counting ends at a limit.
    contacts_at_least: bool,
    /// How many recipients the content was tried on.
    tried: usize,
    /// Mails, or segments of texts: what the provider bills.
    billable_units: u64,
    /// How the texts are cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    sms: Option<SmsEstimate>,
}

/// How texts are sent, as tried on the first recipients.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct SmsEstimate {
    encoding: Encoding,
    segments_least: usize,
    segments_most: usize,
    segments_average: f64,
    /// The characters that make texts UCS-2, which has 70 characters a segment instead of 160.
    offending: BTreeSet<char>,
}

/// What every recipient's content is rendered with, beside their own fields.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) organization_name: String,
    pub(crate) public_url: String,
}

impl Estimate {
    /// Estimates the send of a content to an audience.
    pub(crate) fn new(sample: &Sample, content: Option<&Content>, surroundings: &Surroundings) -> Self {
        let sms = match content {
            Some(Content::Sms(sms)) => sms.compile().ok().and_then(|compiled| SmsEstimate::new(sample, &compiled, surroundings)),
            _ => None,
        };
        let each = sms.as_ref().map_or(1.0, |sms| sms.segments_average);
        Self {
            contacts: sample.size.contacts,
            contacts_at_least: sample.size.at_least,
            tried: sample.recipients.len(),
            billable_units: (sample.size.contacts as f64 * each).ceil() as u64,
            sms,
        }
    }
}

impl SmsEstimate {
    /// Renders the text for the tried recipients; nothing when it can be rendered for none of them.
    fn new(sample: &Sample, compiled: &CompiledSms, surroundings: &Surroundings) -> Option<Self> {
        let renderer = SmsRenderer::new(compiled).ok()?;
        let link = format!("{}/u/{}", surroundings.public_url, "x".repeat(TOKEN_CHARACTERS));
        let texts = sample.recipients.iter().filter_map(|member| {
            let (names, values): (Vec<String>, Vec<_>) = member.fields.clone().into_iter().unzip();
            let context = Context::of_values(&names, &values);
            renderer.render(&context.with_organization(surroundings.organization_name.clone()).with_unsubscribe_url(link.clone())).ok()
        });
        let cut: Vec<_> = texts.map(|text| segment(&text)).collect();
        let segments = || cut.iter().map(|text| text.segments);
        let offending: BTreeSet<char> = cut.iter().flat_map(|text| text.offending.iter().copied()).collect();
        Some(Self {
            encoding: if offending.is_empty() { Encoding::Gsm7 } else { Encoding::Ucs2 },
            segments_least: segments().min()?,
            segments_most: segments().max()?,
            segments_average: segments().sum::<usize>() as f64 / cut.len() as f64,
            offending,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use carillon_contacts::{Member, Standing};
    use carillon_templates::SmsContent;

    use super::*;
    use crate::sample::tests::{member, sample};

    fn estimate(body: &str, members: Vec<Member>) -> Estimate {
        let content = Content::Sms(SmsContent { body: body.to_owned() });
        let surroundings = Surroundings { organization_name: "Bells".to_owned(), public_url: "https://api.example.com".to_owned() };
        Estimate::new(&sample(members, &[]), Some(&content), &surroundings)
    }

    #[test]
    fn a_text_is_billed_by_its_segments() {
        let long = "x".repeat(160);
        let members = vec![member(1, Standing::Eligible, &[("note", "")]), member(2, Standing::Eligible, &[("note", &long)])];

        let estimate = estimate("Hi {{ note }}", members);

        let sms = estimate.sms.unwrap();
        assert_eq!((sms.encoding, sms.segments_least, sms.segments_most), (Encoding::Gsm7, 1, 2));
        assert_eq!((estimate.contacts, estimate.billable_units), (2, 3));
    }

    #[test]
    fn the_characters_that_make_a_text_expensive_are_named() {
        let sms = estimate("Olá {{ first_name }} — até já", vec![member(1, Standing::Eligible, &[("first_name", "Zoë")])]).sms.unwrap();

        assert_eq!(sms.encoding, Encoding::Ucs2);
        assert!(sms.offending.contains(&'—') && sms.offending.contains(&'ë') && !sms.offending.contains(&'é'));
    }

    #[test]
    fn recipients_for_whom_it_cannot_be_rendered_do_not_count() {
        let members = vec![member(1, Standing::Eligible, &[]), member(2, Standing::Eligible, &[("first_name", "Ana")])];

        assert_eq!(estimate("Hi {{ first_name }}", members).sms.unwrap().segments_most, 1);
        assert_eq!(estimate("Hi {{ first_name }}", Vec::new()).sms, None);
    }
}

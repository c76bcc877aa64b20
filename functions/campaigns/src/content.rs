//! Turns a campaign's content into what is sent: the parts that the templates area knows, a footer where the link is missing, and the
//! frozen text that the ledger keeps.

use carillon_contracts::Channel;
use carillon_harness::Problem;
use carillon_templates::{Content, EmailContent, SmsContent};

/// The largest frozen content, in bytes of JSON in JSON: it shares an item of DynamoDB (400 KB) with the rest of the definition.
const LARGEST_FROZEN: usize = 380 * 1000;

/// Reads the content that a campaign has of its own; a part that is not written yet is empty, and refused as such later.
pub(crate) fn written(content: &carillon_campaigns::Content, channel: Channel) -> Content {
    let content = content.clone();
    match channel {
        Channel::Email => Content::Email(EmailContent {
            subject: content.subject.unwrap_or_default(),
            html: content.html.unwrap_or_default(),
            text: content.text,
            preheader: content.preheader,
        }),
        Channel::Sms => Content::Sms(SmsContent { body: content.body.unwrap_or_default() }),
    }
}

/// Makes sure that everybody who gets a mail can unsubscribe by it; tells whether a footer was added.
pub(crate) fn with_way_out(content: Content) -> (Content, bool) {
    match content {
        Content::Email(email) => {
            let footed = email.clone().with_unsubscribe_footer();
            let was_added = footed != email;
            (Content::Email(footed), was_added)
        }
        sms @ Content::Sms(_) => (sms, false),
    }
}

/// Compiles content into the text that deliveries read.
pub(crate) fn freeze(content: &Content) -> Result<String, Vec<Problem>> {
    let frozen = match content {
        Content::Email(email) => email.compile().map_err(|error| error.0).map(|compiled| serde_json::to_string(&compiled)),
        Content::Sms(sms) => sms.compile().map_err(|error| error.0).map(|compiled| serde_json::to_string(&compiled)),
    }?;
    let frozen = frozen.map_err(|_| vec![Problem::new("/content", "campaigns.content_unwritable", "the content cannot be frozen")])?;
    let escapes = frozen.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count();
    if frozen.len() + escapes > LARGEST_FROZEN {
        let detail = format!("all parts together are too large to send: they must fit into {} KB", LARGEST_FROZEN / 1000);
        return Err(vec![Problem::new("/content", "campaigns.content_too_large", detail)]);
    }
    Ok(frozen)
}

/// Lists the fields of a contact that the content uses, in the order in which plans carry their values.
pub(crate) fn fields(content: &Content) -> Vec<String> {
    content.variables().into_iter().filter(|variable| variable.is_contact_field()).map(|variable| variable.name).collect()
}

/// Lists the fields without which the content cannot be rendered.
pub(crate) fn needed_fields(content: &Content) -> Vec<String> {
    let needed = |variable: &carillon_templates::Variable| variable.is_contact_field() && !variable.has_default;
    content.variables().into_iter().filter(needed).map(|variable| variable.name).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn email(html: &str) -> Content {
        let content = carillon_campaigns::Content {
            subject: Some("Hello {{ first_name }}".to_owned()),
            html: Some(html.to_owned()),
            ..carillon_campaigns::Content::default()
        };
        written(&content, Channel::Email)
    }

    #[test]
    fn what_is_not_written_is_refused_as_empty() {
        let nothing = written(&carillon_campaigns::Content::default(), Channel::Email);

        let pointers: Vec<String> = freeze(&nothing).unwrap_err().into_iter().map(|problem| problem.pointer).collect();

        assert!(["/content/subject", "/content/html"].iter().all(|part| pointers.iter().any(|pointer| pointer == part)));
    }

    #[test]
    fn a_mail_without_a_way_out_gets_a_footer_and_one_with_it_stays_as_it_is() {
        let (footed, was_added) = with_way_out(email("<p>Hello"));
        assert!(was_added && freeze(&footed).unwrap().contains("unsubscribe_url"));

        let complete = email("<a href=\"{{ unsubscribe_url }}\">Leave</a>");
        assert_eq!(with_way_out(complete.clone()), (complete, false));
    }

    #[test]
    fn plans_carry_contact_fields_only() {
        let content = email("{{ city|default('') }} {{ organization.name }} {{ unsubscribe_url }}");

        assert_eq!(fields(&content), ["city", "first_name"]);
        assert_eq!(needed_fields(&content), ["first_name"]);
    }

    #[test]
    fn content_that_does_not_fit_into_an_item_is_refused_before_it_is_sent() {
        let problems = freeze(&email(&format!("<p title='{}'>x</p>", "\"".repeat(250 * 1024)))).unwrap_err();

        assert_eq!(problems.first().unwrap().code, "campaigns.content_too_large");
    }
}

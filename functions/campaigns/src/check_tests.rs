#![allow(clippy::unwrap_used, reason = "tests")]

use carillon_contacts::{Member, Standing};
use carillon_contracts::{Channel, TemplateId};

use super::*;
use crate::sample::tests::{member, sample};

fn everybody() -> Composition {
    Composition { audience: Audience { all: true, ..Audience::default() }, ..Composition::new("Spring", Channel::Sms) }
}

fn text(body: &str) -> Content {
    Content::Sms(carillon_templates::SmsContent { body: body.to_owned() })
}

fn judged(composition: &Composition, body: &str, members: Vec<Member>) -> Findings {
    let content = text(body);
    let needed = needed_fields(&content);
    let wanted: Vec<&str> = needed.iter().map(String::as_str).collect();
    let mut findings = Findings::default();
    judge(&sample(members, &wanted), (composition, Some(&content)), &mut findings);
    findings
}

fn codes(problems: &[Problem]) -> Vec<&str> {
    problems.iter().map(|problem| problem.code.as_str()).collect()
}

#[test]
fn an_audience_must_be_named_and_have_somebody_in_it() {
    let unnamed = judged(&Composition::new("Spring", Channel::Sms), "Hi", Vec::new());
    let empty = judged(&everybody(), "Hi", Vec::new());

    assert_eq!(codes(&unnamed.problems), ["campaigns.audience"]);
    assert_eq!(codes(&empty.problems), ["campaigns.audience_empty"]);
}

#[test]
fn an_audience_of_unsubscribed_contacts_is_told_and_no_problem() {
    let findings = judged(&everybody(), "Hi {{ nickname }}", vec![member(1, Standing::Unsubscribed, &[])]);

    assert!(findings.problems.is_empty());
    assert_eq!(codes(&findings.notices), ["campaigns.nobody_eligible"]);
}

#[test]
fn a_variable_that_nobody_has_is_a_problem_and_one_that_some_lack_is_told() {
    let members = vec![member(1, Standing::Eligible, &[("first_name", "Ana")]), member(2, Standing::Eligible, &[])];

    let findings = judged(&everybody(), "{{ first_name }} {{ frist_name }} {{ city|default('') }}", members);

    assert_eq!(codes(&findings.problems), ["campaigns.variable_unknown"]);
    assert!(findings.problems.first().unwrap().detail.contains("`frist_name`"));
    assert_eq!(codes(&findings.notices), ["campaigns.variable_missing"]);
    assert!(findings.notices.first().unwrap().detail.starts_with("1 of the first 2"));
}

#[test]
fn what_is_wrong_with_a_templates_content_is_told_of_the_template() {
    let composition = Composition { template_id: Some(TemplateId::from_bytes([1; 16])), ..everybody() };
    let mut findings = Findings::default();

    assert_eq!(frozen(&text("{{ open"), &composition, &mut findings), None);
    assert_eq!(frozen(&text("{{ open"), &everybody(), &mut findings), None);

    let pointers: Vec<&str> = findings.problems.iter().map(|problem| problem.pointer.as_str()).collect();
    assert_eq!(pointers, ["/template_id", "/content/body"]);
}

#[test]
fn a_campaign_with_problems_is_not_ready() {
    let surroundings = Surroundings { organization_name: String::new(), public_url: String::new() };
    let estimate = Estimate::new(&sample(Vec::new(), &[]), None, &surroundings);
    let problems = vec![Problem::new("/sender_id", "campaigns.sender", "choose a sender")];

    let failure = Verdict { problems: problems.clone(), notices: Vec::new(), estimate, ready: None }.into_ready().unwrap_err();

    assert_eq!((failure.kind, failure.problems), (Kind::Invalid, problems));
}

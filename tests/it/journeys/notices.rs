//! The mails about accounts: who gets which, and that they can be read.

use carillon_testkit::Person;
use serde_json::{Value, json};

use super::{World, journey, journey_here};

/// Reads a mail as people do; it has both parts, says the same in them, and shows nothing of how it was made.
async fn read(world: &World, to: &str, (subject, link): (&str, Option<&str>)) -> String {
    let mail = world.api.mail(to, subject).await;
    let (text, html) = (mail["text"].as_str().unwrap(), mail["html"].as_str().unwrap());
    eprintln!("From: {}\nSubject: {}\n\n{text}\n-----\n", mail["from"], mail["subject"]);
    assert_eq!(mail["from"], "\"Carillon\" <no-reply@carillon.invalid>", "{mail}");
    for part in [text, html, mail["subject"].as_str().unwrap()] {
        assert!(!part.contains("{{") && !part.contains("null") && !part.contains("argon2"), "{part}");
    }
    assert!(text.starts_with("Hello") && !html.contains("<i>"), "{text}");
    if let Some(page) = link {
        let url = format!("{}/{page}", world.api.url());
        assert!(text.contains(&url), "{text}");
        assert!(html.contains(&format!("href=\"{url}")), "{html}");
    }
    let names: Vec<&str> = mail["headers"].as_array().unwrap().iter().filter_map(|header| header["name"].as_str()).collect();
    assert!(!names.contains(&"List-Unsubscribe"), "nobody unsubscribes from what concerns the own account: {names:?}");
    text.to_owned()
}

#[test]
fn every_mail_about_an_account_can_be_read_by_its_owner() {
    journey(async |world| {
        let ada = Person { name: "Ada <i>Bell</i> & Sons".to_owned(), ..world.person("ada") };
        let login = world.api.owner(&ada, "Bell & Sons").await;
        let verify = read(&world, &ada.email, ("Confirm your email address", Some("verify-email?token="))).await;
        assert!(verify.starts_with("Hello,\n"), "a stranger's name for an address that is not proven is no greeting: {verify}");

        let _ = world.api.sign_up(&ada, "Again").await.expect(202);
        let _ = read(&world, &ada.email, ("You have an account already", Some("login"))).await;
        let phone = world.api.with_header("user-agent", "Mozilla/5.0 (iPhone) Safari/605.1");
        let _ = phone.logged_in(&ada).await;
        let device = read(&world, &ada.email, ("Sign-in from a new device", Some("forgot-password"))).await;
        assert!(device.starts_with("Hello Ada <i>Bell</i> & Sons,\n") && device.contains("Safari on iPhone"), "{device}");
        let invited = world.person("invited");
        let _ = login.api.post("/v1/invitations", json!({ "email": invited.email, "role": "viewer" })).await.expect(201);
        let invitation = read(&world, &invited.email, ("You are invited", Some("accept-invitation?token="))).await;
        assert!(invitation.contains("Bell & Sons"), "{invitation}");
        let _ = login.enrol_device(world.now()).await;
        let factor = read(&world, &ada.email, ("Your account was changed", Some("forgot-password"))).await;
        assert!(factor.contains("second factor"), "{factor}");
        assert_eq!(login.api.post("/v1/me/totp/disable", Value::Null).await.status, 204);
        let _ = read(&world, &ada.email, ("Second factor switched off", Some("forgot-password"))).await;
        for _ in 0..5 {
            let _ = world.api.log_in(&ada.with_password("a wrong password")).await;
        }
        let _ = read(&world, &ada.email, ("Account locked for a while", Some("forgot-password"))).await;
        assert_eq!(world.api.reset_password(&ada, "brazen fugue lantern").await.status, 204);
        let _ = read(&world, &ada.email, ("Set a new password", Some("reset-password?token="))).await;
    });
}

#[test]
fn nobody_gets_a_mail_about_an_address_without_an_account() {
    journey_here(async |world| {
        let nobody = world.person("nobody");

        for path in ["/v1/auth/password/forgot", "/v1/auth/verify-email/resend"] {
            let _ = world.api.as_nobody().post(path, json!({ "email": nobody.email })).await.expect(202);
        }

        world.stage.platform.settle().await.unwrap();
        assert!(world.api.mails_to(&nobody.email).await.is_empty());
    });
}

#[test]
fn no_member_sees_the_mails_of_others_among_the_messages() {
    journey(async |world| {
        let (ada, login) = world.owner("ada").await;

        let own = login.api.get("/v1/messages").await;

        assert!(!own.text.contains(&ada.email), "{}", own.text);
    });
}

#[test]
fn many_people_of_one_office_log_in_at_the_same_moment() {
    journey(async |world| {
        let mut people = Vec::new();
        for number in 0..12 {
            people.push(world.owner(&format!("colleague{number}")).await.0);
        }

        let logins: Vec<_> = people
            .into_iter()
            .map(|person| {
                let api = world.api.clone();
                tokio::spawn(async move { api.log_in(&person).await.status })
            })
            .collect();

        for login in logins {
            assert_eq!(login.await.unwrap(), 200);
        }
    });
}

//! The second factor: enrolled, asked for at logins, lost, and switched off.

use std::time::Duration;

use carillon_testkit::{Answer, Device, Login, Person};
use serde_json::{Value, json};

use super::{World, journey, journey_in_time};

/// Somebody with a confirmed device.
async fn somebody(world: &World) -> (Person, Login, Device) {
    let (ada, login) = world.owner("ada").await;
    let device = login.enrol_device(world.now()).await;
    (ada, login, device)
}

/// Logs in with the password; gives what is asked for then.
async fn demand(world: &World, person: &Person) -> Value {
    let demand = world.api.log_in(person).await.expect(200);
    assert_eq!(demand["second_factor_required"], true, "{demand}");
    assert!(demand["access_token"].is_null() && demand["refresh_token"].is_null(), "{demand}");
    demand
}

async fn prove(world: &World, demand: &Value, code: &str) -> Answer {
    world.api.prove_login(demand, json!({ "code": code })).await
}

#[track_caller]
fn is(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.text);
}

#[test]
fn a_device_is_enrolled_confirmed_by_a_code_and_asked_for_at_logins() {
    journey(async |world| {
        let (ada, login) = world.owner("ada").await;

        let enrolled = login.api.post("/v1/me/totp", Value::Null).await.expect(201);
        let unconfirmed = world.api.log_in(&ada).await.expect(200);
        let device = Device::of_seed(enrolled["secret"].as_str().unwrap());
        let wrong = login.api.post("/v1/me/totp/confirm", json!({ "code": "000000" })).await;
        let confirmed = login.api.post("/v1/me/totp/confirm", json!({ "code": device.code(world.now()) })).await.expect(200);
        let demand = demand(&world, &ada).await;
        let proven = Login::of(&world.api, prove(&world, &demand, &device.code(world.now())).await);

        let uri = enrolled["otpauth_uri"].as_str().unwrap();
        let label = ada.email.replace('@', "%40");
        assert!(uri.starts_with(&format!("otpauth://totp/Carillon:{label}?secret={}", enrolled["secret"].as_str().unwrap())), "{uri}");
        for part in ["issuer=Carillon", "algorithm=SHA1", "digits=6", "period=30"] {
            assert!(uri.contains(part), "{uri} lacks {part}");
        }
        let svg = enrolled["qr_code_svg"].as_str().unwrap();
        assert!(svg.contains("<svg") && svg.ends_with("</svg>") && !svg.contains("<script"), "{svg}");
        assert!(unconfirmed["access_token"].is_string(), "before it is confirmed nobody is asked for it");
        is(&wrong, 401, "accounts.code_refused");
        assert_eq!(confirmed["recovery_codes"].as_array().unwrap().len(), 10);
        assert_eq!(demand["methods"], json!(["totp", "recovery_code"]));
        let me = proven.api.get("/v1/me").await.expect(200);
        assert_eq!(me["second_factor"], json!({ "enabled": true, "recovery_codes_left": 10 }));
        let listed = proven.api.get("/v1/me/sessions").await.expect(200);
        let current = listed["data"].as_array().unwrap().iter().find(|session| session["current"] == true).unwrap().clone();
        assert_eq!(current["amr"], json!(["pwd", "otp"]));
        let _ = world.api.mail(&ada.email, "Your account was changed").await;
    });
}

#[test]
fn a_code_is_accepted_once_and_a_challenge_opens_one_session() {
    journey(async |world| {
        let (ada, _, device) = somebody(&world).await;
        let (first, second) = (demand(&world, &ada).await, demand(&world, &ada).await);
        let code = device.code(world.now());

        let proven = prove(&world, &first, &code).await;
        let replayed = prove(&world, &second, &code).await;
        let met = prove(&world, &first, &device.code(world.now())).await;

        assert_eq!(proven.status, 200, "{}", proven.text);
        is(&replayed, 401, "accounts.code_refused");
        is(&met, 422, "accounts.challenge_invalid");
    });
}

#[test]
fn of_two_who_show_the_same_code_at_the_same_moment_one_gets_in() {
    journey(async |world| {
        let (ada, _, device) = somebody(&world).await;
        let (first, second) = (demand(&world, &ada).await, demand(&world, &ada).await);
        let code = device.code(world.now());

        let (one, other) = tokio::join!(prove(&world, &first, &code), prove(&world, &second, &code));

        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!((statuses[0], statuses[1] >= 400), (200, true), "{} {}", one.text, other.text);
    });
}

#[test]
fn a_recovery_code_opens_one_session_once_and_its_user_is_told() {
    journey(async |world| {
        let (ada, _, device) = somebody(&world).await;
        let typed = device.recovery_codes[4].to_uppercase().replace('-', " ");
        let by_recovery = async |demand: &Value, code: &str| world.api.prove_login(demand, json!({ "recovery_code": code })).await;

        let wrong = by_recovery(&demand(&world, &ada).await, "00000-00000").await;
        let login = Login::of(&world.api, by_recovery(&demand(&world, &ada).await, &typed).await);
        let again = by_recovery(&demand(&world, &ada).await, &device.recovery_codes[4]).await;
        let next = by_recovery(&demand(&world, &ada).await, &device.recovery_codes[5]).await;

        is(&wrong, 401, "accounts.code_refused");
        is(&again, 401, "accounts.code_refused");
        assert_eq!(next.status, 200, "{}", next.text);
        let me = login.api.get("/v1/me").await.expect(200);
        assert_eq!(me["second_factor"]["recovery_codes_left"], 8);
        let _ = world.api.mail(&ada.email, "Recovery code used").await;
    });
}

#[test]
fn new_recovery_codes_make_the_old_ones_worthless() {
    journey(async |world| {
        let (ada, login, device) = somebody(&world).await;

        let renewed = login.api.post("/v1/me/recovery-codes", Value::Null).await.expect(201);
        let old = world.api.prove_login(&demand(&world, &ada).await, json!({ "recovery_code": device.recovery_codes[0] })).await;
        let new = world.api.prove_login(&demand(&world, &ada).await, json!({ "recovery_code": renewed["recovery_codes"][0] })).await;

        is(&old, 401, "accounts.code_refused");
        assert_eq!(new.status, 200, "{}", new.text);
    });
}

#[test]
fn a_second_factor_is_switched_off_by_who_proved_it_and_is_not_asked_for_any_more() {
    journey(async |world| {
        let (ada, login, device) = somebody(&world).await;

        let second = login.api.post("/v1/me/totp", Value::Null).await;
        let off = login.api.post("/v1/me/totp/disable", Value::Null).await;
        let again = login.api.post("/v1/me/totp/disable", Value::Null).await;
        let codes = login.api.post("/v1/me/recovery-codes", Value::Null).await;
        let plain = world.api.log_in(&ada).await.expect(200);

        is(&second, 409, "accounts.second_factor_present");
        assert_eq!(off.status, 204, "{}", off.text);
        is(&again, 409, "accounts.second_factor_absent");
        is(&codes, 409, "accounts.second_factor_absent");
        assert!(plain["access_token"].is_string(), "{plain}");
        let _ = world.api.mail(&ada.email, "Second factor switched off").await;
        assert_eq!(login.enrol_device(world.now()).await.recovery_codes.len(), 10, "another device");
        drop(device);
    });
}

#[test]
fn what_is_dangerous_needs_a_fresh_proof_and_with_a_second_factor_that_is_a_code() {
    journey_in_time(async |world| {
        let (ada, login) = world.owner("ada").await;
        let step_up = async |login: &Login, proof: Value| login.api.post("/v1/auth/step-up", proof).await;
        world.advance(Duration::from_secs(16 * 60));
        let login = login.refreshed().await;

        is(&login.api.post("/v1/me/totp", Value::Null).await, 403, "accounts.step_up_needed");
        is(&step_up(&login, json!({ "password": "a wrong password" })).await, 403, "accounts.password_wrong");
        is(&step_up(&login, json!({ "code": "123456" })).await, 409, "accounts.second_factor_absent");
        let fresh = step_up(&login, json!({ "password": ada.password })).await.expect(200);
        assert_eq!(fresh["session_id"], login.session.to_string());
        let device = login.enrol_device(world.now()).await;

        world.advance(Duration::from_secs(16 * 60));
        let login = login.refreshed().await;
        for path in ["/v1/me/totp/disable", "/v1/me/recovery-codes"] {
            is(&login.api.post(path, Value::Null).await, 403, "accounts.step_up_needed");
        }
        is(&step_up(&login, json!({ "password": ada.password })).await, 403, "accounts.second_factor_needed");
        let code = device.code(world.now());
        assert_eq!(step_up(&login, json!({ "code": code })).await.status, 200);
        is(&step_up(&login, json!({ "code": code })).await, 401, "accounts.code_refused");
        assert_eq!(login.api.post("/v1/me/totp/disable", Value::Null).await.status, 204);
    });
}

#[test]
fn guessed_codes_wait_longer_and_longer_and_a_challenge_ends_after_five_minutes() {
    journey_in_time(async |world| {
        let (ada, _, device) = somebody(&world).await;
        let first = demand(&world, &ada).await;
        let wrong = |number: u32| {
            let right = device.code_at(world.now());
            format!("{:06}", (right.parse::<u32>().unwrap() + 500_000 + number) % 1_000_000)
        };
        for number in 0..5 {
            is(&prove(&world, &first, &wrong(number)).await, 401, "accounts.code_refused");
        }

        let locked = prove(&world, &first, &device.code(world.now())).await;
        is(&locked, 429, "accounts.too_many_attempts");
        let wait: u64 = locked.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=15).contains(&wait), "{wait}");
        world.advance(Duration::from_secs(15));
        is(&prove(&world, &first, &wrong(7)).await, 401, "accounts.code_refused");
        let longer = prove(&world, &first, &wrong(8)).await;
        assert!(longer.header("retry-after").unwrap().parse::<u64>().unwrap() > 15, "{:?}", longer.headers);
        let _ = world.api.mail(&ada.email, "Account locked for a while").await;

        world.advance(Duration::from_secs(31));
        let second = demand(&world, &ada).await;
        assert_eq!(prove(&world, &second, &device.code(world.now())).await.status, 200);
        let third = demand(&world, &ada).await;
        world.advance(Duration::from_secs(5 * 60));
        is(&prove(&world, &third, &device.code(world.now())).await, 422, "accounts.challenge_invalid");
    });
}

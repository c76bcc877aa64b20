//! Contacts come from files as the world writes them.

use carillon_testkit::File;
use serde_json::{Value, json};

use super::{World, journey};

/// BOM, quoted newlines, semicolons inside quotes, CRLF, a duplicate, broken addresses, numbers of several countries, an empty line.
const AS_THE_WORLD_WRITES: &str = "\u{feff}E-Mail,First Name,Phone,City\r\n\
    ada@letters.example,Ada,+44 20 7946 0958,\"London;\r\nGreater London\"\r\n\
    grace@letters.example,Grace,(415) 555-2671,\"New York, NY\"\r\n\
    ADA@letters.example,Ada again,,\r\n\
    not-an-address,Nobody,,\r\n\
    zoe@letters.example,Zoë,12,\r\n\
    \r\n\
    linus@letters.example,Linus,+358 40 1234567,Helsinki\r\n\
    too,many,columns,in,this,row\r\n\
    =cmd()@letters.example,Formula,,\r\n";

async fn import(world: &World, bytes: &[u8], options: Value) -> Value {
    let (import, answer) = world.api.import_csv(File { bytes: bytes.to_vec(), options }).await;
    let _ = answer.expect(202);
    world.until("the import is completed", async || world.api.import(import).await["status"] == "completed").await;
    world.api.import(import).await
}

fn options() -> Value {
    json!({
        "mapping": { "City": "attributes.city" },
        "default_region": "US",
        "consent": { "email": "the fair in May" },
        "tags": ["fair"],
    })
}

async fn contacts(world: &World) -> Vec<Value> {
    world.api.get("/v1/contacts?limit=100").await.expect(200)["data"].as_array().unwrap().clone()
}

#[test]
fn a_file_as_the_world_writes_it_is_imported_and_its_broken_rows_are_reported() {
    journey(async |world| {
        let done = import(&world, AS_THE_WORLD_WRITES.as_bytes(), options()).await;

        let counts = &done["counts"];
        let told = ["created", "duplicate_in_file", "rejected"].map(|name| counts[name].as_u64().unwrap());
        assert_eq!(told[0] + told[1] + told[2], counts["rows"].as_u64().unwrap(), "{counts}");
        assert_eq!((told[0], told[1]), (3, 1), "{counts}");

        let contacts = contacts(&world).await;
        assert_eq!(contacts.len(), 3);
        let ada = contacts.iter().find(|contact| contact["email"] == "ada@letters.example").unwrap();
        assert_eq!(ada["phone"], "+442079460958");
        assert!(ada["attributes"]["city"].as_str().unwrap().contains("Greater London"));
        assert_eq!(ada["tags"], json!(["fair"]));
        assert_eq!(ada["consent"]["email"]["status"], "subscribed");
        let grace = contacts.iter().find(|contact| contact["email"] == "grace@letters.example").unwrap();
        assert_eq!(grace["phone"], "+14155552671");
    });
}

#[test]
fn rejected_rows_come_back_as_a_csv_with_the_reason_for_each_and_without_formulas() {
    journey(async |world| {
        let done = import(&world, AS_THE_WORLD_WRITES.as_bytes(), options()).await;

        let id = done["id"].as_str().unwrap();
        let report = world.api.get(&format!("/v1/imports/{id}/rejected")).await;
        assert_eq!(report.status, 200);
        let rejected = done["counts"]["rejected"].as_u64().unwrap();
        assert!(report.header("content-type").unwrap().starts_with("text/csv"));
        let lines: Vec<&str> = report.text.lines().collect();
        assert_eq!(lines.len() as u64, rejected + 1, "{}", report.text);
        assert!(lines[1..].iter().any(|line| line.contains("not-an-address")));
        assert!(lines[1..].iter().any(|line| line.contains("Zoë")));
        assert!(!report.text.contains(",=cmd"), "{}", report.text);
    });
}

#[test]
fn the_same_file_again_makes_no_new_contacts() {
    journey(async |world| {
        let _ = import(&world, AS_THE_WORLD_WRITES.as_bytes(), options()).await;

        let again = import(&world, AS_THE_WORLD_WRITES.as_bytes(), options()).await;

        assert_eq!(again["counts"]["created"], 0, "{}", again["counts"]);
        assert_eq!(contacts(&world).await.len(), 3);
    });
}

#[test]
fn a_file_in_another_encoding_is_refused_with_words_that_name_it() {
    journey(async |world| {
        let utf_16: Vec<u8> = "\u{feff}email\nada@letters.example\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let latin_1 = b"email,city\nada@letters.example,K\xf6ln\n".to_vec();

        for (bytes, name) in [(utf_16, "UTF-16"), (latin_1, "UTF-8")] {
            let (_, answer) = world.api.import_csv(File { bytes, options: json!({}) }).await;

            assert!((400..500).contains(&answer.status), "{}", answer.text);
            assert!(answer.text.contains(name), "{}", answer.text);
        }
        assert!(contacts(&world).await.is_empty());
    });
}

#[test]
fn two_thousand_rows_in_several_chunks_are_counted_exactly() {
    journey(async |world| {
        let mut csv = String::from("email\n");
        (0..2_000).for_each(|row| csv.push_str(&format!("reader{}@rows.example\n", row % 1_900)));

        let done = import(&world, csv.as_bytes(), json!({})).await;

        let counts = &done["counts"];
        assert_eq!(
            (&counts["rows"], &counts["created"], &counts["duplicate_in_file"]),
            (&json!(2_000), &json!(1_900), &json!(100)),
            "{counts}"
        );
    });
}

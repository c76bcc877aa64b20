//! The mails that identity writes: what each says, in the syntax of templates, with the values that its reader gets.
//!
//! A mail greets by name only who has proven the address: else strangers could write to anybody by signing up with a name that is a message.

use carillon_templates::{Content, EmailContent};
use serde_json::{Map, Value};

/// What frames every mail, as few mail programs know style sheets.
const OPENING: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"></head>\
    <body style=\"font-family:sans-serif;font-size:16px;line-height:1.5;color:#222;max-width:36em;margin:2em auto;padding:0 1em\">";
const BUTTON: &str = "display:inline-block;padding:10px 20px;border-radius:4px;background:#1d4ed8;color:#fff;text-decoration:none";
const CLOSING: &str = "<p style=\"color:#666\">Carillon</p></body></html>";

/// A mail of one kind to one reader.
#[derive(Debug, PartialEq)]
pub(crate) struct Mail {
    subject: &'static str,
    paragraphs: Vec<&'static str>,
    /// What the link does, in the words of its button.
    action: Option<&'static str>,
    values: Map<String, Value>,
}

impl Mail {
    /// A mail of these paragraphs.
    pub(crate) fn new(subject: &'static str, paragraphs: impl IntoIterator<Item = &'static str>) -> Self {
        Self { subject, paragraphs: paragraphs.into_iter().collect(), action: None, values: Map::new() }
    }

    /// Greets somebody, by name if the address is known to be theirs.
    pub(crate) fn greet(self, name: Option<String>) -> Self {
        self.value("greeting", name.map_or_else(|| "Hello,".to_owned(), |name| format!("Hello {name},")))
    }

    /// Adds a button with a link, and the link as text for programs that show no buttons.
    pub(crate) fn link(self, action: &'static str, url: String) -> Self {
        Self { action: Some(action), ..self }.value("link", url)
    }

    /// Gives a value to a variable of the paragraphs.
    pub(crate) fn value(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.values.insert(name.to_owned(), value.into());
        self
    }

    /// The values by their names.
    pub(crate) fn values(&self) -> &Map<String, Value> {
        &self.values
    }

    /// The content of the mail, for programs that show HTML and for those that do not.
    pub(crate) fn content(&self) -> Content {
        let (mut html, mut text) = (String::from(OPENING), String::new());
        for paragraph in ["{{ greeting }}"].iter().chain(&self.paragraphs) {
            html.push_str(&format!("<p>{paragraph}</p>"));
            text.push_str(&paragraph.replace("<strong>", "").replace("</strong>", ""));
            text.push_str("\n\n");
        }
        if let Some(action) = self.action {
            html.push_str(&format!("<p><a href=\"{{{{ link }}}}\" style=\"{BUTTON}\">{action}</a></p>"));
            html.push_str("<p style=\"color:#666;font-size:14px\">If the button does not work, open this address:<br>{{ link }}</p>");
            text.push_str(&format!("{action}:\n{{{{ link }}}}\n\n"));
        }
        html.push_str(CLOSING);
        text.push_str("Carillon\n");
        Content::Email(EmailContent { subject: self.subject.to_owned(), html, text: Some(text), preheader: None })
    }
}

/// The link that proves an address.
pub(crate) fn verify_email(url: String) -> Mail {
    let what = "Please confirm that this address is yours. The link works once, within a day.";
    let otherwise = "If you did not sign up, do nothing: without your confirmation nobody can use the account.";
    Mail::new("Confirm your email address", [what, otherwise]).link("Confirm the address", url)
}

/// Word to the owner of an address with which somebody signed up again.
pub(crate) fn already_signed_up(url: String) -> Mail {
    let what = "Somebody signed up with this address, or asked to confirm it. You have an account already: log in, or set a new password if you forgot it.";
    let otherwise = "If it was not you, do nothing: nothing was changed.";
    Mail::new("You have an account already", [what, otherwise]).link("Log in", url)
}

/// The link that sets a new password.
pub(crate) fn reset_password(url: String) -> Mail {
    let what = "Somebody asked to set a new password for your account. The link works once, within half an hour.";
    let otherwise = "If it was not you, do nothing: your password stays as it is.";
    Mail::new("Set a new password", [what, otherwise]).link("Set a new password", url)
}

/// The code that confirms an unusual login.
pub(crate) fn confirm_login(code: &str) -> Mail {
    let what = "Somebody logs in to your account with your password, in a way that is unlike your earlier logins. If it is you, enter this code within ten minutes:";
    let otherwise = "If it is not you, do not give the code to anybody, and set a new password.";
    Mail::new("Confirm your login", [what, "<strong>{{ code }}</strong>", otherwise]).value("code", code)
}

/// Word that something of the account was changed.
pub(crate) fn account_changed(what: &str, url: String) -> Mail {
    let otherwise = "If it was not you, set a new password at once: that ends all sessions.";
    let mail = Mail::new("Your account was changed", ["The {{ what }} of your account was changed.", otherwise]);
    mail.value("what", what).link("Set a new password", url)
}

/// An invitation to an organization.
pub(crate) fn invitation(organization: String, url: String) -> Mail {
    let what = "You are invited to {{ organization_name }}. The link makes you a member, with a new account if you have none.";
    let otherwise = "If you do not know who invites you, do nothing.";
    Mail::new("You are invited", [what, otherwise]).value("organization_name", organization).link("Accept the invitation", url)
}

/// Something suspicious.
pub(crate) fn security_event(title: &'static str, sentence: String, url: String) -> Mail {
    let what = "We noticed something that is unlike the usual:";
    let otherwise = "If it was you, or you know of it, there is nothing to do. If not, set a new password: that ends all sessions.";
    let mail = Mail::new(title, [what, "<strong>{{ sentence }}</strong>", otherwise]);
    mail.value("sentence", sentence).link("Set a new password", url)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use carillon_templates::Context;

    use super::*;

    #[test]
    fn every_mail_compiles_and_needs_no_value_that_it_lacks() {
        let url = || "https://app.example/x?token=t".to_owned();
        let mails = [
            verify_email(url()),
            already_signed_up(url()),
            reset_password(url()),
            confirm_login("12345678"),
            account_changed("password", url()),
            invitation("Bells & Co".to_owned(), url()),
            security_event("New device", "A login from a new device.".to_owned(), url()),
        ];

        for mail in mails {
            let mail = mail.greet(Some("Ada <ada>".to_owned()));
            let content = mail.content();
            assert_eq!(content.problems(), [], "{mail:?}");
            let names: Vec<String> = content.variables().into_iter().map(|variable| variable.name).collect();
            assert!(names.iter().all(|name| mail.values().contains_key(name)), "{names:?} of {mail:?}");
            let values: Vec<Value> = names.iter().map(|name| mail.values()[name].clone()).collect();
            content.preview(&Context::of_values(&names, &values)).unwrap();
        }
    }
}

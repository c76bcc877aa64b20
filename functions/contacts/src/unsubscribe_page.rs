//! The pages that people see who follow an unsubscribe link: small, readable by every program, without anything from elsewhere.

use carillon_contracts::Channel;
use carillon_harness::Reply;

const STYLE: &str = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}\
    button{font:inherit;padding:.6rem 1.4rem;border:0;border-radius:.4rem;background:#1b4fd1;color:#fff;cursor:pointer}\
    button:focus-visible{outline:3px solid #f5a623;outline-offset:2px}";

/// The page that asks; showing it changes nothing.
pub(crate) fn question(channel: Channel) -> Reply {
    let what = noun(channel);
    page(
        200,
        "Unsubscribe",
        &format!(
            "<p>Do you want to stop receiving {what} from this sender?</p>\
             <form method=\"post\"><input type=\"hidden\" name=\"answer\" value=\"unsubscribe\"><button type=\"submit\">Unsubscribe</button></form>"
        ),
    )
}

/// The page that confirms.
pub(crate) fn confirmation(channel: Channel) -> Reply {
    let what = noun(channel);
    page(200, "You are unsubscribed", &format!("<p>You will not receive any more {what} from this sender.</p>"))
}

/// The page for a link that is none of ours.
pub(crate) fn unknown_link() -> Reply {
    page(404, "This link does not work", "<p>Please copy the whole link from the message, or write to its sender.</p>")
}

const fn noun(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "marketing emails",
        Channel::Sms => "marketing text messages",
    }
}

fn page(status: u16, title: &str, content: &str) -> Reply {
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head><body><main><h1>{title}</h1>{content}</main></body></html>"
    );
    let policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    Reply::text(status, "text/html; charset=utf-8", html)
        .header("cache-control", "no-store")
        .header("content-security-policy", policy)
        .header("referrer-policy", "no-referrer")
        .header("x-content-type-options", "nosniff")
        .header("x-robots-tag", "noindex")
}

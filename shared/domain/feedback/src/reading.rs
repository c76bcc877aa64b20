//! Who opened or clicked: a person, or a program on the way to one.
//!
//! Programs load pictures and follow links that nobody looked at, so both are told apart and both are kept. The rules, in their order:
//!
//! 1. No user agent, or one that names a program (a crawler, a scanner, an HTTP library): a machine.
//! 2. An open whose user agent is `Mozilla/5.0` and nothing more: a machine. It is the proxy of Apple's Mail Privacy Protection, which
//!    fetches every picture ahead, whether the mail is read or not. It does not touch links, so a click is not judged by this.
//! 3. From the networks of Exchange Online, whose Safe Links follows links on arrival, within 10 seconds of the send: a machine
//!    (<https://learn.microsoft.com/microsoft-365/enterprise/urls-and-ip-address-ranges>).
//! 4. Everything else is a person; so is Gmail's `GoogleImageProxy`, which fetches a picture when the mail is opened.
//!
//! Time alone makes no machine: the send and the reading are of two clocks. The figures of persons are estimates, as everybody's are.

use std::net::Ipv4Addr;

use jiff::{SignedDuration, Timestamp};

/// Parts of user agents, in lower case, by which programs name themselves.
const PROGRAMS: &[&str] = &[
    "bot/",
    "bot)",
    "bot;",
    "+http",
    "crawler",
    "spider",
    "scanner",
    "headless",
    "phantomjs",
    "prefetch",
    "preview",
    "curl/",
    "wget/",
    "python",
    "go-http-client",
    "java/",
    "apache-httpclient",
    "okhttp",
    "axios",
    "node-fetch",
    "libwww",
    "ruby",
    "barracuda",
    "mimecast",
    "proofpoint",
    "trendmicro",
    "forcepoint",
    "fireeye",
    "symantec",
];

/// The IPv4 networks of Exchange Online: address and length of the prefix.
const EXCHANGE_ONLINE: &[(Ipv4Addr, u32)] = &[
    (Ipv4Addr::new(40, 92, 0, 0), 15),
    (Ipv4Addr::new(40, 107, 0, 0), 16),
    (Ipv4Addr::new(52, 100, 0, 0), 14),
    (Ipv4Addr::new(104, 47, 0, 0), 17),
];

const ARRIVAL: SignedDuration = SignedDuration::from_secs(10);
const APPLE_PRIVACY_PROXY: &str = "Mozilla/5.0";

/// What is known of an open or a click.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading<'a> {
    /// When the mail was sent.
    pub sent_at: Timestamp,
    /// When it was opened or clicked.
    pub at: Timestamp,
    /// The reader's user agent; empty when unknown.
    pub user_agent: &'a str,
    /// The reader's address; empty when unknown.
    pub ip: &'a str,
}

/// Who reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reader {
    /// A person, as far as can be told.
    Person,
    /// A program.
    Machine,
}

/// Tells who opened a mail.
#[must_use]
pub fn opened_by(reading: &Reading<'_>) -> Reader {
    if reading.user_agent.trim() == APPLE_PRIVACY_PROXY { Reader::Machine } else { clicked_by(reading) }
}

/// Tells who followed a link.
#[must_use]
pub fn clicked_by(reading: &Reading<'_>) -> Reader {
    let agent = reading.user_agent.trim().to_ascii_lowercase();
    let is_program = agent.is_empty() || PROGRAMS.iter().any(|program| agent.contains(program));
    let on_arrival = reading.at.duration_since(reading.sent_at) <= ARRIVAL;
    if is_program || (on_arrival && is_exchange_online(reading.ip)) { Reader::Machine } else { Reader::Person }
}

fn is_exchange_online(ip: &str) -> bool {
    let Ok(ip) = ip.parse::<Ipv4Addr>() else { return false };
    EXCHANGE_ONLINE.iter().any(|(network, length)| (ip.to_bits() ^ network.to_bits()) >> (32 - length) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 10_3_3 like Mac OS X) AppleWebKit/603.3.8 (KHTML, like Gecko) Mobile/14G60";
    const GMAIL: &str = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)";

    fn reading<'a>(user_agent: &'a str, ip: &'a str, seconds: i64) -> Reading<'a> {
        let sent_at = Timestamp::UNIX_EPOCH;
        Reading { sent_at, at: sent_at + SignedDuration::from_secs(seconds), user_agent, ip }
    }

    #[test]
    fn a_phone_and_a_reader_behind_gmails_proxy_are_persons() {
        assert_eq!(opened_by(&reading(PHONE, "192.0.2.1", 0)), Reader::Person);
        assert_eq!(opened_by(&reading(GMAIL, "66.249.84.1", 60)), Reader::Person);
        assert_eq!(clicked_by(&reading(PHONE, "192.0.2.1", 0)), Reader::Person);
    }

    #[test]
    fn a_phone_whose_name_ends_like_a_robot_is_a_person() {
        let cubot =
            "Mozilla/5.0 (Linux; Android 9; CUBOT X18 Plus) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90.0 Mobile Safari/537.36";

        assert_eq!(clicked_by(&reading(cubot, "", 60)), Reader::Person);
    }

    #[test]
    fn apples_proxy_opens_but_does_not_click() {
        assert_eq!(opened_by(&reading("Mozilla/5.0", "104.28.1.1", 60)), Reader::Machine);
        assert_eq!(clicked_by(&reading("Mozilla/5.0", "104.28.1.1", 60)), Reader::Person);
    }

    #[test]
    fn programs_are_known_by_their_names_and_by_having_none() {
        for agent in ["", "curl/8.5.0", "python-requests/2.32", "Mozilla/5.0 (compatible; MailLinkScannerBot/1.0)", "Barracuda Sentinel"] {
            assert_eq!(clicked_by(&reading(agent, "192.0.2.1", 60)), Reader::Machine, "{agent}");
        }
    }

    #[test]
    fn exchange_online_is_a_scanner_on_arrival_only() {
        assert_eq!(clicked_by(&reading(PHONE, "40.93.255.255", 2)), Reader::Machine);
        assert_eq!(clicked_by(&reading(PHONE, "104.47.127.1", 10)), Reader::Machine);
        assert_eq!(clicked_by(&reading(PHONE, "40.93.255.255", 11)), Reader::Person);
        assert_eq!(clicked_by(&reading(PHONE, "40.94.0.1", 2)), Reader::Person);
    }
}

//! What was sent: an append-only file of JSON lines, and an index of it in memory.
//!
//! A line is written before the call that it belongs to is answered, so that a kill of the process loses nothing that a
//! client knows of. Bodies stay on disk; memory holds an index entry per message, and with [`Keep::Count`] only counts.

use std::{
    collections::{HashMap, HashSet},
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader},
    os::unix::fs::FileExt,
    path::Path,
    sync::{Arc, Mutex},
};

use crate::{
    clock::lock,
    config::Keep,
    glob,
    outbox::{OutboxCounts, OutboxPage, OutboxQuery},
    record::{Channel, Counted, Email, Head, Line, Message, Sms, SmsStatus},
    tally::{Tallies, fingerprint},
};

/// The file of what was sent.
pub(crate) const FILE: &str = "outbox.jsonl";

/// What was sent.
pub(crate) struct Store {
    keep: Keep,
    campaign_tag: String,
    state: Mutex<State>,
}

struct State {
    file: File,
    end: u64,
    next_sequence: u64,
    index: Vec<Entry>,
    tallies: Tallies,
    sms_statuses: HashMap<String, SmsStatus>,
    opted_out: HashSet<(String, String)>,
}

struct Entry {
    sequence: u64,
    id: Box<str>,
    to: Box<str>,
    campaign: Option<Arc<str>>,
    channel: Channel,
    offset: u64,
    length: u32,
}

/// A line that is ready to be written, and what the index needs of it.
struct Draft {
    sequence: u64,
    id: String,
    to: String,
    campaign: Option<String>,
    channel: Channel,
    line: Vec<u8>,
    outgoing: Outgoing,
}

#[derive(PartialEq, Eq)]
enum Outgoing {
    Yes,
    No,
}

impl Store {
    /// Opens the file, reads what an earlier run left, and cuts off a line that a kill broke.
    pub(crate) fn open(folder: &Path, keep: Keep, campaign_tag: &str) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(folder.join(FILE))?;
        let mut state = State {
            file: file.try_clone()?,
            end: 0,
            next_sequence: 0,
            index: Vec::new(),
            tallies: Tallies::default(),
            sms_statuses: HashMap::new(),
            opted_out: HashSet::new(),
        };
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = reader.read_until(b'\n', &mut line)?;
            if length == 0 || line.last() != Some(&b'\n') {
                break;
            }
            if let Ok(head) = serde_json::from_slice::<Head>(&line) {
                state.replay(head, length, campaign_tag);
            }
            state.end += length as u64;
        }
        state.file.set_len(state.end)?;
        Ok(Self { keep, campaign_tag: campaign_tag.to_owned(), state: Mutex::new(state) })
    }

    /// How much of each message is kept.
    pub(crate) fn keep(&self) -> Keep {
        self.keep
    }

    /// The first free place in the order of acceptance.
    pub(crate) fn next_sequence(&self) -> u64 {
        lock(&self.state).next_sequence
    }

    /// Keeps accepted mails.
    pub(crate) fn append_emails(&self, emails: &[Email]) -> io::Result<()> {
        let drafts = emails.iter().map(|email| self.draft_email(email)).collect::<io::Result<Vec<_>>>()?;
        lock(&self.state).append(self.keep, drafts)
    }

    /// Keeps an accepted SMS, or an inbound one.
    pub(crate) fn append_sms(&self, sms: &Sms) -> io::Result<()> {
        let outgoing = if sms.direction == "inbound" { Outgoing::No } else { Outgoing::Yes };
        let draft = Draft {
            sequence: sms.sequence,
            id: sms.sid.clone(),
            to: sms.to.clone(),
            campaign: sms.campaign.clone(),
            channel: Channel::Sms,
            line: if self.keep == Keep::Count && outgoing == Outgoing::Yes {
                counted_line(sms.sequence, Channel::Sms, sms.campaign.as_deref(), &sms.to)?
            } else {
                to_line(&Line::Sms(sms))?
            },
            outgoing,
        };
        let mut state = lock(&self.state);
        state.note_opt_out(&sms.direction, &sms.from, &sms.to, &sms.body);
        state.append(self.keep, vec![draft])
    }

    /// Keeps a change of an SMS's status.
    pub(crate) fn set_sms_status(&self, status: &SmsStatus) -> io::Result<()> {
        if self.keep == Keep::Count {
            return Ok(());
        }
        let line = to_line(&Line::SmsStatus(status))?;
        let mut state = lock(&self.state);
        state.write(&line)?;
        state.sms_statuses.insert(status.sid.clone(), status.clone());
        Ok(())
    }

    /// Whether somebody told a number to stop.
    pub(crate) fn has_opted_out(&self, number: &str, person: &str) -> bool {
        lock(&self.state).opted_out.contains(&(number.to_owned(), person.to_owned()))
    }

    /// The message with an id.
    pub(crate) fn find(&self, id: &str) -> io::Result<Option<Message>> {
        let state = lock(&self.state);
        state.index.iter().rev().find(|entry| &*entry.id == id).map(|entry| state.read(entry)).transpose()
    }

    /// The messages from a place in the order on, oldest first.
    pub(crate) fn since(&self, sequence: u64) -> io::Result<Vec<Message>> {
        let state = lock(&self.state);
        let start = state.index.partition_point(|entry| entry.sequence < sequence);
        state.index.iter().skip(start).map(|entry| state.read(entry)).collect()
    }

    /// A page of messages, newest first, with the counts of all that match.
    pub(crate) fn page(&self, query: &OutboxQuery) -> io::Result<OutboxPage> {
        let state = lock(&self.state);
        let end = query.cursor.unwrap_or(u64::MAX);
        let limit = query.limit.clamp(1, 1_000);
        let mut page = OutboxPage { counts: state.counts(query), items: Vec::new(), next_cursor: None };
        let matching = state.index.iter().rev().skip_while(|entry| entry.sequence >= end).filter(|e| e.matches(query));
        let mut last = None;
        for entry in matching {
            if page.items.len() == limit {
                page.next_cursor = last;
                break;
            }
            page.items.push(state.read(entry)?);
            last = Some(entry.sequence);
        }
        Ok(page)
    }

    /// All campaigns, with their counts.
    pub(crate) fn campaigns(&self) -> Vec<(Channel, Arc<str>, OutboxCounts)> {
        lock(&self.state).tallies.campaigns()
    }

    /// Forgets everything that was sent; who opted out stays opted out until the next start.
    pub(crate) fn clear(&self) -> io::Result<()> {
        let mut state = lock(&self.state);
        state.file.set_len(0)?;
        state.end = 0;
        state.index.clear();
        state.tallies = Tallies::default();
        state.sms_statuses.clear();
        Ok(())
    }

    fn draft_email(&self, email: &Email) -> io::Result<Draft> {
        let to = email.to.first().cloned().unwrap_or_default();
        let campaign = email.tag(&self.campaign_tag).map(str::to_owned);
        let line = if self.keep == Keep::Count {
            counted_line(email.sequence, Channel::Email, campaign.as_deref(), &to)?
        } else {
            to_line(&Line::Email(email))?
        };
        let (id, channel) = (email.message_id.clone(), Channel::Email);
        Ok(Draft { sequence: email.sequence, id, to, campaign, channel, line, outgoing: Outgoing::Yes })
    }
}

impl State {
    fn append(&mut self, keep: Keep, drafts: Vec<Draft>) -> io::Result<()> {
        let mut offset = self.end;
        let lines: Vec<&[u8]> = drafts.iter().map(|draft| draft.line.as_slice()).collect();
        self.write(&lines.concat())?;
        for draft in drafts {
            let length = u32::try_from(draft.line.len()).unwrap_or(u32::MAX);
            let campaign = match draft.outgoing {
                Outgoing::No => None,
                Outgoing::Yes => {
                    let fingerprint = fingerprint(draft.campaign.as_deref().unwrap_or_default(), &draft.to);
                    self.tallies.count(draft.channel, draft.campaign.as_deref(), fingerprint)
                }
            };
            if keep != Keep::Count || draft.outgoing == Outgoing::No {
                let (id, to) = (draft.id.into_boxed_str(), draft.to.into_boxed_str());
                let (sequence, channel) = (draft.sequence, draft.channel);
                self.insert(Entry { sequence, id, to, campaign, channel, offset, length });
            }
            offset += u64::from(length);
        }
        Ok(())
    }

    /// Keeps the index in the order of acceptance: two calls may write in the other order.
    fn insert(&mut self, entry: Entry) {
        self.next_sequence = self.next_sequence.max(entry.sequence + 1);
        let place = self.index.partition_point(|other| other.sequence < entry.sequence);
        self.index.insert(place, entry);
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.end)?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    fn read(&self, entry: &Entry) -> io::Result<Message> {
        let mut bytes = vec![0; entry.length as usize];
        self.file.read_exact_at(&mut bytes, entry.offset)?;
        match entry.channel {
            Channel::Email => Ok(Message::Email(serde_json::from_slice(&bytes)?)),
            Channel::Sms => {
                let mut sms: Sms = serde_json::from_slice(&bytes)?;
                if let Some(now) = self.sms_statuses.get(&sms.sid) {
                    sms.status.clone_from(&now.status);
                    sms.error_code = now.error_code;
                }
                Ok(Message::Sms(sms))
            }
        }
    }

    fn counts(&self, query: &OutboxQuery) -> OutboxCounts {
        if query.to.is_none() {
            return self.tallies.counts(query.channel, query.campaign.as_deref());
        }
        let mut tallies = Tallies::default();
        for entry in self.index.iter().filter(|entry| entry.matches(query)) {
            let print = fingerprint(entry.campaign.as_deref().unwrap_or_default(), &entry.to);
            tallies.count(entry.channel, entry.campaign.as_deref(), print);
        }
        tallies.counts(query.channel, query.campaign.as_deref())
    }

    /// STOP from a person to a number ends later messages, START allows them again.
    fn note_opt_out(&mut self, direction: &str, from: &str, to: &str, body: &str) {
        if direction != "inbound" {
            return;
        }
        match crate::twilio::keyword(body) {
            Some("STOP") => drop(self.opted_out.insert((to.to_owned(), from.to_owned()))),
            Some("START") => drop(self.opted_out.remove(&(to.to_owned(), from.to_owned()))),
            _ => {}
        }
    }

    fn replay(&mut self, head: Head, length: usize, campaign_tag: &str) {
        let (offset, length) = (self.end, u32::try_from(length).unwrap_or(u32::MAX));
        match head {
            Head::Email(mail) => {
                let to = mail.to.first().cloned().unwrap_or_default();
                let tag = mail.tags.iter().find(|tag| tag.name == campaign_tag).map(|tag| tag.value.as_str());
                let campaign = self.tallies.count(Channel::Email, tag, fingerprint(tag.unwrap_or_default(), &to));
                let (sequence, channel) = (mail.sequence, Channel::Email);
                let id = mail.message_id.into_boxed_str();
                self.insert(Entry { sequence, id, to: to.into_boxed_str(), campaign, channel, offset, length });
            }
            Head::Sms(sms) => {
                self.note_opt_out(&sms.direction, &sms.from, &sms.to, &sms.body);
                let tag = sms.campaign.as_deref();
                let campaign = if sms.direction == "inbound" {
                    None
                } else {
                    self.tallies.count(Channel::Sms, tag, fingerprint(tag.unwrap_or_default(), &sms.to))
                };
                let (sequence, channel) = (sms.sequence, Channel::Sms);
                let (id, to) = (sms.sid.into_boxed_str(), sms.to.into_boxed_str());
                self.insert(Entry { sequence, id, to, campaign, channel, offset, length });
            }
            Head::SmsStatus(status) => drop(self.sms_statuses.insert(status.sid.clone(), status)),
            Head::Counted(one) => {
                self.next_sequence = self.next_sequence.max(one.sequence + 1);
                self.tallies.count(one.channel, one.campaign.as_deref(), one.fingerprint);
            }
        }
    }
}

impl Entry {
    fn matches(&self, query: &OutboxQuery) -> bool {
        query.channel.is_none_or(|channel| channel == self.channel)
            && query.campaign.as_deref().is_none_or(|campaign| self.campaign.as_deref() == Some(campaign))
            && query.to.as_deref().is_none_or(|to| glob::matches(to, &self.to))
    }
}

fn to_line(line: &Line<'_>) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn counted_line(sequence: u64, channel: Channel, campaign: Option<&str>, to: &str) -> io::Result<Vec<u8>> {
    let fingerprint = fingerprint(campaign.unwrap_or_default(), to);
    to_line(&Line::Counted(&Counted { sequence, channel, campaign: campaign.map(str::to_owned), fingerprint }))
}

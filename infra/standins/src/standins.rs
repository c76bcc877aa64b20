//! The stand-ins as a whole.

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::Router;
use tokio::sync::Semaphore;

use crate::{
    clock::{Clock, lock},
    config::StandinsConfig,
    control::control_router,
    dice::Dice,
    dispatcher::Dispatcher,
    facebook::{FacebookState, facebook_router},
    faults::{CallFaults, FacebookFaults, GoogleFaults, SesFaults, TwilioFaults, parse},
    google::{GoogleState, google_router},
    outbox::{OutboxPage, OutboxQuery, outbox_router},
    outstanding::Outstanding,
    record::Message,
    ses::{self, SesState, ses_router},
    sinks::Sinks,
    store::Store,
    twilio::{self, TwilioState, twilio_router},
};

/// The file that says up to where all events have left.
const WATERMARK_FILE: &str = "watermark";
/// How long a callback may take; Twilio waits 15 seconds.
const CALLBACK_TIME_OUT: Duration = Duration::from_secs(15);

/// The stand-ins could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum StandinsError {
    /// The data folder cannot be used.
    #[error("the data folder of the stand-ins cannot be used")]
    Folder(#[source] io::Error),
    /// A file of fault knobs is wrong.
    #[error("the file {file} is wrong: {reason}")]
    Faults {
        /// The file's name.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// The client that posts callbacks cannot be made.
    #[error("the client of the callbacks cannot be made")]
    Client(#[source] reqwest::Error),
}

/// The providers' stand-ins: what they keep, their knobs, and what they still owe.
pub struct Standins {
    pub(crate) config: StandinsConfig,
    pub(crate) clock: Clock,
    pub(crate) dice: Dice,
    pub(crate) store: Store,
    pub(crate) outstanding: Arc<Outstanding>,
    pub(crate) dispatcher: Dispatcher,
    pub(crate) ses: SesState,
    pub(crate) twilio: TwilioState,
    pub(crate) google: GoogleState,
    pub(crate) facebook: FacebookState,
    pub(crate) http: reqwest::Client,
    pub(crate) callback_slots: Semaphore,
    pub(crate) sinks: Sinks,
    writing: Mutex<()>,
}

impl Standins {
    /// Opens the stand-ins on their data folder, inside a tokio runtime. What an earlier run accepted without sending
    /// all of its events is reported now; such events may come twice, as a provider's may.
    pub fn open(config: StandinsConfig, sinks: Sinks) -> Result<Arc<Self>, StandinsError> {
        let folder = config.data_dir.as_path();
        let store = Store::open(folder, config.keep, &config.campaign_tag).map_err(StandinsError::Folder)?;
        let watermark = read_watermark(folder);
        let (dispatcher, task) = Dispatcher::new(&config);
        let standins = Arc::new(Self {
            clock: Clock::start(config.started_at),
            dice: Dice::new(config.seed),
            outstanding: Outstanding::starting_at(store.next_sequence().max(watermark)),
            store,
            dispatcher,
            ses: SesState::new(config.ses.clone(), read_faults::<SesFaults>(folder, "ses")?),
            twilio: TwilioState::new(read_faults::<TwilioFaults>(folder, "twilio")?, config.twilio.inbound_url.clone()),
            google: GoogleState::new(read_faults::<GoogleFaults>(folder, "google")?),
            facebook: FacebookState::new(read_faults::<FacebookFaults>(folder, "facebook")?),
            http: callback_client().map_err(StandinsError::Client)?,
            callback_slots: Semaphore::new(config.twilio.callback_concurrency.max(1)),
            sinks,
            writing: Mutex::new(()),
            config,
        });
        for message in standins.store.since(watermark).map_err(StandinsError::Folder)? {
            match message {
                Message::Email(email) => ses::report_again(&standins, email),
                Message::Sms(sms) => twilio::report_again(&standins, sms),
            }
        }
        tokio::spawn(task.run(Arc::downgrade(&standins)));
        Ok(standins)
    }

    /// Waits until every event has left and every callback was posted, also those that are due later.
    pub async fn settle(&self) {
        if !self.outstanding.is_open() {
            return;
        }
        let settling = self.dispatcher.start_settling();
        self.outstanding.wait().await;
        drop(settling);
        self.write_watermark();
    }

    /// Moves the stand-ins' time on, for tests that move the time of the whole platform: later events tell later moments.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.ses.advance(by);
    }

    /// What was sent, as `/_outbox.json` shows it.
    pub fn outbox(&self, query: &OutboxQuery) -> io::Result<OutboxPage> {
        self.store.page(query)
    }

    /// The knobs of SES.
    pub fn ses_faults(&self) -> SesFaults {
        SesFaults::clone(&self.ses.faults())
    }

    /// The knobs of Twilio.
    pub fn twilio_faults(&self) -> TwilioFaults {
        TwilioFaults::clone(&self.twilio.faults())
    }

    /// Sets the knobs of SES; the data folder keeps them.
    pub fn set_ses_faults(&self, faults: SesFaults) -> io::Result<()> {
        self.write_file("faults-ses.json", &serde_json::to_vec_pretty(&faults)?)?;
        self.ses.set_faults(faults);
        Ok(())
    }

    /// Sets the knobs of Twilio; the data folder keeps them.
    pub fn set_twilio_faults(&self, faults: TwilioFaults) -> io::Result<()> {
        self.write_file("faults-twilio.json", &serde_json::to_vec_pretty(&faults)?)?;
        self.twilio.set_faults(faults);
        Ok(())
    }

    /// The knobs of Google.
    pub fn google_faults(&self) -> GoogleFaults {
        GoogleFaults::clone(&self.google.logins.faults())
    }

    /// The knobs of Facebook.
    pub fn facebook_faults(&self) -> FacebookFaults {
        FacebookFaults::clone(&self.facebook.logins.faults())
    }

    /// Sets the knobs of Google; the data folder keeps them.
    pub fn set_google_faults(&self, faults: GoogleFaults) -> io::Result<()> {
        self.write_file("faults-google.json", &serde_json::to_vec_pretty(&faults)?)?;
        self.google.logins.set_faults(faults);
        Ok(())
    }

    /// Sets the knobs of Facebook; the data folder keeps them.
    pub fn set_facebook_faults(&self, faults: FacebookFaults) -> io::Result<()> {
        self.write_file("faults-facebook.json", &serde_json::to_vec_pretty(&faults)?)?;
        self.facebook.logins.set_faults(faults);
        Ok(())
    }

    /// Sets where inbound messages are posted.
    pub fn set_inbound_url(&self, url: String) {
        self.twilio.set_inbound_url(url);
    }

    /// Notes up to where all events have left.
    pub(crate) fn write_watermark(&self) {
        let written = self.write_file(WATERMARK_FILE, self.outstanding.watermark().to_string().as_bytes());
        if let Err(error) = written {
            tracing::warn!(error = %error, "the watermark was not written: a restart repeats more events");
        }
    }

    /// Waits as long as the knobs say before a call is looked at.
    pub(crate) async fn delay(&self, faults: &CallFaults) {
        if faults.delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(faults.delay_ms)).await;
        }
    }

    /// What happens to a call after its messages were accepted.
    pub(crate) async fn after_acceptance(&self, faults: &CallFaults, call: &[u8]) -> AfterAcceptance {
        if self.dice.chooses_anew(faults.time_out_after_acceptance_share, "time out", call) {
            tokio::time::sleep(Duration::from_millis(faults.time_out_hold_ms)).await;
            return AfterAcceptance::ServerError;
        }
        if self.dice.chooses_anew(faults.server_error_after_acceptance_share, "server error", call) {
            return AfterAcceptance::ServerError;
        }
        AfterAcceptance::Answer
    }

    fn write_file(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        // One at a time: two writers of a file would take the part away from each other.
        let _writing = lock(&self.writing);
        let (path, part) = (self.config.data_dir.join(name), self.config.data_dir.join(format!("{name}.part")));
        std::fs::write(&part, bytes)?;
        std::fs::rename(part, path)
    }
}

/// What happens to a call after its messages were accepted.
#[derive(PartialEq, Eq)]
pub(crate) enum AfterAcceptance {
    /// It is answered.
    Answer,
    /// It gets a 500.
    ServerError,
}

/// All routes of the stand-ins.
pub fn router(standins: &Arc<Standins>) -> Router {
    ses_router(Arc::clone(standins))
        .merge(twilio_router(Arc::clone(standins)))
        .merge(google_router(Arc::clone(standins)))
        .merge(facebook_router(Arc::clone(standins)))
        .merge(control_router(Arc::clone(standins)))
        .merge(outbox_router(Arc::clone(standins)))
}

fn callback_client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(CALLBACK_TIME_OUT)
        .user_agent("TwilioProxy/1.1")
        .build()
}

fn read_watermark(folder: &Path) -> u64 {
    std::fs::read_to_string(folder.join(WATERMARK_FILE)).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn read_faults<F>(folder: &Path, provider: &str) -> Result<F, StandinsError>
where
    F: Default + serde::Serialize + serde::de::DeserializeOwned,
{
    let file = format!("faults-{provider}.json");
    match std::fs::read(folder.join(&file)) {
        Ok(bytes) => parse(&bytes).map_err(|reason| StandinsError::Faults { file, reason }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(F::default()),
        Err(error) => Err(StandinsError::Folder(error)),
    }
}

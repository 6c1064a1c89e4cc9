//! What all sessions share, and what a new configuration replaces.

use super::{
    crowd::Crowd,
    entrance::Entrance,
    keeping,
    log::Log,
    metrics::Metrics,
    models::{Model, Models},
    presence::Presence,
    seats::Seats,
    waiting::Waiting,
};
use crate::{
    args::ServeArgs,
    config::again,
    failure::{Result, While},
};
use gazelle_protocol::{Link, session::Totals, transport::Patience};
use gazelle_service::bundles::ServerStore;
use serde::Serialize;
use std::{
    fmt, io,
    sync::{
        Arc, Mutex, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

/// What a configuration says, as a session finds it when it begins.
pub(super) struct Service {
    pub(super) models: Models,
    pub(super) entrance: Entrance,
    pub(super) patience: Patience,
    pub(super) link: Option<Link>,
}

impl Service {
    /// Loads what a configuration names; phases are counted in `totals`.
    fn load(args: &ServeArgs, totals: &Arc<Totals>) -> Result<Self> {
        let patience = Patience {
            idle: Duration::from_secs(args.limits.idle),
            session: Duration::from_secs(args.limits.max_session),
            ..args.patience.patience()
        };
        Ok(Self {
            models: Models::load(args, totals)?,
            entrance: Entrance::new(args)?,
            patience,
            link: args.simulate_link.then_some(args.link),
        })
    }
}

/// What a configuration serves, and whom.
#[derive(Serialize)]
pub(crate) struct Checked {
    models: Vec<CheckedModel>,
    /// `tls` or `none`.
    protection: &'static str,
    /// Those of the list; null where there is none.
    clients: Option<Vec<String>>,
    #[serde(skip)]
    summary: String,
}

#[derive(Serialize)]
struct CheckedModel {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    card: String,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |model: &CheckedModel| match &model.version {
            Some(version) => format!("{}@{version}", model.name),
            None => model.name.clone(),
        };
        let models: Vec<_> = self.models.iter().map(name).collect();
        write!(f, "models: {}; {}", models.join(", "), self.summary)
    }
}

/// Loads everything that a configuration names, and says what that is.
pub(crate) fn check(args: &ServeArgs) -> Result<Checked> {
    let Service { models, entrance, .. } = Service::load(args, &Arc::default())?;
    let model = |model: &Model| {
        let card = model.server.plan().card().hash().when(|| "the card".into())?;
        let (name, version) = (model.name.clone(), model.version.clone());
        Ok(CheckedModel { name, version, card: card.to_string() })
    };
    Ok(Checked {
        models: models.iter().map(model).collect::<Result<_>>()?,
        protection: if entrance.knows_names() { "tls" } else { "none" },
        clients: entrance.names(),
        summary: entrance.summary(),
    })
}

/// What lasts as long as the process.
pub(super) struct Shared {
    current: RwLock<Arc<Service>>,
    /// Those of earlier configurations, as long as sessions use them.
    older: Mutex<Vec<Weak<Service>>>,
    pub(super) store: Arc<ServerStore>,
    pub(super) seats: Arc<Seats>,
    pub(super) crowd: Crowd,
    pub(super) waiting: Waiting,
    pub(super) presence: Arc<Presence>,
    pub(super) metrics: Metrics,
    pub(super) log: Log,
    closing: AtomicBool,
}

impl Shared {
    pub(super) fn start(args: &ServeArgs) -> Result<Self> {
        let cannot = || "cannot start a thread".into();
        let metrics = Metrics::default();
        let service = Service::load(args, &metrics.totals)?;
        let log = Log::start(io::stdout(), args.log_format).when(cannot)?;
        let per_address = args.limits.max_per_address.map(|most| most.get());
        let seats = Seats::new(args.limits.max_clients.get(), per_address, service.patience.setup);
        Ok(Self {
            current: RwLock::new(Arc::new(service)),
            older: Mutex::default(),
            store: keeping::open(&args.keeping, &log)?,
            seats,
            crowd: Crowd::start().when(cannot)?,
            waiting: Waiting::new().when(|| "cannot watch connections".into())?,
            presence: Arc::default(),
            metrics,
            log,
            closing: AtomicBool::new(false),
        })
    }

    /// What a session that begins now finds. No code panics under these locks.
    pub(super) fn service(&self) -> Arc<Service> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Says which models are served.
    pub(super) fn announce(&self) {
        for model in self.service().models.iter() {
            let hash = model.server.plan().card_hash();
            self.log.line(format!("card {hash} {}", model.full_name()));
            if let Some(hint) = model.server.service().hint() {
                self.log.line(format!(
                    "hint {} of {} is public from now on: {} bytes that every client gets and may keep, and \
                     whoever breaks ring-LWE one day reads the weights off them",
                    hint.name(),
                    model.full_name(),
                    hint.as_bytes().len()
                ));
            }
        }
    }

    /// Reads the configuration again. Sessions that run keep the old one, and so does everyone if the
    /// new one is not right.
    pub(super) fn reload(&self) {
        match again().and_then(|args| Service::load(&args, &self.metrics.totals)) {
            Ok(service) => {
                let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
                let old = std::mem::replace(&mut *current, Arc::new(service));
                let mut older = self.older.lock().unwrap_or_else(PoisonError::into_inner);
                older.retain(|service| service.strong_count() > 0);
                older.push(Arc::downgrade(&old));
                drop((current, older));
                self.log.line("configuration read again".into());
                self.announce();
            }
            Err(failure) => self.log.line(format!("the old configuration stays: {failure}")),
        }
    }

    /// Those that sessions may use.
    fn services(&self) -> Vec<Arc<Service>> {
        let older = self.older.lock().unwrap_or_else(PoisonError::into_inner);
        let older = older.iter().filter_map(Weak::upgrade);
        older.chain([self.service()]).collect()
    }

    /// Takes nobody in any more, and begins no phase.
    pub(super) fn close(&self) {
        self.closing.store(true, SeqCst);
        self.services().iter().for_each(|service| service.models.close());
    }

    /// Whether clients are taken in.
    pub(super) fn is_ready(&self) -> bool {
        !self.closing.load(SeqCst)
    }

    pub(super) fn online_phases(&self) -> usize {
        self.services().iter().map(|service| service.models.online_phases()).sum()
    }

    pub(super) fn metrics_text(&self) -> String {
        self.metrics.text(&self.store, self.service().entrance.listed())
    }
}

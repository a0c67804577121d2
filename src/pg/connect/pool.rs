//! A capped set of sessions, so that a run never holds more connections than it was granted.
//!
//! Owns the cap and what every session is set to when it opens. Does not clean a session up between uses: whoever
//! leaves a transaction open has to end the session instead of giving it back.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{
    Connect, Hook, HookError, Manager, ManagerConfig, Object, PoolError, RecyclingMethod, Runtime, TimeoutType,
    Timeouts,
};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config};

use crate::error::{Error, Result};
use crate::pg::errors::{Plain, Side};

use super::connector::{Connector, Session};
use super::info::ConnectInfo;

/// Sessions of one database, at most so many at a time.
#[derive(Clone)]
pub struct Pool {
    inner: deadpool_postgres::Pool,
    connector: Connector,
}

impl Pool {
    /// A pool of at most `max_connections` sessions, each of which runs `settings` (SQL, may be empty) when it opens.
    pub fn new(connector: Connector, max_connections: usize, settings: &str) -> Result<Self> {
        let opener = Opener { connector: connector.clone() };
        // The pool's own configuration is not used: `Opener` knows better.
        let manager_config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_connect(Config::new(), opener, manager_config);
        let settings: Arc<str> = Arc::from(settings);
        let hook = Hook::async_fn(move |session: &mut deadpool_postgres::ClientWrapper, _| {
            let settings = Arc::clone(&settings);
            Box::pin(async move {
                match settings.trim().is_empty() {
                    true => Ok(()),
                    false => session.batch_execute(&settings).await.map_err(HookError::Backend),
                }
            })
        });
        let inner = deadpool_postgres::Pool::builder(manager)
            .max_size(max_connections.max(1))
            .runtime(Runtime::Tokio1)
            .post_create(hook)
            .build()
            .map_err(|error| {
                let action = format!("prepare the connections to {}", connector.info());
                Error::new(connector.info().side().kind(), action).with_cause(error)
            })?;
        Ok(Self { inner, connector })
    }

    /// A session, as soon as there is a free one.
    pub async fn get(&self) -> Result<Object> {
        let (got, refused) = self.ask(&self.inner.timeouts()).await;
        got.map_err(|error| self.refusal(error, refused))
    }

    /// A session, if one is free at this moment or may still be opened; those who wait for one come first.
    pub async fn get_if_free(&self) -> Result<Option<Object>> {
        let at_once = Timeouts { wait: Some(Duration::ZERO), ..self.inner.timeouts() };
        match self.ask(&at_once).await {
            (Ok(session), _) => Ok(Some(session)),
            (Err(PoolError::Timeout(TimeoutType::Wait)), _) => Ok(None),
            (Err(error), refused) => Err(self.refusal(error, refused)),
        }
    }

    async fn ask(&self, timeouts: &Timeouts) -> (Result<Object, PoolError>, Option<Error>) {
        REFUSED
            .scope(RefCell::new(None), async {
                let got = self.inner.timeout_get(timeouts).await;
                (got, REFUSED.with(RefCell::take))
            })
            .await
    }

    fn refusal(&self, error: PoolError, refused: Option<Error>) -> Error {
        let action = || format!("open a session in {}", self.info());
        match (error, refused) {
            (PoolError::Backend(_), Some(refused)) => refused,
            (PoolError::Backend(error), None) => self.fail(action(), error),
            (PoolError::PostCreateHook(HookError::Backend(error)), _) => {
                self.fail(format!("set up a session in {}", self.info()), error)
            }
            (other, _) => Error::new(self.side().kind(), action()).with_cause(Plain(other.to_string())),
        }
    }

    /// Where it goes.
    pub fn info(&self) -> &ConnectInfo {
        self.connector.info()
    }

    /// Source or target.
    pub fn side(&self) -> Side {
        self.info().side()
    }

    /// What opens its sessions.
    pub fn connector(&self) -> &Connector {
        &self.connector
    }

    /// The cap.
    pub fn max_connections(&self) -> usize {
        self.inner.status().max_size
    }

    /// The crate's form of `error`, met in one of the sessions while doing `action`.
    pub fn fail(&self, action: impl Into<String>, error: tokio_postgres::Error) -> Error {
        self.connector.fail(action, error)
    }

    /// Ends the idle sessions, and the others as they are given back. A database can be renamed only after that.
    pub fn close(&self) {
        self.inner.close();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({} sessions at most, {:?})", self.max_connections(), self.info())
    }
}

tokio::task_local! {
    /// Why [`Opener`] could not open a session: the pool can carry nothing but `tokio_postgres::Error`, which nobody
    /// else can make. The pool opens a session within the task that asked for it, so this reaches the right one.
    static REFUSED: RefCell<Option<Error>>;
}

struct Opener {
    connector: Connector,
}

type Opening<'a> = Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), tokio_postgres::Error>> + Send + 'a>>;

impl Connect for Opener {
    fn connect(&self, _: &Config) -> Opening<'_> {
        Box::pin(async move {
            match self.connector.connect().await {
                Ok(Session { client, task }) => Ok((client, task)),
                Err(error) => {
                    // Outside of `Pool::get` nobody waits for the reason.
                    let _ = REFUSED.try_with(|slot| slot.replace(Some(error)));
                    Err(tokio_postgres::Error::__private_api_timeout())
                }
            }
        })
    }
}

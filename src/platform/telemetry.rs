//! Logs: structured, to standard error, filtered by `RUST_LOG` or `--log-filter`, and by another filter at run time. No
//! personal value is ever a field.

mod filter;
#[cfg(feature = "operator")]
mod routes;

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use tracing::Subscriber;
use tracing_subscriber::{EnvFilter, Registry, fmt, fmt::MakeWriter, prelude::*, reload};

pub use filter::{DEFAULT_FILTER, FilterError, check};
#[cfg(feature = "operator")]
pub use routes::routes;

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "lowercase")]
pub enum LogFormat {
    /// For machines.
    Json,
    /// For people.
    Text,
}

/// What says which lines are written, and can be told otherwise while the process runs.
#[derive(Clone, Debug)]
pub struct LogControl {
    present: Arc<Mutex<String>>,
    handle: reload::Handle<EnvFilter, Registry>,
}

impl LogControl {
    /// The present filter.
    pub fn filter(&self) -> String {
        self.present.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes another filter. A line says so under the old one, and another under the new one.
    pub fn set(&self, text: &str) -> Result<(), FilterError> {
        let new = filter::parse(text)?;
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        tracing::warn!(from = *present, to = text, "log filter changes");
        self.handle.reload(new).map_err(|_| FilterError::NotStarted)?;
        tracing::warn!(from = *present, to = text, "log filter changed");
        text.clone_into(&mut present);
        Ok(())
    }
}

/// Starts logging with `RUST_LOG` where it says a filter, else with `filter`. A second call changes nothing, and what it
/// gives back controls nothing.
pub fn start(format: LogFormat, filter: &str) -> Result<LogControl, FilterError> {
    let said = std::env::var(EnvFilter::DEFAULT_ENV).ok().filter(|said| !said.trim().is_empty());
    let wrong = said.as_deref().and_then(|said| filter::parse(said).err());
    let used = said.as_deref().filter(|_| wrong.is_none()).unwrap_or(filter);
    let (subscriber, control) = subscriber(format, used, io::stderr)?;
    if let Err(error) = subscriber.try_init() {
        tracing::debug!(%error, "logging was started before");
    }
    if let Some(error) = wrong {
        tracing::warn!(%error, used, "RUST_LOG is not a filter");
    }
    Ok(control)
}

/// What writes lines, and what controls it.
pub fn subscriber<W>(
    format: LogFormat,
    filter: &str,
    writer: W,
) -> Result<(Box<dyn Subscriber + Send + Sync>, LogControl), FilterError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (layer, handle) = reload::Layer::new(filter::parse(filter)?);
    let control = LogControl { present: Arc::new(Mutex::new(filter.to_owned())), handle };
    let registry = tracing_subscriber::registry().with(layer);
    let subscriber: Box<dyn Subscriber + Send + Sync> = match format {
        LogFormat::Json => {
            let lines =
                fmt::layer().json().flatten_event(true).with_current_span(false).with_span_list(false);
            Box::new(registry.with(lines.with_writer(writer)))
        }
        LogFormat::Text => Box::new(registry.with(fmt::layer().with_writer(writer))),
    };
    Ok((subscriber, control))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was written.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Written {
        fn messages(&self) -> Vec<String> {
            let text = String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap();
            let lines = text.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
            lines.map(|l| l["message"].as_str().unwrap().to_owned()).collect()
        }
    }

    #[test]
    fn another_filter_holds_at_once_and_its_coming_is_told() {
        let written = Written::default();
        let writer = written.clone();
        let (subscriber, control) =
            subscriber(LogFormat::Json, DEFAULT_FILTER, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::debug!("hidden");
            tracing::info!("shown");
            assert_eq!(written.messages(), ["shown"]);
            control.set("debug").unwrap();
            tracing::debug!("shown too");
            assert_eq!(written.messages(), ["log filter changes", "log filter changed", "shown too"]);
            control.set("error").unwrap();
            tracing::info!("hidden again");
            assert_eq!(written.messages(), ["log filter changes"]);
            assert_eq!(control.filter(), "error");
            assert!(control.set("nonsense").is_err());
            assert_eq!(control.filter(), "error");
        });
    }
}

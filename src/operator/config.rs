//! The operator's command line. Every flag can be given as an environment variable `CARNET_...`.

mod backstop;
pub mod enforcement;
pub mod eviction;
pub mod lifetimes;
mod logs;

pub use logs::LogArgs;

pub use crate::flags::ConfigError;

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};

use self::{eviction::EvictionArgs, lifetimes::LifetimeArgs};
use crate::{
    core::{law::LawPack, settings::Settings},
    flags::{JudgingArgs, names},
};

/// Keeps personal data where it may be, for as long as it may.
#[derive(Debug, Parser)]
#[command(name = "carnet-operator", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve admission and run the controllers.
    Run(Box<RunArgs>),
    /// Print the CustomResourceDefinitions.
    Crds,
    /// Have one Pod refused and one admitted: what `helm test` runs.
    VerifyInstallation(super::verify::VerifyArgs),
    /// Print the version.
    Version,
}

/// What happens to running Pods when cover lapses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub enum OnLapse {
    /// They are reported.
    Report,
    /// Those that a controller made are evicted too, in namespaces that enforce.
    Evict,
}

/// When the image of a deletion Job is pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub enum PullPolicy {
    /// Each time.
    Always,
    /// When the node has none.
    IfNotPresent,
    /// Never.
    Never,
}

impl PullPolicy {
    /// As Kubernetes spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}

/// Settings of `run`.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// What decisions read.
    #[command(flatten)]
    pub judging: JudgingArgs,
    /// What happens to running Pods when cover lapses.
    #[arg(long, env = "CARNET_ON_LAPSE", value_enum, default_value = "Report")]
    pub on_lapse: OnLapse,
    /// How they are evicted.
    #[command(flatten)]
    pub eviction: EvictionArgs,
    /// Write what runs as Report objects of openreports.io/v1alpha1, one for each namespace; their definitions are installed by others.
    #[arg(long, env = "CARNET_OPEN_REPORTS")]
    pub open_reports: bool,
    /// Where admission is served.
    #[arg(long, env = "CARNET_WEBHOOK_ADDR", default_value = "0.0.0.0:9443")]
    pub webhook_addr: SocketAddr,
    /// DNS names and IP addresses of our own certificate; left out = Service `carnet-webhook` of our own namespace.
    #[arg(long, env = "CARNET_WEBHOOK_NAMES", value_delimiter = ',')]
    pub webhook_names: Vec<String>,
    /// Certificate chain to serve, PEM; left out = we make our own.
    #[arg(long, env = "CARNET_TLS_CERT", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Its key, PEM.
    #[arg(long, env = "CARNET_TLS_KEY", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// The ValidatingWebhookConfiguration that is told of a certificate of our own.
    #[arg(long, env = "CARNET_WEBHOOK_CONFIGURATION")]
    pub webhook_configuration: Option<String>,
    /// The MutatingWebhookConfiguration that is told of it too, where `--mixed-placement` is Steer.
    #[arg(long, env = "CARNET_MUTATING_WEBHOOK_CONFIGURATION", requires = "webhook_configuration")]
    pub mutating_webhook_configuration: Option<String>,
    /// Where metrics and health are served.
    #[arg(long, env = "CARNET_METRICS_ADDR", default_value = "0.0.0.0:8080")]
    pub metrics_addr: SocketAddr,
    /// Judge no reviews when nothing was heard on some watch for this long (ISO 8601, at least ten seconds).
    #[arg(long, env = "CARNET_STALE_AFTER", default_value = "PT150S", value_parser = silence)]
    pub stale_after: Duration,
    /// Run the controllers only as the elected leader.
    #[arg(long, env = "CARNET_LEADER_ELECT")]
    pub leader_elect: bool,
    /// Namespaces in which deletion Jobs may be run.
    #[arg(long, env = "CARNET_ERASURE_NAMESPACES", value_delimiter = ',')]
    pub erasure_namespaces: Vec<String>,
    /// Image of the deletion Jobs.
    #[arg(long, env = "CARNET_ERASER_IMAGE", default_value = "carnet-eraser:latest")]
    pub eraser_image: String,
    /// When that image is pulled.
    #[arg(long, env = "CARNET_ERASER_PULL_POLICY", value_enum, default_value = "IfNotPresent")]
    pub eraser_pull_policy: PullPolicy,
    /// The backstop.
    #[command(flatten)]
    pub backstop: backstop::BackstopArgs,
    /// How long certificates live and how long an end takes.
    #[command(flatten)]
    pub lifetimes: LifetimeArgs,
    /// Logs.
    #[command(flatten)]
    pub logs: LogArgs,
    /// What was installed beside the operator.
    #[command(flatten)]
    pub installed: enforcement::EnforcementArgs,
}

impl RunArgs {
    /// What decisions read of the flags.
    pub fn settings(&self, law: &LawPack) -> Result<Settings, ConfigError> {
        Ok(Settings {
            backstop_admits_unpinned: self.backstop.backstop_unpinned == backstop::Unpinned::Admit,
            ..self.judging.settings(law)?
        })
    }

    /// Names of our own certificate.
    pub fn names_of_webhook(&self) -> Vec<String> {
        let given: Vec<_> = names(&self.webhook_names).collect();
        if given.is_empty() {
            vec![format!("carnet-webhook.{}.svc", self.judging.own_namespace)]
        } else {
            given
        }
    }

    /// Namespaces in which deletion Jobs may be run, each once.
    pub fn erasure(&self) -> BTreeSet<String> {
        names(&self.erasure_namespaces).collect()
    }
}

/// Shorter than ten seconds, the watches would be taken up anew more often than the API server answers.
fn silence(text: &str) -> Result<Duration, String> {
    let span: Option<Duration> = text.parse::<jiff::SignedDuration>().ok().and_then(|d| d.try_into().ok());
    span.filter(|d| *d >= Duration::from_secs(10))
        .ok_or_else(|| format!("`{text}`: write ten seconds or more, such as PT150S"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::settings::ClaimsFrom;

    fn run(flags: &[&str]) -> RunArgs {
        let all = ["carnet-operator", "run"].into_iter().chain(flags.iter().copied());
        match Cli::try_parse_from(all).unwrap().command {
            Command::Run(args) => *args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_domain() {
        assert_eq!(run(&[]).settings(&LawPack::default()).unwrap(), Settings::default());
    }

    #[test]
    fn a_star_claims_from_everywhere_and_names_from_there() {
        let law = LawPack::default();
        assert_eq!(run(&["--claims-from", "*"]).settings(&law).unwrap().claims_from, ClaimsFrom::All);
        assert_eq!(
            run(&["--claims-from", "a, b,"]).settings(&law).unwrap().claims_from,
            ClaimsFrom::Namespaces(["a".into(), "b".into()].into())
        );
    }

    #[test]
    fn a_default_location_must_be_known_to_the_law() {
        let law = LawPack::default();
        assert!(matches!(
            run(&["--default-location", "aws/eu-west-1"]).settings(&law),
            Err(ConfigError::UnknownRegion { .. })
        ));
        assert!(matches!(
            run(&["--default-location", "eu-west-1"]).settings(&law),
            Err(ConfigError::Location(_))
        ));
    }

    #[test]
    fn silence_is_borne_for_as_long_as_the_index_says_and_never_for_less_than_ten_seconds() {
        assert_eq!(run(&[]).stale_after, crate::index::STALE_AFTER);
        assert_eq!(silence("PT1M"), Ok(Duration::from_mins(1)));
        for wrong in ["PT9S", "-PT60S", "60", "soon"] {
            assert!(silence(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_certificate_is_for_the_service_of_our_own_namespace_unless_names_are_given() {
        assert_eq!(run(&["--own-namespace=a"]).names_of_webhook(), ["carnet-webhook.a.svc"]);
        assert_eq!(run(&["--webhook-names=x, 127.0.0.1"]).names_of_webhook(), ["x", "127.0.0.1"]);
    }
}

//! The operator's command line. Every flag can be given as an environment variable `CARNET_...`.

mod backstop;
pub mod enforcement;
pub mod lifetimes;
mod logs;

pub use logs::LogArgs;

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};

use self::lifetimes::LifetimeArgs;
use crate::{
    core::{
        law::LawPack,
        settings::{ClaimsFrom, Mode, Settings},
        store::Place,
    },
    parse,
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

/// How strictly transfers are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub enum Transfers {
    /// Report only.
    Audit,
    /// Admit with a warning.
    Warn,
    /// Refuse.
    Enforce,
}

/// What happens to running Pods when cover lapses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub enum OnLapse {
    /// They are reported.
    Report,
}

/// How the same entity in a third country is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub enum SameEntity {
    /// Like any importer.
    Require,
    /// It is noted.
    Report,
}

/// What derogations may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub enum Derogations {
    /// Nothing.
    Never,
    /// Jobs that nothing repeats.
    Jobs,
}

/// What to do with a Pod that may be scheduled both lawfully and unlawfully.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub enum MixedPlacement {
    /// Refuse it, with the affinity to paste.
    Refuse,
    /// Wait for its binding.
    Bind,
}

/// What a dry run is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub enum DryRunVerdicts {
    /// A warning.
    Warn,
    /// What the request would be told.
    Deny,
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
    /// How strictly transfers are judged; labels of namespaces can only make it stricter.
    #[arg(long, env = "CARNET_TRANSFERS", value_enum, default_value = "Warn")]
    pub transfers: Transfers,
    /// What happens to running Pods when cover lapses.
    #[arg(long, env = "CARNET_ON_LAPSE", value_enum, default_value = "Report")]
    pub on_lapse: OnLapse,
    /// Namespaces whose stores' `access` reaches Pods of other namespaces, or `*`.
    #[arg(long, env = "CARNET_CLAIMS_FROM", value_delimiter = ',')]
    pub claims_from: Vec<String>,
    /// Namespaces that are not judged, beside our own.
    #[arg(
        long,
        env = "CARNET_EXEMPT_NAMESPACES",
        value_delimiter = ',',
        default_value = "kube-system,kube-node-lease,kube-public"
    )]
    pub exempt_namespaces: Vec<String>,
    /// The namespace in which the operator runs.
    #[arg(long, env = "CARNET_OWN_NAMESPACE", default_value = "carnet-system")]
    pub own_namespace: String,
    /// How the same entity in a third country is judged.
    #[arg(long, env = "CARNET_SAME_ENTITY", value_enum, default_value = "Require")]
    pub same_entity: SameEntity,
    /// What derogations may carry: nothing, or Jobs that nothing repeats.
    #[arg(long, env = "CARNET_DEROGATIONS", value_enum, default_value = "Never")]
    pub derogations: Derogations,
    /// How long an overdue assessment still carries (ISO 8601, days or weeks).
    #[arg(long, env = "CARNET_ASSESSMENT_GRACE", default_value = "P90D", value_parser = days)]
    pub assessment_grace: i32,
    /// How long an exception can last (ISO 8601, days or weeks).
    #[arg(long, env = "CARNET_MAX_EXCEPTION", default_value = "P7D", value_parser = days)]
    pub max_exception: i32,
    /// Place of nodes without a region label, `provider/region`.
    #[arg(long, env = "CARNET_DEFAULT_LOCATION")]
    pub default_location: Option<String>,
    /// The label that says in which region a node is.
    #[arg(
        long,
        env = "CARNET_REGION_LABEL",
        default_value = "topology.kubernetes.io/region",
        value_parser = label_key
    )]
    pub region_label: String,
    /// What to do with a Pod that may be scheduled both lawfully and unlawfully.
    #[arg(long, env = "CARNET_MIXED_PLACEMENT", value_enum, default_value = "Refuse")]
    pub mixed_placement: MixedPlacement,
    /// What a dry run is told.
    #[arg(long, env = "CARNET_DRY_RUN_VERDICTS", value_enum, default_value = "Warn")]
    pub dry_run_verdicts: DryRunVerdicts,
    /// Look for host names in ConfigMaps that Pods refer to.
    #[arg(long, env = "CARNET_READ_CONFIGMAPS")]
    pub read_configmaps: bool,
    /// Write what runs as Report objects of openreports.io/v1alpha1, one for each namespace; their definitions are installed by others.
    #[arg(long, env = "CARNET_OPEN_REPORTS")]
    pub open_reports: bool,
    /// A law pack to use in place of the built-in one.
    #[arg(long, env = "CARNET_LAW_PACK")]
    pub law_pack: Option<PathBuf>,
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

/// A flag whose value cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not `provider/region`.
    #[error("--default-location `{0}`: write provider/region, such as aws/eu-west-1")]
    Location(String),
    /// The law pack does not know the region.
    #[error("--default-location `{location}`: law pack {law} knows no such region")]
    UnknownRegion {
        /// What was given.
        location: String,
        /// Version of the pack.
        law: String,
    },
}

impl RunArgs {
    /// What decisions read of the flags.
    pub fn settings(&self, law: &LawPack) -> Result<Settings, ConfigError> {
        let mut exempt: BTreeSet<String> = names(&self.exempt_namespaces).collect();
        exempt.insert(self.own_namespace.clone());
        Ok(Settings {
            mode: match self.transfers {
                Transfers::Audit => Mode::Audit,
                Transfers::Warn => Mode::Warn,
                Transfers::Enforce => Mode::Enforce,
            },
            claims_from: if names(&self.claims_from).any(|n| n == "*") {
                ClaimsFrom::All
            } else {
                ClaimsFrom::Namespaces(names(&self.claims_from).collect())
            },
            exempt,
            own_namespace: self.own_namespace.clone(),
            same_entity_reported: self.same_entity == SameEntity::Report,
            derogations_for_jobs: self.derogations == Derogations::Jobs,
            assessment_grace_days: self.assessment_grace,
            max_exception_days: self.max_exception,
            default_location: self.default_location.as_deref().map(|l| location(l, law)).transpose()?,
            region_label: self.region_label.clone(),
            mixed_waits_for_binding: self.mixed_placement == MixedPlacement::Bind,
            read_config_maps: self.read_configmaps,
            dry_run_denies: self.dry_run_verdicts == DryRunVerdicts::Deny,
            backstop_admits_unpinned: self.backstop.backstop_unpinned == backstop::Unpinned::Admit,
        })
    }

    /// Names of our own certificate.
    pub fn names_of_webhook(&self) -> Vec<String> {
        let given: Vec<_> = names(&self.webhook_names).collect();
        if given.is_empty() { vec![format!("carnet-webhook.{}.svc", self.own_namespace)] } else { given }
    }

    /// Namespaces in which deletion Jobs may be run, each once.
    pub fn erasure(&self) -> BTreeSet<String> {
        names(&self.erasure_namespaces).collect()
    }
}

fn names(list: &[String]) -> impl Iterator<Item = String> {
    list.iter().map(|n| n.trim().to_owned()).filter(|n| !n.is_empty())
}

fn location(text: &str, law: &LawPack) -> Result<Place, ConfigError> {
    let (provider, region) = text.split_once('/').ok_or_else(|| ConfigError::Location(text.into()))?;
    let country = law
        .region(Some(provider), region)
        .ok_or_else(|| ConfigError::UnknownRegion { location: text.into(), law: law.version.clone() })?;
    Ok(Place { provider: Some(provider.into()), region: Some(region.into()), country: Some(country) })
}

/// A key that no node can have would put every node at the default location or nowhere, without a word.
fn label_key(text: &str) -> Result<String, String> {
    let name = text.rsplit_once('/').map_or(text, |(_, name)| name);
    let is_of = |more: &str, c: char| c.is_ascii_alphanumeric() || more.contains(c);
    let ends = |s: &str| s.starts_with(char::is_alphanumeric) && s.ends_with(char::is_alphanumeric);
    let prefixed = text.strip_suffix(name).and_then(|p| p.strip_suffix('/'));
    let good = prefixed.is_none_or(|p| p.len() <= 253 && ends(p) && p.chars().all(|c| is_of("-.", c)))
        && name.len() <= 63
        && ends(name)
        && name.chars().all(|c| is_of("-_.", c));
    good.then(|| text.to_owned())
        .ok_or_else(|| format!("`{text}`: write the key of a label, such as topology.kubernetes.io/region"))
}

/// Shorter than ten seconds, the watches would be taken up anew more often than the API server answers.
fn silence(text: &str) -> Result<Duration, String> {
    let span: Option<Duration> = text.parse::<jiff::SignedDuration>().ok().and_then(|d| d.try_into().ok());
    span.filter(|d| *d >= Duration::from_secs(10))
        .ok_or_else(|| format!("`{text}`: write ten seconds or more, such as PT150S"))
}

fn days(text: &str) -> Result<i32, String> {
    parse::days(text).ok_or_else(|| format!("`{text}`: write whole days or weeks of ISO 8601, such as P90D"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn the_region_label_is_a_key_that_a_node_can_have() {
        let law = LawPack::default();
        let settings = run(&["--region-label", "example.com/site"]).settings(&law).unwrap();
        assert_eq!(settings.region_label, "example.com/site");
        assert_eq!(label_key("site_2"), Ok("site_2".into()));
        for wrong in ["", "a b", "/site", "example.com/", "a/b/c", "-site"] {
            assert!(label_key(wrong).is_err(), "{wrong}");
        }
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

    #[test]
    fn periods_are_whole_days_or_weeks() {
        assert_eq!((days("P90D"), days("P2W"), days("P0D")), (Ok(90), Ok(14), Ok(0)));
        for wrong in ["P1M", "PT1H", "90", "-P1D", "P1DT1H"] {
            assert!(days(wrong).is_err(), "{wrong}");
        }
    }
}

//! Flags of the operator that decisions read, shared with whoever decides elsewhere: `kubectl carnet check`.

use std::{collections::BTreeSet, path::PathBuf};

use clap::{Args, ValueEnum};

use crate::{
    core::{
        law::LawPack,
        settings::{ClaimsFrom, Mixed, Mode, Settings},
        store::Place,
    },
    parse,
};

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
    /// Give it the affinity where a controller made it, DaemonSets apart; refuse it otherwise.
    Steer,
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

/// What decisions read.
#[derive(Clone, Debug, Args)]
pub struct JudgingArgs {
    /// How strictly transfers are judged; labels of namespaces can only make it stricter.
    #[arg(long, env = "CARNET_TRANSFERS", value_enum, default_value = "Warn")]
    pub transfers: Transfers,
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
    /// A law pack to use in place of the built-in one.
    #[arg(long, env = "CARNET_LAW_PACK")]
    pub law_pack: Option<PathBuf>,
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

impl JudgingArgs {
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
            mixed: match self.mixed_placement {
                MixedPlacement::Refuse => Mixed::Refuse,
                MixedPlacement::Bind => Mixed::Bind,
                MixedPlacement::Steer => Mixed::Steer,
            },
            read_config_maps: self.read_configmaps,
            dry_run_denies: self.dry_run_verdicts == DryRunVerdicts::Deny,
            // The backstop is the operator's alone, which sets it.
            backstop_admits_unpinned: false,
        })
    }
}

/// The names of a list, without what surrounds them.
pub fn names(list: &[String]) -> impl Iterator<Item = String> {
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

fn days(text: &str) -> Result<i32, String> {
    parse::days(text).ok_or_else(|| format!("`{text}`: write whole days or weeks of ISO 8601, such as P90D"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        judging: JudgingArgs,
    }

    fn run(flags: &[&str]) -> JudgingArgs {
        Cli::try_parse_from(["x"].into_iter().chain(flags.iter().copied())).unwrap().judging
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
    fn periods_are_whole_days_or_weeks() {
        assert_eq!((days("P90D"), days("P2W"), days("P0D")), (Ok(90), Ok(14), Ok(0)));
        for wrong in ["P1M", "PT1H", "90", "-P1D", "P1DT1H"] {
            assert!(days(wrong).is_err(), "{wrong}");
        }
    }
}

//! `check`: what the cluster would say to manifests, before they are applied, by the same code. Nothing is contacted.
//!
//! ```text
//! texts -> documents -> objects -> strict reading, schema, rules -> the webhook's review of what is declared
//!       -> Snapshot of what would be there -> the webhook's review of each workload, each copy -> Report
//! ```

mod finding;
mod input;
mod judge;
mod kinds;
mod object;
mod ours;
mod output;
mod rules;
mod schema;
mod target;
#[cfg(test)]
mod tests;
mod value;
mod world;
mod yaml;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read, Write},
    path::PathBuf,
    sync::Arc,
};

use clap::ValueEnum;
use jiff::Timestamp;

pub use finding::{Code, Finding, Judged, Report, Severity, Spot};
pub use input::Text;
pub use ours::{Definitions, Ours};
pub use schema::SchemaError;
pub use target::{TargetArgs, TargetError};

use self::{
    judge::{Judge, found},
    kinds::{Known, Role},
    object::Object,
    target::Target,
    world::World,
};
use crate::{
    core::{settings::Mode, snapshot::Snapshot},
    flags::{ConfigError, JudgingArgs},
    parse::law,
};

/// The namespace of objects that name none, as in a context that names none.
const DEFAULT_NAMESPACE: &str = "default";

/// How findings are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lowercase")]
pub enum Format {
    /// For people: a line for each finding, and a summary.
    #[default]
    Text,
    /// For machines.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// JUnit, for test reports.
    Junit,
}

/// What is checked, and how.
#[derive(Clone, Debug, clap::Args)]
pub struct CheckArgs {
    /// Files or directories with manifests, or `-` for standard input (rendered Helm or Kustomize output).
    #[arg(long = "filename", short = 'f', required = true, value_name = "FILE")]
    pub filenames: Vec<String>,
    /// Read the directories in directories too.
    #[arg(long, short = 'R')]
    pub recursive: bool,
    /// How findings are written.
    #[arg(long, short, value_enum, default_value = "text", value_name = "FORMAT")]
    pub output: Format,
    /// The instant to judge for (RFC 3339), instead of now.
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    /// The cluster that the manifests are for.
    #[command(flatten)]
    pub target: TargetArgs,
    /// The operator's flags.
    #[command(flatten, next_help_heading = "As the operator's flags of these names")]
    pub judging: JudgingArgs,
}

/// Why nothing was checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The law pack's file cannot be read.
    #[error("failed to read the law pack {}", path.display())]
    LawFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The law pack cannot be used.
    #[error("failed to load the law pack")]
    Law(#[from] law::LawError),
    /// A flag of the operator cannot be used.
    #[error(transparent)]
    Flag(#[from] ConfigError),
    /// A flag about the cluster cannot be used.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A definition of ours cannot be applied here: a defect.
    #[error("failed to read a definition of ours")]
    Definition(#[from] &'static SchemaError),
    /// The report cannot be written.
    #[error("failed to write the report")]
    Write(#[from] io::Error),
    /// The report cannot be put into the format.
    #[error("failed to put the report into words: {0}")]
    Format(String),
}

/// Reads, checks and writes; the exit code.
pub fn check(
    args: &CheckArgs,
    namespace: Option<&str>,
    now: Timestamp,
    stdin: &mut impl Read,
    out: &mut impl Write,
) -> Result<u8, CheckError> {
    let texts = input::texts(&args.filenames, args.recursive, stdin);
    let report = examine(args, namespace, &texts, now)?;
    output::write(args.output, &report, out)?;
    Ok(report.exit_code())
}

/// Checks texts that are read already.
pub fn examine(
    args: &CheckArgs,
    namespace: Option<&str>,
    texts: &[Text],
    now: Timestamp,
) -> Result<Report, CheckError> {
    let law = match &args.judging.law_pack {
        None => law::built_in()?,
        Some(path) => law::from_yaml(
            &std::fs::read_to_string(path)
                .map_err(|source| CheckError::LawFile { path: path.clone(), source })?,
        )?,
    };
    let law = Arc::new(law);
    let mut settings = args.judging.settings(&law)?;
    // A violation is one whatever the mode.
    settings.mode = Mode::Enforce;
    let examination = Examination {
        target: Target::new(&args.target, &law)?,
        definitions: Definitions::built_in()?,
        namespace: namespace.unwrap_or(DEFAULT_NAMESPACE),
        at: args.at.unwrap_or(now),
    };
    Ok(examination.report(texts, World::new(law, Arc::new(settings))))
}

struct Examination<'a> {
    target: Target,
    definitions: &'static Definitions,
    namespace: &'a str,
    at: Timestamp,
}

/// An object that can be read, with the plural of its kind where the webhook is asked about it.
struct Readable {
    object: Object,
    asked: Option<Asked>,
}

enum Asked {
    /// A declared object.
    Declared(String),
    /// A workload.
    Workload(&'static str),
}

impl Examination<'_> {
    fn report(&self, texts: &[Text], mut world: World) -> Report {
        let (objects, mut findings) = object::objects(texts);
        let mut report = Report { at: self.at.to_string(), ..Report::default() };
        let mut readable = vec![];
        for object in objects {
            if let Some(object) = self.read(object, &mut findings, &mut report.skipped) {
                readable.push(object);
            }
        }
        twice(&readable, &mut findings);
        // What the webhook would refuse is not there for the others.
        let mut all = world.empty();
        for Readable { object, .. } in &readable {
            all.add(object);
        }
        let judge = self.judge(&all);
        readable.retain(|Readable { object, asked }| {
            let Some(Asked::Declared(plural)) = asked else { return true };
            let found = judge.object(object, plural);
            let refused = found.iter().any(|f| f.severity == Severity::Invalid);
            findings.extend(found);
            if refused {
                report.judged.push(Judged { object: object.title(), spot: object.spot.clone() });
            }
            !refused
        });
        for Readable { object, .. } in &readable {
            world.add(object);
        }
        let judge = self.judge(&world);
        for Readable { object, asked } in &readable {
            match asked {
                Some(Asked::Workload(plural)) => {
                    findings.extend(judge.object(&self.widened(object, &judge.snapshot), plural));
                }
                Some(Asked::Declared(_)) => {
                    findings.extend(judge.unread(object));
                    findings.extend(judge.copies(object));
                }
                None => continue,
            }
            report.judged.push(Judged { object: object.title(), spot: object.spot.clone() });
        }
        let is_lost = findings.iter().any(|f| f.code == Code::TransferNotCovered);
        if is_lost && !world.has_nodes && !self.target.is_placed() {
            report.hints.push(
                "no Node is among the manifests, so that every place is unknown: say where the cluster is by --provider \
                 and --region, or --country"
                    .into(),
            );
        }
        report.law.clone_from(&judge.snapshot.law.version);
        let order = |file: &str| texts.iter().position(|text| text.file == file);
        findings.sort_by(|a, b| {
            let key = |f: &Finding| (order(&f.spot.file), f.spot.line, f.severity, f.code);
            key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
        });
        findings.dedup();
        report.judged.sort_by_key(|judged| (order(&judged.spot.file), judged.spot.line));
        report.findings = findings;
        report
    }

    /// Strict reading, and for our own kinds their definitions; none where it is refused or of no interest.
    fn read(
        &self,
        mut object: Object,
        findings: &mut Vec<Finding>,
        skipped: &mut BTreeMap<String, usize>,
    ) -> Option<Readable> {
        let invalid = |object: &Object, message| found(object, Severity::Invalid, Code::Invalid, message);
        match self.definitions.of(&object) {
            Some(Ok(ours)) => {
                if ours.namespaced {
                    self.default_namespace(&mut object);
                }
                let wrong = ours.wrong(&object.value, None);
                findings.extend(wrong.iter().map(|error| Finding {
                    spot: object.at(&error.path),
                    ..invalid(&object, error.to_string())
                }));
                wrong
                    .is_empty()
                    .then(|| Readable { asked: Some(Asked::Declared(ours.plural.clone())), object })
            }
            Some(Err(why)) => {
                findings.push(invalid(&object, why));
                None
            }
            None => {
                let Some(known) = Known::of(&object.group, &object.version, &object.kind) else {
                    let dot = if object.group.is_empty() { "" } else { "." };
                    *skipped.entry(format!("{}{dot}{}", object.kind, object.group)).or_default() += 1;
                    return None;
                };
                if known.namespaced {
                    self.default_namespace(&mut object);
                }
                let wrong = known.wrong(&object.value);
                let is_wrong = !wrong.is_empty();
                findings.extend(wrong.into_iter().map(|why| {
                    let path = why.split('"').nth(1).unwrap_or_default().to_owned();
                    Finding { spot: object.at(&path), ..invalid(&object, why) }
                }));
                let asked = match known.role {
                    Role::Workload(plural) => Some(Asked::Workload(plural)),
                    Role::Read => None,
                };
                (!is_wrong).then_some(Readable { object, asked })
            }
        }
    }

    fn default_namespace(&self, object: &mut Object) {
        if object.namespace().is_empty()
            && let Some(meta) = object.value["metadata"].as_object_mut()
        {
            meta.insert("namespace".into(), self.namespace.into());
        }
    }

    fn judge<'b>(&self, world: &'b World) -> Judge<'b> {
        let mut snapshot = world.snapshot();
        let namespaces: BTreeSet<String> = world.seen.clone();
        self.target.stand_in(&mut snapshot, namespaces);
        Judge { snapshot: Arc::new(snapshot), config_maps: &world.config_maps, at: self.at }
    }

    fn widened(&self, object: &Object, snapshot: &Snapshot) -> Object {
        object.saying(self.target.widen(&object.value, &snapshot.settings.region_label))
    }
}

/// Of two objects of one name the last counts, as for whoever applies them in turn.
fn twice(all: &[Readable], findings: &mut Vec<Finding>) {
    let mut seen: BTreeMap<(&str, &str, &str, &str), &Object> = BTreeMap::new();
    for Readable { object, .. } in all {
        if object.name().is_empty() {
            continue;
        }
        let id = (&*object.group, &*object.kind, object.namespace(), object.name());
        if let Some(before) = seen.insert(id, object) {
            let Spot { file, line } = &before.spot;
            let message = format!("stands in {file}:{line} too; the last one counts");
            findings.push(found(object, Severity::Warning, Code::DeclaredTwice, message));
        }
    }
}

//! `approve`: a person reads a plan and says yes to that very plan.

use std::io::{self, BufRead, Write};

use jiff::{Span, Timestamp, tz::TimeZone};
use k8s_openapi::{api::authentication::v1::SelfSubjectReview, apimachinery::pkg::apis::meta::v1::Time};
use kube::{Api, Client, ResourceExt, api::PostParams};

use super::table::{plain, table};
use crate::api::v1alpha1::{
    DeletionApproval, DeletionApprovalSpec, DeletionRun, PolicyAction, RunPhase, RunPlan, RunTarget,
};

/// Longest name of an object.
const NAME_LENGTH: usize = 253;
/// What a plan's hash begins with.
const HASH_PREFIX: &str = "sha256:";

/// Why nothing was approved.
#[derive(Debug, thiserror::Error)]
pub enum ApproveError {
    /// The cluster did not do it.
    #[error("failed to {attempt}")]
    Cluster {
        /// What was attempted on which object.
        attempt: String,
        /// Why it failed.
        source: Box<kube::Error>,
    },
    /// The period cannot be used.
    #[error("--expires {0:?} is no positive ISO 8601 period such as P1D or PT8H")]
    Period(String),
    /// The cluster does not say who asks.
    #[error("the API server did not say who you are: SelfSubjectReview without a user name")]
    Nobody,
    /// The run is at another point.
    #[error("DeletionRun {run} does not wait for approval: its phase is {phase:?}{}", message.as_deref().map(|m| format!(" ({m})")).unwrap_or_default())]
    NotAwaiting {
        /// Namespace and name.
        run: String,
        /// Where it stands.
        phase: RunPhase,
        /// What it says about that.
        message: Option<String>,
    },
    /// The run is a Preview.
    #[error("DeletionRun {0} is a Preview: it deletes nothing, so there is nothing to approve")]
    Preview(String),
    /// The run waits without a plan.
    #[error("DeletionRun {0} has no plan with a hash: there is nothing that could be approved")]
    NoPlan(String),
    /// Another plan than the one that was shown.
    #[error("the plan of DeletionRun {0} changed while it was read: look at it again")]
    Changed(String),
    /// The person did not say yes.
    #[error("not approved: the answer was not the name of the run")]
    NotConfirmed,
    /// An approval of that plan is there and has ended.
    #[error("DeletionApproval {0} of the same plan has expired; delete it, then approve again")]
    Expired(String),
    /// An object of that name approves something else.
    #[error("DeletionApproval {0} exists and is for another plan; delete it, then approve again")]
    Other(String),
    /// The output is gone.
    #[error("failed to write the answer")]
    Write(#[from] io::Error),
}

impl ApproveError {
    /// Whether this is an answer (no) rather than a failure.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::NotAwaiting { .. }
                | Self::Preview(_)
                | Self::NoPlan(_)
                | Self::Changed(_)
                | Self::NotConfirmed
                | Self::Expired(_)
                | Self::Other(_)
        )
    }

    fn cluster(attempt: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let attempt = attempt.into();
        move |source| Self::Cluster { attempt, source: Box::new(source) }
    }
}

/// Whether a person is asked.
pub enum Ask<'a, R> {
    /// The answer is read from here.
    Person(&'a mut R),
    /// The command line said yes.
    No,
}

/// Shows the plan of a run and creates the DeletionApproval for it.
pub async fn approve(
    client: Client,
    namespace: &str,
    run: &str,
    expires: &str,
    ask: Ask<'_, impl BufRead>,
    now: Timestamp,
    out: &mut impl Write,
) -> Result<(), ApproveError> {
    let until = end(expires, now)?;
    let runs: Api<DeletionRun> = Api::namespaced(client.clone(), namespace);
    let found =
        runs.get(run).await.map_err(ApproveError::cluster(format!("read DeletionRun {namespace}/{run}")))?;
    let plan = approvable(&found)?;
    let approver = caller(client.clone()).await?;
    describe(&found, plan, out)?;
    writeln!(out, "The approval is {}'s and good until {until}.", plain(&approver))?;
    if let Ask::Person(input) = ask {
        confirm(run, input, out)?;
    }

    // A person reads slowly: what is approved must still be what was shown.
    let again = runs
        .get(run)
        .await
        .map_err(ApproveError::cluster(format!("read DeletionRun {namespace}/{run} again")))?;
    if again.uid() != found.uid() || approvable(&again)?.hash != plan.hash {
        return Err(ApproveError::Changed(format!("{namespace}/{run}")));
    }

    let approval = approval(&found, plan, approver, until);
    let approvals: Api<DeletionApproval> = Api::namespaced(client, namespace);
    let name = approval.name_any();
    match approvals.create(&PostParams::default(), &approval).await {
        Ok(_) => writeln!(out, "DeletionApproval {namespace}/{name} created")?,
        Err(kube::Error::Api(status)) if status.is_already_exists() => {
            let there = approvals.get(&name).await.map_err(ApproveError::cluster(format!(
                "read DeletionApproval {namespace}/{name}, which exists already"
            )))?;
            match standing(&there, &approval, now) {
                Standing::Good => writeln!(
                    out,
                    "DeletionApproval {namespace}/{name} exists already: by {} until {}",
                    plain(&there.spec.approver),
                    there.spec.expires_at.0
                )?,
                Standing::Expired => return Err(ApproveError::Expired(format!("{namespace}/{name}"))),
                Standing::Other => return Err(ApproveError::Other(format!("{namespace}/{name}"))),
            }
        }
        Err(source) => {
            return Err(ApproveError::cluster(format!("create DeletionApproval {namespace}/{name}"))(source));
        }
    }
    Ok(())
}

/// What an approval that is there already is worth for the one that was to be created.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    Good,
    Expired,
    Other,
}

fn standing(there: &DeletionApproval, wanted: &DeletionApproval, now: Timestamp) -> Standing {
    let (a, b) = (&there.spec, &wanted.spec);
    if a.run_uid != b.run_uid || a.run_name != b.run_name || a.plan_hash != b.plan_hash {
        Standing::Other
    } else if a.expires_at.0 <= now {
        Standing::Expired
    } else {
        Standing::Good
    }
}

/// Who asks, as the API server says it: an approval in another's name is refused there.
async fn caller(client: Client) -> Result<String, ApproveError> {
    let review = Api::<SelfSubjectReview>::all(client)
        .create(&PostParams::default(), &SelfSubjectReview::default())
        .await
        .map_err(ApproveError::cluster("ask the API server who you are (SelfSubjectReview)"))?;
    review
        .status
        .and_then(|status| status.user_info)
        .and_then(|user| user.username)
        .filter(|name| !name.is_empty())
        .ok_or(ApproveError::Nobody)
}

/// The plan, when the run waits for somebody's yes to it.
fn approvable(run: &DeletionRun) -> Result<&RunPlan, ApproveError> {
    let name = format!("{}/{}", run.namespace().unwrap_or_default(), run.name_any());
    let status = run.status.as_ref();
    let phase = status.map(|s| s.phase).unwrap_or_default();
    if phase != RunPhase::AwaitingApproval {
        let message = status.and_then(|s| s.message.as_deref()).map(plain);
        return Err(ApproveError::NotAwaiting { run: name, phase, message });
    }
    if run.spec.action == PolicyAction::Preview {
        return Err(ApproveError::Preview(name));
    }
    status
        .and_then(|s| s.plan.as_ref())
        .filter(|plan| plan.hash.strip_prefix(HASH_PREFIX).is_some_and(|hex| hex.len() == 64))
        .ok_or(ApproveError::NoPlan(name))
}

fn end(period: &str, now: Timestamp) -> Result<Timestamp, ApproveError> {
    let wrong = || ApproveError::Period(period.to_owned());
    // jiff also reads "1 day"; manifests do not, and one spelling is enough.
    if !period.starts_with('P') {
        return Err(wrong());
    }
    let span: Span = period.parse().map_err(|_| wrong())?;
    let end = now.to_zoned(TimeZone::UTC).checked_add(span).map_err(|_| wrong())?.timestamp();
    if end <= now { Err(wrong()) } else { Ok(end) }
}

fn describe(run: &DeletionRun, plan: &RunPlan, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "DeletionRun {}/{}", run.namespace().unwrap_or_default(), run.name_any())?;
    for (what, value) in [
        ("policy", run.spec.policy.name.as_str()),
        ("store", &run.spec.store.name),
        ("server", &plan.server),
        ("counted", &plan.counted_at),
        ("plan", &plan.hash),
    ] {
        writeln!(out, "  {what:8} {}", plain(value))?;
    }
    writeln!(out)?;
    let rows: Vec<Vec<String>> = plan
        .datasets
        .iter()
        .map(|planned| {
            let target = run.spec.targets.iter().find(|target| target.dataset == planned.dataset);
            vec![
                planned.dataset.clone(),
                planned.total.to_string(),
                planned.due.to_string(),
                planned.undated.to_string(),
                planned.held_by.clone().unwrap_or_default(),
                target.map(|t| t.rules.join(", ")).unwrap_or_default(),
                target.map(cut_offs).unwrap_or_default(),
            ]
        })
        .collect();
    table(out, &["DATASET", "ALL", "DUE", "UNDATED", "HELD BY", "RULES", "CUT-OFF"], &rows)?;
    writeln!(out, "\n{} items would be deleted for good, {} are held and stay.", plan.due, plan.held)
}

/// All must hold for an item to be due.
fn cut_offs(target: &RunTarget) -> String {
    let each = target.conditions.iter().map(|c| format!("{} at or before {}", c.event, c.cutoff));
    each.collect::<Vec<_>>().join(" and ")
}

fn confirm(run: &str, input: &mut impl BufRead, out: &mut impl Write) -> Result<(), ApproveError> {
    write!(out, "Type the name of the run to approve: ")?;
    out.flush()?;
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    if answer.trim() == run { Ok(()) } else { Err(ApproveError::NotConfirmed) }
}

fn approval(run: &DeletionRun, plan: &RunPlan, approver: String, until: Timestamp) -> DeletionApproval {
    let run_name = run.name_any();
    let short = &plan.hash[HASH_PREFIX.len()..HASH_PREFIX.len() + 8];
    // Names are ASCII; a cut may end in a mark that no part of a name may end in.
    let stem = &run_name[..run_name.len().min(NAME_LENGTH - 1 - short.len())];
    let name = format!("{}-{short}", stem.trim_end_matches(['-', '.']));
    let mut approval = DeletionApproval::new(
        &name,
        DeletionApprovalSpec {
            run_name,
            run_uid: run.uid().unwrap_or_default(),
            plan_hash: plan.hash.clone(),
            approver,
            expires_at: Time(until),
        },
    );
    approval.metadata.namespace = run.namespace();
    approval
}

#[cfg(test)]
mod tests;

//! What is to be explained: `NAME` of a Pod, or `KIND/NAME` as kubectl has it.

use std::str::FromStr;

/// A kind that makes Pods, or is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `pod/NAME`, or a bare name.
    Pod,
    /// `deploy/NAME`.
    Deployment,
    /// `rs/NAME`.
    ReplicaSet,
    /// `sts/NAME`.
    StatefulSet,
    /// `ds/NAME`.
    DaemonSet,
    /// `job/NAME`.
    Job,
    /// `cronjob/NAME`.
    CronJob,
}

/// What is to be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, name) = text.split_once('/').unwrap_or(("pod", text));
        // `deployments.apps/web`, as `kubectl get -o name` prints it.
        let short = kind.split('.').next().unwrap_or_default().to_lowercase();
        let kind = match short.as_str() {
            "po" | "pod" | "pods" => Kind::Pod,
            "deploy" | "deployment" | "deployments" => Kind::Deployment,
            "rs" | "replicaset" | "replicasets" => Kind::ReplicaSet,
            "sts" | "statefulset" | "statefulsets" => Kind::StatefulSet,
            "ds" | "daemonset" | "daemonsets" => Kind::DaemonSet,
            "job" | "jobs" => Kind::Job,
            "cj" | "cronjob" | "cronjobs" => Kind::CronJob,
            _ => {
                return Err(format!(
                    "`{kind}` makes no Pods: write pod, deploy, rs, sts, ds, job or cronjob"
                ));
            }
        };
        if name.is_empty() || name.contains('/') {
            return Err(format!("`{text}`: write the name of a Pod, or KIND/NAME"));
        }
        Ok(Self { kind, name: name.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_is_a_pods_and_kinds_are_written_as_kubectl_does() {
        for (text, kind, name) in [
            ("web-0", Kind::Pod, "web-0"),
            ("pod/web-0", Kind::Pod, "web-0"),
            ("deploy/web", Kind::Deployment, "web"),
            ("deployment.apps/web", Kind::Deployment, "web"),
            ("sts/db", Kind::StatefulSet, "db"),
            ("ds/log", Kind::DaemonSet, "log"),
            ("rs/web-5f", Kind::ReplicaSet, "web-5f"),
            ("job.batch/once", Kind::Job, "once"),
            ("CronJob/nightly", Kind::CronJob, "nightly"),
        ] {
            assert_eq!(text.parse(), Ok(Target { kind, name: name.into() }), "{text}");
        }
        for wrong in ["secret/x", "pod/", "pod/a/b", ""] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
    }
}

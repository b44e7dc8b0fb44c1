//! What an earlier commit shipped: its chart, and the programs that it was written for. A chart grants what its own program asks
//! for and no more, so that no other program stands in for it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    load::say,
    world::{CHART, OPERATOR, project},
};

/// Unpacks and builds.
const SCRIPT: &str = "hack/lifecycle/earlier.sh";

/// The files of an earlier commit.
pub struct Earlier {
    commit: String,
    tree: PathBuf,
}

impl Earlier {
    /// The newest commit before this one that has another chart, unpacked. Without a history this fails: an
    /// upgrade that was not tried is not one that works.
    pub fn unpacked() -> Result<Self> {
        let history = git(&["rev-list", "--max-count=200", "HEAD"])?;
        let chart = |commit: &str| git(&["rev-parse", "--verify", "--quiet", &format!("{commit}:{CHART}")]);
        let now = chart("HEAD").with_context(|| format!("HEAD has no {CHART}"))?;
        let whole = |commit: &str| git(&["cat-file", "-e", &format!("{commit}:{CHART}/Chart.yaml")]).is_ok();
        let other = history.lines().skip(1).find(|c| whole(c) && chart(c).is_ok_and(|chart| chart != now));
        // As long as there is but one chart, it is upgraded to itself.
        let same = || history.lines().nth(1).filter(|commit| whole(commit));
        let Some(commit) = other.or_else(same).map(str::to_owned) else {
            bail!("no commit before HEAD has {CHART}: an upgrade needs the history (git fetch --unshallow)");
        };
        say(&format!("upgrading from {commit}"));
        let mut unpack = Command::new(project().join(SCRIPT));
        let tree = printed(unpack.args(["tree", &commit]).current_dir(project()).output())?;
        Ok(Self { commit, tree })
    }

    /// Its chart.
    pub fn chart(&self) -> PathBuf {
        self.tree.join(CHART)
    }

    /// Tag of its images, which no other build has.
    pub fn tag(&self) -> String {
        format!("earlier-{}", self.commit.chars().take(12).collect::<String>())
    }

    /// Builds its programs and answers the directory that they are in; takes minutes the first time.
    pub async fn programs(&self) -> Result<PathBuf> {
        let mut build = tokio::process::Command::new(project().join(SCRIPT));
        build.arg("programs").arg(&self.tree).arg(profile_directory()?);
        build.stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
        printed(build.output().await).with_context(|| format!("build the programs of {}", self.commit))
    }
}

/// The directory that the script printed.
fn printed(output: std::io::Result<Output>) -> Result<PathBuf> {
    let output = output.context(SCRIPT)?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{SCRIPT}: {complaint}");
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}

/// Where cargo put this build's programs.
fn profile_directory() -> Result<&'static Path> {
    Path::new(OPERATOR.path).parent().context("the operator is in a directory")
}

fn git(args: &[&str]) -> Result<String> {
    let output = Command::new("git").args(args).current_dir(project()).output().context("start git")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "git {}: {complaint}", args.join(" "));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

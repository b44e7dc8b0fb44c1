//! The node level: the main job on real kubelets, containers and a real PostgreSQL, played by the demo; and the demo's own
//! honesty: with a part broken it exits non-zero and names the row.

#![allow(clippy::unwrap_used, reason = "tests")]

mod lapse;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Mutex,
};

/// One cluster at a time: two would share two cores, and their waits are measured in seconds.
static ALONE: Mutex<()> = Mutex::new(());

fn demo(sabotage: Option<&str>) -> (Output, String) {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let programs = Path::new(env!("CARGO_BIN_EXE_carnet-operator")).parent().unwrap();
    let testbed: PathBuf = programs.join("examples/testbed");
    assert!(testbed.is_file(), "{} is not built: cargo build --all-features --examples", testbed.display());
    let mut command = Command::new(testbed);
    command.arg("demo").env_remove("DEMO_SABOTAGE");
    if let Some(part) = sabotage {
        command.env("DEMO_SABOTAGE", part);
    }
    let output = command.output().unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output, text)
}

/// The demo with a part broken fails, and its last words name the row.
fn names_the_row(part: &str, row: &str) {
    let (output, text) = demo(Some(part));
    assert!(!output.status.success(), "with {part} broken it still exits 0:\n{text}");
    let said = text.lines().rev().find(|l| l.contains("not as it should be")).unwrap_or_default();
    assert!(said.contains(row), "with {part} broken it does not name `{row}`:\n{text}");
}

#[test]
fn a_lapse_evicts_replacements_are_refused_a_safeguard_brings_the_workload_back_and_steering_lands_lawfully()
{
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(lapse::play()).unwrap();
}

#[test]
fn the_main_job_is_done_end_to_end() {
    let (output, text) = demo(None);
    assert!(output.status.success(), "{text}");
}

#[test]
fn without_the_webhook_the_demo_names_the_refusal() {
    names_the_row("webhook", "refused");
}

#[test]
fn without_the_hold_the_demo_names_the_held_rows() {
    names_the_row("hold", "held");
}

#[test]
fn without_the_eraser_the_demo_names_the_deletion() {
    names_the_row("eraser", "deleted");
}

#[test]
fn without_the_safeguard_the_demo_names_the_admission() {
    names_the_row("safeguard", "admitted");
}

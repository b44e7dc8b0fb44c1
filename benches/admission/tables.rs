//! The tables of `docs/performance.md`, from the results of a run.

use std::fmt::Write;

use super::{
    arm::Arm,
    creations,
    results::Results,
    stats::{Interval, median, quantile, ratio},
    verdicts::Verdicts,
};

const PEERS: [Arm; 2] = [Arm::Gatekeeper, Arm::Kyverno];
const ARMS: [Arm; 6] = [Arm::Nobody, Arm::Unseeing, Arm::Policy, Arm::Gatekeeper, Arm::Kyverno, Arm::Carnet];
const JUDGES: [Arm; 3] = [Arm::Gatekeeper, Arm::Kyverno, Arm::Carnet];

/// What is aimed at, beside what was measured.
struct Aim {
    what: String,
    wanted: String,
    measured: String,
    is_met: bool,
}

/// All of it as Markdown.
pub fn render(results: &Results) -> String {
    let mut text = head(results);
    text += &aims(results);
    if let Some(verdicts) = &results.verdicts {
        text += &verdicts_table(verdicts);
    }
    text += &creations_table(&results.creations);
    text += &rest(results);
    text
}

fn head(of: &Results) -> String {
    let versions: Vec<String> =
        of.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let mut text = format!(
        "Measured on {}: {} × {}, {:.0} GiB, Linux {}; {}. Load average {:.2} before the run, {:.2} at its end.\n",
        of.began,
        of.machine.cores,
        of.machine.processor,
        of.machine.memory_gib,
        of.machine.kernel,
        versions.join(", "),
        of.load[0],
        of.load[1],
    );
    if let Some(why) = &of.doubtful {
        let _ = writeln!(text, "\n**Not to be quoted:** {why}.");
    }
    text
}

fn aims(of: &Results) -> String {
    let mut aims = vec![];
    let mut add = |what: String, wanted: String, measured: String, is_met: bool| {
        aims.push(Aim { what, wanted, measured, is_met });
    };
    if let Some(verdicts) = &of.verdicts {
        for (arm, times) in [(Arm::Gatekeeper, 15.0), (Arm::Kyverno, 10.0)] {
            let found =
                ratio(&steady(verdicts, arm, |b| b.cpu_us), &steady(verdicts, Arm::Carnet, |b| b.cpu_us));
            let what = format!("CPU per verdict, {arm} ÷ Carnet");
            add(what, format!("≥ {times:.0}"), interval(found), found.low >= times);
        }
        let rates: Vec<f64> =
            verdicts.within.iter().filter(|r| r.arm == Arm::Carnet).map(|r| r.rate).collect();
        let rate = median(&rates);
        let what = "verdicts a second on one core, p99 ≤ 10 ms".to_owned();
        add(what, "≥ 8,000".into(), thousands(rate), rate >= 8000.0);
    }
    for clients in clients(&of.creations) {
        let found =
            ratio(&rates(&of.creations, Arm::Carnet, clients), &rates(&of.creations, Arm::Nobody, clients));
        let what = format!("Pods created, Carnet ÷ nobody, {clients} clients");
        add(what, "≥ 0.95".into(), interval(found), found.low >= 0.95);
    }
    for (what, wanted, samples) in [
        ("a revoked safeguard refuses within, p99", 100.0, &of.flips.revoked),
        ("a lapse refuses within, p99 of its instant", 250.0, &of.flips.lapsed),
    ] {
        if !samples.is_empty() {
            let found = quantile(samples, 0.99);
            add(what.into(), format!("≤ {wanted:.0} ms"), format!("{found:.0} ms"), found <= wanted);
        }
    }
    if let Some(rejudged) = &of.rejudged {
        let found = median(&rejudged.detect_ms) + median(&rejudged.judge_ms);
        let what = format!("{} Pods judged again on one core", whole(rejudged.pods));
        add(what, "≤ 300 ms".into(), format!("{found:.0} ms"), found <= 300.0);
    }
    if let Some(scaling) = &of.scaling {
        let found = ratio(&scaling.many, &scaling.few);
        add("t(10,000 stores) ÷ t(100 stores)".into(), "≤ 1.3".into(), interval(found), found.high <= 1.3);
    }
    if let Some(of) = &of.footprint {
        let peak = |starts: &[super::footprint::Start]| {
            median(&starts.iter().map(|s| s.memory.peak).collect::<Vec<_>>())
        };
        let (ours, theirs) = (peak(&of.carnet), peak(&of.reflector));
        let what = format!("memory at {} Pods, at most", whole(of.pods));
        add(what, "≤ 150 MiB".into(), format!("{ours:.0} MiB"), ours <= 150.0);
        let what = "a typed reflector's ÷ Carnet's".to_owned();
        add(what, "≥ 6".into(), format!("{:.1}", theirs / ours), theirs / ours >= 6.0);
    }
    let mut text = "\n| aim | wanted | measured | met |\n| --- | ---: | ---: | --- |\n".to_owned();
    for Aim { what, wanted, measured, is_met } in aims {
        let _ =
            writeln!(text, "| {what} | {wanted} | {measured} | {} |", if is_met { "yes" } else { "**no**" });
    }
    text
}

fn verdicts_table(of: &Verdicts) -> String {
    let mut text = format!(
        "\n{} reviews of {:.1} KB each, over and over; intervals hold 95 of 100 bootstrap draws of the blocks.\n\n\
         | | Gatekeeper | Kyverno | Carnet | Gatekeeper ÷ Carnet | Kyverno ÷ Carnet |\n\
         | --- | ---: | ---: | ---: | ---: | ---: |\n",
        whole(of.reviews),
        of.mean_bytes / 1000.0
    );
    let mut row = |what: &str, of: &dyn Fn(Arm) -> Vec<f64>, digits: usize, is_cost: bool| {
        let cells = JUDGES.map(|arm| format!("{:.digits$}", median(&of(arm)))).join(" | ");
        let ratios = PEERS
            .map(|peer| {
                let (peer, own) = (of(peer), of(Arm::Carnet));
                interval(if is_cost { ratio(&peer, &own) } else { ratio(&own, &peer) })
            })
            .join(" | ");
        let _ = writeln!(text, "| {what} | {cells} | {ratios} |");
    };
    let at_rest = |arm| of.at_rest.iter().filter(|(of, _)| *of == arm).map(|(_, share)| *share).collect();
    let rate = of.rate;
    row(&format!("CPU per verdict at {rate:.0} a second, µs"), &|arm| steady(of, arm, |b| b.cpu_us), 0, true);
    row("CPU per verdict at saturation, µs", &|arm| saturated(of, arm, |b| b.cpu_us), 0, true);
    row("CPU at rest, % of the core", &at_rest, 1, true);
    row(&format!("p50 at {rate:.0} a second, ms"), &|arm| steady(of, arm, |b| b.p50_ms), 2, true);
    row(&format!("p99 at {rate:.0} a second, ms"), &|arm| steady(of, arm, |b| b.p99_ms), 2, true);
    row("verdicts a second at saturation (ratio inverted)", &|arm| saturated(of, arm, |b| b.rate), 0, false);
    let within = |arm| of.within.iter().filter(|r| r.arm == arm).map(|r| r.rate).collect();
    row("verdicts a second with p99 ≤ 10 ms (ratio inverted)", &within, 0, false);
    text
}

fn creations_table(blocks: &[creations::Block]) -> String {
    let mut text = String::new();
    for clients in clients(blocks) {
        let _ = write!(
            text,
            "\nPods created through the API server by {clients} client{}:\n\n\
             | | Pods a second | ÷ nobody | ÷ unseen | p50, ms | p99, ms | API server's CPU per Pod, µs |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n",
            if clients == 1 { "" } else { "s" }
        );
        for arm in ARMS {
            let of = |get: fn(&creations::Block) -> f64| {
                let of_arm = blocks.iter().filter(|b| b.arm == arm && b.clients == clients);
                median(&of_arm.map(get).collect::<Vec<_>>())
            };
            let share = |of| interval(ratio(&rates(blocks, arm, clients), &rates(blocks, of, clients)));
            let _ = writeln!(
                text,
                "| {arm} | {:.0} | {} | {} | {:.1} | {:.1} | {:.0} |",
                of(|b| b.rate),
                share(Arm::Nobody),
                share(Arm::Unseeing),
                of(|b| b.p50_ms),
                of(|b| b.p99_ms),
                of(|b| b.api_server_us)
            );
        }
    }
    text
}

fn rest(of: &Results) -> String {
    let mut text = String::new();
    let flips = [
        ("Carnet: a safeguard is revoked", &of.flips.revoked),
        ("Carnet: a safeguard lapses", &of.flips.lapsed),
        ("Gatekeeper: a constraint is narrowed", &of.flips.narrowed),
    ];
    if flips.iter().any(|(_, samples)| !samples.is_empty()) {
        text += "\nFrom the change to the first refusal, asked every 5 ms through the API server:\n\n\
                 | | times | p50, ms | p99, ms | longest, ms |\n| --- | ---: | ---: | ---: | ---: |\n";
    }
    for (what, samples) in flips {
        if !samples.is_empty() {
            let [p50, p99, most] = [0.5, 0.99, 1.0].map(|share| quantile(samples, share));
            let _ = writeln!(text, "| {what} | {} | {p50:.0} | {p99:.0} | {most:.0} |", samples.len());
        }
    }
    if let Some(of) = &of.rejudged {
        let _ = write!(
            text,
            "\nJudged again in process, on one thread: {} Pods, of which {} use a store, while a safeguard \
             comes and goes: {:.0} ms to go through all, {:.0} ms to judge those (medians of {}). The first time, every spec is read: \
             {:.0} ms.\n",
            whole(of.pods),
            whole(of.using),
            median(&of.detect_ms),
            median(&of.judge_ms),
            of.judge_ms.len(),
            of.first_ms
        );
    }
    if let Some(of) = &of.scaling {
        let _ = write!(
            text,
            "\nA review in process, from bytes to bytes, with 1,000 safeguards: {:.1} µs with 100 stores, {:.1} µs with 10,000.\n",
            median(&of.few),
            median(&of.many)
        );
    }
    if let Some(of) = &of.footprint {
        let _ = write!(
            text,
            "\nMemory with {} Pods:\n\n| | ready after, s | at most, MiB | settled, MiB |\n| --- | ---: | ---: | ---: |\n",
            whole(of.pods)
        );
        for (what, starts) in [("Carnet", &of.carnet), ("a typed reflector (kube-rs)", &of.reflector)] {
            let of = |get: fn(&super::footprint::Start) -> f64| {
                median(&starts.iter().map(get).collect::<Vec<_>>())
            };
            let _ = writeln!(
                text,
                "| {what} | {:.1} | {:.0} | {:.0} |",
                of(|s| s.ready_seconds),
                of(|s| s.memory.peak),
                of(|s| s.memory.resident)
            );
        }
    }
    text
}

fn steady(of: &Verdicts, arm: Arm, get: fn(&super::verdicts::Block) -> f64) -> Vec<f64> {
    of.steady.iter().filter(|b| b.arm == arm).map(get).collect()
}

fn saturated(of: &Verdicts, arm: Arm, get: fn(&super::verdicts::Block) -> f64) -> Vec<f64> {
    of.saturated.iter().filter(|b| b.arm == arm).map(get).collect()
}

fn rates(blocks: &[creations::Block], arm: Arm, clients: usize) -> Vec<f64> {
    blocks.iter().filter(|b| b.arm == arm && b.clients == clients).map(|b| b.rate).collect()
}

fn clients(blocks: &[creations::Block]) -> Vec<usize> {
    let mut all: Vec<usize> = blocks.iter().map(|b| b.clients).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn interval(Interval { median, low, high }: Interval) -> String {
    // Nothing, or by nothing.
    if !median.is_finite() {
        return "–".to_owned();
    }
    let digits = if median < 10.0 { 2 } else { 1 };
    format!("{median:.digits$} ({low:.digits$} to {high:.digits$})")
}

/// `12345.6` as `12,346`.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let grouped: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|c| std::str::from_utf8(c).ok()).collect();
    grouped.join(",")
}

fn whole(number: usize) -> String {
    thousands(super::stats::to_f64(number))
}

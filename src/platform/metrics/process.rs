//! What is said of the process: which build and law, whether it leads and is ready, what it uses.

use std::{fmt, fs};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder},
    metrics::{MetricType, gauge::Gauge},
};

use super::{
    book::{Book, Label, Values},
    known::Rows,
};

/// The kernel tells the time of a processor in hundredths of a second, on every machine.
const TICKS: f64 = 100.0;

/// What runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
pub struct BuildLabel {
    /// Version of the operator.
    pub version: &'static str,
    /// Version of the law pack.
    pub law: String,
}

/// What is said of the process.
#[derive(Clone, Debug, Default)]
pub struct ProcessMetrics {
    build: Rows<BuildLabel>,
    /// Whether this replica leads.
    pub leader: Gauge,
    /// Whether this replica is ready.
    pub ready: Gauge,
}

impl ProcessMetrics {
    /// Registers them.
    pub(super) fn register(book: &mut Book) -> Self {
        let all = Self::default();
        book.add(
            "build_info",
            &[
                Label { name: "version", values: Values::Constant("the operator's version") },
                Label { name: "law", values: Values::Constant("the law pack's version") },
            ],
            "What runs; always 1",
            all.build.clone(),
        );
        book.add(
            "leader",
            &[],
            "Whether this replica leads; without --leader-elect every replica does",
            all.leader.clone(),
        );
        book.add("ready", &[], "Whether this replica is ready, as /readyz says", all.ready.clone());
        for (name, kind, help, read) in USED {
            book.add_as((*name).into(), &[], help, Used { kind: *kind, read: *read });
        }
        all
    }

    /// Says what runs.
    pub fn runs(&self, law: &str) {
        let version = env!("CARGO_PKG_VERSION");
        self.build.replace([(BuildLabel { version, law: law.into() }, 1.0)]);
    }
}

type Read = fn() -> Option<f64>;

/// What every program tells of itself, under the names that everybody knows; without `_total`.
const USED: &[(&str, MetricType, &str, Read)] = &[
    ("process_resident_memory_bytes", MetricType::Gauge, "Resident memory size in bytes", resident_bytes),
    (
        "process_cpu_seconds",
        MetricType::Counter,
        "Total user and system CPU time spent in seconds",
        cpu_seconds,
    ),
    ("process_open_fds", MetricType::Gauge, "Number of open file descriptors", open_files),
];

/// A number that the kernel is asked for when somebody looks; absent where it does not say.
#[derive(Debug)]
struct Used {
    kind: MetricType,
    read: Read,
}

impl EncodeMetric for Used {
    fn encode(&self, mut encoder: MetricEncoder) -> fmt::Result {
        let Some(value) = (self.read)() else { return Ok(()) };
        match self.kind {
            MetricType::Counter => encoder.encode_counter::<[(&str, &str); 0], f64, u64>(&value, None),
            _ => encoder.encode_gauge(&value),
        }
    }

    fn metric_type(&self) -> MetricType {
        self.kind
    }

    fn is_empty(&self) -> bool {
        (self.read)().is_none()
    }
}

fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0)
}

fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program stands in brackets and may hold blanks.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / TICKS)
}

fn open_files() -> Option<f64> {
    Some(super::known::number(fs::read_dir("/proc/self/fd").ok()?.count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_understood() {
        let mib = resident_bytes().unwrap() / 1024.0 / 1024.0;
        assert!((1.0..4096.0).contains(&mib), "{mib} MiB");
        let before = cpu_seconds().unwrap();
        let mut sum = 0_u64;
        let end = std::time::Instant::now() + std::time::Duration::from_millis(60);
        while std::time::Instant::now() < end {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let spent = cpu_seconds().unwrap() - before;
        assert!((0.02..60.0).contains(&spent), "{spent} s");
        assert!(open_files().unwrap() >= 3.0);
    }
}

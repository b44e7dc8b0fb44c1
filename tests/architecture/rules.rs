//! Who may use what. Change a row together with `docs/adr/0002-one-package-layers-by-test.md`.

/// A module directly below `src/`, and what its production code may name.
pub struct Layer {
    /// Its name.
    pub name: &'static str,
    /// The other modules of this crate that it may name.
    pub uses: &'static [&'static str],
    /// Whether it may talk to an API server.
    pub client: bool,
    /// Paths of other crates that it must not name; everything below them is meant too.
    pub never: &'static [&'static str],
}

/// Every layer, from the pure to the concrete.
pub const LAYERS: &[Layer] = &[
    // Most crates are refused to core by `ONLY_CRATES`; these are std's own ways out.
    Layer {
        name: "core",
        uses: &[],
        client: false,
        never: &["std::env", "std::fs", "std::net", "std::process", "std::thread", "std::os"],
    },
    Layer { name: "api", uses: &[], client: false, never: &["tokio", "tracing", "futures", "std::env"] },
    Layer { name: "parse", uses: &["api", "core"], client: false, never: &["tokio", "futures", "std::env"] },
    Layer {
        name: "detect",
        uses: &["api", "core"],
        client: false,
        never: &["kube", "tokio", "futures", "tracing", "std::env"],
    },
    Layer {
        name: "placement",
        uses: &["api", "core", "detect"],
        client: false,
        never: &["kube", "tokio", "futures", "tracing", "std::env"],
    },
    Layer {
        name: "handover",
        uses: &["api", "core", "parse"],
        client: false,
        never: &["tokio", "futures", "std::env"],
    },
    // Manifests against what is there; whoever watches or asks is above.
    Layer {
        name: "enforcement",
        uses: &[],
        client: false,
        never: &["kube", "tokio", "futures", "tracing", "std::env", "std::fs"],
    },
    Layer {
        name: "flags",
        uses: &["core", "parse"],
        client: false,
        never: &["kube", "tokio", "futures", "tracing", "std::fs"],
    },
    Layer { name: "platform", uses: &["api", "core", "enforcement"], client: true, never: &[] },
    Layer {
        name: "index",
        uses: &["api", "core", "parse", "detect", "placement"],
        client: false,
        never: &["std::env"],
    },
    // Who judges all that runs, and who asks about it, see the same.
    Layer {
        name: "picture",
        uses: &["api", "core", "detect", "placement", "index"],
        client: false,
        never: &["kube", "tokio", "futures", "tracing", "std::env"],
    },
    Layer {
        name: "admission",
        uses: &["api", "core", "parse", "detect", "placement", "index", "platform"],
        client: false,
        never: &["kube::runtime", "std::env"],
    },
    Layer {
        name: "controllers",
        uses: &[
            "api",
            "core",
            "parse",
            "detect",
            "placement",
            "handover",
            "platform",
            "index",
            "picture",
            "admission",
        ],
        client: true,
        never: &[],
    },
    // Joins the others into one process, and knows nothing that they do not.
    Layer {
        name: "operator",
        uses: &[
            "api",
            "core",
            "parse",
            "enforcement",
            "flags",
            "platform",
            "index",
            "admission",
            "controllers",
        ],
        client: true,
        never: &[],
    },
    Layer {
        name: "erase",
        uses: &["api", "core", "parse", "handover", "platform"],
        client: true,
        never: &[],
    },
    Layer {
        name: "cli",
        uses: &[
            "api",
            "core",
            "parse",
            "detect",
            "placement",
            "handover",
            "enforcement",
            "flags",
            "platform",
            "index",
            "picture",
            "admission",
        ],
        client: true,
        never: &[],
    },
    Layer { name: "testbed", uses: &["api", "core", "platform"], client: true, never: &[] },
];

/// The kube client and what exists only with one.
pub const CLIENT: &[&str] =
    &["kube::Client", "kube::client", "kube::Api", "kube::api::Api", "kube::Config", "kube::config"];

/// The only crates that a layer may name, where the list is short enough to give: pure ones.
pub const ONLY_CRATES: &[(&str, &[&str])] = &[("core", &["jiff", "thiserror", "sha2"])];

/// Crates that belong to some layers alone: a database driver outside `erase` would put credentials into the operator.
pub const CONFINED: &[(&str, &[&str])] = &[
    ("mysql_async", &["erase"]),
    ("tokio_postgres", &["erase"]),
    ("tokio_postgres_rustls", &["erase"]),
    ("secrecy", &["erase"]),
    ("axum", &["admission", "operator", "platform"]),
    ("axum_server", &["admission", "operator", "platform"]),
    // It writes the Lease by itself, between no failpoints: `platform::failpoint` says why that may be.
    ("kube_lease_manager", &["platform"]),
    // A test kills the process at a point, which std cannot.
    ("nix", &["testbed", "platform"]),
    ("tar", &["testbed"]),
    ("flate2", &["testbed"]),
    ("tempfile", &["testbed"]),
];

/// Methods by which kube's `Api` and `Client` write.
pub const WRITES: &[&str] = &[
    "create",
    "create_subresource",
    "create_token_request",
    "delete",
    "delete_collection",
    "evict",
    "patch",
    "patch_metadata",
    "patch_scale",
    "patch_status",
    "patch_subresource",
    "replace",
    "replace_scale",
    "replace_status",
    "replace_subresource",
];

/// Layers whose writes may be killed before and after: the operator's. A person's own are not (`cli`), and the runner has
/// none (`erase`, which is among these so that it gets none).
pub const KILLED: &[&str] = &["platform", "index", "admission", "controllers", "operator", "erase"];

/// Files of these layers whose writes are made by another process than the operator's.
pub const NOT_KILLED: &[&str] = &[
    // `helm test`: it makes a few objects of its own, once; nothing is built on them.
    "src/operator/verify.rs",
    // What is judged, said once more: whoever leads next compares it with what is there and writes it whole.
    "src/controllers/reports/write.rs",
];

/// Ends of paths that read a clock: time is an argument wherever something is decided.
pub const CLOCKS: &[&str] = &["Timestamp::now", "Zoned::now", "SystemTime::now", "Instant::now"];

/// Layers in which no clock may be read.
pub const TIMELESS: &[&str] = &["core", "api", "parse", "detect", "placement", "handover", "enforcement"];

/// Literals that would be law in code. The law is data.
pub const LAW: &[&str] = &["EEA", "EU", "UK", "GB", "CH", "US", "IE", "DE"];

/// Lines of a file beyond which it is listed.
pub const SOFT_LINES: usize = 400;

/// Lines of a file beyond which the test fails.
pub const HARD_LINES: usize = 800;

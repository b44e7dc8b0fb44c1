# Every command of the project. `make` alone lists them.
#
# Nothing is built inside the tree: what can be thrown away lives below the cache directory, so a clean clone and a
# working copy behave alike and a container mount of the tree stays read-only.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/carnet
export CARGO_TARGET_DIR ?= $(CACHE)/target

# rustup puts cargo here and a bare shell does not look there.
export PATH := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)

CLIPPY := cargo clippy --locked --all-targets
TESTBED := cargo run --locked --quiet --all-features --example testbed --

.PHONY: help
help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: rust
rust:
	@command -v cargo >/dev/null || { \
	  echo "cargo is not installed: get rustup from https://rustup.rs and run this again;" \
	       "the toolchain itself is pinned in rust-toolchain.toml and comes by itself" >&2; exit 1; }
	@command -v cc >/dev/null || { \
	  echo "a C compiler and linker is missing (Debian: apt-get install build-essential)" >&2; exit 1; }

.PHONY: tools
tools: ## install and build what the test cluster needs (once; later runs take a second)
	@# To standard error: what `make cluster` writes to standard output is for a shell to evaluate.
	@hack/cluster/apt.sh >&2
	@hack/cluster/build.sh >&2
	@hack/monitoring/fetch.sh >&2
	@hack/chart/build.sh >&2

.PHONY: lint
lint: rust ## format and lints, for all features and for each binary's own
	cargo fmt --check
	$(CLIPPY) --all-features -- -D warnings
	@# Each binary with its features alone: a driver that leaks into the operator fails here.
	cargo clippy --locked --lib --bin carnet-operator --no-default-features --features operator -- -D warnings
	cargo clippy --locked --lib --bin carnet-eraser --no-default-features --features eraser -- -D warnings
	cargo clippy --locked --lib --bin kubectl-carnet --no-default-features --features plugin -- -D warnings

.PHONY: fmt
fmt: rust ## format the code
	cargo fmt

# A missing cluster or database is a failure, never a skipped test: the tests have no other way.
.PHONY: test
test: tools rust ## everything the project has: pure, control plane, nodes
	cargo test --locked --all-features --no-fail-fast
	@echo "make test: every test passed"

.PHONY: test-gitops
test-gitops: tools rust ## Flux and Argo CD, the real ones (builds them once: a quarter of an hour)
	@hack/gitops/apt.sh
	@hack/gitops/build.sh
	cargo test --locked --all-features --test gitops

.PHONY: test-cert-manager
test-cert-manager: tools rust ## the webhook's certificate from cert-manager, the real one (builds it once: five minutes)
	@hack/certmanager/build.sh
	CARNET_CERT_MANAGER=1 cargo test --locked --all-features --test lifecycle -- lifecycle::cert_manager

.PHONY: test-network-policy
test-network-policy: tools rust ## the NetworkPolicy, enforced by a real network plugin (builds it once: five minutes)
	@hack/networkpolicy/build.sh
	CARNET_NETWORK_POLICY=1 cargo test --locked --all-features --test lifecycle -- lifecycle::network_policy

.PHONY: demo
demo: tools rust ## a real cluster, a refused Pod, a safeguard, a lapse, a deletion; ends with a table
	cargo build --locked --all-features --bins --example testbed
	@$(TESTBED) demo

.PHONY: cluster
cluster: tools rust ## start a cluster, leave it up, print its KUBECONFIG line
	@$(TESTBED) up

.PHONY: cluster-down
cluster-down: rust ## remove the cluster that `make cluster` left up
	@$(TESTBED) down

.PHONY: bench
bench: rust ## measure decide and the review path; fails where that is not as promised (docs/benchmarks.md)
	@mkdir -p $(CACHE)
	cargo bench --locked --all-features | tee $(CACHE)/bench.txt
	@hack/bench/check.sh < $(CACHE)/bench.txt

.PHONY: bench-admission
bench-admission: tools rust ## beside Gatekeeper, Kyverno and a policy: an hour on a machine that does nothing else (docs/performance.md)
	@hack/peers/build.sh
	cargo build --locked --release --no-default-features --features operator --bin carnet-operator
	cargo bench --locked --all-features --bench admission -- run --operator "$(CARGO_TARGET_DIR)/$$(rustc --print host-tuple)/release/carnet-operator" \
	  --out "$(CACHE)/bench-admission.json" $(BENCH_FLAGS)

.PHONY: performance
performance: rust ## put the figures of the last bench-admission into docs/performance.md
	cargo bench --locked --all-features --bench admission -- tables "$(CACHE)/bench-admission.json" --into docs/performance.md

.PHONY: images
images: rust ## the release images as archives, without a container engine (docs/images.md)
	@hack/images/build.sh

.PHONY: images-check
images-check: rust ## build the release images twice, in different directories, and compare
	@hack/images/check.sh

.PHONY: images-buildah
images-buildah: ## build the images once more from the Containerfile, offline, and compare (needs buildah and skopeo)
	@hack/images/buildah.sh

.PHONY: images-sign
images-sign: ## sign the images with a key of the moment, and verify (builds cosign)
	@hack/images/sign.sh

.PHONY: load
load: tools rust ## fifty Pods a second while parts fail, by release programs, two minutes a phase (nightly)
	cargo build --locked --release --no-default-features --features operator --bin carnet-operator
	cargo build --locked --release --no-default-features --features eraser --bin carnet-eraser
	CARNET_LIFECYCLE_BIN="$(CARGO_TARGET_DIR)/$$(rustc --print host-tuple)/release" CARNET_LOAD_SECONDS=120 CARNET_LOAD_MOST_ADDED_MS=50 \
	  CARNET_LOAD_REPORT="$(CACHE)/load.md" cargo test --locked --all-features --test lifecycle -- lifecycle::load
	@echo "make load: the table is $(CACHE)/load.md"

.PHONY: generate
generate: tools rust ## write the CRDs, deploy/ and golden files anew from the code and the chart
	@# One after the other: the chart contains the definitions, deploy/ is the chart, the lists of rights read deploy/.
	UPDATE_EXPECT=1 cargo test --locked --all-features --test manifests definitions::
	UPDATE_EXPECT=1 cargo test --locked --all-features --test manifests render::the_chart_s_definitions
	UPDATE_EXPECT=1 cargo test --locked --all-features --test manifests render::
	UPDATE_EXPECT=1 cargo test --locked --all-features --test manifests

.PHONY: deny
deny: rust ## licences, advisories, duplicate crates (needs cargo-deny)
	@command -v cargo-deny >/dev/null || { echo "cargo-deny is not installed: cargo install --locked cargo-deny" >&2; exit 1; }
	cargo deny --all-features check

.PHONY: doc
doc: rust ## the API documentation, without warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --all-features --no-deps

.PHONY: nightly
nightly: lint test load test-gitops test-cert-manager test-network-policy images-check bench doc deny ## what does not fit into every change

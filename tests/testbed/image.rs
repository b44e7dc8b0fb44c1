//! What an image is, read back from its archive.

use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use carnet::testbed::Image;
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const NAME: &str = "example.com/carnet-operator:1.2.3";

#[test]
fn the_same_files_make_the_same_image() -> Result<()> {
    let dir = scratch()?;
    let archive = |name: &str| -> Result<Vec<u8>> {
        let path = dir.path().join(name);
        release(dir.path(), "amd64").write(&path)?;
        Ok(std::fs::read(path)?)
    };
    ensure!(archive("one")? == archive("two")?);

    let oci = |name: &str| -> Result<(String, Vec<u8>)> {
        let path = dir.path().join(name);
        let images = ["amd64", "arm64"].map(|arch| release(dir.path(), arch));
        let digest = Image::write_oci(&images, &path)?;
        Ok((digest, std::fs::read(path)?))
    };
    ensure!(oci("three")? == oci("four")?);
    Ok(())
}

#[test]
fn an_image_of_a_release_holds_its_program_and_its_papers_and_nothing_to_write_to() -> Result<()> {
    let dir = scratch()?;
    let path = dir.path().join("release.tar");
    release(dir.path(), "amd64").write(&path)?;
    let files = read(&std::fs::read(&path)?)?;
    let manifest: Value = serde_json::from_slice(&content(&files, "manifest.json")?)?;
    ensure!(manifest[0]["RepoTags"] == json!([NAME]), "{manifest}");

    let layer = read(&content(&files, "layer.tar")?)?;
    let modes: Vec<(&str, u32)> = layer.iter().map(|(path, file)| (path.as_str(), file.mode)).collect();
    // All there is: no shell, no libc, no loader, no package manager, no directory that everybody may write.
    let all = [
        ("bin", 0o755),
        ("bin/carnet-operator", 0o755),
        ("etc", 0o755),
        ("usr", 0o755),
        ("usr/share", 0o755),
        ("usr/share/sbom", 0o755),
        ("usr/share/sbom/carnet-operator.cdx.json", 0o644),
    ];
    ensure!(modes == all, "{modes:?}");
    for (path, file) in &layer {
        ensure!((file.time, file.owner) == (0, (0, 0)), "{path} is of {} and {:?}", file.time, file.owner);
    }
    ensure!(content(&layer, "usr/share/sbom/carnet-operator.cdx.json")? == b"{}");

    let config = content(&files, manifest[0]["Config"].as_str().context("a config")?)?;
    let config: Value = serde_json::from_slice(&config)?;
    ensure!(
        config
            == json!({
                "architecture": "amd64",
                "os": "linux",
                "created": "2026-01-02T03:04:05Z",
                "config": {
                    "Entrypoint": ["/bin/carnet-operator"],
                    "User": "65532:65532",
                    "Env": ["PATH=/bin"],
                    "WorkingDir": "/",
                    "Labels": {"org.opencontainers.image.version": "1.2.3"},
                },
                "rootfs": {"type": "layers", "diff_ids": [digest(&content(&files, "layer.tar")?)]},
            }),
        "{config}"
    );
    Ok(())
}

#[test]
fn an_image_of_a_test_is_the_same_but_for_a_place_to_write() -> Result<()> {
    let dir = scratch()?;
    let path = dir.path().join("test.tar");
    Image::new(NAME, &["/bin/program"]).file(&dir.path().join("amd64"), "/bin/program").write(&path)?;
    let layer = read(&content(&read(&std::fs::read(&path)?)?, "layer.tar")?)?;
    let modes: Vec<(&str, u32)> = layer.iter().map(|(path, file)| (path.as_str(), file.mode)).collect();
    ensure!(modes == [("bin", 0o755), ("bin/program", 0o755), ("etc", 0o755), ("tmp", 0o1777)], "{modes:?}");
    Ok(())
}

#[test]
fn an_index_leads_to_each_architecture_by_digests_that_are_true() -> Result<()> {
    let dir = scratch()?;
    let path = dir.path().join("release.oci.tar");
    let images = ["amd64", "arm64"].map(|arch| release(dir.path(), arch));
    let told = Image::write_oci(&images, &path)?;

    let files = read(&std::fs::read(&path)?)?;
    let layout: Value = serde_json::from_slice(&content(&files, "index.json")?)?;
    let entry = &layout["manifests"][0];
    ensure!(entry["digest"] == json!(told), "{layout}");
    ensure!(entry["annotations"]["org.opencontainers.image.ref.name"] == "1.2.3", "{layout}");
    let index: Value = serde_json::from_slice(&blob(&files, entry)?)?;

    let manifests = index["manifests"].as_array().context("manifests")?;
    let platforms: Vec<_> = manifests.iter().map(|entry| entry["platform"]["architecture"].clone()).collect();
    ensure!(platforms == ["amd64", "arm64"], "{index}");
    for entry in manifests {
        let arch = entry["platform"]["architecture"].as_str().context("an architecture")?;
        let manifest: Value = serde_json::from_slice(&blob(&files, entry)?)?;
        let config: Value = serde_json::from_slice(&blob(&files, &manifest["config"])?)?;
        ensure!(config["architecture"] == arch && config["config"]["User"] == "65532:65532", "{config}");
        let mut layer = Vec::new();
        GzDecoder::new(blob(&files, &manifest["layers"][0])?.as_slice()).read_to_end(&mut layer)?;
        ensure!(config["rootfs"]["diff_ids"] == json!([digest(&layer)]), "{config}");
        let program = content(&read(&layer)?, "bin/carnet-operator")?;
        ensure!(program == format!("the program for {arch}").as_bytes());
    }
    Ok(())
}

#[test]
fn what_needs_a_loader_is_refused() -> Result<()> {
    let dir = scratch()?;
    // An ELF file for this machine with one entry in its table, which asks for an interpreter.
    let mut dynamic = vec![0; 120];
    dynamic[..6].copy_from_slice(b"\x7fELF\x02\x01");
    dynamic[18] = if cfg!(target_arch = "aarch64") { 183 } else { 62 };
    (dynamic[32], dynamic[54], dynamic[56], dynamic[64]) = (64, 56, 1, 3);
    let program = dir.path().join("dynamic");
    std::fs::write(&program, dynamic)?;
    let refused = Image::new(NAME, &["/bin/dynamic"])
        .file(&program, "/bin/dynamic")
        .write(&dir.path().join("image.tar"))
        .err()
        .context("it was taken")?;
    ensure!(refused.to_string().contains("linked dynamically"), "{refused}");
    Ok(())
}

/// A directory with what stands for the programs, and a bill of materials.
fn scratch() -> Result<tempfile::TempDir> {
    let dir = tempfile::tempdir()?;
    for arch in ["amd64", "arm64"] {
        std::fs::write(dir.path().join(arch), format!("the program for {arch}"))?;
    }
    std::fs::write(dir.path().join("sbom"), "{}")?;
    Ok(dir)
}

fn release(dir: &Path, arch: &str) -> Image {
    Image::new(NAME, &["/bin/carnet-operator"])
        .architecture(arch)
        .file(&dir.join(arch), "/bin/carnet-operator")
        .document(&dir.join("sbom"), "/usr/share/sbom/carnet-operator.cdx.json")
        .label("org.opencontainers.image.version", "1.2.3")
        .created("2026-01-02T03:04:05Z".parse().expect("a time"))
        .without_tmp()
}

struct File {
    mode: u32,
    time: u64,
    owner: (u64, u64),
    content: Vec<u8>,
}

fn read(archive: &[u8]) -> Result<BTreeMap<String, File>> {
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        let path: PathBuf = entry.path()?.into_owned();
        let header = entry.header();
        let (mode, time) = (header.mode()?, header.mtime()?);
        let owner = (header.uid()?, header.gid()?);
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        let path = path.to_string_lossy().trim_end_matches('/').to_owned();
        files.insert(path, File { mode, time, owner, content });
    }
    Ok(files)
}

fn content(files: &BTreeMap<String, File>, path: &str) -> Result<Vec<u8>> {
    Ok(files.get(path).with_context(|| format!("{path} is not in the archive"))?.content.clone())
}

/// What a descriptor stands for, once its digest and size have been found true.
fn blob(files: &BTreeMap<String, File>, descriptor: &Value) -> Result<Vec<u8>> {
    let told = descriptor["digest"].as_str().context("a digest")?;
    let content = content(files, &format!("blobs/{}", told.replace(':', "/")))?;
    ensure!(digest(&content) == told && descriptor["size"] == content.len(), "{descriptor} is not true");
    Ok(content)
}

fn digest(content: &[u8]) -> String {
    let hex: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

//! Where the programs of the test cluster are.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::{error::TestbedError, process::run};

/// The programs that `hack/cluster/build.sh` built.
#[derive(Clone, Debug)]
pub struct Binaries {
    dir: PathBuf,
}

impl Binaries {
    /// Finds the programs: in `CARNET_CLUSTER_BIN` when it is set, else in the cache, where the build script says.
    pub fn find() -> Result<Self, TestbedError> {
        if let Some(dir) = std::env::var_os("CARNET_CLUSTER_BIN") {
            return Ok(Self { dir: dir.into() });
        }
        Ok(Self { dir: built_by("hack/cluster/build.sh")? })
    }

    /// The path of one program, if it has been built.
    pub fn path(&self, program: &str) -> Result<PathBuf, TestbedError> {
        let path = self.dir.join(program);
        if path.is_file() {
            return Ok(path);
        }
        Err(TestbedError::Missing {
            program: program.to_owned(),
            remedy: format!("run `make tools`, which builds it into {}", self.dir.display()),
        })
    }

    /// The directory that holds all of them, for a `PATH`.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

/// The directory into which a script of the project (`hack/.../build.sh`) builds or fetches, whether it has done so or not.
///
/// The script alone knows the directory's name (a hash of what is pinned), so that it is asked, not imitated.
pub fn built_by(script: &str) -> Result<PathBuf, TestbedError> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
    let attempt = format!("ask {} where the programs are", script.display());
    let dir = run(&attempt, Command::new("bash").arg(&script).arg("--where"))?;
    Ok(dir.trim().into())
}

/// Finds a program of the distribution on `PATH` or in the system's own directories.
pub(crate) fn system(program: &str, remedy: &str) -> Result<PathBuf, TestbedError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(usual)
        .map(|dir| dir.join(program))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| TestbedError::Missing { program: program.to_owned(), remedy: remedy.to_owned() })
}

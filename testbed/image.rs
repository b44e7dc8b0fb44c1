//! Writes images: for the test cluster, and for a release.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use carnet::testbed::Image;
use jiff::Timestamp;

/// What stands for the architecture in the path of a file.
const ARCH: &str = "{arch}";

/// An image that holds static executables.
#[derive(clap::Args)]
pub struct Wanted {
    /// The image's name with its tag.
    #[arg(long)]
    name: String,
    /// Where to write the archive.
    #[arg(long)]
    output: PathBuf,
    /// Write an oci-archive with an index over the architectures, and print its digest; otherwise a docker-archive.
    #[arg(long)]
    oci: bool,
    /// The architectures; {arch} in a path stands for each. This machine's alone if none is given.
    #[arg(long = "arch")]
    architectures: Vec<String>,
    /// A file that is only read, as PATH-IN-THE-IMAGE=FILE.
    #[arg(long = "document", value_parser = pair)]
    documents: Vec<(String, String)>,
    /// A label, as KEY=VALUE.
    #[arg(long = "label", value_parser = pair)]
    labels: Vec<(String, String)>,
    /// Leave out /tmp, so that the image's user may write nowhere.
    #[arg(long)]
    without_tmp: bool,
    /// When the image is to be said to be made, in seconds since 1970.
    #[arg(long, env = "SOURCE_DATE_EPOCH")]
    created: Option<i64>,
    /// Executables; they stand in /bin, and the first is what the image runs.
    #[arg(required = true)]
    executables: Vec<String>,
}

/// Writes the image and gives its digest, where it has one.
pub fn write(wanted: &Wanted) -> Result<Option<String>> {
    let images = if wanted.architectures.is_empty() {
        vec![wanted.image(None)?]
    } else {
        wanted.architectures.iter().map(|arch| wanted.image(Some(arch))).collect::<Result<_>>()?
    };
    if wanted.oci {
        return Ok(Some(Image::write_oci(&images, &wanted.output)?));
    }
    ensure!(images.len() == 1, "a docker-archive holds one architecture: ask for one, or for --oci");
    images.iter().try_for_each(|image| image.write(&wanted.output))?;
    Ok(None)
}

// === impl Wanted ===

impl Wanted {
    fn image(&self, arch: Option<&str>) -> Result<Image> {
        let source = |path: &str| arch.map_or_else(|| path.to_owned(), |arch| path.replace(ARCH, arch));
        let mut paths = Vec::new();
        for executable in &self.executables {
            let file = Path::new(executable)
                .file_name()
                .with_context(|| format!("{executable} names no file"))?
                .to_string_lossy();
            paths.push(format!("/bin/{file}"));
        }
        let first = paths.first().context("an image needs an executable")?;
        let mut image = Image::new(&self.name, &[first]);
        for (executable, path) in self.executables.iter().zip(&paths) {
            image = image.file(source(executable).as_ref(), path);
        }
        for (path, document) in &self.documents {
            image = image.document(source(document).as_ref(), path);
        }
        for (key, value) in &self.labels {
            image = image.label(key, value);
        }
        if let Some(arch) = arch {
            image = image.architecture(arch);
        }
        if self.without_tmp {
            image = image.without_tmp();
        }
        if let Some(created) = self.created {
            image = image.created(Timestamp::from_second(created).context("the time is beyond all years")?);
        }
        Ok(image)
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("{text} has no ="))?;
    Ok((key.to_owned(), value.to_owned()))
}

//! What is read: files, directories, standard input; in an order that does not depend on the machine.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

/// Names that kubectl takes for manifests in a directory.
const EXTENSIONS: [&str; 3] = ["json", "yaml", "yml"];
/// What standard input is called.
const STDIN: &str = "-";

/// A text with the name by which people know it.
#[derive(Clone, Debug)]
pub struct Text {
    /// Path as it was given or found, `-` for standard input.
    pub file: String,
    /// What it says, or why it cannot be read.
    pub content: Result<String, String>,
}

/// Reads every input; what cannot be read is there with the reason.
pub fn texts(given: &[String], recursive: bool, stdin: &mut impl Read) -> Vec<Text> {
    let mut all = vec![];
    let mut stdin_is_read = false;
    for name in given {
        if name == STDIN {
            // A second time there would be nothing.
            if !std::mem::replace(&mut stdin_is_read, true) {
                let mut bytes = vec![];
                let read = stdin.read_to_end(&mut bytes).map(|_| bytes);
                all.push(Text { file: STDIN.into(), content: text(read) });
            }
        } else if name.contains("://") {
            let why = "an address; nothing is fetched: write it to a file first".to_owned();
            all.push(Text { file: name.clone(), content: Err(why) });
        } else {
            file_or_folder(Path::new(name), recursive, &mut all);
        }
    }
    all
}

fn file_or_folder(path: &Path, recursive: bool, all: &mut Vec<Text>) {
    if !path.is_dir() {
        all.push(Text { file: shown(path), content: text(std::fs::read(path)) });
        return;
    }
    let before = all.len();
    folder(path, recursive, all);
    if all.len() == before {
        let why = format!("no file of it ends with .{}", EXTENSIONS.join(", ."));
        let hint = if recursive { "" } else { "; with -R directories in it are read too" };
        all.push(Text { file: shown(path), content: Err(format!("{why}{hint}")) });
    }
}

fn folder(path: &Path, recursive: bool, all: &mut Vec<Text>) {
    let entries = std::fs::read_dir(path)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<PathBuf>>>());
    let mut entries = match entries {
        Ok(entries) => entries,
        Err(error) => {
            all.push(Text { file: shown(path), content: Err(error.to_string()) });
            return;
        }
    };
    entries.sort();
    for entry in entries {
        // A link to a directory is not followed, as kubectl does not: it could lead around.
        let is_link = entry.is_symlink();
        if entry.is_dir() {
            if recursive && !is_link {
                folder(&entry, recursive, all);
            }
        } else if entry.extension().is_some_and(|e| EXTENSIONS.iter().any(|known| e == *known)) {
            all.push(Text { file: shown(&entry), content: text(std::fs::read(&entry)) });
        }
    }
}

fn text(read: io::Result<Vec<u8>>) -> Result<String, String> {
    let bytes = read.map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(given: &[&str], recursive: bool) -> Vec<String> {
        let given: Vec<_> = given.iter().map(ToString::to_string).collect();
        texts(&given, recursive, &mut io::empty()).into_iter().map(|t| t.file).collect()
    }

    #[test]
    fn a_directory_is_read_in_order_and_its_directories_where_asked() {
        let there = tempfile::tempdir().unwrap();
        let root = there.path().to_string_lossy().into_owned();
        std::fs::create_dir(there.path().join("b")).unwrap();
        for name in ["c.yaml", "a.yml", "b/d.json", "notes.txt"] {
            std::fs::write(there.path().join(name), "").unwrap();
        }
        assert_eq!(files(&[&root], false), [format!("{root}/a.yml"), format!("{root}/c.yaml")]);
        assert_eq!(files(&[&root], true).len(), 3);
    }

    #[test]
    fn what_cannot_be_read_is_there_with_the_reason() {
        for wrong in ["/nowhere/at/all.yaml", "https://example.com/x.yaml"] {
            let all = texts(&[wrong.to_owned()], false, &mut io::empty());
            assert!(all[0].content.is_err(), "{wrong}");
        }
        let empty = tempfile::tempdir().unwrap();
        let all = texts(&[empty.path().to_string_lossy().into_owned()], false, &mut io::empty());
        assert!(all[0].content.as_ref().is_err_and(|why| why.contains("-R")));
    }

    #[test]
    fn standard_input_is_read_once() {
        let all = texts(&["-".into(), "-".into()], false, &mut "a: 1".as_bytes());
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].content.as_deref(), Ok("a: 1"));
    }
}

//! Whether an executable can run in an image that holds nothing but it.

/// Why an executable cannot run on that architecture without a loader beside it; none if it can, or is no ELF file at all.
pub(super) fn unfit(content: &[u8], architecture: &str) -> Option<String> {
    let header = Header::read(content)?;
    let machine = match header.machine {
        62 => "amd64",
        183 => "arm64",
        _ => "another architecture",
    };
    if machine != architecture {
        return Some(format!("is for {machine}, and the image for {architecture}"));
    }
    // A static executable may have dynamic entries too, to move itself; what asks for a loader is the interpreter.
    let interpreter = (0..header.segments).any(|index| {
        let at = header.table.saturating_add(index.saturating_mul(header.segment_size));
        number(content, at, 4) == Some(INTERPRETER)
    });
    interpreter.then(|| "is linked dynamically, and the image holds no loader for it".to_owned())
}

const INTERPRETER: usize = 3;

/// The few fields that matter here.
struct Header {
    machine: usize,
    table: usize,
    segment_size: usize,
    segments: usize,
}

// === impl Header ===

impl Header {
    /// That of an ELF file of 64 bits whose numbers begin with the least byte.
    fn read(content: &[u8]) -> Option<Self> {
        content.starts_with(b"\x7fELF\x02\x01").then_some(())?;
        Some(Self {
            machine: number(content, 18, 2)?,
            table: number(content, 32, 8)?,
            segment_size: number(content, 54, 2)?,
            segments: number(content, 56, 2)?,
        })
    }
}

fn number(content: &[u8], at: usize, bytes: usize) -> Option<usize> {
    let field = content.get(at..at.checked_add(bytes)?)?;
    let mut wide = [0; 8];
    wide.get_mut(..bytes)?.copy_from_slice(field);
    usize::try_from(u64::from_le_bytes(wide)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn executable(machine: u8, segments: &[u8]) -> Vec<u8> {
        let mut file = vec![0; 64];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[18] = machine;
        file[32] = 64;
        file[54] = 56;
        file[56] = u8::try_from(segments.len()).unwrap();
        for &kind in segments {
            file.extend([kind].into_iter().chain([0; 55]));
        }
        file
    }

    #[test]
    fn a_static_executable_of_the_right_architecture_is_fit() {
        assert_eq!(unfit(&executable(62, &[6, 1, 2]), "amd64"), None);
        assert_eq!(unfit(&executable(183, &[1]), "arm64"), None);
    }

    #[test]
    fn one_that_asks_for_a_loader_or_is_for_another_machine_is_not() {
        let dynamic = unfit(&executable(62, &[6, 3, 1]), "amd64").unwrap();
        assert!(dynamic.contains("linked dynamically"), "{dynamic}");
        let other = unfit(&executable(183, &[1]), "amd64").unwrap();
        assert_eq!(other, "is for arm64, and the image for amd64");
    }

    #[test]
    fn what_is_no_executable_is_let_be() {
        assert_eq!(unfit(b"#!/bin/sh\n", "amd64"), None);
        assert_eq!(unfit(b"\x7fELF\x02\x01", "amd64"), None);
    }
}

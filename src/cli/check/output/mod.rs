//! A report in each of its forms.

mod json;
mod junit;
mod sarif;
mod text;

use std::io::Write;

use super::{CheckError, Format, Report};

/// Writes a report.
pub fn write(format: Format, report: &Report, out: &mut impl Write) -> Result<(), CheckError> {
    match format {
        Format::Text => text::write(report, out)?,
        Format::Json => json::write(report, out)?,
        Format::Sarif => sarif::write(report, out)?,
        Format::Junit => junit::write(report, out)?,
    }
    Ok(())
}

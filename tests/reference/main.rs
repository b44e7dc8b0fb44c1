//! `docs/reference/cli.md` is printed from the command lines themselves.

use std::fmt::Write;

use clap::{Arg, Command, CommandFactory};
use expect_test::expect_file;

/// Every command below this one, as a part of the page.
fn part(command: &Command, path: &str, page: &mut String) {
    let name = if path.is_empty() {
        command.get_bin_name().unwrap_or(command.get_name()).to_owned()
    } else {
        format!("{path} {}", command.get_name())
    };
    let subcommands: Vec<&Command> = command.get_subcommands().filter(|c| c.get_name() != "help").collect();
    writeln!(page, "## {name}\n").expect("a String takes all");
    if let Some(about) = command.get_long_about().or(command.get_about()) {
        writeln!(page, "{about}\n").expect("a String takes all");
    }
    let arguments: Vec<&Arg> = command
        .get_arguments()
        .filter(|a| !["help", "version"].contains(&a.get_id().as_str()))
        // Said once, above.
        .filter(|a| path.is_empty() || !a.is_global_set())
        .collect();
    if !arguments.is_empty() {
        let with_variables = arguments.iter().any(|a| a.get_env().is_some());
        page.push_str(if with_variables {
            "| flag | environment | default | meaning |\n| --- | --- | --- | --- |\n"
        } else {
            "| flag | default | meaning |\n| --- | --- | --- |\n"
        });
        for argument in arguments {
            row(argument, with_variables, page);
        }
        page.push('\n');
    }
    if let Some(after) = command.get_after_help() {
        writeln!(page, "{after}\n").expect("a String takes all");
    }
    for subcommand in subcommands {
        part(subcommand, &name, page);
    }
}

fn row(argument: &Arg, with_variables: bool, page: &mut String) {
    let takes = argument.get_action().takes_values();
    let value = argument.get_value_names().filter(|_| takes).map_or(String::new(), |names| {
        let names: Vec<_> = names.iter().map(clap::builder::Str::as_str).collect();
        names.join(" ")
    });
    let words: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|_| takes)
        .map(|word| format!("`{}`", word.get_name()))
        .collect();
    let flag = match (argument.get_long(), argument.get_short()) {
        (Some(long), Some(short)) => format!("`--{long}`, `-{short}`"),
        (Some(long), None) => format!("`--{long}`"),
        (None, _) => format!("`{value}`"),
    };
    let flag = if argument.is_positional() || value.is_empty() { flag } else { format!("{flag} {value}") };
    let default: Vec<_> = argument.get_default_values().iter().map(|d| d.to_string_lossy()).collect();
    let default =
        if default.is_empty() || !takes { String::new() } else { format!("`{}`", default.join(",")) };
    let mut help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    if !words.is_empty() {
        write!(help, ": {}", words.join(", ")).expect("a String takes all");
    }
    let help = help.replace('|', "\\|");
    let variable = argument.get_env().map(|v| format!("`{}`", v.to_string_lossy())).unwrap_or_default();
    if with_variables {
        writeln!(page, "| {flag} | {variable} | {default} | {help} |").expect("a String takes all");
    } else {
        writeln!(page, "| {flag} | {default} | {help} |").expect("a String takes all");
    }
}

#[test]
fn the_page_of_the_command_lines_is_what_they_say_themselves() {
    let mut page = String::from(
        "# Command lines\n\nPrinted from the programs by `tests/reference`; do not edit it by hand: `UPDATE_EXPECT=1 cargo test --test reference`.\n\n",
    );
    for mut command in [carnet::cli::Args::command(), carnet::operator::config::Cli::command()] {
        command.build();
        part(&command, "", &mut page);
    }
    expect_file!["../../docs/reference/cli.md"].assert_eq(&format!("{}\n", page.trim_end()));
}

//! `tithe completions` and `tithe man`: what clap knows of the command line, for shells and for man(1).

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::args::Cli;
use crate::cli::print_exact;
use crate::error::{Error, ErrorKind, Result};

pub(super) fn completions(shell: Shell) -> Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "tithe", &mut script);
    print_exact(&String::from_utf8_lossy(&script));
    Ok(0)
}

/// A section for each command, those of commands of commands included.
fn sections(command: &clap::Command, name: &str, page: &mut Vec<u8>) -> std::io::Result<()> {
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let name = format!("{name} {}", sub.get_name().to_uppercase());
        page.extend_from_slice(format!(".SH \"{name}\"\n").as_bytes());
        let man = clap_mangen::Man::new(sub.clone());
        man.render_description_section(page)?;
        man.render_synopsis_section(page)?;
        man.render_options_section(page)?;
        man.render_extra_section(page)?;
        sections(sub, &name, page)?;
    }
    Ok(())
}

/// One page: the program, then a section for each command.
pub(super) fn page() -> Result<u8> {
    let mut command = Cli::command();
    command.build();
    let mut page = Vec::new();
    let mut write = || -> std::io::Result<()> {
        clap_mangen::Man::new(command.clone()).render(&mut page)?;
        sections(&command, "TITHE", &mut page)
    };
    write().map_err(|cause| Error::new(ErrorKind::Unexpected, "write the manual page").with_cause(cause))?;
    print_exact(&String::from_utf8_lossy(&page));
    Ok(0)
}

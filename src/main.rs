//! Entry point: arguments to the command line, its answer to the exit code.

fn main() -> std::process::ExitCode {
    pisteur::cli::main()
}

//! Starts the program and looks at how it ended.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Far more than any of these tests takes on a machine that gives them a hundredth of a core; a program that hangs does not
/// hang the tests for ever.
pub const PATIENCE: Duration = Duration::from_secs(900);

pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// The program with these arguments, not started yet.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_decon-gpu"));
    command.args(arguments).env_remove("DECON_GPU_DEVICE");
    command
}

/// Starts the program and waits for its end.
pub fn decon_gpu(arguments: &[&str]) -> Ended {
    wait_for(command(arguments))
}

/// `decon-gpu run` on the processor; `flags` are split at spaces.
pub fn run(input: &Path, output: &Path, flags: &str) -> Ended {
    decon_gpu(&run_arguments(input, output, flags))
}

pub fn run_arguments<'a>(input: &'a Path, output: &'a Path, flags: &'a str) -> Vec<&'a str> {
    let fixed = ["run", text(input), "--output", text(output), "--backend", "cpu"];
    fixed.into_iter().chain(flags.split_whitespace()).collect()
}

/// A program that was started, and what it writes.
pub struct Running {
    child: Child,
    streams: [File; 2],
    command: Command,
}

pub fn wait_for(command: Command) -> Ended {
    start_run(command).end()
}

pub fn start_run(mut command: Command) -> Running {
    let streams = [(); 2].map(|()| tempfile::tempfile().unwrap());
    let stream = |i: usize| Stdio::from(streams[i].try_clone().unwrap());
    let child = command.stdin(Stdio::null()).stdout(stream(0)).stderr(stream(1)).spawn().unwrap();
    Running { child, streams, command }
}

impl Running {
    /// Of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote where errors go, so far.
    #[cfg(unix)]
    pub fn errors(&self) -> String {
        use std::os::unix::fs::FileExt;
        // The program writes where this file stands.
        let mut text = vec![0; self.streams[1].metadata().unwrap().len() as usize];
        self.streams[1].read_exact_at(&mut text, 0).unwrap();
        String::from_utf8(text).unwrap()
    }

    /// Whether it is still there.
    pub fn works(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Ends it by force.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub fn end(self) -> Ended {
        let Self { mut child, streams: [mut stdout, mut stderr], command } = self;
        let start = Instant::now();
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if start.elapsed() > PATIENCE => {
                    child.kill().unwrap();
                    panic!("{command:?} does not end");
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let text = |file: &mut File| {
            let mut text = String::new();
            file.rewind().unwrap();
            file.read_to_string(&mut text).unwrap();
            text
        };
        Ended { code: status.code(), stdout: text(&mut stdout), stderr: text(&mut stderr) }
    }
}

impl Ended {
    /// It ended well.
    #[track_caller]
    pub fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }

    /// It ended with `code` and one message that says `what`.
    #[track_caller]
    pub fn failed(self, code: i32, what: &str) -> Self {
        let errors: Vec<_> = self.stderr.lines().filter(|line| line.starts_with("error:")).collect();
        assert_eq!((self.code, errors.len()), (Some(code), 1), "{}", self.stderr);
        assert!(errors[0].contains(what), "\"{what}\" is not in: {}", self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

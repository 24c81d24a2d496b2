//! A program in the background: its output in a file, its end by its own process group.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

/// How long a start may take; the machine may be busy with the other tests.
const START_LIMIT: Duration = Duration::from_mins(1);

/// How long it may run: no test takes nearly as long. Killing it is what ends a test that would wait for ever.
const RUN_LIMIT: Duration = Duration::from_mins(10);

/// A running program, killed when dropped, with all that it started.
pub(super) struct Process {
    child: Child,
    group: u32,
    log: PathBuf,
    limit: AbortHandle,
}

impl Process {
    /// Starts it, with what it prints appended to the file `log`.
    pub(super) fn start(command: &mut Command, log: &Path) -> Self {
        let out = File::options().create(true).append(true).open(log).unwrap();
        let errors = out.try_clone().unwrap();
        // A group of its own, so that what wrangler starts ends with it.
        let child = command
            .stdin(std::process::Stdio::null())
            .stdout(out)
            .stderr(errors)
            .process_group(0)
            .spawn();
        let child = child.unwrap();
        let group = child.id().unwrap();
        let limit = tokio::spawn(async move {
            sleep(RUN_LIMIT).await;
            kill_group(group);
        });
        Self {
            child,
            group,
            log: log.to_owned(),
            limit: limit.abort_handle(),
        }
    }

    /// Waits until `ready` finds in the output what it looks for; panics, with the output, if the program ends before
    /// or takes too long.
    pub(super) async fn wait_for<T>(&mut self, mut ready: impl FnMut(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let log = fs::read_to_string(&self.log).unwrap();
            if let Some(found) = ready(&log) {
                return found;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "it did not start ({ended:?}); it printed:\n{log}"
            );
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Kills it (SIGKILL: no time to tidy up) and waits until it is gone.
    pub(super) async fn kill(&mut self) {
        self.kill_group();
        self.child.wait().await.unwrap();
    }

    /// Lets it go before all else on this machine, where that is allowed.
    pub(super) fn go_first(&self) {
        go_first(&self.group.to_string());
    }

    fn kill_group(&mut self) {
        self.limit.abort();
        if self.child.id().is_some() {
            kill_group(self.group);
        }
    }
}

/// Lets a process or a thread go before all else on this machine, where that is allowed.
pub(crate) fn go_first(id: &str) {
    let mut chrt = std::process::Command::new("chrt");
    let _ = chrt
        .args(["--all-tasks", "--fifo", "--pid", "10", id])
        .output();
}

fn kill_group(group: u32) {
    // The shell's own: not everywhere is there a program of that name.
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", r#"kill -s KILL -- "-$0""#, &group.to_string()]);
    shell.status().unwrap();
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_group();
    }
}

//! The disk is full, or SQLite fails: Meta gets 503, and nothing is half stored.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use simulator::backend::{Answer, Backend};
use simulator::clock;
use simulator::meta::Meta;

use crate::ledger::{Ledger, Message};
use crate::load::{post, webhook_of};
use crate::scale::{short_or, turn};
use crate::support::{PATIENCE, Transom, destination, with};

/// Messages in one webhook.
const BATCH: usize = 5;

/// How large the small disk is, in megabytes.
const DISK_MB: usize = 8;

/// A file system of a few megabytes in memory, which is full when a file in it has taken the rest.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts it at a directory; `None` where this may not be done, which takes root on Linux.
    fn mount(at: &Path) -> Option<Self> {
        let size = format!("size={DISK_MB}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(at)
            .output();
        let mounted = mounted.is_ok_and(|output| output.status.success());
        mounted.then(|| Self(at.to_owned()))
    }

    fn fill(&self) {
        let error = fs::write(self.ballast(), vec![0; DISK_MB << 20]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    }

    fn free(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, since Transom still has its files open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Webhooks for one business number, each with messages of several customers.
struct Writing {
    meta: Meta,
    ledger: Arc<Ledger>,
    number: usize,
    place: usize,
}

impl Writing {
    fn next(&mut self) -> Vec<Message> {
        self.place += 1;
        (0..BATCH)
            .map(|customer| ((self.number, customer), self.place))
            .collect()
    }

    /// Posts one webhook once; gives its messages and the status.
    async fn once(&mut self) -> (Vec<Message>, u16) {
        let messages = self.next();
        self.ledger.post(&messages, clock::instant());
        let answer = self.meta.post(&webhook_of(&messages)).await;
        if answer.status == 200 {
            self.ledger.acknowledge(&messages, answer.latency);
        }
        (messages, answer.status)
    }
}

fn writing(transom: &Transom, ledger: &Arc<Ledger>, number: usize) -> Writing {
    Writing {
        meta: transom.meta(),
        ledger: Arc::clone(ledger),
        number,
        place: 0,
    }
}

/// A Transom, its backend, and a ledger of what went in and came out.
struct Watched {
    transom: Transom,
    backend: Backend,
    ledger: Arc<Ledger>,
}

impl Watched {
    /// With these members of the destination.
    async fn start(members: Value) -> Self {
        let backend = Backend::start().await;
        let ledger = Arc::new(Ledger::default());
        ledger.watch("crm", &backend);
        let destination = with(destination("crm", &backend), members);
        let transom = Transom::builder().destinations([destination]).start().await;
        Self {
            transom,
            backend,
            ledger,
        }
    }

    /// Goes on with its storage on a small disk; `None` where there can be none.
    async fn on_small_disk(&mut self) -> Option<(SmallDisk, Writing)> {
        self.transom.kill().await;
        let Some(disk) = SmallDisk::mount(&self.transom.disk()) else {
            println!("skipped: a small file system can be mounted by root alone, on Linux");
            return None;
        };
        self.transom.restart().await;
        Some((disk, writing(&self.transom, &self.ledger, 0)))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_meta_gets_503_and_nothing_is_half_stored() {
    let _turn = turn().await;
    let mut watched = Watched::start(json!({})).await;
    let Some((disk, mut writing)) = watched.on_small_disk().await else {
        return;
    };
    for _ in 0..10 {
        assert_eq!(writing.once().await.1, 200);
    }
    disk.fill();
    let mut refused = Vec::new();
    let wanted = short_or(20, 200);
    // What finds room in pages that were there before is stored all the same.
    for _ in 0..20 * wanted {
        let (messages, status) = writing.once().await;
        match status {
            200 => {}
            503 => {
                refused.push(messages);
                if refused.len() == wanted / 2 {
                    watched.transom.restart().await;
                }
            }
            other => panic!("{other}"),
        }
        if refused.len() == wanted {
            break;
        }
    }
    assert_eq!(refused.len(), wanted, "it never was full");
    disk.free();
    // Meta repeats half of what was refused; of the other half nothing may be found in parts.
    let given_up = refused.split_off(wanted / 2);
    for messages in &refused {
        post(&writing.meta, &watched.ledger, messages).await;
    }
    watched.ledger.settle(PATIENCE).await;

    let counts = watched.ledger.counts("crm");
    println!("full disk: {wanted} webhooks refused with 503; {counts}");
    assert_eq!(counts.lost, 0);
    for messages in &given_up {
        let there = messages
            .iter()
            .filter(|message| watched.ledger.has("crm", message))
            .count();
        assert!(
            there == 0 || there == BATCH,
            "{there} of {BATCH} of one webhook"
        );
    }
    assert_eq!(watched.ledger.unstable_ids(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_stays_full_for_minutes_stops_nothing_for_good() {
    let Some(full_for) = short_or(None, Some(Duration::from_secs(150))) else {
        println!("skipped: it takes minutes");
        return;
    };
    let _turn = turn().await;
    let patient = json!({ "retry": { "first_ms": 50, "max_ms": 500, "total_ms": 3_600_000 } });
    let mut watched = Watched::start(patient).await;
    let Some((disk, mut writing)) = watched.on_small_disk().await else {
        return;
    };
    watched.backend.always(Answer::status(503));
    for _ in 0..10 {
        assert_eq!(writing.once().await.1, 200);
    }
    disk.fill();
    tokio::time::sleep(full_for).await;
    // Nobody writes to this number any more: what waits must come by itself.
    watched.backend.behave();
    disk.free();
    let free = clock::instant();
    watched.ledger.settle(Duration::from_mins(3)).await;
    let counts = watched.ledger.counts("crm");
    println!(
        "disk full for {full_for:?}: all there {:?} after it was free; {counts}",
        free.elapsed()
    );
    assert_eq!((counts.lost, counts.out_of_order), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mailbox_whose_database_is_broken_answers_503_and_no_other_notices() {
    let _turn = turn().await;
    let Watched {
        mut transom,
        backend,
        ledger,
    } = Watched::start(json!({})).await;
    let (mut broken, mut sound) = (writing(&transom, &ledger, 0), writing(&transom, &ledger, 1));
    // Stored, and not delivered yet.
    backend.always(Answer::status(503));
    assert_eq!(broken.once().await.1, 200);
    transom.kill().await;
    let files = transom.mailbox_files();
    assert!(!files.is_empty());
    transom.restart().await;
    assert_eq!(sound.once().await.1, 200);
    transom.kill().await;
    let kept: Vec<_> = files
        .iter()
        .map(|file| (file, fs::read(file).unwrap()))
        .collect();
    for (file, bytes) in &kept {
        fs::write(file, vec![0xa5; bytes.len()]).unwrap();
    }
    transom.restart().await;
    let (refused, status) = broken.once().await;
    assert_eq!(status, 503);
    backend.behave();
    assert_eq!(sound.once().await.1, 200);
    let delivered = backend.wait_for(2 * BATCH, PATIENCE).await;
    assert!(
        delivered,
        "the other number's events: {}",
        backend.distinct()
    );
    transom.kill().await;
    for (file, bytes) in &kept {
        fs::write(file, bytes).unwrap();
    }
    transom.restart().await;
    post(&broken.meta, &ledger, &refused).await;
    ledger.settle(PATIENCE).await;

    let counts = ledger.counts("crm");
    println!("broken database: 1 webhook refused with 503; {counts}");
    assert_eq!((counts.lost, counts.out_of_order), (0, 0));
    assert_eq!(counts.delivered, 4 * BATCH);
}

//! Load: requests over connections that stay open, as many as go or so many a second.
//!
//! The client is as plain as can be, since it shares the machine with what it measures.

use std::cell::RefCell;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use crate::contestant::Running;
use crate::workload::Requests;

/// How fast requests are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// Each connection sends the next as soon as it has an answer.
    Saturate,
    /// So many a second over all connections, whether or not the last is answered.
    PerSecond(f64),
}

/// When no more requests are begun.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    Time(Duration),
    Count(usize),
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// How long each took, in seconds, sorted.
    pub(crate) latencies: Vec<f64>,
    /// From the first request to the last answer, in seconds.
    pub(crate) seconds: f64,
}

impl Answers {
    pub(crate) fn count(&self) -> usize {
        self.latencies.len()
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.count() as f64 / self.seconds
    }

    /// The latency that this share of requests (0 to 1) did not exceed, in seconds.
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        let last = self.count().saturating_sub(1);
        let at = (last as f64 * share).round() as usize;
        self.latencies.get(at).copied().unwrap_or(f64::NAN)
    }
}

/// Puts load on one who takes part. Every answer has to be as it should: one that refuses would be fast.
pub(crate) async fn run(
    server: &Running,
    requests: &mut Requests,
    connections: usize,
    pace: Pace,
    until: Until,
) -> Answers {
    let answers = RefCell::new(Answers::default());
    let expected = requests.status();
    let start = Instant::now();
    let begun = RefCell::new((requests, 0_usize));
    // The next request and when it goes, or nothing if that was the last.
    let next = || {
        let (requests, number) = &mut *begun.borrow_mut();
        let at = match pace {
            Pace::Saturate => Instant::now(),
            Pace::PerSecond(rate) => start + Duration::from_secs_f64(*number as f64 / rate),
        };
        let over = match until {
            Until::Time(time) => at >= start + time,
            Until::Count(count) => *number >= count,
        };
        *number += 1;
        (!over).then(|| (at, requests.make()))
    };
    let connection = async || {
        let mut stream = Connection::open(server.port)
            .await
            .expect("workerd listens");
        while let Some((at, request)) = next() {
            if at > Instant::now() {
                sleep_until(at).await;
            }
            // The timer is good to a millisecond; a request is late only where every connection was busy.
            let late = Instant::now().saturating_duration_since(at) > Duration::from_millis(2);
            let from = if late { at } else { Instant::now() };
            let status = stream.send(&request).await;
            let taken = from.elapsed().as_secs_f64();
            let right = matches!(status, Ok(status) if status == expected);
            assert!(right, "{status:?} and not {expected}\n{}", server.log());
            answers.borrow_mut().latencies.push(taken);
        }
    };
    let all = (0..connections).map(|_| connection());
    futures_util::future::join_all(all).await;
    let mut answers = answers.into_inner();
    answers.seconds = start.elapsed().as_secs_f64();
    answers.latencies.sort_by(f64::total_cmp);
    answers
}

/// Reads the body of a `GET`.
pub(crate) async fn get(port: u16, path: &str) -> io::Result<String> {
    let mut stream = Connection::open(port).await?;
    let head = format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n");
    stream.send(head.as_bytes()).await?;
    Ok(String::from_utf8_lossy(&stream.body).into_owned())
}

struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
    body: Vec<u8>,
}

impl Connection {
    async fn open(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            read: Vec::new(),
            body: Vec::new(),
        })
    }

    /// Sends a request, reads the answer to its end, and gives its status.
    async fn send(&mut self, request: &[u8]) -> io::Result<u16> {
        self.stream.write_all(request).await?;
        self.read.clear();
        let head = loop {
            if let Some(end) = find(&self.read, b"\r\n\r\n") {
                break end + 4;
            }
            self.more().await?;
        };
        let text = String::from_utf8_lossy(&self.read[..head]).to_lowercase();
        let status: u16 = text
            .get(9..12)
            .and_then(|code| code.parse().ok())
            .unwrap_or(0);
        let header = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
        if header("transfer-encoding: chunked").is_some() {
            while !self.read.ends_with(b"0\r\n\r\n") {
                self.more().await?;
            }
        } else {
            let length = header("content-length: ").and_then(|length| length.trim().parse().ok());
            while self.read.len() < head + length.unwrap_or(0) {
                self.more().await?;
            }
        }
        self.body = self.read.split_off(head);
        Ok(status)
    }

    async fn more(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.read).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// Where `what` begins.
pub(crate) fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

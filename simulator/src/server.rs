//! A small HTTP server on loopback that can also behave badly: break off, or close without a word.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

/// A request, read whole.
pub(crate) type Received = Request<Bytes>;
/// What goes back.
pub(crate) type Body = BoxBody<Bytes, io::Error>;
type Answering = Pin<Box<dyn Future<Output = io::Result<Response<Body>>> + Send>>;
type Handler = Arc<dyn Fn(Received) -> Answering + Send + Sync>;

/// A server that runs until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    handler: Handler,
    listening: Mutex<Option<AbortHandle>>,
}

impl Server {
    /// Listens on loopback; port 0 takes a free one. An `Err` of the handler closes the connection.
    pub(crate) async fn start<F>(
        port: u16,
        handler: impl Fn(Received) -> F + Send + Sync + 'static,
    ) -> io::Result<Self>
    where
        F: Future<Output = io::Result<Response<Body>>> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |request| Box::pin(handler(request)));
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let address = listener.local_addr()?;
        let listening = Mutex::new(Some(listen(listener, Arc::clone(&handler))));
        Ok(Self {
            address,
            handler,
            listening,
        })
    }

    /// `http://127.0.0.1:port`, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Closes every connection and refuses new ones.
    pub(crate) fn down(&self) {
        if let Some(task) = self.listening.lock().unwrap().take() {
            task.abort();
        }
    }

    /// Listens again, on the same port.
    pub(crate) async fn up(&self) -> io::Result<()> {
        self.down();
        let listener = bind_again(self.address).await?;
        *self.listening.lock().unwrap() = Some(listen(listener, Arc::clone(&self.handler)));
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.down();
    }
}

/// The task that held the port ends a moment after it was told to.
async fn bind_again(address: SocketAddr) -> io::Result<TcpListener> {
    for _ in 0..100 {
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            bound => return bound,
        }
    }
    TcpListener::bind(address).await
}

fn listen(listener: TcpListener, handler: Handler) -> AbortHandle {
    let accepting = tokio::spawn(async move {
        // Dropped with this task, and every connection with it.
        let mut connections = JoinSet::new();
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                continue;
            };
            while connections.try_join_next().is_some() {}
            let handler = Arc::clone(&handler);
            connections.spawn(async move {
                let service = service_fn(move |request| serve(Arc::clone(&handler), request));
                // What goes wrong here went wrong for the client, who will say so.
                let _ = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    accepting.abort_handle()
}

async fn serve(handler: Handler, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    handler(Request::from_parts(head, body)).await
}

/// An answer with a body.
pub(crate) fn answer(status: u16, content_type: &str, body: impl Into<Bytes>) -> Response<Body> {
    Response::builder()
        .status(status)
        .header("content-type", content_type)
        .body(
            Full::new(body.into())
                .map_err(|never: Infallible| match never {})
                .boxed(),
        )
        .expect("status and content type are of this crate")
}

/// The connection closes, and not a byte was answered.
pub(crate) fn close() -> io::Result<Response<Body>> {
    Err(io::Error::other("closed on purpose"))
}

/// Promises the whole of `response`, sends the first half of its body, and closes the connection.
pub(crate) async fn close_half_way(response: Response<Body>) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    let whole = body
        .collect()
        .await
        .expect("our own bodies do not fail")
        .to_bytes();
    head.headers
        .insert(CONTENT_LENGTH, HeaderValue::from(whole.len().max(2)));
    let half = whole.slice(..whole.len() / 2);
    let frames = futures_util::stream::unfold(Some(half), |half| async move {
        match half {
            Some(half) if !half.is_empty() => Some((Ok(Frame::data(half)), Some(Bytes::new()))),
            // The pause lets the first half leave the house.
            Some(_) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Some((Err(io::Error::other("closed half way on purpose")), None))
            }
            None => None,
        }
    });
    Response::from_parts(head, BodyExt::boxed(StreamBody::new(Box::pin(frames))))
}

/// `response` with a body that does not end, of 16 MB a second at most.
pub(crate) fn endless(response: Response<Body>) -> Response<Body> {
    let frames = futures_util::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        Some((Ok(Frame::data(Bytes::from_static(&[b' '; 16 * 1024]))), ()))
    });
    response.map(|_| BodyExt::boxed(StreamBody::new(frames)))
}

//! Observations that do not depend on the code under test: raw calls of an engine's API, and the host's sockets.

use devarch_engine::Endpoint;
use serde_json::Value;
use std::{collections::BTreeMap, fs, io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream},
};

/// Podman's message if an interface of another network was removed while it listed all of them. The call had no effect.
const VANISHED: &str = "no such network interface";
const VANISHED_RETRIES: usize = 10;

/// The engine's response to `GET path` at `endpoint`, as JSON; null if it is not JSON.
///
/// # Panics
///
/// If the engine does not answer.
pub async fn get(endpoint: &str, path: &str) -> Value {
    call(endpoint, "GET", path).await
}

/// The same with another method, without a body.
///
/// # Panics
/// If the engine does not answer.
pub async fn call(endpoint: &str, method: &str, path: &str) -> Value {
    serde_json::from_str(&text(endpoint, method, path, "").await).unwrap_or(Value::Null)
}

/// The same as it is, with a header (`Name: value`, or none).
///
/// # Panics
/// If the engine does not answer.
pub async fn text(endpoint: &str, method: &str, path: &str, header: &str) -> String {
    let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
    let request = format!("{method} {path} HTTP/1.0\r\n{header}\r\n");
    let answer = reach(endpoint, request.as_bytes()).await;
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head");
    body.to_owned()
}

/// Sends a body with `POST` or `PUT`, and returns the engine's response as JSON; null if it is not JSON.
///
/// # Panics
///
/// If the engine does not answer, or responds with an error.
pub async fn send(endpoint: &str, (method, path): (&str, &str), (kind, body): (&str, &[u8])) -> Value {
    let length = body.len();
    let mut request = format!(
        "{method} {path} HTTP/1.0\r\nContent-Type: application/{kind}\r\nContent-Length: {length}\r\n\r\n"
    )
    .into_bytes();
    request.extend_from_slice(body);
    let mut answer = reach(endpoint, &request).await;
    for _ in 0..VANISHED_RETRIES {
        if !answer.contains(VANISHED) {
            break;
        }
        answer = reach(endpoint, &request).await;
    }
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).unwrap_or_default();
    assert!(status.starts_with('2') || status == "304", "{method} {path}: {answer}");
    serde_json::from_str(body).unwrap_or(Value::Null)
}

async fn reach(endpoint: &str, request: &[u8]) -> String {
    let answer = match endpoint.parse::<Endpoint>().expect("an address") {
        Endpoint::Unix(socket) => {
            talk(UnixStream::connect(socket).await.expect("the engine's socket"), request).await
        }
        Endpoint::Tcp(address) => {
            talk(TcpStream::connect(address).await.expect("the engine's port"), request).await
        }
    };
    answer.expect("an answer")
}

async fn talk<S>(mut stream: S, request: &[u8]) -> io::Result<String>
where
    S: AsyncReadExt + AsyncWriteExt + Unpin,
{
    stream.write_all(request).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// Whether a process of this machine has that argument in its command line.
pub fn runs(word: &str) -> bool {
    !processes(word).is_empty()
}

/// The processes of this machine with that argument in their command line, by id.
pub fn processes(word: &str) -> BTreeMap<i32, Vec<String>> {
    let process = |entry: fs::DirEntry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        Some((id, String::from_utf8_lossy(&line).split('\0').map(str::to_owned).collect()))
    };
    let all = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(process);
    all.filter(|(_, line): &(i32, Vec<String>)| line.iter().any(|part| part.contains(word))).collect()
}

/// Whether that becomes true within some seconds.
pub async fn until(is_true: impl AsyncFn() -> bool) -> bool {
    for _ in 0..200 {
        if is_true().await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

/// The body of a plain web server's response to `GET path` at `address`, retried for some seconds.
pub async fn web_page(address: SocketAddr, path: &str) -> Option<String> {
    let request = format!("GET {path} HTTP/1.0\r\n\r\n");
    for _ in 0..100 {
        if let Ok(stream) = TcpStream::connect(address).await
            && let Ok(answer) = talk(stream, request.as_bytes()).await
            && let Some((_, body)) = answer.split_once("\r\n\r\n")
        {
            return Some(body.to_owned());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    None
}

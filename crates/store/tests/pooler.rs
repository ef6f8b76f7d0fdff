//! A lock is refused if there is a connection pooler in front of PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

mod sandbox;

use devarch_store::{LockError, StoreError};
use sandbox::{
    Sandbox,
    samples::{lock, owner, stack},
};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// A stub pooler in front of a server: the parameters a client connects with are not those of the session it gets. This
/// one drops its `options`, like `PgBouncer`'s `ignore_startup_parameters`.
async fn pooler(server: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&server).await.unwrap();
            tokio::spawn(pass_on(client, server));
        }
    });
    port
}

async fn pass_on(mut client: TcpStream, mut server: TcpStream) -> std::io::Result<()> {
    // https://www.postgresql.org/docs/current/protocol-message-formats.html: SSLRequest, then StartupMessage.
    const NO_TLS: &[u8] = b"N";
    let mut message = read_startup(&mut client).await?;
    if message.len() == 4 {
        client.write_all(NO_TLS).await?;
        message = read_startup(&mut client).await?;
    }
    let (version, parameters) = message.split_at(4);
    let parameters = parameters.strip_suffix(b"\0\0").unwrap();
    let parameters: Vec<&[u8]> = parameters.split(|byte| *byte == 0).collect();
    let mut kept = version.to_vec();
    for parameter in parameters.chunks(2).filter(|parameter| parameter[0] != b"options") {
        for text in parameter {
            kept.extend_from_slice(text);
            kept.push(0);
        }
    }
    kept.push(0);
    server.write_u32(u32::try_from(kept.len() + 4).unwrap()).await?;
    server.write_all(&kept).await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

async fn read_startup(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let length = client.read_u32().await?;
    let mut message = vec![0; length as usize - 4];
    client.read_exact(&mut message).await?;
    Ok(message)
}

#[test]
fn a_lock_on_postgres_is_refused_behind_a_connection_pooler() {
    sandbox::on_postgres(async |direct: Sandbox| {
        let (login, place) = direct.text.rsplit_once('@').unwrap();
        let (server, database) = place.split_once('/').unwrap();
        let port = pooler(server.to_owned()).await;
        let pooled = Sandbox::at(format!("{login}@127.0.0.1:{port}/{database}"), &direct.key).open().await;
        let shop = stack("shop", &["db"]);
        pooled.create_stack(&shop).await.unwrap();

        let refused = pooled.lock(&shop.id, &owner("ann"), Duration::ZERO, None, &|_| {}).await.unwrap_err();
        assert!(matches!(refused, StoreError::Lock(LockError::Pooler { .. })), "{refused}");
        assert!(refused.to_string().contains("connection pooler"), "{refused}");
        assert!(refused.hint().unwrap().contains("DEVARCH_DATABASE_URL"), "{refused}");
        let direct = direct.open().await;
        assert_eq!(direct.locks().await.unwrap(), []);
        drop(lock(&direct, &shop.id).await);
    });
}

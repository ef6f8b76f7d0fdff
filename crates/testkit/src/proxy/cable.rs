//! A proxy for a TCP server that can be unplugged.

use std::net::SocketAddr;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// A loopback port that forwards to another server until it is unplugged: then every connection ends, new ones at once.
/// They are accepted first, because clients retry for long if a port refuses connections.
#[derive(Debug, Clone)]
pub struct Cable {
    address: SocketAddr,
    pulled: watch::Sender<bool>,
}

impl Cable {
    /// Forwards to the server at `server`.
    ///
    /// # Panics
    ///
    /// If there is no free port.
    pub async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let pulled = watch::Sender::new(false);
        let watched = pulled.subscribe();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, server.clone(), watched.clone()));
            }
        });
        Self { address, pulled }
    }

    /// The address to connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Pulls it, for ever.
    pub fn pull(&self) {
        self.pulled.send_replace(true);
    }
}

/// Carries a connection until either side, or the cable, ends it.
async fn carry(mut client: TcpStream, server: String, mut pulled: watch::Receiver<bool>) {
    let both = async {
        if let Ok(mut server) = TcpStream::connect(server).await {
            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        }
    };
    tokio::select! {
        biased;
        _ = pulled.wait_for(|pulled| *pulled) => {}
        () = both => {}
    }
}

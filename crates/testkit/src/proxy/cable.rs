//! A way to a TCP server that can be pulled.

use std::net::SocketAddr;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// A port of the loopback that leads to another server until it is pulled: then every connection ends, new ones at
/// once. They are taken first, since clients go on trying for long where a port refuses them.
#[derive(Debug, Clone)]
pub struct Cable {
    address: SocketAddr,
    pulled: watch::Sender<bool>,
}

impl Cable {
    /// To the server at `server`.
    ///
    /// # Panics
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

    /// Where it begins.
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

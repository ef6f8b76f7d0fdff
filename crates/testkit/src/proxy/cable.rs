//! A way to a TCP server that can be pulled.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// A port of the loopback that leads to another server until it is pulled: then every connection is cut, and new
/// ones are refused.
#[derive(Debug, Clone)]
pub struct Cable {
    address: SocketAddr,
    /// The listener and all connections; none once it is pulled.
    tasks: Arc<Mutex<JoinSet<()>>>,
}

impl Cable {
    /// To the server at `server`.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let tasks = Arc::new(Mutex::new(JoinSet::new()));
        tasks.lock().expect("whole").spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(carry(client, server.clone()));
            }
        });
        Self { address, tasks }
    }

    /// Where it begins.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Pulls it, for ever.
    ///
    /// # Panics
    /// If the listener has panicked.
    pub fn pull(&self) {
        self.tasks.lock().expect("whole").abort_all();
    }
}

async fn carry(mut client: TcpStream, server: String) {
    if let Ok(mut server) = TcpStream::connect(server).await {
        // Either side may end it.
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    }
}

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
};

use super::*;

/// Something that listens, and gives every caller these bytes before it closes.
async fn listens(bytes: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let _ = tcp.read(&mut [0; 1024]).await;
            let _ = tcp.write_all(bytes).await;
        }
    });
    address
}

#[tokio::test]
async fn no_service_runs_at_an_address_without_a_listener() {
    // The port stays taken without a listener, so that no other program gets it meanwhile.
    let away = TcpSocket::new_v4().unwrap();
    away.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    assert!(ask(away.local_addr().unwrap()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_port_that_closes_without_an_answer_is_named() {
    let address = listens(b"").await;
    let said = ask(address).await.err().unwrap();
    assert_eq!(said, format!("the program at {address} closes connections without an answer: try again"));
}

#[tokio::test]
async fn a_port_of_another_program_is_named() {
    for other in [
        b"SSH-2.0-OpenSSH_9.2p1\r\n".as_slice(),
        b"HTTP/1.0 200 OK\r\n\r\nhello",
        b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\n{}",
    ] {
        let address = listens(other).await;
        let said = ask(address).await.err().unwrap();
        assert_eq!(said, format!("the program at {address} is not a service of this kind: set `operator.listen`"));
    }
}

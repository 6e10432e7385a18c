//! The devnet's ports, looked at before anything is started.

use std::{
    io::{Error, ErrorKind},
    net::{Ipv4Addr, SocketAddr, TcpListener},
};

use eyre::Report;

use super::Args;

/// Fails with a sentence if the devnet cannot have one of its ports: before anything is started.
pub fn check_ports(args: &Args) -> eyre::Result<()> {
    let l1 = args
        .l1_rpc
        .is_none()
        .then_some(("L1", "--l1-port", args.l1_port));
    let others = [
        ("L2", "--l2-port", args.l2_port),
        (
            "the coordinator",
            "--coordinator-port",
            args.coordinator_port,
        ),
    ];
    let dashboard = args.dashboard();
    let dashboard = dashboard.map(|port| ("the dashboard", "--dashboard-port", port));
    // Held together, so that two of them are not the same.
    let mut held = Vec::new();
    for (who, flag, port) in l1.into_iter().chain(others).chain(dashboard) {
        let address = args.listen(port);
        let bound = TcpListener::bind(address).map_err(|error| {
            let said = sentence(&error, address, who, flag);
            Report::new(error).wrap_err(said)
        });
        held.push(bound?);
    }
    Ok(())
}

/// What to do when the address cannot be had.
fn sentence(error: &Error, address: SocketAddr, who: &str, flag: &str) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => format!(
            "port {}, meant for {who}, is taken: choose another with {flag} (0 takes a free one)",
            address.port()
        ),
        _ => format!("cannot listen on {address} for {who}: see {flag} and --host"),
    }
}

/// This machine only; port 0 takes a free one.
pub fn localhost(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_a_taken_port_is_called_taken() {
        let said = |address: SocketAddr| {
            let error = TcpListener::bind(address).unwrap_err();
            sentence(&error, address, "L2", "--l2-port")
        };
        let held = TcpListener::bind(localhost(0)).unwrap();
        let taken = held.local_addr().unwrap();
        let expected = format!(
            "port {}, meant for L2, is taken: choose another with --l2-port (0 takes a free one)",
            taken.port()
        );
        assert_eq!(said(taken), expected);
        // Of the addresses for documents: no machine has it.
        let elsewhere = SocketAddr::from(([192, 0, 2, 1], 0));
        let expected = "cannot listen on 192.0.2.1:0 for L2: see --l2-port and --host";
        assert_eq!(said(elsewhere), expected);
    }
}

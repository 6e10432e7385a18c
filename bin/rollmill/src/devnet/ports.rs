//! The devnet's ports, looked at before anything is started.

use std::net::{Ipv4Addr, SocketAddr};

use eyre::WrapErr;

use super::Args;

/// Fails with a sentence if one of the devnet's ports is taken: before anything is started.
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
        held.push(std::net::TcpListener::bind(args.listen(port)).wrap_err_with(|| {
            format!("port {port}, meant for {who}, is taken: choose another with {flag} (0 takes a free one)")
        })?);
    }
    Ok(())
}

/// This machine only; port 0 takes a free one.
pub fn localhost(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

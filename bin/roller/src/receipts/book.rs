//! The file of receipts: see the module above.

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io::{self, Seek, SeekFrom, Write},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use alloy_primitives::{B256, keccak256};
use eyre::WrapErr;
use rollmill_roller_api::{
    SeatId,
    receipts::{SignedReceipt, parse},
};

use super::FILE;

/// Receipts that are known to be kept: a seat is delivered again only soon after.
const RECENT_MAX: usize = 256;

/// Seats whose end is asked for; the coordinator forgets tasks that were settled long ago.
const AWAITING_MAX: usize = 64;

/// The daemon's receipts; clones share the file.
#[derive(Clone, Debug)]
pub struct ReceiptBook(Arc<Mutex<Book>>);

#[derive(Debug)]
struct Book {
    file: File,
    /// Seconds between heartbeats that are kept.
    heartbeat_gap_s: u64,
    last_heartbeat: Option<(u64, bool)>,
    recent: VecDeque<B256>,
    awaiting: VecDeque<SeatId>,
}

impl ReceiptBook {
    /// Opens the file in `data_dir`. A heartbeat is kept for each third of the time after which a roller counts as silent.
    pub fn open(data_dir: &Path, heartbeat_lost_s: u64) -> eyre::Result<Self> {
        let path = data_dir.join(FILE);
        let cannot = || format!("cannot use {}", path.display());
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .wrap_err_with(cannot)?;
        let (receipts, whole_bytes) = read_whole_lines(&path)?;
        // What a crash cut off was never acted on.
        file.set_len(whole_bytes).wrap_err_with(cannot)?;
        file.seek(SeekFrom::End(0)).wrap_err_with(cannot)?;
        file.sync_all().wrap_err_with(cannot)?;
        File::open(data_dir)
            .and_then(|folder| folder.sync_all())
            .wrap_err_with(cannot)?;
        let mut book = Book {
            file,
            heartbeat_gap_s: (heartbeat_lost_s / 3).max(1),
            last_heartbeat: None,
            recent: VecDeque::new(),
            awaiting: VecDeque::new(),
        };
        for receipt in &receipts {
            book.index(receipt, keccak256(line(receipt)?));
        }
        Ok(Self(Arc::new(Mutex::new(book))))
    }

    /// Keeps receipts in this order. Durable on return.
    pub async fn keep(&self, receipts: Vec<SignedReceipt>) -> eyre::Result<()> {
        let book = self.0.clone();
        let kept = tokio::task::spawn_blocking(move || {
            // The book is whole after every append: index and file change together.
            let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
            book.append(&receipts)
        });
        kept.await?.wrap_err("cannot keep a receipt")
    }

    /// Seats that were assigned and of which no end is known, oldest first.
    pub fn awaiting(&self) -> Vec<SeatId> {
        let book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        book.awaiting.iter().copied().collect()
    }
}

impl Book {
    fn append(&mut self, receipts: &[SignedReceipt]) -> eyre::Result<()> {
        let mut bytes = Vec::new();
        let mut added = Vec::new();
        for receipt in receipts {
            let line = line(receipt)?;
            let hash = keccak256(&line);
            if self.is_wanted(receipt, hash) {
                bytes.extend_from_slice(&line);
                added.push((receipt, hash));
            }
        }
        if bytes.is_empty() {
            return Ok(());
        }
        let end = self.file.stream_position()?;
        let written = self
            .file
            .write_all(&bytes)
            .and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Half a line must not stay before the next one.
            self.file.set_len(end)?;
            self.file.seek(SeekFrom::Start(end))?;
            return Err(error.into());
        }
        for (receipt, hash) in added {
            self.index(receipt, hash);
        }
        Ok(())
    }

    fn is_wanted(&self, receipt: &SignedReceipt, hash: B256) -> bool {
        if let SignedReceipt::Heartbeat(signed) = receipt {
            let heard = &signed.receipt;
            return self.last_heartbeat.is_none_or(|(at, ready)| {
                ready != heard.ready || heard.at < at || heard.at - at >= self.heartbeat_gap_s
            });
        }
        !self.recent.contains(&hash)
    }

    fn index(&mut self, receipt: &SignedReceipt, hash: B256) {
        if let SignedReceipt::Heartbeat(signed) = receipt {
            self.last_heartbeat = Some((signed.receipt.at, signed.receipt.ready));
            return;
        }
        push(&mut self.recent, hash, RECENT_MAX);
        let Some(seat) = receipt.seat() else { return };
        match receipt {
            SignedReceipt::Assignment(_) if !self.awaiting.contains(&seat) => {
                push(&mut self.awaiting, seat, AWAITING_MAX);
            }
            SignedReceipt::Close(_) => self.awaiting.retain(|awaited| *awaited != seat),
            _ => {}
        }
    }
}

fn push<T>(queue: &mut VecDeque<T>, value: T, len_max: usize) {
    queue.push_back(value);
    if queue.len() > len_max {
        queue.pop_front();
    }
}

fn line(receipt: &SignedReceipt) -> eyre::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(receipt)?;
    line.push(b'\n');
    Ok(line)
}

/// The receipts in a file, and how many bytes their lines have: what follows is a line that was cut off. None if there is no file.
pub(super) fn read_whole_lines(path: &Path) -> eyre::Result<(Vec<SignedReceipt>, u64)> {
    let cannot = || format!("cannot read the receipts {}", path.display());
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error).wrap_err_with(cannot),
    };
    let (receipts, whole) = parse(&bytes).wrap_err_with(cannot)?;
    Ok((receipts, whole as u64))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloy_primitives::{Address, Bytes};
    use rollmill_protocol::TaskId;
    use rollmill_roller_api::receipts::{
        AssignmentReceipt, CloseReceipt, HeartbeatReceipt, Signed,
    };

    use super::*;

    fn signed<T>(receipt: T) -> SignedReceipt
    where
        SignedReceipt: From<Signed<T>>,
    {
        let signature = Bytes::from_static(&[7; 65]);
        Signed { receipt, signature }.into()
    }

    fn assignment(task: u8) -> SignedReceipt {
        signed(AssignmentReceipt {
            task: B256::repeat_byte(task),
            round: 0,
            roller: Address::ZERO,
            tickets: 1,
            assignedAt: 1,
            deadline: 2,
            seed: B256::ZERO,
        })
    }

    fn close(task: u8) -> SignedReceipt {
        signed(CloseReceipt {
            task: B256::repeat_byte(task),
            round: 0,
            roller: Address::ZERO,
            outcome: 0,
            entriesHash: B256::ZERO,
            closedAt: 3,
        })
    }

    fn heartbeat(at: u64, ready: bool) -> SignedReceipt {
        signed(HeartbeatReceipt {
            roller: Address::ZERO,
            at,
            ready,
        })
    }

    fn seat(task: u8) -> SeatId {
        SeatId {
            task: TaskId(B256::repeat_byte(task)),
            round: 0,
        }
    }

    fn kept(folder: &Path) -> Vec<SignedReceipt> {
        read_whole_lines(&folder.join(FILE)).unwrap().0
    }

    #[tokio::test]
    async fn receipts_are_there_after_a_restart_and_repeats_are_not_kept_twice() {
        let folder = tempfile::tempdir().unwrap();
        let book = ReceiptBook::open(folder.path(), 9).unwrap();
        book.keep(vec![assignment(1), assignment(2)]).await.unwrap();
        book.keep(vec![assignment(1)]).await.unwrap();
        assert_eq!(kept(folder.path()), [assignment(1), assignment(2)]);
        assert_eq!(book.awaiting(), [seat(1), seat(2)]);
        drop(book);

        let book = ReceiptBook::open(folder.path(), 9).unwrap();
        assert_eq!(book.awaiting(), [seat(1), seat(2)]);
        book.keep(vec![assignment(2), close(1)]).await.unwrap();
        assert_eq!(book.awaiting(), [seat(2)]);
        let all = [assignment(1), assignment(2), close(1)];
        assert_eq!(kept(folder.path()), all);
    }

    #[tokio::test]
    async fn a_line_that_was_cut_off_is_removed_and_a_damaged_one_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let mut bytes = line(&assignment(1)).unwrap();
        bytes.extend_from_slice(b"{\"kind\":\"assign");
        std::fs::write(&path, &bytes).unwrap();
        let book = ReceiptBook::open(folder.path(), 9).unwrap();
        book.keep(vec![assignment(2)]).await.unwrap();
        assert_eq!(kept(folder.path()), [assignment(1), assignment(2)]);

        std::fs::write(&path, b"garbage\n").unwrap();
        let error = ReceiptBook::open(folder.path(), 9).unwrap_err();
        assert!(format!("{error:#}").contains("line 1"), "{error:#}");
    }

    #[tokio::test]
    async fn heartbeats_are_kept_so_that_they_prove_presence() {
        let folder = tempfile::tempdir().unwrap();
        let book = ReceiptBook::open(folder.path(), 9).unwrap();
        for at in 0..10 {
            book.keep(vec![heartbeat(at, true)]).await.unwrap();
        }
        book.keep(vec![heartbeat(10, false)]).await.unwrap();
        let expected = [
            heartbeat(0, true),
            heartbeat(3, true),
            heartbeat(6, true),
            heartbeat(9, true),
            heartbeat(10, false),
        ];
        assert_eq!(kept(folder.path()), expected);
    }
}

//! A bad network in front of a server: it refuses, cuts in the middle of what is sent, delays and hangs, by a seed.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::running::Luck;

/// One in so many connections is refused; one in so many pieces is cut, hangs, comes late.
const REFUSED: u64 = 6;
const CUT: u64 = 40;
const HANGS: u64 = 150;
const LATE: u64 = 10;

/// A proxy.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    calm: Arc<AtomicBool>,
}

impl Proxy {
    /// A bad network before that port.
    pub(crate) fn start(upstream: u16, seed: u64) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Proxy { port: listener.local_addr().unwrap().port(), calm: Arc::default() };
        let calm = proxy.calm.clone();
        std::thread::spawn(move || {
            let mut luck = Luck(seed);
            for client in listener.incoming().map_while(Result::ok) {
                if !calm.load(Ordering::Relaxed) && luck.one_in(REFUSED) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", upstream)) else { continue };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let (calm, luck) = (calm.clone(), Luck(luck.below(u64::MAX)));
                    std::thread::spawn(move || pass(from, to, &calm, luck));
                }
            }
        });
        proxy
    }

    /// From now on the network is good.
    pub(crate) fn calm(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }

    /// From now on it is bad again.
    pub(crate) fn rage(&self) {
        self.calm.store(false, Ordering::Relaxed);
    }
}

/// Passes on what comes, both ways, until either side goes.
pub(crate) fn pass_on(client: TcpStream, server: TcpStream) {
    let (back, to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let calm = Arc::new(AtomicBool::new(true));
    let there = calm.clone();
    std::thread::spawn(move || pass(back, to, &there, Luck(1)));
    pass(client, server, &calm, Luck(1));
}

/// Passes on what comes, as far as luck has it.
fn pass(mut from: TcpStream, mut to: TcpStream, calm: &AtomicBool, mut luck: Luck) {
    let mut piece = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        let mut end = length;
        if !calm.load(Ordering::Relaxed) {
            if luck.one_in(LATE) {
                std::thread::sleep(Duration::from_millis(luck.below(80)));
            }
            if luck.one_in(HANGS) {
                std::thread::sleep(Duration::from_secs(2));
            }
            if luck.one_in(CUT) {
                end = luck.below(length as u64) as usize;
            }
        }
        if to.write_all(&piece[..end]).is_err() || end < length {
            break;
        }
    }
    // Whichever side went, both go.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

//! Commands that arrive at a fixed rate: when was each one's record finished? The core without Python around it.
//!
//! `open_loop OPENING_BYTES INTERVAL_NS`: applies the frames on standard input up to `OPENING_BYTES`, then the others,
//! one due every `INTERVAL_NS` whatever became of those before it. Whenever the core is free it takes all that are due,
//! in one call. Before that the same loop runs without the core: what the machine itself holds up.
//!
//! Writes both runs to standard output, each as the number of its calls and two numbers for each call, all of them
//! little-endian u64: how many commands were done after it, and the nanoseconds since the start. `bench/latency.py`
//! makes quantiles of them.

use std::io::{Read, Write};
use std::time::Instant;

use exchange_core::{this_processor, Exchange};

const NOW_NS: u64 = 1_790_000_000_000_000_000;

fn main() {
    let arguments: Vec<usize> = std::env::args().skip(1).map(|number| number.parse().expect("a number")).collect();
    let [opening_bytes, interval_ns] = arguments[..] else {
        panic!("open_loop OPENING_BYTES INTERVAL_NS");
    };
    let interval_ns = interval_ns as u64;
    let mut frames = Vec::new();
    std::io::stdin().read_to_end(&mut frames).expect("standard input can be read");
    let (opening, load) = frames.split_at(opening_bytes);
    let ends = ends(load);
    let commands = ends.len() - 1;
    let mut exchange = Exchange::new(7, this_processor());
    apply(&mut exchange, opening);
    let alone = arrive(commands, interval_ns, |_, _| {});
    let calls = arrive(commands, interval_ns, |done, due| apply(&mut exchange, &load[ends[done]..ends[due]]));
    for run in [alone, calls] {
        let numbers = run.iter().flat_map(|(done, at_ns)| [*done as u64, *at_ns]);
        let bytes: Vec<u8> = std::iter::once(run.len() as u64).chain(numbers).flat_map(u64::to_le_bytes).collect();
        std::io::stdout().write_all(&bytes).expect("standard output takes them");
    }
}

/// Where frames begin, and the end of the last.
fn ends(load: &[u8]) -> Vec<usize> {
    let mut ends = vec![0];
    let mut at = 0;
    while at < load.len() {
        at += u32::from_le_bytes(load[at..at + 4].try_into().expect("a whole frame")) as usize;
        ends.push(at);
    }
    ends
}

fn apply(exchange: &mut Exchange, frames: &[u8]) {
    let mut at = 0;
    while at < frames.len() {
        let progress = exchange.apply(NOW_NS, &frames[at..], 0);
        assert!(progress.fault.is_none() && progress.consumed > 0, "every frame is sound");
        at += progress.consumed;
    }
}

/// Let commands fall due, and take those from `done` to `due` whenever there are any.
fn arrive(commands: usize, interval_ns: u64, mut take: impl FnMut(usize, usize)) -> Vec<(usize, u64)> {
    let mut calls = vec![(0, 0); commands];
    calls.clear();
    let (mut done, start) = (0, Instant::now());
    while done < commands {
        let due = commands.min((start.elapsed().as_nanos() as u64 / interval_ns) as usize + 1);
        if due > done {
            take(done, due);
            done = due;
            calls.push((done, start.elapsed().as_nanos() as u64));
        }
    }
    calls
}

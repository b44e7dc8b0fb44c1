//! The threads of the process.

use std::{io, thread};

use tokio::runtime::{Builder, Runtime};

/// Threads that wait for the network, at the most: on a node with a hundred processors a hundred of them would cost memory
/// and do nothing. What is work for a processor, judging above all, has threads of its own that end when they are idle.
const WAITING: usize = 4;

/// The runtime of the operator.
pub fn runtime() -> io::Result<Runtime> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    Builder::new_multi_thread().worker_threads(processors.clamp(2, WAITING)).enable_all().build()
}

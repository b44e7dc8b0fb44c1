mod certificates;
mod interleaved;
mod steps;
mod stored;

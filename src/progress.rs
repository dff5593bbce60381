//! Progress: what a long intake tells whoever watches, and what they answer. The time left is that of the stage, at its pace
//! since it began: an estimate over the last seconds would follow every hiccup of the machine.

use std::time::Instant;

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Go {
    /// Go on.
    On,
    /// Finish the epoch at hand and stop; nothing is lost, and running it again goes on.
    Stop,
}

/// What an ingest is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Reading inputs.
    Reading,
    /// Waiting for models.
    Answering,
    /// Bringing indexes up to date; stopping waits for its end.
    Indexing,
}

/// How far an ingest is.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Progress {
    /// What it is at.
    pub stage: Stage,
    /// Bytes read, or asks answered; 0 of 0 while indexing.
    pub done: u64,
    /// Bytes in all, or asks in all.
    pub total: u64,
    /// Messages read so far.
    pub messages: u64,
    /// The input at hand.
    pub input: String,
    /// Milliseconds until the stage is over, at its pace so far; none before there is one.
    pub left: Option<u64>,
}

/// When a stage began, and where.
pub(crate) struct Pace {
    pub(crate) stage: Stage,
    began: Instant,
    from: u64,
}

impl Pace {
    /// It begins now, at `from`.
    pub(crate) fn of(stage: Stage, from: u64) -> Self {
        Pace { stage, began: Instant::now(), from }
    }

    /// The milliseconds until `total`, if it goes on like this.
    pub(crate) fn left(&self, done: u64, total: u64) -> Option<u64> {
        let come = done.checked_sub(self.from).filter(|come| *come > 0)?;
        let left = total.checked_sub(done)? as f64 / come as f64 * self.began.elapsed().as_secs_f64();
        Some((left * 1_000.0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_is_told_once_there_is_a_pace() {
        let pace = Pace::of(Stage::Answering, 100);
        assert_eq!((pace.left(100, 200), pace.left(50, 200), pace.left(200, 150)), (None, None, None));
        assert_eq!(pace.left(200, 200), Some(0));
        std::thread::sleep(std::time::Duration::from_millis(20));
        let (half, tenth) = (pace.left(150, 200).unwrap_or_default(), pace.left(110, 200).unwrap_or_default());
        assert!(half >= 20 && tenth >= 9 * 20, "{half} {tenth}");
    }
}

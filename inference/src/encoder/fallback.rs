//! A network that may fail, and what is done about it. A job that a device cannot take, most likely for want of memory,
//! is cut in half until it can; if one text alone is too much for it, the host takes over for good, and says so.

use std::sync::OnceLock;

use super::backend::Pooling;
use super::layers::{Network, Sequence};
use crate::caught;

type Loaded = Result<Box<dyn Network>, String>;

/// A network, and the host's if it is a device's.
pub(super) struct Fallible {
    network: Box<dyn Network>,
    host: Option<Host>,
}

struct Host {
    load: Box<dyn Fn() -> Loaded + Send + Sync>,
    loaded: OnceLock<Loaded>,
}

impl Fallible {
    /// A network on the host: there is no other.
    pub(super) fn on_host(network: Box<dyn Network>) -> Self {
        Fallible { network, host: None }
    }

    /// A network on a device, and how to have it on the host.
    pub(super) fn on_device(network: Box<dyn Network>, load: impl Fn() -> Loaded + Send + Sync + 'static) -> Self {
        Fallible { network, host: Some(Host { load: Box::new(load), loaded: OnceLock::new() }) }
    }

    /// Whether a device computes, and still does.
    pub(super) fn is_on_device(&self) -> bool {
        self.host.as_ref().is_some_and(|host| host.loaded.get().is_none())
    }

    /// The rows of one job. Whatever fails, in the end only the text to blame has none.
    pub(super) fn run(&self, job: &[&Sequence], pooling: Pooling) -> Vec<Result<Vec<f32>, String>> {
        let host = self.host.as_ref().and_then(|host| host.loaded.get()?.as_ref().ok());
        if job.is_empty() {
            return Vec::new();
        }
        match forward(&**host.unwrap_or(&self.network), job, pooling) {
            Ok(rows) => rows.into_iter().map(Ok).collect(),
            Err(reason) if job.len() == 1 => vec![self.alone_on_host(job, pooling, reason)],
            Err(_) => {
                let (first, second) = job.split_at(job.len() / 2);
                [self.run(first, pooling), self.run(second, pooling)].concat()
            }
        }
    }

    /// The row of one text that failed: the host's, unless it is the text that cannot be read.
    fn alone_on_host(&self, job: &[&Sequence], pooling: Pooling, reason: String) -> Result<Vec<f32>, String> {
        if let Some(refusal) = job.first().and_then(|text| refusal(&*self.network, text)) {
            return Err(refusal);
        }
        match self.host_after(&reason) {
            Some(host) => forward(host, job, pooling).map(|mut rows| rows.remove(0)),
            None => Err(reason),
        }
    }

    /// The network on the host, if it was a device that failed.
    fn host_after(&self, reason: &str) -> Option<&dyn Network> {
        let Host { load, loaded } = self.host.as_ref()?;
        let load = || {
            tracing::warn!(reason, "the device cannot go on: the CPU takes over");
            load()
        };
        let loaded = loaded.get_or_init(load).as_ref();
        loaded.inspect_err(|error| tracing::error!(error, "nor can the CPU")).ok().map(AsRef::as_ref)
    }
}

fn forward(network: &dyn Network, job: &[&Sequence], pooling: Pooling) -> Result<Vec<Vec<f32>>, String> {
    if let Some(refusal) = job.iter().find_map(|text| refusal(network, text)) {
        return Err(refusal);
    }
    caught(|| network.forward(job, pooling))
}

/// Why a text cannot be read, wherever it is computed.
fn refusal(network: &dyn Network, text: &Sequence) -> Option<String> {
    if text.ids.is_empty() { Some("a text without tokens".into()) } else { network.refusal(text).map(String::from) }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Has room for so many tokens, and says so by a panic; its rows tell whose they are.
    struct Small {
        room: usize,
        name: f32,
    }

    impl Network for Small {
        fn refusal(&self, text: &Sequence) -> Option<&'static str> {
            text.ids.contains(&7).then_some("a token is not in the vocabulary")
        }

        fn forward(&self, texts: &[&Sequence], _: Pooling) -> Result<Vec<Vec<f32>>, String> {
            assert!(texts.iter().map(|text| text.ids.len()).sum::<usize>() <= self.room, "out of memory");
            Ok(texts.iter().map(|text| vec![self.name, text.ids.len() as f32]).collect())
        }
    }

    fn texts(lengths: &[usize]) -> Vec<Sequence> {
        lengths.iter().map(|length| Sequence::alone(vec![0; *length])).collect()
    }

    fn names(network: &Fallible, lengths: &[usize]) -> Vec<Result<f32, String>> {
        let texts = texts(lengths);
        let rows = network.run(&texts.iter().collect::<Vec<_>>(), Pooling::Mean);
        for (row, length) in rows.iter().zip(lengths) {
            assert!(row.as_ref().map_or(true, |row| row[1] == *length as f32));
        }
        rows.into_iter().map(|row| row.map(|row| row[0])).collect()
    }

    #[test]
    fn a_job_too_large_is_halved_until_it_fits() {
        let network = Fallible::on_host(Box::new(Small { room: 10, name: 1.0 }));
        let blamed = Err("the model panicked: out of memory".into());
        assert_eq!(names(&network, &[5, 4, 6, 11, 1]), [Ok(1.0), Ok(1.0), Ok(1.0), blamed, Ok(1.0)]);
        assert_eq!(names(&network, &[0, 3]), [Err("a text without tokens".into()), Ok(1.0)]);
    }

    #[test]
    fn the_host_takes_over_when_one_text_is_too_much_for_the_device() {
        static LOADS: AtomicUsize = AtomicUsize::new(0);
        let host = || {
            LOADS.fetch_add(1, Ordering::Relaxed);
            Ok(Box::new(Small { room: 100, name: 2.0 }) as Box<dyn Network>)
        };
        let network = Fallible::on_device(Box::new(Small { room: 10, name: 1.0 }), host);
        assert_eq!(names(&network, &[5, 6, 4]), [Ok(1.0), Ok(1.0), Ok(1.0)]);
        assert_eq!(names(&network, &[5, 20]), [Ok(1.0), Ok(2.0)]);
        // From then on everything is the host's.
        assert_eq!(names(&network, &[1, 90]), [Ok(2.0), Ok(2.0)]);
        assert_eq!(LOADS.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_text_that_cannot_be_read_is_no_fault_of_the_device() {
        let host = || panic!("the host is not needed");
        let network = Fallible::on_device(Box::new(Small { room: 10, name: 1.0 }), host);
        let (good, bad) = (Sequence::alone(vec![0]), Sequence::alone(vec![7]));
        let rows = network.run(&[&good, &bad], Pooling::Mean);
        assert_eq!(rows, [Ok(vec![1.0, 1.0]), Err("a token is not in the vocabulary".into())]);
    }
}

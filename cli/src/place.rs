//! The store and the scope that a command works on, whether it opens the store itself or a run lends it.

use std::cell::{RefCell, RefMut};
use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;

use nexus::{At, Device, Error, Memory, Nexus, Settings};

use crate::args::{AsOf, Global};
use crate::data_folder;
use crate::failure::Result;

/// Where a command works.
pub(crate) struct Place<'a> {
    pub(crate) store: PathBuf,
    pub(crate) scope: String,
    workers: usize,
    pub(crate) device: Device,
    /// The store, if a run lends it, and what there is on standard input.
    lent: Option<(RefCell<&'a mut Nexus>, RefCell<Option<File>>)>,
}

/// The store, open for writing.
pub(crate) enum Writer<'a, 'n> {
    /// By this command.
    Own(Box<Nexus>),
    /// By a run.
    Lent(RefMut<'a, &'n mut Nexus>),
}

impl Place<'static> {
    pub(crate) fn new(global: &Global) -> Place<'static> {
        let store = global.store.clone().unwrap_or_else(|| data_folder().join("nexus").join("memory"));
        let (workers, device) = (usize::from(global.workers), global.device);
        Place { store, scope: global.scope.clone(), workers, device, lent: None }
    }

    /// The same place, with the store that a run has open, for another scope.
    pub(crate) fn lent(self, nexus: &mut Nexus, scope: String, input: Option<File>) -> Place<'_> {
        let Place { store, workers, device, .. } = self;
        Place { store, scope, workers, device, lent: Some((RefCell::new(nexus), RefCell::new(input))) }
    }
}

impl<'n> Place<'n> {
    /// This place, not lent.
    pub(crate) fn own(&self) -> Place<'static> {
        let (store, scope) = (self.store.clone(), self.scope.clone());
        Place { store, scope, workers: self.workers, device: self.device, lent: None }
    }

    /// Whether a run lends the store.
    pub(crate) fn is_lent(&self) -> bool {
        self.lent.is_some()
    }

    /// The store as it is, or as it was; nothing is built to read it.
    pub(crate) fn read(&self, at: &AsOf) -> Result<Memory> {
        Ok(Memory::open(&self.store, &self.scope, at.as_of.unwrap_or(At::Latest))?)
    }

    /// The store, open for writing.
    pub(crate) fn write(&self) -> Result<Writer<'_, 'n>> {
        self.write_with(Settings::default())
    }

    /// The same, with settings; scope and workers are the command line's.
    pub(crate) fn write_with(&self, settings: Settings) -> Result<Writer<'_, 'n>> {
        if let Some((lent, _)) = &self.lent {
            let mut nexus = lent.try_borrow_mut().map_err(|_| Error::argument("the store is in use"))?;
            nexus.stand_in(self.scope.as_str().into(), settings.embed);
            return Ok(Writer::Lent(nexus));
        }
        let settings =
            Settings { scope: self.scope.as_str().into(), workers: self.workers, device: self.device, ..settings };
        Ok(Writer::Own(Box::new(Nexus::open_with(&self.store, settings)?)))
    }

    /// Standard input: of whoever typed the command.
    pub(crate) fn stdin(&self) -> Box<dyn BufRead + Send> {
        match &self.lent {
            None => Box::new(BufReader::new(stdin())),
            Some((_, input)) => match input.take() {
                Some(file) => Box::new(BufReader::new(file)),
                None => Box::new(std::io::empty()),
            },
        }
    }
}

impl Writer<'_, '_> {
    /// Finishes the epoch at hand, and lets go of the store.
    pub(crate) fn close(self) -> Result<()> {
        match self {
            Writer::Own(nexus) => Ok(nexus.close()?),
            Writer::Lent(mut nexus) => Ok(nexus.flush().map(drop)?),
        }
    }
}

impl Deref for Writer<'_, '_> {
    type Target = Nexus;

    fn deref(&self) -> &Nexus {
        match self {
            Writer::Own(nexus) => nexus,
            Writer::Lent(nexus) => nexus,
        }
    }
}

impl DerefMut for Writer<'_, '_> {
    fn deref_mut(&mut self) -> &mut Nexus {
        match self {
            Writer::Own(nexus) => nexus,
            Writer::Lent(nexus) => nexus,
        }
    }
}

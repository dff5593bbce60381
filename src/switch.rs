//! Another embedder for a scope: it reads all that is there, and takes over when it has.
//!
//! The new one is asked beside the old one (two rows of policy), so that recall goes on with the old vectors. When nothing is
//! open any more the old row goes: from that epoch on the new one is searched. Stopped half way, by ctrl-C or a crash,
//! nothing is lost: the same call goes on. Vectors are kept by model and text, so switching back costs nothing, and no
//! fact is touched. Cost: one embedding per distinct text.

use nexus_inference::models;
use nexus_types::PolicyRow;

use crate::admit::Record;
use crate::progress::{Go, Progress};
use crate::writer::Nexus;
use crate::{Error, Result, embedder};

/// How far a switch is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Switch {
    /// The id of the new embedder.
    pub to: String,
    /// The ids of those it takes over from; none if it was the only one.
    pub from: Vec<String>,
    /// Texts it has still to read; 0 if it has taken over.
    pub open_asks: usize,
    /// Facts that changed by it: none.
    pub facts: (usize, usize),
    /// The epoch in which it has taken over.
    pub epoch: Option<u64>,
}

impl Nexus {
    /// Lets the scope be searched by the embedder of that name.
    pub fn use_model(&mut self, name: &str, watch: &mut dyn FnMut(&Progress) -> Go) -> Result<Switch> {
        let known = models::known(name)?;
        if !known.is_embedder() {
            return Err(Error::argument(format!("{name} makes no vectors to search by; see nexus models")));
        }
        if !self.engine.load(&known)? {
            return Err(Error::argument(format!("{name} is not here: nexus models fetch {name}")));
        }
        let (scope, to) = (self.scope().clone(), known.id());
        let row = PolicyRow { scope: scope.clone(), policy: embedder::asks(&to) };
        self.engine.acknowledge(vec![Record::Policy { added: vec![row], removed: Vec::new() }])?;
        // After that, so that a scope without an embedder is not read by the default one first.
        self.engine.ensure_scope(&scope)?;
        let report = self.catch_up(watch)?;
        let from: Vec<String> = self.embedders().into_iter().filter(|id| *id != to).collect();
        let others = from.iter().map(|id| embedder::asks(id)).collect();
        let open_asks = self.engine.open_to(&to);
        let epoch = if open_asks == 0 { Some(self.change_policy(Vec::new(), others)?.epoch) } else { None };
        Ok(Switch { to, from, open_asks, facts: report.facts, epoch })
    }

    /// The ids of the scope's embedders.
    fn embedders(&self) -> Vec<String> {
        let wanted = embedder::wanted(&self.engine.policy, Some(self.scope()));
        wanted.into_iter().map(|id| id.to_string()).collect()
    }
}

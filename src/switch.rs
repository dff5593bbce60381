//! Another model for a scope: it reads all that is there, and takes over when it has.
//!
//! The new one is asked beside the old one, so that memory goes on as it is. When nothing is open any more it takes the old
//! one's place: from that epoch on the new embedder is searched, or what the new extractor read is what is claimed. Stopped
//! half way, by ctrl-C or a crash, nothing is lost: the same call goes on. Answers are kept by model and text, so
//! switching back costs nothing. An embedder touches no fact. Cost: one reading per distinct text.

use nexus_dataflows::Inputs;
use nexus_inference::models::{self, Kind, Known};
use nexus_types::{Policy, PolicyRow, Task};

use crate::admit::Record;
use crate::progress::{Go, Progress};
use crate::reconsolidate::{FactDiff, fact_diff};
use crate::writer::Nexus;
use crate::{Error, ErrorKind, Result, embedder};

/// How far a switch is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Switch {
    /// The id of the new model.
    pub to: String,
    /// The ids of those it takes over from; none if it was the only one.
    pub from: Vec<String>,
    /// Texts it has still to read; 0 if it has taken over.
    pub open_asks: usize,
    /// Facts that came and went by it; an embedder changes none.
    pub facts: (usize, usize),
    /// The epoch in which it has taken over.
    pub epoch: Option<u64>,
}

impl Nexus {
    /// Lets the scope be searched by the embedder of that name, or read by the extractor.
    pub fn use_model(&mut self, name: &str, watch: &mut dyn FnMut(&Progress) -> Go) -> Result<Switch> {
        let known = models::known(name)?;
        match known.kind {
            Kind::Extractor | Kind::Endpoint => self.use_extractor(&known, watch),
            Kind::Reranker => Err(Error::argument(format!("{name} makes no vectors to search by; see nexus models"))),
            _ => self.use_embedder(&known, watch),
        }
    }

    /// What the scope would hold if the extractor of that name had read it: it reads what it has not, and nothing else changes.
    /// `patterns` is the one that needs no model. None if it was stopped before it had read everything. After a dry run,
    /// finished or not, it is asked no more; what it said is kept.
    pub fn reread(
        &mut self,
        name: &str,
        dry_run: bool,
        watch: &mut dyn FnMut(&Progress) -> Go,
    ) -> Result<Option<FactDiff>> {
        let to = self.prepare(name, watch)?;
        let open = self.engine.open_to(&to);
        let put_off = self.engine.put_off.get(to.as_str()).cloned();
        if open > 0 && dry_run {
            self.change_policy(Vec::new(), vec![preparing(&to)])?;
        }
        match (open, put_off) {
            (0, _) => {}
            (_, None) => return Ok(None),
            (_, Some(reason)) => {
                let message = format!(
                    "{reason}. Texts still to read: {open}; nothing changes until then. The same command goes on"
                );
                return Err(Error::new(ErrorKind::Model, message));
            }
        }
        let (added, removed) = self.extractor_rows(&to);
        let diffs = added.iter().map(|row| (row, 1)).chain(removed.iter().map(|row| (row, -1)));
        let policy = diffs.map(|(policy, diff)| (self.row(policy.clone()), diff)).collect();
        let outputs = self.engine.what_if(Inputs { policy, ..Inputs::default() })?;
        let diff = fact_diff(&self.memory()?, &outputs)?;
        if dry_run {
            self.change_policy(Vec::new(), vec![preparing(&to)])?;
            return Ok(Some(diff));
        }
        let receipt = self.change_policy(added, removed)?;
        Ok(Some(FactDiff { epoch: Some(receipt.epoch), ..diff }))
    }

    fn use_extractor(&mut self, known: &Known, watch: &mut dyn FnMut(&Progress) -> Go) -> Result<Switch> {
        let to = known.id();
        let from: Vec<String> = self.models_for(Task::Extract).into_iter().filter(|id| *id != to).collect();
        let diff = self.reread(&known.name, false, watch)?;
        let (facts, epoch) = diff.map_or(((0, 0), None), |diff| ((diff.added.len(), diff.removed.len()), diff.epoch));
        Ok(Switch { open_asks: self.engine.open_to(&to), to, from, facts, epoch })
    }

    /// Lets an extractor read all that is there, beside the one in use; gives its id.
    fn prepare(&mut self, name: &str, watch: &mut dyn FnMut(&Progress) -> Go) -> Result<String> {
        self.engine.ensure_scope(&self.scope().clone())?;
        let to = if name == "patterns" { nexus_inference::patterns::MODEL.into() } else { self.extractor(name)? };
        let row = self.row(preparing(&to));
        self.engine.acknowledge(vec![Record::Policy { added: vec![row], removed: Vec::new() }])?;
        self.catch_up(watch)?;
        Ok(to)
    }

    /// The id of the extractor of that name, which is at hand from now on.
    fn extractor(&mut self, name: &str) -> Result<String> {
        let known = models::known(name)?;
        if !known.is_extractor() {
            return Err(Error::argument(format!("{name} reads no facts: give `patterns`, `clauses` or an endpoint")));
        }
        if !self.engine.load(&known)? {
            return Err(Error::argument(format!("{name} reads along with {0}: nexus models fetch {0}", known.over)));
        }
        Ok(known.id())
    }

    /// What to add to policy, and what to remove, for that extractor to be the one.
    fn extractor_rows(&self, to: &str) -> (Vec<Policy>, Vec<Policy>) {
        let row = |task, model: &str| Policy::Model { task, model: model.into() };
        let others = self.models_for(Task::Extract).into_iter().filter(|id| id != to);
        let mut removed: Vec<Policy> = others.map(|id| row(Task::Extract, &id)).collect();
        removed.push(preparing(to));
        (vec![row(Task::Extract, to)], removed)
    }

    fn use_embedder(&mut self, known: &Known, watch: &mut dyn FnMut(&Progress) -> Go) -> Result<Switch> {
        if !self.engine.load(known)? {
            return Err(Error::argument(format!("{0} is not here: nexus models fetch {0}", known.name)));
        }
        let (scope, to) = (self.scope().clone(), known.id());
        // Beside one that is in use it only reads, until it has read everything. A scope without any has it at once, and is
        // not read by the default one first.
        let from: Vec<String> = self.models_for(Task::Embed).into_iter().filter(|id| *id != to).collect();
        let row = self.row(if from.is_empty() { embedder::asks(&to) } else { preparing(&to) });
        self.engine.acknowledge(vec![Record::Policy { added: vec![row], removed: Vec::new() }])?;
        self.engine.ensure_scope(&scope)?;
        let report = self.catch_up(watch)?;
        let removed = from.iter().map(|id| embedder::asks(id)).chain([preparing(&to)]).collect();
        let open_asks = self.engine.open_to(&to);
        let done = open_asks == 0;
        let epoch = if done { Some(self.change_policy(vec![embedder::asks(&to)], removed)?.epoch) } else { None };
        Ok(Switch { to, from, open_asks, facts: report.facts, epoch })
    }

    fn row(&self, policy: Policy) -> PolicyRow {
        PolicyRow { scope: self.scope().clone(), policy }
    }

    /// The ids of the scope's models for a task, in order.
    fn models_for(&self, wanted: Task) -> Vec<String> {
        let held = self.engine.policy.iter().filter(|row| row.scope == *self.scope());
        let ids = held.filter_map(|row| match &row.policy {
            Policy::Model { task, model } if *task == wanted => Some(model.to_string()),
            _ => None,
        });
        ids.collect()
    }
}

/// The policy by which a model reads beside the one in use.
fn preparing(id: &str) -> Policy {
    Policy::Model { task: Task::Prepare, model: id.into() }
}

//! Reconsolidation: the same history under another policy, as a difference.
//!
//! Policy rows are inputs: the graph works their difference in, and what comes out is exactly what changes. A dry run
//! steps it out again. Cost: the claims whose rules change.

use std::collections::BTreeSet;

use nexus_dataflows::{Inputs, Outputs};
use nexus_query::FactView;
use nexus_types::{Fact, PolicyRow};
use serde::Serialize;

use crate::policy::PolicyFile;
use crate::writer::Nexus;
use crate::{Memory, Result};

/// The difference in held facts between two policies.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FactDiff {
    /// Facts that do not hold under the new policy, or not like that.
    pub removed: Vec<FactView>,
    /// Facts that hold under the new policy.
    pub added: Vec<FactView>,
    /// How many decisions are other ones.
    pub decisions: usize,
    /// The epoch in which the new policy holds; none for a dry run.
    pub epoch: Option<u64>,
}

impl Nexus {
    /// Replaces the scope's page of rules and shows which facts change; a dry run changes nothing.
    pub fn reconsolidate(&mut self, page: &PolicyFile, dry_run: bool) -> Result<FactDiff> {
        self.engine.ensure_scope(&self.scope().clone())?;
        self.engine.turn()?;
        let (held, wanted) = (self.policy_rows(&self.policy()), self.policy_rows(page));
        let added: Vec<PolicyRow> = wanted.difference(&held).cloned().collect();
        let removed: Vec<PolicyRow> = held.difference(&wanted).cloned().collect();
        let diffs = added.iter().map(|row| (row.clone(), 1)).chain(removed.iter().map(|row| (row.clone(), -1)));
        let outputs = self.engine.what_if(Inputs { policy: diffs.collect(), ..Inputs::default() })?;
        let diff = fact_diff(&self.memory()?, &outputs)?;
        if dry_run || (added.is_empty() && removed.is_empty()) {
            return Ok(diff);
        }
        let policies = |rows: Vec<PolicyRow>| rows.into_iter().map(|row| row.policy).collect();
        let receipt = self.change_policy(policies(added), policies(removed))?;
        Ok(FactDiff { epoch: Some(receipt.epoch), ..diff })
    }

    fn policy_rows(&self, page: &PolicyFile) -> BTreeSet<PolicyRow> {
        let scope = self.scope();
        page.policies().into_iter().map(|policy| PolicyRow { scope: scope.clone(), policy }).collect()
    }
}

/// The held facts that change, with the names that entities have in `memory`.
pub(crate) fn fact_diff(memory: &Memory, outputs: &Outputs) -> Result<FactDiff> {
    let side = |sign: isize| -> Vec<Fact> {
        let rows = outputs.facts.iter().filter(|(fact, diff)| diff.signum() == sign && fact.known_to.is_none());
        rows.map(|(fact, _)| fact.clone()).collect()
    };
    Ok(FactDiff {
        removed: memory.fact_views(&side(-1))?,
        added: memory.fact_views(&side(1))?,
        decisions: outputs.decisions.iter().filter(|(_, diff)| *diff > 0).count(),
        epoch: None,
    })
}

//! Spanish.
use super::lexicon::Tables;
pub(super) const TABLES: Tables = Tables {
    classes: &[], relations: &[], verbs: &[], forms: &[], openers: &[], rules: &[], phrases: &[], times: &[], numbers: &[],
    months: &[], weekdays: &[], units: &[], hedges: &[], jokes: &[], drops_subject: true,
};

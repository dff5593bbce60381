//! Text analysis and integer scoring, pure: the one definition that recall and watch share.

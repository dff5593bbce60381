//! The nouns of Nexus: events, passages, asks, answers, claims, entities, facts, decisions, and their Arrow schemas.

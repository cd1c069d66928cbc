//! Snapshot, plan, keys, health, fan-out, attempts and the judge.

//! Simulated platforms: scriptable, with faults and a ledger of what was asked.

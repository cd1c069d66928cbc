//! Pictures on disk instead of in memory: lifting JSON, spool files, probing, keeping.

//! What OpenAI-compatible platforms share.

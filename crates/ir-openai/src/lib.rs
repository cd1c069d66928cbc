//! The public dialect: OpenAI's requests, answers, streams and errors.

//! The one failure type. A fault says what class it is, who must change something, and whether it
//! may have been charged; the judge decides what follows, the renderer what the caller reads.

use std::time::Duration;

/// What went wrong, by what follows from it (`06-errors.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// The request cannot be drawn as asked.
    InvalidRequest,
    /// Refused by a safety system.
    ContentRejected,
    /// The platform does not take this key.
    KeyRejected,
    /// The key's account has nothing left until its quota is renewed.
    QuotaExhausted,
    /// Too many requests with this key for now.
    RateLimited,
    /// The platform is busy for everybody.
    Overloaded,
    /// The platform failed or answered nonsense, or the connection broke.
    UpstreamFault,
    /// The gateway's own rules forbid to dial where the platform's address leads.
    Blocked,
    /// A deadline passed.
    Timeout,
    /// An asynchronous task ended in failure.
    TaskFailed,
    /// The platform does not have this model.
    ModelNotFound,
    /// No key is usable at present.
    NoKey,
    /// The caller went away before anything was sent.
    Cancelled,
    /// The gateway itself refused, before any attempt.
    Gate(Gate),
}

impl Class {
    /// Every class of an attempt (all but [`Class::Gate`]), for tests over the whole table.
    pub const ATTEMPT: [Self; 13] = [
        Self::InvalidRequest,
        Self::ContentRejected,
        Self::KeyRejected,
        Self::QuotaExhausted,
        Self::RateLimited,
        Self::Overloaded,
        Self::UpstreamFault,
        Self::Blocked,
        Self::Timeout,
        Self::TaskFailed,
        Self::ModelNotFound,
        Self::NoKey,
        Self::Cancelled,
    ];

    /// The name in logs and in the request log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::ContentRejected => "content_rejected",
            Self::KeyRejected => "key_rejected",
            Self::QuotaExhausted => "quota_exhausted",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::UpstreamFault => "upstream_fault",
            Self::Blocked => "blocked",
            Self::Timeout => "timeout",
            Self::TaskFailed => "task_failed",
            Self::ModelNotFound => "model_not_found",
            Self::NoKey => "no_key",
            Self::Cancelled => "cancelled",
            Self::Gate(gate) => gate.code(),
        }
    }
}

/// Why the gateway refused a request before any attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Gate {
    /// No credential.
    MissingKey,
    /// A credential that nobody knows.
    BadKey,
    /// A client key that the operator switched off.
    KeyDisabled,
    /// A platform's key while relay mode is off.
    RelayDisabled,
    /// This caller may not use this model.
    ModelNotAllowed,
    /// No such path.
    NotFound,
    /// The path does not take this method.
    MethodNotAllowed,
    /// The body or a field is above its limit.
    TooLarge,
    /// The media type or encoding of the body is not taken.
    MediaType,
    /// The request line is too long.
    UriTooLong,
    /// A parameter is wrong, missing or unreadable.
    BadInput,
    /// A parameter is right but cannot be honoured.
    Unsupported,
    /// Given bytes are not a whole picture.
    ImageInvalid,
    /// Given bytes are a format that is not taken.
    ImageType,
    /// A given picture's dimensions are above the limit.
    ImageTooLarge,
    /// A given address is not allowed.
    UrlNotAllowed,
    /// A given address could not be fetched.
    ImageUrlUnreachable,
    /// The body did not arrive in time.
    SlowBody,
    /// An idempotency key that another request was made with.
    KeyReused,
    /// A client key's own limit.
    RateLimited,
    /// Relay and backend mode are both off.
    ServiceDisabled,
    /// The gateway sheds load.
    Overloaded,
    /// The gateway is going down.
    ShuttingDown,
    /// No space for pictures.
    StorageFull,
    /// Our own fault.
    Internal,
}

impl Gate {
    /// Every value, for tests over the whole table.
    pub const ALL: [Self; 25] = [
        Self::MissingKey,
        Self::BadKey,
        Self::KeyDisabled,
        Self::RelayDisabled,
        Self::ModelNotAllowed,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::TooLarge,
        Self::MediaType,
        Self::UriTooLong,
        Self::BadInput,
        Self::Unsupported,
        Self::ImageInvalid,
        Self::ImageType,
        Self::ImageTooLarge,
        Self::UrlNotAllowed,
        Self::ImageUrlUnreachable,
        Self::SlowBody,
        Self::KeyReused,
        Self::RateLimited,
        Self::ServiceDisabled,
        Self::Overloaded,
        Self::ShuttingDown,
        Self::StorageFull,
        Self::Internal,
    ];

    /// The `code` that the caller reads.
    pub const fn code(self) -> &'static str {
        match self {
            Self::MissingKey => "missing_api_key",
            Self::BadKey => "invalid_api_key",
            Self::KeyDisabled => "api_key_disabled",
            Self::RelayDisabled => "relay_disabled",
            Self::ModelNotAllowed => "model_not_allowed",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::TooLarge => "request_too_large",
            Self::MediaType => "unsupported_media_type",
            Self::UriTooLong => "uri_too_long",
            Self::BadInput => "invalid_request_error",
            Self::Unsupported => "unsupported_parameter",
            Self::ImageInvalid => "invalid_image_file",
            Self::ImageType => "unsupported_image_type",
            Self::ImageTooLarge => "image_too_large",
            Self::UrlNotAllowed => "url_not_allowed",
            Self::ImageUrlUnreachable => "image_url_unreachable",
            Self::SlowBody => "request_timeout",
            Self::KeyReused => "idempotency_key_reused",
            Self::RateLimited => "rate_limit_exceeded",
            Self::ServiceDisabled => "service_disabled",
            Self::Overloaded => "overloaded",
            Self::ShuttingDown => "shutting_down",
            Self::StorageFull => "storage_full",
            Self::Internal => "internal_error",
        }
    }

    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::MissingKey | Self::BadKey => 401,
            Self::KeyDisabled | Self::RelayDisabled | Self::ModelNotAllowed => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::SlowBody => 408,
            Self::TooLarge => 413,
            Self::UriTooLong => 414,
            Self::MediaType => 415,
            Self::BadInput
            | Self::Unsupported
            | Self::ImageInvalid
            | Self::ImageType
            | Self::ImageTooLarge
            | Self::UrlNotAllowed
            | Self::ImageUrlUnreachable => 400,
            Self::KeyReused => 422,
            Self::RateLimited => 429,
            Self::Internal => 500,
            Self::ServiceDisabled | Self::Overloaded | Self::ShuttingDown => 503,
            Self::StorageFull => 507,
        }
    }
}

/// Who must change something before a repetition can succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Blame {
    /// The one who sent the request.
    Caller,
    /// The one who runs the gateway.
    Operator,
    /// The platform.
    Platform,
}

/// Whether the attempt may have cost money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Charge {
    /// Certainly not: nothing was sent, or the platform refused before drawing.
    No,
    /// Unknown: the request was sent and the answer was lost or useless.
    Maybe,
    /// Certainly: the platform drew, and the picture could not be used.
    Yes,
}

/// A sentence for people, in the two languages that the gateway speaks.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Message {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

impl Message {
    /// The same sentence twice.
    pub fn new(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self { en: en.into(), zh: zh.into() }
    }
}

/// A failure of anything on the way of a request.
#[derive(Clone, Debug)]
pub struct Fault {
    /// What follows from it.
    pub class: Class,
    /// Whether it may have been charged.
    pub charge: Charge,
    /// What to tell the caller: what happened and what to do. `None`: the class's own sentence.
    pub message: Option<Message>,
    /// The platform's own words, as it sent them; the renderer cleans and shortens them.
    pub upstream: Option<String>,
    /// For the log only: an error chain, a status, a position.
    pub detail: Option<String>,
    /// The parameter concerned.
    pub param: Option<String>,
    /// The platform's wish, or ours, when to come back.
    pub retry_after: Option<Duration>,
    /// `InvalidRequest` only: wrong on every platform (no use to try the next).
    pub everywhere: bool,
    /// `ModelNotFound` only: models belong to accounts there, and another key's account may have it.
    pub other_key: bool,
}

impl Fault {
    /// A fault of a class; `charge` as the class suggests (see [`Charge`]).
    pub fn new(class: Class) -> Self {
        let charge = match class {
            Class::UpstreamFault | Class::Timeout => Charge::Maybe,
            Class::InvalidRequest
            | Class::ContentRejected
            | Class::KeyRejected
            | Class::QuotaExhausted
            | Class::RateLimited
            | Class::Overloaded
            | Class::Blocked
            | Class::TaskFailed
            | Class::ModelNotFound
            | Class::NoKey
            | Class::Cancelled
            | Class::Gate(_) => Charge::No,
        };
        Self {
            class,
            charge,
            message: None,
            upstream: None,
            detail: None,
            param: None,
            retry_after: None,
            everywhere: false,
            other_key: false,
        }
    }

    /// The gateway's own refusal.
    pub fn gate(gate: Gate, en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self::new(Class::Gate(gate)).say(en, zh)
    }

    /// A wrong parameter: 400, naming it.
    pub fn bad(param: &str, en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self::gate(Gate::BadInput, en, zh).param(param)
    }

    /// Sets the sentence for the caller.
    #[must_use]
    pub fn say(mut self, en: impl Into<String>, zh: impl Into<String>) -> Self {
        self.message = Some(Message::new(en, zh));
        self
    }

    /// Sets the platform's own words.
    #[must_use]
    pub fn upstream(mut self, text: impl Into<String>) -> Self {
        self.upstream = Some(text.into());
        self
    }

    /// Sets the text for the log.
    #[must_use]
    pub fn detail(mut self, text: impl Into<String>) -> Self {
        self.detail = Some(text.into());
        self
    }

    /// Names the parameter.
    #[must_use]
    pub fn param(mut self, name: impl Into<String>) -> Self {
        self.param = Some(name.into());
        self
    }

    /// Sets whether it may have been charged.
    #[must_use]
    pub fn charged(mut self, charge: Charge) -> Self {
        self.charge = charge;
        self
    }

    /// Sets when to come back.
    #[must_use]
    pub fn retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// Marks an invalid request as wrong on every platform.
    #[must_use]
    pub fn everywhere(mut self) -> Self {
        self.everywhere = true;
        self
    }

    /// Who must change something.
    pub fn blame(&self) -> Blame {
        match self.class {
            Class::InvalidRequest | Class::ContentRejected | Class::ModelNotFound | Class::Cancelled => Blame::Caller,
            Class::KeyRejected | Class::QuotaExhausted | Class::NoKey | Class::Blocked => Blame::Operator,
            Class::RateLimited | Class::Overloaded | Class::UpstreamFault | Class::Timeout | Class::TaskFailed => Blame::Platform,
            Class::Gate(gate) => match gate {
                Gate::ServiceDisabled | Gate::Overloaded | Gate::ShuttingDown | Gate::StorageFull | Gate::Internal => Blame::Operator,
                Gate::MissingKey
                | Gate::BadKey
                | Gate::KeyDisabled
                | Gate::RelayDisabled
                | Gate::ModelNotAllowed
                | Gate::NotFound
                | Gate::MethodNotAllowed
                | Gate::TooLarge
                | Gate::MediaType
                | Gate::UriTooLong
                | Gate::BadInput
                | Gate::Unsupported
                | Gate::ImageInvalid
                | Gate::ImageType
                | Gate::ImageTooLarge
                | Gate::UrlNotAllowed
                | Gate::ImageUrlUnreachable
                | Gate::SlowBody
                | Gate::KeyReused
                | Gate::RateLimited => Blame::Caller,
            },
        }
    }
}

//! The settings as the code uses them.

use crate::hosts::{HostPort, IpNet};
use ir_model::{Secret, SizeAsk, Task};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use url::Url;

/// Every setting, as it is in force.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address to listen at. Only loopback as long as no credential is configured.
    pub host: IpAddr,
    /// Section `system`.
    pub system: System,
    /// Section `providers`: every known platform by its canonical name.
    pub providers: BTreeMap<String, ProviderSettings>,
    /// Section `routing`.
    pub routing: Routing,
    /// Section `security`.
    pub security: Security,
    /// Section `storage`.
    pub storage: Storage,
    /// Section `api`.
    pub api: Api,
    /// Section `webhooks`.
    pub webhooks: Webhooks,
    /// Section `chat`.
    pub chat: Chat,
    /// `modelsRequireKey`: the model list is only shown to callers with a key.
    pub models_require_key: bool,
    /// Section `limits`.
    pub limits: Limits,
    /// Section `promptOptimizer`.
    pub prompt_optimizer: PromptOptimizer,
    /// Section `imageBed`.
    pub image_bed: ImageBed,
    /// Section `hfModelMap`: Spaces by model id, at most 200.
    pub hf_model_map: BTreeMap<String, Space>,
    /// Section `retention`.
    pub retention: Retention,
    /// Section `metrics`.
    pub metrics: Metrics,
    /// `update.url`: where releases are listed. None: no update check, nothing is asked.
    pub update_url: Option<Url>,
}

/// `system.apiTimeout` where nobody set it.
pub const DEFAULT_API_TIMEOUT: Duration = Duration::from_secs(60);

/// Section `system`.
#[derive(Clone, Debug)]
pub struct System {
    /// The port to listen at.
    pub port: u16,
    /// Longest time of one exchange with an upstream.
    pub api_timeout: Duration,
    /// Largest request body, in bytes.
    pub max_body_size: u64,
    /// Whether browsers on other origins may read answers.
    pub cors: bool,
    /// Whether every request is written to the log.
    pub request_logging: bool,
    /// Whether `/health` and `/ready` answer.
    pub health_check: bool,
    /// The gateway's own key for callers in backend mode.
    pub global_access_key: Option<Secret>,
    /// Whether the global access key also opens `/api`, as it did in 1.x.
    pub global_key_is_admin: bool,
    /// Relay mode: callers' own platform keys are sent on.
    pub relay: bool,
    /// Backend mode: the gateway's key pools are drawn on.
    pub backend: bool,
    /// Input pictures above this many MB are re-encoded.
    pub compress_threshold_mb: f64,
    /// What they are brought to, in MB.
    pub compress_target_mb: f64,
    /// The address under which callers reach the gateway, for picture URLs.
    pub public_base_url: Option<Url>,
    /// Whether backend mode takes callers without a key.
    pub allow_anonymous: bool,
    /// Demo mode: `Local` takes part in plans and the key `demo` is taken from loopback.
    pub demo: bool,
    /// A level or a tracing filter.
    pub log_level: String,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// Whether prompts may stand in text logs.
    pub log_prompts: bool,
    /// The address of a PostgreSQL database, instead of the one in the data folder.
    pub database_url: Option<Secret>,
    /// The address of a Redis server that several gateways share.
    pub redis_url: Option<Secret>,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// One platform's settings: `providers.<Platform>`.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// Whether it may be used. None: the platform's own default.
    pub enabled: Option<bool>,
    /// Replaces the platform's base address. No trailing slash.
    pub base_url: Option<String>,
    /// Which of its two APIs is spoken (Pollinations only).
    pub api: Option<PollinationsApi>,
    /// Whether pictures bear the platform's mark; true where the platform leaves no choice.
    pub watermark: bool,
    /// Prompts for several pictures are given numbers for them.
    pub picture_hints: bool,
    /// `text`.
    pub text: TaskSettings,
    /// `edit`.
    pub edit: TaskSettings,
    /// `blend`.
    pub blend: TaskSettings,
}

impl ProviderSettings {
    /// The settings of one task.
    pub fn task(&self, task: Task) -> &TaskSettings {
        match task {
            Task::Text => &self.text,
            Task::Edit => &self.edit,
            Task::Blend => &self.blend,
        }
    }
}

/// The two APIs of Pollinations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollinationsApi {
    /// The present one.
    Gen,
    /// The one that needs no key.
    Legacy,
}

impl PollinationsApi {
    /// The setting's value.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gen => "gen",
            Self::Legacy => "legacy",
        }
    }
}

/// One platform's settings for one task.
#[derive(Clone, Debug)]
pub struct TaskSettings {
    /// The model to use when none is asked for.
    pub model: Option<String>,
    /// The size to use when none is asked for.
    pub size: Option<SizeAsk>,
    /// The quality to use when none is asked for.
    pub quality: Option<String>,
    /// How many pictures to draw when no number is asked for.
    pub n: Option<u32>,
    /// Inference steps; the platform's `defaultSteps` where the task has none.
    pub steps: Option<u32>,
    /// 0–100. The heavier the earlier; 0: only when named.
    pub weight: u32,
    /// Model ids of the operator's choice that lead here. At most 200.
    pub model_map: Vec<String>,
    /// What the prompt optimizer does before this platform draws.
    pub prompt_optimizer: OptimizerChoice,
}

/// Which steps of the prompt optimizer are on for a task of a platform. None: as in general.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptimizerChoice {
    /// Translate the prompt to English.
    pub translate: Option<bool>,
    /// Expand the prompt.
    pub expand: Option<bool>,
}

/// Section `routing`.
#[derive(Clone, Debug)]
pub struct Routing {
    /// Share by weight, instead of trying the heaviest first.
    pub weighted: bool,
    /// A model that nobody lists is drawn by the platforms' default models, instead of refused.
    pub unknown_model_auto: bool,
    /// The ids that some clients are tied to stand for the automatic choice.
    pub client_model_names: bool,
    /// A prompt refused by one platform's moderation goes on to the next.
    pub failover_on_moderation: bool,
    /// An attempt that may have cost money is repeated all the same.
    pub retry_uncertain: bool,
    /// Longest time of one request over all its attempts.
    pub deadline: Duration,
}

/// Section `security`.
#[derive(Clone, Debug)]
pub struct Security {
    /// Private and loopback places that may be dialled.
    pub allow_private: Vec<HostPort>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Origins that may read answers from a browser. Empty: any.
    pub cors_origins: Vec<String>,
    /// Host names under which the panel and `/api` may be opened, besides those that always may.
    pub allowed_hosts: Vec<String>,
    /// The admin's password, where it is set from outside.
    pub admin_password: Option<Secret>,
    /// The argon2id hash (PHC text) of a password that was set in the panel.
    pub admin_password_hash: Option<Secret>,
    /// A key that opens `/api`.
    pub admin_key: Option<Secret>,
}

/// Section `storage`.
#[derive(Clone, Debug)]
pub struct Storage {
    /// Pictures are flushed to the disk before an answer names them.
    pub fsync: bool,
    /// Stored pictures are only shown to callers with a key.
    pub require_auth: bool,
    /// A bucket that pictures are copied to.
    pub s3: Option<S3>,
}

/// An S3-compatible bucket.
#[derive(Clone, Debug)]
pub struct S3 {
    /// The service's address.
    pub endpoint: Url,
    /// The bucket.
    pub bucket: String,
    /// The id of the access key.
    pub access_key: String,
    /// The access key's secret.
    pub secret_key: Secret,
    /// The region, `auto` where the service has none.
    pub region: String,
    /// Where the bucket's name stands in addresses.
    pub style: BucketStyle,
    /// A folder of the bucket that everything is put in, without slashes at its ends.
    pub prefix: Option<String>,
    /// Where callers can read the bucket's pictures.
    pub public_url: Option<Url>,
}

/// Where a bucket's name stands in addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BucketStyle {
    /// Before the host at public names whose certificate can cover it, else in the path.
    Auto,
    /// `https://host/bucket/key`.
    Path,
    /// `https://bucket.host/key`.
    Virtual,
}

/// Section `api`.
#[derive(Clone, Debug)]
pub struct Api {
    /// The form of answers to requests that name none.
    pub default_response_format: DefaultResponseFormat,
    /// Blanks before plain JSON answers of long drawings.
    pub json_keep_alive: bool,
}

/// Section `webhooks`.
#[derive(Clone, Debug)]
pub struct Webhooks {
    /// Where the end of every request is told.
    pub url: Option<Url>,
    /// What messages are signed with. `None`: none is sent.
    pub secret: Option<Secret>,
}

/// The form of answers to requests that name none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultResponseFormat {
    /// What the model's own API does.
    Auto,
    /// Always `url`.
    Url,
    /// Always `b64_json`.
    B64Json,
}

/// Section `chat`.
#[derive(Clone, Debug)]
pub struct Chat {
    /// A message without pictures edits the last picture of the conversation.
    pub continue_from_last_image: bool,
    /// Answers also carry their pictures in `images`, beside the Markdown.
    pub message_images: bool,
}

/// Section `limits`.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Open connections.
    pub max_connections: usize,
    /// Open connections of one address.
    pub connections_per_ip: usize,
    /// Requests that draw at once.
    pub concurrent_draws: usize,
    /// Requests that one platform key serves at once.
    pub key_concurrency: u32,
    /// Requests that one platform key begins per minute; 0: as many as it can.
    pub key_per_minute: u32,
    /// Requests with platforms' keys from one address per minute; 0: any number.
    pub relay_per_minute: u32,
    /// Pictures at addresses that are fetched for one caller per minute.
    pub url_fetches_per_minute: usize,
    /// Seconds until a request's head must be there.
    pub header_secs: u64,
    /// Seconds without a byte of a request's body.
    pub body_idle_secs: u64,
    /// Seconds until a request's body must be there.
    pub body_total_secs: u64,
    /// Seconds that an idle connection is kept.
    pub keep_alive_secs: u64,
    /// Seconds that requests under way get at shutdown.
    pub drain_secs: u64,
    /// Bytes of pictures in flight, over all requests.
    pub in_flight_bytes: u64,
}

/// Section `promptOptimizer`.
#[derive(Clone, Debug)]
pub struct PromptOptimizer {
    /// The base address of an OpenAI-compatible service.
    pub base_url: Option<Url>,
    /// Its key.
    pub api_key: Option<Secret>,
    /// The model.
    pub model: Option<String>,
    /// Translate prompts, unless a platform's task says otherwise.
    pub enable_translate: bool,
    /// Replaces the built-in instruction to translate.
    pub translate_prompt: Option<String>,
    /// Most characters of a prompt that are translated; the rest is cut off.
    pub translate_max_length: u32,
    /// Expand prompts, unless a platform's task says otherwise.
    pub enable_expand: bool,
    /// Replaces the built-in instruction to expand.
    pub expand_prompt: Option<String>,
    /// Most characters of a prompt that are expanded; the rest is cut off.
    pub expand_max_length: u32,
    /// Whether each picture of a request for several gets a wording of its own.
    pub per_picture: bool,
}

/// Section `imageBed`.
#[derive(Clone, Debug)]
pub struct ImageBed {
    /// The service's address. None: no image bed.
    pub base_url: Option<Url>,
    /// The path of its upload call.
    pub upload_endpoint: String,
    /// Its credential.
    pub auth_code: Option<Secret>,
    /// The folder to put pictures in.
    pub upload_folder: Option<String>,
    /// The channel to put pictures through.
    pub upload_channel: Option<String>,
}

/// The Spaces that serve a HuggingFace model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    /// The Space to ask.
    pub main: Url,
    /// The Space to ask when the first fails.
    pub backup: Option<Url>,
}

/// Section `retention`. 0: for ever.
#[derive(Clone, Debug)]
pub struct Retention {
    /// Days that the request log goes back.
    pub request_log_days: u32,
    /// Days that pictures are kept.
    pub picture_days: u32,
}

/// Section `metrics`.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Whether `/metrics` answers.
    pub enabled: bool,
    /// A listener of its own, open to all who reach it.
    pub listen: Option<SocketAddr>,
}

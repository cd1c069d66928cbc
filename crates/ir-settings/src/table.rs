//! The table of settings: the one place that says what there is.

use crate::platforms::PLATFORMS;
use std::borrow::Cow;
use std::sync::LazyLock;

/// What values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// `true` or `false`; in the environment also `1`, `0`, `yes`, `no`, `on`, `off`.
    Bool,
    /// A whole number within bounds.
    Int {
        /// Least.
        min: u64,
        /// Most.
        max: u64,
        /// What it counts.
        unit: &'static str,
    },
    /// A number within bounds.
    Number {
        /// Least.
        min: f64,
        /// Most.
        max: f64,
        /// What it counts.
        unit: &'static str,
    },
    /// Text of at most this many characters.
    Text {
        /// Most characters.
        max: usize,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// An `http` or `https` address without credentials or fragment.
    Url {
        /// Whether the gateway itself goes there, so that a private address must be allowed.
        dialled: bool,
    },
    /// A secret: sealed in the file, never shown.
    Secret {
        /// Whether it lets people in: then it is never empty, never shorter than 8 characters, and
        /// without blanks.
        opens: bool,
        /// The setting whose address it may be sent to; a change of that address drops the secret.
        bound_to: Option<&'static str>,
    },
    /// An IP address.
    Ip,
    /// An IP address and a port.
    Socket,
    /// A list of `host:port`.
    Hosts,
    /// A list of addresses and networks (`10.0.0.0/8`).
    Nets,
    /// A list of origins (`https://app.example.com`).
    Origins,
    /// `1024x768`, `16:9`, `2K` or `auto`.
    Size,
    /// A list of host names.
    Names,
    /// Model ids, separated by commas (also full-width ones).
    Models,
    /// Spaces by model id: `{"<model>": {"main": "<URL>", "backup": "<URL>"}}`.
    Spaces,
}

/// One setting.
#[derive(Clone, Debug)]
pub struct Def {
    /// Where it stands in the file: `system.port`.
    pub path: Cow<'static, str>,
    /// The environment variable that overrides it.
    pub env: Cow<'static, str>,
    /// What values it takes.
    pub kind: Kind,
    /// Its default, written as in the environment; None: not set.
    pub default: Option<&'static str>,
    /// What it is for, in one line.
    pub doc: &'static str,
}

impl Def {
    const fn new(path: &'static str, env: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Self {
        let default = if default.is_empty() { None } else { Some(default) };
        Self { path: Cow::Borrowed(path), env: Cow::Borrowed(env), kind, default, doc }
    }

    /// Whether its value must never be shown.
    pub fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Secret { .. })
    }
}

const fn int(min: u64, max: u64, unit: &'static str) -> Kind {
    Kind::Int { min, max, unit }
}
const fn secs(min: u64, max: u64) -> Kind {
    int(min, max, "s")
}
const fn text(max: usize) -> Kind {
    Kind::Text { max }
}
const fn secret(bound_to: &'static str) -> Kind {
    Kind::Secret { opens: false, bound_to: Some(bound_to) }
}
const OPENS: Kind = Kind::Secret { opens: true, bound_to: None };
const SECRET: Kind = Kind::Secret { opens: false, bound_to: None };
const MEGABYTES: Kind = Kind::Number { min: 0.1, max: 64.0, unit: "MB" };
const DIALLED: Kind = Kind::Url { dialled: true };
const SHOWN: Kind = Kind::Url { dialled: false };
const BOOL: Kind = Kind::Bool;

/// All settings but those that every platform has (see [`all_defs`]).
#[rustfmt::skip]
pub static DEFS: &[Def] = &[
    Def::new("system.port", "PORT", int(1, 65_535, ""), "10001", "The port to listen at."),
    Def::new("system.host", "IMG_ROUTER_HOST", Kind::Ip, "", "The address to listen at. Not set: 127.0.0.1, and 0.0.0.0 once a credential is configured."),
    Def::new("system.apiTimeout", "API_TIMEOUT_MS", int(100, 3_600_000, "ms"), "60000", "Longest time of one exchange with a platform. Platforms that are known to be slower have more, unless it is below 60000."),
    Def::new("system.maxBodySize", "IMG_ROUTER_SYSTEM_MAX_BODY_SIZE", int(1024, 1 << 30, "bytes"), "20971520", "Largest request body."),
    Def::new("system.cors", "IMG_ROUTER_SYSTEM_CORS", BOOL, "true", "Browsers on other origins may read answers."),
    Def::new("system.requestLogging", "IMG_ROUTER_SYSTEM_REQUEST_LOGGING", BOOL, "true", "Write every request to the log."),
    Def::new("system.healthCheck", "IMG_ROUTER_SYSTEM_HEALTH_CHECK", BOOL, "true", "Answer /health and /ready."),
    Def::new("system.globalAccessKey", "IMG_ROUTER_GLOBAL_ACCESS_KEY", OPENS, "", "The gateway's own key for callers in backend mode."),
    Def::new("system.globalKeyIsAdmin", "IMG_ROUTER_SYSTEM_GLOBAL_KEY_IS_ADMIN", BOOL, "", "The global access key also opens /api. Not set: only for a configuration taken over from 1.x."),
    Def::new("system.modes.relay", "IMG_ROUTER_SYSTEM_MODES_RELAY", BOOL, "true", "Callers' own platform keys are sent on."),
    Def::new("system.modes.backend", "IMG_ROUTER_SYSTEM_MODES_BACKEND", BOOL, "false", "Callers with a key of the gateway draw on its key pools."),
    Def::new("system.compressThreshold", "IMG_ROUTER_SYSTEM_COMPRESS_THRESHOLD", MEGABYTES, "5", "Input pictures above this are re-encoded."),
    Def::new("system.compressTarget", "IMG_ROUTER_SYSTEM_COMPRESS_TARGET", MEGABYTES, "2", "What re-encoded input pictures are brought to, at most."),
    Def::new("system.publicBaseUrl", "IMG_ROUTER_PUBLIC_BASE_URL", SHOWN, "", "The address under which callers reach the gateway, for the URLs of pictures."),
    Def::new("system.allowAnonymous", "IMG_ROUTER_SYSTEM_ALLOW_ANONYMOUS", BOOL, "false", "Backend mode takes callers without a key."),
    Def::new("system.demo", "IMG_ROUTER_DEMO", BOOL, "false", "Local draws too, backend mode is on, and the key `demo` is taken from loopback addresses."),
    Def::new("system.logLevel", "LOG_LEVEL", text(1000), "info", "trace, debug, info, warn, error, or a tracing filter."),
    Def::new("system.logFormat", "IMG_ROUTER_LOG_FORMAT", Kind::Choice(&["text", "json"]), "text", "How log lines are written."),
    Def::new("system.logPrompts", "IMG_ROUTER_SYSTEM_LOG_PROMPTS", BOOL, "false", "The log tells the prompt of every request that ended (its first 1000 characters)."),
    Def::new("system.databaseUrl", "IMG_ROUTER_DATABASE_URL", SECRET, "", "A PostgreSQL database, instead of the one in the data folder."),
    Def::new("system.redisUrl", "IMG_ROUTER_REDIS_URL", SECRET, "", "A Redis server that several gateways share."),
    Def::new("promptOptimizer.baseUrl", "PROMPT_OPTIMIZER_BASE_URL", DIALLED, "", "An OpenAI-compatible service that improves prompts."),
    Def::new("promptOptimizer.apiKey", "PROMPT_OPTIMIZER_API_KEY", secret("promptOptimizer.baseUrl"), "", "Its key."),
    Def::new("promptOptimizer.model", "PROMPT_OPTIMIZER_MODEL", text(200), "", "Its model."),
    Def::new("promptOptimizer.enableTranslate", "IMG_ROUTER_PROMPT_OPTIMIZER_ENABLE_TRANSLATE", BOOL, "false", "Translate prompts to English."),
    Def::new("promptOptimizer.translatePrompt", "IMG_ROUTER_PROMPT_OPTIMIZER_TRANSLATE_PROMPT", text(20_000), "", "Replaces the built-in instruction to translate."),
    Def::new("promptOptimizer.translateMaxLength", "IMG_ROUTER_PROMPT_OPTIMIZER_TRANSLATE_MAX_LENGTH", int(1, 64_000, "characters"), "5000", "How much of a prompt is translated; what follows is cut off."),
    Def::new("promptOptimizer.enableExpand", "IMG_ROUTER_PROMPT_OPTIMIZER_ENABLE_EXPAND", BOOL, "false", "Expand prompts."),
    Def::new("promptOptimizer.expandPrompt", "IMG_ROUTER_PROMPT_OPTIMIZER_EXPAND_PROMPT", text(20_000), "", "Replaces the built-in instruction to expand."),
    Def::new("promptOptimizer.expandMaxLength", "IMG_ROUTER_PROMPT_OPTIMIZER_EXPAND_MAX_LENGTH", int(1, 64_000, "characters"), "5000", "How much of a prompt is expanded; what follows is cut off."),
    Def::new("promptOptimizer.perPicture", "IMG_ROUTER_PROMPT_OPTIMIZER_PER_PICTURE", BOOL, "false", "Word the prompt anew for each picture of a request for several."),
    Def::new("imageBed.baseUrl", "IMAGE_BED_BASE_URL", DIALLED, "", "An image bed, for platforms that only take picture URLs."),
    Def::new("imageBed.uploadEndpoint", "IMG_ROUTER_IMAGE_BED_UPLOAD_ENDPOINT", text(200), "/upload", "The path of its upload call."),
    Def::new("imageBed.authCode", "IMAGE_BED_AUTH_CODE", secret("imageBed.baseUrl"), "", "Its credential."),
    Def::new("imageBed.uploadFolder", "IMAGE_BED_UPLOAD_FOLDER", text(200), "", "The folder to upload to."),
    Def::new("imageBed.uploadChannel", "IMAGE_BED_UPLOAD_CHANNEL", text(200), "", "The channel to upload through."),
    Def::new("hfModelMap", "IMG_ROUTER_HF_MODEL_MAP", Kind::Spaces, "", "HuggingFace Spaces by model id."),
    Def::new("storage.durability", "IMG_ROUTER_STORAGE_DURABILITY", Kind::Choice(&["fsync", "os"]), "fsync", "Whether pictures are flushed to the disk before an answer names them."),
    Def::new("storage.requireAuth", "IMG_ROUTER_STORAGE_REQUIRE_AUTH", BOOL, "false", "Stored pictures are only shown to callers with a key."),
    Def::new("storage.s3.endpoint", "IMG_ROUTER_STORAGE_S3_ENDPOINT", DIALLED, "", "An S3-compatible service that pictures are copied to."),
    Def::new("storage.s3.bucket", "IMG_ROUTER_STORAGE_S3_BUCKET", text(255), "", "Its bucket."),
    Def::new("storage.s3.accessKey", "IMG_ROUTER_STORAGE_S3_ACCESS_KEY", text(255), "", "The id of its access key."),
    Def::new("storage.s3.secretKey", "IMG_ROUTER_STORAGE_S3_SECRET_KEY", secret("storage.s3.endpoint"), "", "The access key's secret."),
    Def::new("storage.s3.region", "IMG_ROUTER_STORAGE_S3_REGION", text(100), "auto", "Its region."),
    Def::new("storage.s3.style", "IMG_ROUTER_STORAGE_S3_STYLE", Kind::Choice(&["auto", "path", "virtual"]), "auto", "Where the bucket's name stands: in the path, or before the host. auto: before the host at public names whose certificate can cover it."),
    Def::new("storage.s3.prefix", "IMG_ROUTER_STORAGE_S3_PREFIX", text(200), "", "A folder of the bucket that everything is put in."),
    Def::new("storage.s3.publicUrl", "IMG_ROUTER_STORAGE_S3_PUBLIC_URL", SHOWN, "", "Where callers can read the bucket's pictures."),
    Def::new("routing.strategy", "IMG_ROUTER_ROUTING_STRATEGY", Kind::Choice(&["priority", "weighted"]), "priority", "Heaviest platform first, or a share by weight."),
    Def::new("routing.unknownModel", "IMG_ROUTER_ROUTING_UNKNOWN_MODEL", Kind::Choice(&["auto", "reject"]), "auto", "What becomes of a model that no platform lists."),
    Def::new("routing.clientModelNames", "IMG_ROUTER_ROUTING_CLIENT_MODEL_NAMES", BOOL, "true", "gpt-image-1, gpt-image-2, dall-e-3 and dall-e-2, the only names that some clients know, stand for auto where nothing here is called so."),
    Def::new("routing.failoverOnModeration", "IMG_ROUTER_ROUTING_FAILOVER_ON_MODERATION", BOOL, "false", "A prompt that one platform's moderation refuses goes on to the next."),
    Def::new("routing.retryUncertain", "IMG_ROUTER_ROUTING_RETRY_UNCERTAIN", BOOL, "false", "Repeat attempts that may have cost money already."),
    Def::new("routing.deadline", "IMG_ROUTER_ROUTING_DEADLINE", secs(1, 3600), "300", "Longest time of one request over all its attempts."),
    Def::new("security.allowPrivate", "IMG_ROUTER_ALLOW_PRIVATE", Kind::Hosts, "", "Private and loopback places that may be dialled."),
    Def::new("security.trustedProxies", "IMG_ROUTER_SECURITY_TRUSTED_PROXIES", Kind::Nets, "", "Proxies in front of the gateway. Only what they say counts: X-Forwarded-For names the caller (for limits, logs and the audit log), X-Forwarded-Proto whether the caller came over TLS."),
    Def::new("security.corsOrigins", "IMG_ROUTER_SECURITY_CORS_ORIGINS", Kind::Origins, "", "Origins that may read answers from a browser. Not set: any."),
    Def::new("security.allowedHosts", "IMG_ROUTER_SECURITY_ALLOWED_HOSTS", Kind::Names, "", "Names under which the panel and /api may be opened, besides localhost, addresses and the host of system.publicBaseUrl."),
    Def::new("security.adminPassword", "IMG_ROUTER_ADMIN_PASSWORD", OPENS, "", "The admin's password, where it is set from outside."),
    Def::new("security.adminPasswordHash", "IMG_ROUTER_SECURITY_ADMIN_PASSWORD_HASH", SECRET, "", "The argon2id hash of the password that was set in the panel."),
    Def::new("security.adminKey", "IMG_ROUTER_ADMIN_KEY", OPENS, "", "A key that opens /api."),
    Def::new("api.defaultResponseFormat", "IMG_ROUTER_API_DEFAULT_RESPONSE_FORMAT", Kind::Choice(&["auto", "url", "b64_json"]), "auto", "The form of answers to requests that name none."),
    Def::new("api.jsonKeepAlive", "IMG_ROUTER_API_JSON_KEEP_ALIVE", BOOL, "false", "Long drawings keep plain JSON answers alive with blanks before the document; their status is 200 then, whatever comes."),
    Def::new("webhooks.url", "IMG_ROUTER_WEBHOOKS_URL", DIALLED, "", "Where the end of every request is told."),
    Def::new("webhooks.secret", "IMG_ROUTER_WEBHOOKS_SECRET", SECRET, "", "What webhooks are signed with: whsec_ and 24 to 64 bytes of base64. Without it none is sent."),
    Def::new("chat.continueFromLastImage", "IMG_ROUTER_CHAT_CONTINUE_FROM_LAST_IMAGE", BOOL, "false", "A message without pictures edits the conversation's last picture."),
    Def::new("chat.messageImages", "IMG_ROUTER_CHAT_MESSAGE_IMAGES", BOOL, "false", "Chat answers also carry their pictures in message.images and delta.images, beside the Markdown."),
    Def::new("modelsRequireKey", "IMG_ROUTER_MODELS_REQUIRE_KEY", BOOL, "false", "The model list is only shown to callers with a key."),
    Def::new("limits.maxConnections", "IMG_ROUTER_LIMITS_MAX_CONNECTIONS", int(1, 100_000, ""), "4096", "Open connections."),
    Def::new("limits.connectionsPerIp", "IMG_ROUTER_LIMITS_CONNECTIONS_PER_IP", int(1, 100_000, ""), "256", "Open connections of one address."),
    Def::new("limits.concurrentDraws", "IMG_ROUTER_LIMITS_CONCURRENT_DRAWS", int(1, 100_000, ""), "256", "Requests that draw at once."),
    Def::new("limits.keyConcurrency", "IMG_ROUTER_LIMITS_KEY_CONCURRENCY", int(1, 1000, ""), "4", "Requests that one platform key serves at once."),
    Def::new("limits.keyPerMinute", "IMG_ROUTER_LIMITS_KEY_PER_MINUTE", int(0, 6000, ""), "0", "Requests that one platform key begins per minute; 0: as many as it can."),
    Def::new("limits.relayPerMinute", "IMG_ROUTER_LIMITS_RELAY_PER_MINUTE", int(0, 1_000_000, ""), "1200", "Requests with platforms' keys from one address per minute; 0: any number."),
    Def::new("limits.urlFetchesPerMinute", "IMG_ROUTER_LIMITS_URL_FETCHES_PER_MINUTE", int(1, 100_000, ""), "30", "Pictures at addresses that are fetched for one caller per minute."),
    Def::new("limits.headerTimeout", "IMG_ROUTER_LIMITS_HEADER_TIMEOUT", secs(1, 600), "10", "Until a request's head must be there."),
    Def::new("limits.bodyIdleTimeout", "IMG_ROUTER_LIMITS_BODY_IDLE_TIMEOUT", secs(1, 600), "15", "Longest pause within a request's body."),
    Def::new("limits.bodyTimeout", "IMG_ROUTER_LIMITS_BODY_TIMEOUT", secs(1, 3600), "120", "Until a request's body must be there."),
    Def::new("limits.keepAlive", "IMG_ROUTER_LIMITS_KEEP_ALIVE", secs(1, 3600), "75", "How long an idle connection is kept."),
    Def::new("limits.drain", "IMG_ROUTER_LIMITS_DRAIN", secs(0, 3600), "120", "How long requests under way may take at shutdown."),
    Def::new("limits.inFlightBytes", "IMG_ROUTER_LIMITS_IN_FLIGHT_BYTES", int(1 << 20, 1 << 44, "bytes"), "4294967296", "Pictures in flight, over all requests."),
    Def::new("retention.requestLogDays", "IMG_ROUTER_RETENTION_REQUEST_LOG_DAYS", int(0, 36_500, "days"), "30", "How far the request log goes back. 0: for ever."),
    Def::new("retention.pictureDays", "IMG_ROUTER_RETENTION_PICTURE_DAYS", int(0, 36_500, "days"), "0", "How long pictures are kept. 0: for ever."),
    Def::new("metrics.enabled", "IMG_ROUTER_METRICS_ENABLED", BOOL, "true", "Answer /metrics."),
    Def::new("metrics.listen", "IMG_ROUTER_METRICS_LISTEN", Kind::Socket, "", "A listener of its own for /metrics, open to all who reach it."),
    Def::new("update.url", "IMG_ROUTER_UPDATE_URL", DIALLED, "", "Where releases are listed. Not set: nothing is asked."),
];

/// What every platform has under `providers.<Platform>`.
#[rustfmt::skip]
static OF_PLATFORM: &[(&str, Kind, Option<&str>, &str)] = &[
    ("enabled", BOOL, None, "Whether it may be used. Not set: the platform's own default."),
    ("baseUrl", DIALLED, None, "Replaces the platform's base address."),
    ("defaultSteps", int(1, 200, "steps"), None, "Inference steps, for tasks that set none."),
];

/// What some platforms have besides.
#[rustfmt::skip]
static OF_SOME: &[(&str, &str, Kind, Option<&str>, &str)] = &[
    ("Doubao", "watermark", BOOL, Some("true"), "Whether pictures bear the platform's mark."),
    ("Doubao", "pictureHints", BOOL, Some("true"), "Number the pictures of prompts with several: 图1, 图2."),
    ("Pollinations", "api", Kind::Choice(&["gen", "legacy"]), None, "Which of its two APIs is spoken."),
    ("NewApi", "pictureHints", BOOL, Some("false"), "Number the pictures of prompts with several: 图1, 图2."),
];

/// What every task of a platform has under `providers.<Platform>.<task>`.
#[rustfmt::skip]
static OF_TASK: &[(&str, Kind, Option<&str>, &str)] = &[
    ("model", text(200), None, "The model to use when none is asked for."),
    ("size", Kind::Size, None, "The size to use when none is asked for."),
    ("quality", text(40), None, "The quality to use when none is asked for."),
    ("n", int(1, 16, "pictures"), None, "How many pictures to draw when no number is asked for."),
    ("steps", int(1, 200, "steps"), None, "Inference steps."),
    ("weight", int(0, 100, ""), Some("10"), "The heavier the earlier; 0: only when named."),
    ("modelMap", Kind::Models, None, "Model ids of your own that lead here."),
    ("promptOptimizer.translate", BOOL, None, "Translate prompts to English first. Not set: as in promptOptimizer."),
    ("promptOptimizer.expand", BOOL, None, "Expand prompts first. Not set: as in promptOptimizer."),
];

/// Every setting: [`DEFS`], and for every platform its own rows and those of its tasks.
pub fn all_defs() -> &'static [Def] {
    static ALL: LazyLock<Vec<Def>> = LazyLock::new(|| {
        let mut all = DEFS.to_vec();
        for platform in PLATFORMS.iter() {
            let row = |name: &str, kind: Kind, default: Option<&'static str>, doc: &'static str| {
                let path = format!("providers.{platform}.{name}");
                Def { env: derived_env(&path).into(), path: path.into(), kind, default, doc }
            };
            all.extend(OF_PLATFORM.iter().map(|(name, kind, default, doc)| row(name, *kind, *default, doc)));
            let own = OF_SOME.iter().filter(|(of, ..)| of == platform);
            all.extend(own.map(|(_, name, kind, default, doc)| row(name, *kind, *default, doc)));
            for task in ir_model::Task::ALL {
                for (name, kind, default, doc) in OF_TASK {
                    let mut def = row(&format!("{task}.{name}"), *kind, *default, doc);
                    if *platform == "Doubao" && *name == "n" {
                        def.env = Cow::Borrowed("DOUBAO_DEFAULT_COUNT");
                    }
                    all.push(def);
                }
            }
        }
        all
    });
    &ALL
}

/// The number of a setting's row.
pub(crate) fn index_of(path: &str) -> Option<usize> {
    static BY_PATH: LazyLock<std::collections::HashMap<&'static str, usize>> =
        LazyLock::new(|| all_defs().iter().enumerate().map(|(i, def)| (def.path.as_ref(), i)).collect());
    BY_PATH.get(path).copied()
}

/// `system.modes.relay` → `IMG_ROUTER_SYSTEM_MODES_RELAY`, `maxBodySize` → `MAX_BODY_SIZE`.
pub(crate) fn derived_env(path: &str) -> String {
    // Names of platforms are one word each, though they have capitals inside.
    let mut out = String::from("IMG_ROUTER");
    for part in path.split('.') {
        out.push('_');
        let word = PLATFORMS.contains(&part);
        for (i, c) in part.chars().enumerate() {
            if i > 0 && !word && c.is_ascii_uppercase() {
                out.push('_');
            }
            out.push(c.to_ascii_uppercase());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_regular_and_unique() {
        // 1.x names and the short new ones of the documentation; all others follow from the path.
        let short = ["PORT", "LOG_LEVEL", "API_TIMEOUT_MS", "DOUBAO_DEFAULT_COUNT"];
        let documented = [
            "HOST",
            "GLOBAL_ACCESS_KEY",
            "PUBLIC_BASE_URL",
            "DEMO",
            "LOG_FORMAT",
            "DATABASE_URL",
            "REDIS_URL",
            "ALLOW_PRIVATE",
            "ADMIN_PASSWORD",
            "ADMIN_KEY",
        ];
        let mut envs = std::collections::HashSet::new();
        let mut paths = std::collections::HashSet::new();
        for def in all_defs() {
            let known = short.contains(&def.env.as_ref())
                || def.env.starts_with("PROMPT_OPTIMIZER_")
                || def.env.starts_with("IMAGE_BED_")
                || def.env.strip_prefix("IMG_ROUTER_").is_some_and(|rest| documented.contains(&rest));
            assert!(known || def.env == derived_env(&def.path), "{}: {}", def.path, def.env);
            assert!(paths.insert(def.path.clone()), "{}", def.path);
            assert!(envs.insert(def.env.clone()) || def.env == "DOUBAO_DEFAULT_COUNT", "{}", def.env);
            assert!(def.doc.ends_with('.') && !def.doc.contains('\n'), "{}", def.path);
        }
    }

    #[test]
    fn secrets_are_bound_to_addresses_that_exist() {
        for def in all_defs() {
            if let Kind::Secret { bound_to: Some(path), .. } = def.kind {
                assert!(matches!(all_defs()[index_of(path).unwrap()].kind, Kind::Url { dialled: true }), "{path}");
            }
        }
    }
}

//! From the values of the table to the typed settings.

use crate::platforms::PLATFORMS;
use crate::resolve::Resolved;
use crate::table::index_of;
use crate::types::{
    Api, BucketStyle, Chat, DefaultResponseFormat, ImageBed, Limits, LogFormat, Metrics, OptimizerChoice, PollinationsApi, PromptOptimizer,
    ProviderSettings, Retention, Routing, S3, Security, Settings, Storage, System, TaskSettings, Webhooks,
};
use crate::value::{Value, show_url};
use ir_model::{Secret, SizeAsk, Task};
use std::time::Duration;
use url::Url;

/// Access to values by path and type. A path or type that the table does not have is a mistake in
/// this file, which the first test over the table meets.
trait Typed {
    fn flag(&self, path: &str) -> bool;
    fn maybe_flag(&self, path: &str) -> Option<bool>;
    fn whole<T: TryFrom<u64>>(&self, path: &str) -> T;
    fn maybe_whole(&self, path: &str) -> Option<u32>;
    fn number(&self, path: &str) -> f64;
    fn text(&self, path: &str) -> Option<String>;
    fn word(&self, path: &str) -> &str;
    fn secret(&self, path: &str) -> Option<Secret>;
    fn link(&self, path: &str) -> Option<Url>;
    fn texts(&self, path: &str) -> Vec<String>;
    fn size(&self, path: &str) -> Option<SizeAsk>;
}

const DEFAULTED: &str = "the table gives this setting a default";
const RANGED: &str = "the table's range fits the type";

impl Typed for Resolved {
    fn flag(&self, path: &str) -> bool {
        self.maybe_flag(path).expect(DEFAULTED)
    }
    fn maybe_flag(&self, path: &str) -> Option<bool> {
        if let Some(Value::Bool(v)) = self.value(path) { Some(*v) } else { None }
    }
    fn whole<T: TryFrom<u64>>(&self, path: &str) -> T {
        let v = if let Some(Value::Int(v)) = self.value(path) { Some(*v) } else { None };
        T::try_from(v.expect(DEFAULTED)).ok().expect(RANGED)
    }
    fn maybe_whole(&self, path: &str) -> Option<u32> {
        self.value(path).map(|_| self.whole(path))
    }
    fn number(&self, path: &str) -> f64 {
        let v = if let Some(Value::Number(v)) = self.value(path) { Some(*v) } else { None };
        v.expect(DEFAULTED)
    }
    fn text(&self, path: &str) -> Option<String> {
        if let Some(Value::Text(v)) = self.value(path) { Some(v.clone()) } else { None }
    }
    fn word(&self, path: &str) -> &str {
        let v = if let Some(Value::Text(v)) = self.value(path) { Some(v.as_str()) } else { None };
        v.expect(DEFAULTED)
    }
    fn secret(&self, path: &str) -> Option<Secret> {
        if let Some(Value::Secret(v)) = self.value(path) { Some(v.clone()) } else { None }
    }
    fn link(&self, path: &str) -> Option<Url> {
        if let Some(Value::Url(v)) = self.value(path) { Some(v.clone()) } else { None }
    }
    fn texts(&self, path: &str) -> Vec<String> {
        if let Some(Value::Texts(v)) = self.value(path) { v.clone() } else { Vec::new() }
    }
    fn size(&self, path: &str) -> Option<SizeAsk> {
        if let Some(Value::Size(v, _)) = self.value(path) { Some(*v) } else { None }
    }
}

/// All settings.
pub(crate) fn settings(r: &Resolved) -> Settings {
    let Some(Value::Ip(host)) = r.value("system.host").cloned() else { unreachable!("a host is always decided") };
    Settings {
        host,
        system: system(r),
        providers: PLATFORMS.iter().map(|platform| ((*platform).to_owned(), provider(r, platform))).collect(),
        routing: Routing {
            weighted: r.word("routing.strategy") == "weighted",
            unknown_model_auto: r.word("routing.unknownModel") == "auto",
            client_model_names: r.flag("routing.clientModelNames"),
            failover_on_moderation: r.flag("routing.failoverOnModeration"),
            retry_uncertain: r.flag("routing.retryUncertain"),
            deadline: Duration::from_secs(r.whole("routing.deadline")),
        },
        security: security(r),
        storage: Storage { fsync: r.word("storage.durability") == "fsync", require_auth: r.flag("storage.requireAuth"), s3: s3(r) },
        api: Api {
            default_response_format: match r.word("api.defaultResponseFormat") {
                "url" => DefaultResponseFormat::Url,
                "b64_json" => DefaultResponseFormat::B64Json,
                _ => DefaultResponseFormat::Auto,
            },
            json_keep_alive: r.flag("api.jsonKeepAlive"),
        },
        webhooks: Webhooks { url: r.link("webhooks.url"), secret: r.secret("webhooks.secret") },
        chat: Chat { continue_from_last_image: r.flag("chat.continueFromLastImage"), message_images: r.flag("chat.messageImages") },
        models_require_key: r.flag("modelsRequireKey"),
        limits: limits(r),
        prompt_optimizer: prompt_optimizer(r),
        image_bed: ImageBed {
            base_url: r.link("imageBed.baseUrl"),
            upload_endpoint: r.word("imageBed.uploadEndpoint").to_owned(),
            auth_code: r.secret("imageBed.authCode"),
            upload_folder: r.text("imageBed.uploadFolder"),
            upload_channel: r.text("imageBed.uploadChannel"),
        },
        hf_model_map: if let Some(Value::Spaces(spaces)) = r.value("hfModelMap") { spaces.clone() } else { Default::default() },
        retention: Retention { request_log_days: r.whole("retention.requestLogDays"), picture_days: r.whole("retention.pictureDays") },
        metrics: Metrics {
            enabled: r.flag("metrics.enabled"),
            listen: if let Some(Value::Socket(at)) = r.value("metrics.listen") { Some(*at) } else { None },
        },
        update_url: r.link("update.url"),
    }
}

fn system(r: &Resolved) -> System {
    System {
        port: r.whole("system.port"),
        api_timeout: Duration::from_millis(r.whole("system.apiTimeout")),
        max_body_size: r.whole("system.maxBodySize"),
        cors: r.flag("system.cors"),
        request_logging: r.flag("system.requestLogging"),
        health_check: r.flag("system.healthCheck"),
        global_access_key: r.secret("system.globalAccessKey"),
        global_key_is_admin: r.flag("system.globalKeyIsAdmin"),
        relay: r.flag("system.modes.relay"),
        backend: r.flag("system.modes.backend"),
        compress_threshold_mb: r.number("system.compressThreshold"),
        compress_target_mb: r.number("system.compressTarget"),
        public_base_url: r.link("system.publicBaseUrl"),
        allow_anonymous: r.flag("system.allowAnonymous"),
        demo: r.flag("system.demo"),
        log_level: r.word("system.logLevel").to_owned(),
        log_format: if r.word("system.logFormat") == "json" { LogFormat::Json } else { LogFormat::Text },
        log_prompts: r.flag("system.logPrompts"),
        database_url: r.secret("system.databaseUrl"),
        redis_url: r.secret("system.redisUrl"),
    }
}

fn security(r: &Resolved) -> Security {
    Security {
        allow_private: if let Some(Value::Hosts(hosts)) = r.value("security.allowPrivate") { hosts.clone() } else { Vec::new() },
        trusted_proxies: if let Some(Value::Nets(nets)) = r.value("security.trustedProxies") { nets.clone() } else { Vec::new() },
        cors_origins: r.texts("security.corsOrigins"),
        allowed_hosts: r.texts("security.allowedHosts"),
        admin_password: r.secret("security.adminPassword"),
        admin_password_hash: r.secret("security.adminPasswordHash"),
        admin_key: r.secret("security.adminKey"),
    }
}

/// The bucket, once everything that it needs is there.
fn s3(r: &Resolved) -> Option<S3> {
    Some(S3 {
        endpoint: r.link("storage.s3.endpoint")?,
        bucket: r.text("storage.s3.bucket")?,
        access_key: r.text("storage.s3.accessKey")?,
        secret_key: r.secret("storage.s3.secretKey")?,
        region: r.word("storage.s3.region").to_owned(),
        style: match r.word("storage.s3.style") {
            "path" => BucketStyle::Path,
            "virtual" => BucketStyle::Virtual,
            _ => BucketStyle::Auto,
        },
        prefix: r.text("storage.s3.prefix").map(|text| text.trim_matches('/').to_owned()).filter(|text| !text.is_empty()),
        public_url: r.link("storage.s3.publicUrl"),
    })
}

fn limits(r: &Resolved) -> Limits {
    Limits {
        max_connections: r.whole("limits.maxConnections"),
        connections_per_ip: r.whole("limits.connectionsPerIp"),
        concurrent_draws: r.whole("limits.concurrentDraws"),
        key_concurrency: r.whole("limits.keyConcurrency"),
        key_per_minute: r.whole("limits.keyPerMinute"),
        relay_per_minute: r.whole("limits.relayPerMinute"),
        url_fetches_per_minute: r.whole("limits.urlFetchesPerMinute"),
        header_secs: r.whole("limits.headerTimeout"),
        body_idle_secs: r.whole("limits.bodyIdleTimeout"),
        body_total_secs: r.whole("limits.bodyTimeout"),
        keep_alive_secs: r.whole("limits.keepAlive"),
        drain_secs: r.whole("limits.drain"),
        in_flight_bytes: r.whole("limits.inFlightBytes"),
    }
}

fn prompt_optimizer(r: &Resolved) -> PromptOptimizer {
    PromptOptimizer {
        base_url: r.link("promptOptimizer.baseUrl"),
        api_key: r.secret("promptOptimizer.apiKey"),
        model: r.text("promptOptimizer.model"),
        enable_translate: r.flag("promptOptimizer.enableTranslate"),
        translate_prompt: r.text("promptOptimizer.translatePrompt"),
        translate_max_length: r.whole("promptOptimizer.translateMaxLength"),
        enable_expand: r.flag("promptOptimizer.enableExpand"),
        expand_prompt: r.text("promptOptimizer.expandPrompt"),
        expand_max_length: r.whole("promptOptimizer.expandMaxLength"),
        per_picture: r.flag("promptOptimizer.perPicture"),
    }
}

fn provider(r: &Resolved, platform: &str) -> ProviderSettings {
    let at = |name: &str| format!("providers.{platform}.{name}");
    let has = |name: &str| index_of(&at(name)).is_some();
    let default_steps = r.maybe_whole(&at("defaultSteps"));
    let task = |task: Task| {
        let at = |name: &str| format!("providers.{platform}.{task}.{name}");
        let model = r.text(&at("model"));
        TaskSettings {
            size: r.size(&at("size")),
            quality: r.text(&at("quality")),
            n: r.maybe_whole(&at("n")),
            steps: r.maybe_whole(&at("steps")).or(default_steps),
            weight: r.whole(&at("weight")),
            model_map: r.texts(&at("modelMap")).into_iter().filter(|alias| model.as_ref() != Some(alias)).collect(),
            prompt_optimizer: OptimizerChoice {
                translate: r.maybe_flag(&at("promptOptimizer.translate")),
                expand: r.maybe_flag(&at("promptOptimizer.expand")),
            },
            model,
        }
    };
    ProviderSettings {
        enabled: r.maybe_flag(&at("enabled")),
        base_url: r.link(&at("baseUrl")).as_ref().map(show_url),
        api: has("api")
            .then(|| r.text(&at("api")))
            .flatten()
            .map(|api| if api == "legacy" { PollinationsApi::Legacy } else { PollinationsApi::Gen }),
        watermark: !has("watermark") || r.flag(&at("watermark")),
        picture_hints: has("pictureHints") && r.flag(&at("pictureHints")),
        text: task(Task::Text),
        edit: task(Task::Edit),
        blend: task(Task::Blend),
    }
}

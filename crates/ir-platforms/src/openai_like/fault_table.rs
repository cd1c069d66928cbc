//! Which refusal means what, for OpenAI, its look-alikes and relays in front of other platforms.
//! The first row that applies decides; what none claims is a fault of the platform's that may have
//! been charged. A platform's own rows come before these.
//!
//! Codes speak before statuses, because statuses lie: relays answer 200 with an error, 429 for an
//! empty account, 403 for moderation. Sentences are looked at only where no code exists.

use ir_model::{Charge, Class};

/// One row.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) when: When,
    pub(crate) sign: Sign,
    pub(crate) class: Class,
    pub(crate) charge: Charge,
    pub(crate) hint: Hint,
    /// Another key of the platform may not be refused so.
    pub(crate) other_key: bool,
}

impl Row {
    /// Marks that another key of the platform may not be refused so.
    pub(crate) const fn other_key(self) -> Self {
        Self { other_key: true, ..self }
    }
}

/// For which statuses.
#[derive(Clone, Copy, Debug)]
pub(crate) enum When {
    Any,
    Is(&'static [u16]),
    Between(u16, u16),
}

/// What must be there besides.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sign {
    Any,
    /// One of the error's codes or types is one of these (lower case).
    Code(&'static [&'static str]),
    /// The codes and the sentence, in lower case, hold one of these.
    Words(&'static [&'static str]),
    /// One of the codes is one of the first, and codes or sentence hold one of the second.
    Both(&'static [&'static str], &'static [&'static str]),
    /// The body is a web page.
    Page,
}

/// What to tell the caller beyond the class's own sentence.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hint {
    None,
    BaseUrl,
    Firewall,
}

/// A row without a hint.
pub(crate) const fn row(when: When, sign: Sign, class: Class, charge: Charge) -> Row {
    hinted(when, sign, class, charge, Hint::None)
}

const fn hinted(when: When, sign: Sign, class: Class, charge: Charge, hint: Hint) -> Row {
    Row { when, sign, class, charge, hint, other_key: false }
}

use Charge::{Maybe, No};
use Class::{ContentRejected, InvalidRequest, KeyRejected, ModelNotFound, Overloaded, QuotaExhausted, RateLimited, UpstreamFault};
use Sign::{Code, Page, Words};
use When::{Between, Is};

/// The rows, most telling first.
pub(super) static TABLE: &[Row] = &[
    // Moderation: OpenAI, Azure, New API, Gemini and DashScope behind a relay.
    row(When::Any, Code(CONTENT_CODES), ContentRejected, No),
    row(When::Any, Words(CONTENT_WORDS), ContentRejected, No),
    // What ails the relay's own account at the platform behind it: our key and our account are good.
    row(When::Any, Sign::Both(&["upstream_error"], CHANNEL_FAULTS), UpstreamFault, No),
    // Money.
    row(When::Any, Code(QUOTA_CODES), QuotaExhausted, No),
    row(When::Any, Words(QUOTA_WORDS), QuotaExhausted, No),
    // The relay has no route for this model, or this account may not use it.
    row(When::Any, Code(MODEL_CODES), ModelNotFound, No),
    row(Is(&[400, 403, 404, 500, 503]), Words(MODEL_WORDS), ModelNotFound, No),
    // The relay's own key for the platform behind it is at fault, not ours.
    row(When::Any, Code(CHANNEL_CODES), UpstreamFault, No),
    row(Is(&[401, 403]), Code(&["upstream_error"]), UpstreamFault, No),
    // Where the gateway stands, not which key it brings.
    row(When::Any, Code(&["unsupported_country_region_territory"]), UpstreamFault, No),
    row(When::Any, Code(RATE_CODES), RateLimited, No),
    row(When::Any, Code(BUSY_CODES), Overloaded, No),
    row(Is(&[429, 500, 503]), Words(BUSY_WORDS), Overloaded, No),
    // A relay that fails with 500 tells of the key behind it.
    row(Between(500, 599), Code(KEY_CODES), UpstreamFault, No),
    row(When::Any, Code(KEY_CODES), KeyRejected, No),
    row(Is(&[400, 403]), Words(KEY_WORDS), KeyRejected, No),
    row(When::Any, Code(REQUEST_CODES), InvalidRequest, No),
    // Web pages instead of answers: they judge neither the key nor the model.
    hinted(Between(200, 299), Page, UpstreamFault, No, Hint::BaseUrl),
    hinted(Is(&[401, 404, 405]), Page, UpstreamFault, No, Hint::BaseUrl),
    hinted(Is(&[403]), Page, UpstreamFault, No, Hint::Firewall),
    // A path that the host does not know; an unknown model is named as one.
    hinted(Is(&[404]), Words(PATH_WORDS), UpstreamFault, No, Hint::BaseUrl),
    hinted(Between(300, 399), Sign::Any, UpstreamFault, No, Hint::BaseUrl),
    // What the statuses say by themselves.
    row(Is(&[401]), Sign::Any, KeyRejected, No),
    row(Is(&[402]), Sign::Any, QuotaExhausted, No),
    row(Is(&[403]), Sign::Any, KeyRejected, No),
    row(Is(&[404]), Sign::Any, ModelNotFound, No),
    hinted(Is(&[405]), Sign::Any, UpstreamFault, No, Hint::BaseUrl),
    row(Is(&[408]), Sign::Any, UpstreamFault, Maybe),
    row(Is(&[409, 425]), Sign::Any, UpstreamFault, No),
    row(Is(&[429]), Sign::Any, RateLimited, No),
    row(Is(&[451]), Sign::Any, ContentRejected, No),
    row(Between(400, 499), Sign::Any, InvalidRequest, No),
    row(Is(&[503, 529]), Sign::Any, Overloaded, No),
    // Cloudflare could not reach or shake hands with the platform: nothing was asked of it.
    row(Is(&[521, 522, 523, 525, 526, 530]), Sign::Any, UpstreamFault, No),
    row(Between(500, 599), Sign::Any, UpstreamFault, Maybe),
    // An error inside a 200 that names only its family.
    row(When::Any, Code(&["invalid_request_error"]), InvalidRequest, No),
    row(When::Any, Code(&["authentication_error"]), KeyRejected, No),
];

const CONTENT_CODES: &[&str] = &[
    "moderation_blocked",
    "content_policy_violation",
    "content_filter",
    "contentfilter",
    "content_filtered",
    "responsibleaipolicyviolation",
    "sensitive_words_detected",
    "prompt_blocked",
    "violation_fee.grok.csam",
    "data_inspection_failed",
    "datainspectionfailed",
    "image_safety",
    "prohibited_content",
];

const CONTENT_WORDS: &[&str] = &[
    "safety system",
    "safety_violations",
    "content policy",
    "content_policy",
    "content management policy",
    "moderation system",
    "sensitivecontentdetected",
    "sensitive content",
    "flagged by",
    "敏感词",
    "敏感内容",
    "内容违规",
    "违规内容",
    "内容审核",
    "内容安全",
];

const QUOTA_CODES: &[&str] = &[
    "insufficient_quota",
    "insufficient_user_quota",
    "pre_consume_token_quota_failed",
    "billing_hard_limit_reached",
    "billing_not_active",
    "quota_exceeded",
    "quotaexceeded",
    "insufficient_balance",
    "accountoverdueerror",
    "arrearage",
    "entitlement_required",
    "entitlement_inactive",
    "entitlement_daily_limit_exceeded",
    "entitlement_total_limit_exceeded",
];

const QUOTA_WORDS: &[&str] = &[
    "exceeded your current quota",
    "billing hard limit",
    "insufficient balance",
    "insufficient credit",
    "insufficient quota",
    "not enough credits",
    "credit balance is too low",
    "余额不足",
    "额度不足",
    "额度已用尽",
    "账户欠费",
];

const MODEL_CODES: &[&str] = &["model_not_found", "model_not_supported", "unsupported_model", "deploymentnotfound", "model_price_error"];

const MODEL_WORDS: &[&str] = &[
    "no available channel",
    "无可用渠道",
    "无权访问模型",
    "does not have access to model",
    // A model that this organisation may not use until it has shown its papers; the key is good.
    "must be verified to use the model",
];

const CHANNEL_CODES: &[&str] = &[
    "channel:no_available_key",
    "channel:invalid_key",
    "channel:param_override_invalid",
    "channel:header_override_invalid",
    "channel:model_mapped_error",
    "channel:aws_client_error",
    "get_channel_failed",
];

/// Keys and accounts, in codes and in sentences.
const CHANNEL_FAULTS: &[&str] = &[
    "invalid_api_key",
    "api_key_invalid",
    "invalid_token",
    "token_expired",
    "account_deactivated",
    "account_suspended",
    "authentication",
    "invalid api key",
    "incorrect api key",
    "api key not valid",
    "insufficient_quota",
    "insufficient_balance",
    "billing_hard_limit",
    "billing_not_active",
    "accountoverdueerror",
    "arrearage",
    "quota",
    "billing hard limit",
    "insufficient balance",
    "insufficient credit",
    "credit balance is too low",
    "余额不足",
    "额度不足",
    "额度已用尽",
    "账户欠费",
];

const RATE_CODES: &[&str] =
    &["rate_limit_exceeded", "rate_limit_error", "too_many_requests", "token_concurrency_limit_reached", "resource_exhausted"];

const BUSY_CODES: &[&str] = &["overloaded_error", "engine_overloaded", "serveroverloaded", "token_concurrency_unavailable"];

const BUSY_WORDS: &[&str] = &["负载已饱和", "currently overloaded", "server is overloaded", "service is too busy"];

const KEY_CODES: &[&str] =
    &["invalid_api_key", "account_deactivated", "account_suspended", "api_key_invalid", "invalid_token", "token_expired"];

const KEY_WORDS: &[&str] = &["invalid api key", "incorrect api key", "api key not valid", "无效的令牌", "令牌已过期", "令牌状态不可用"];

const REQUEST_CODES: &[&str] = &[
    "invalid_value",
    "unknown_parameter",
    "unsupported_parameter",
    "invalid_type",
    "missing_required_parameter",
    "string_above_max_length",
    "convert_request_failed",
    "bad_request_body",
    "invalid_image_file",
];

const PATH_WORDS: &[&str] = &["invalid url", "page not found", "no static resource", "cannot post /", "route not found"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_words_are_written_as_they_are_compared() {
        for row in TABLE {
            let lists = match row.sign {
                Code(list) | Words(list) => vec![list],
                Sign::Both(codes, words) => vec![codes, words],
                Sign::Any | Page => vec![],
            };
            for list in lists {
                assert!(!list.is_empty() && list.iter().all(|text| !text.is_empty() && **text == text.to_lowercase()), "{row:?}");
            }
        }
    }

    #[test]
    fn only_faults_of_the_platform_may_have_been_charged() {
        for row in TABLE {
            assert!(row.charge == No || row.class == UpstreamFault, "{row:?}");
        }
    }

    /// Proves P-6.
    #[test]
    fn every_error_status_is_claimed() {
        let claimed = |status: u16| {
            TABLE.iter().any(|row| {
                matches!(row.sign, Sign::Any)
                    && match row.when {
                        When::Any => true,
                        Is(list) => list.contains(&status),
                        Between(first, last) => (first..=last).contains(&status),
                    }
            })
        };
        assert!((300..600).all(claimed));
    }
}

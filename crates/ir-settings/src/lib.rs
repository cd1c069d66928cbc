//! Every setting with its type, default, range, environment name and source; the runtime
//! configuration file; and the vault that secrets at rest are sealed with.
//!
//! One table ([`DEFS`] and the rows of the platforms, [`all_defs`]) says everything about a setting.
//! [`SettingsFile`] reads the file over it, `resolve` decides which value is in force (environment,
//! then file, then default), and `build` turns the values into the typed [`Settings`].

mod build;
mod disk;
mod env;
mod error;
mod file;
mod hosts;
mod legacy;
mod patch;
mod platforms;
mod reference;
mod resolve;
mod sealing;
mod table;
mod types;
mod value;
mod vault;

pub use env::Env;
pub use error::{Problem, SettingsError};
pub use file::SettingsFile;
pub use hosts::{HostPort, IpNet, judge_base};
pub use legacy::LegacyKey;
pub use platforms::PLATFORMS;
pub use reference::reference_markdown;
pub use resolve::{Effective, Row, Source};
pub use table::{DEFS, Def, Kind, all_defs};
pub use types::{
    Api, BucketStyle, Chat, DEFAULT_API_TIMEOUT, DefaultResponseFormat, ImageBed, Limits, LogFormat, Metrics, OptimizerChoice,
    PollinationsApi, PromptOptimizer, ProviderSettings, Retention, Routing, S3, Security, Settings, Space, Storage, System, TaskSettings,
    Webhooks,
};
pub use value::{MASK, is_address};
pub use vault::{NewMasterKey, Vault};

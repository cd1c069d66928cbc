//! Changes: whole or not at all, durable, and never a secret in plain text.

use crate::support::{Folder, row};
use ir_settings::{SettingsError, Source};
use serde_json::json;

#[test]
fn a_change_is_merged_and_the_version_before_is_kept() {
    let folder = Folder::with(&json!({"system": {"port": 1, "cors": false}, "providers": {"gitee": {"enabled": true}}}));
    let before = folder.text();
    let file = folder.open();
    let effective = file
        .patch(&json!({"system": {"port": 2, "cors": null}, "providers": {"GITEE": {"text": {"weight": 5}}, "local": {"enabled": false}}}))
        .unwrap();
    assert_eq!(effective.settings.system.port, 2);
    assert!(effective.settings.system.cors);
    assert_eq!(file.current().settings.providers["Gitee"].text.weight, 5);
    assert_eq!(
        folder.json(),
        json!({"system": {"port": 2}, "providers": {"gitee": {"enabled": true, "text": {"weight": 5}}, "Local": {"enabled": false}}})
    );
    assert_eq!(std::fs::read_to_string(folder.path("runtime-config.json.bak")).unwrap(), before, "byte for byte");
    assert!(file.poll().is_none(), "an own change is no edit by hand");
    assert_eq!(folder.open().current().rows, file.current().rows);
    assert!(folder.everything().iter().all(|(name, _)| !name.ends_with(".tmp")));
}

#[test]
fn a_bad_change_changes_nothing() {
    let folder = Folder::with(&json!({"system": {"port": 1, "old": true}, "providers": {"Stability": {}}}));
    let file = folder.open();
    let before = folder.everything();
    for (change, path) in [
        (json!({"system": {"port": 2, "apiTimeout": 0}}), "system.apiTimeout"),
        (json!({"system": {"port": "80"}}), "system.port"),
        (json!({"system": {"prot": 80}}), "system.prot"),
        (json!({"system": {"globalAccessKey": ""}}), "system.globalAccessKey"),
        (json!({"system": {"globalAccessKey": "short"}}), "system.globalAccessKey"),
        (json!({"system": 7}), "system"),
        (json!({"providers": {"Midjourney": {"enabled": true}}}), "providers.Midjourney"),
        (json!({"providers": {"NewApi": {"baseUrl": "http://169.254.169.254/latest"}}}), "providers.NewApi.baseUrl"),
        (json!({"providers": {"Gitee": {"text": {"model": "m", "modelMap": "m"}}}}), "providers.Gitee.text.modelMap"),
        (json!({"keyPools": {}}), "keyPools"),
        (json!([]), ""),
        (json!("x"), ""),
    ] {
        let error = file.patch(&change).expect_err(path);
        assert!(matches!(&error, SettingsError::Invalid { path: p, .. } if p == path), "{error} for {change}");
        assert_eq!(folder.everything(), before, "{change}");
        assert_eq!(file.current().settings.system.port, 1);
    }
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!({ "a": deep });
    }
    file.patch(&deep).unwrap_err();
    // What was odd before is no obstacle, and can be taken out.
    file.patch(&json!({"system": {"old": null}, "providers": {"Stability": null}})).unwrap();
    assert_eq!(file.current().problems, []);
}

/// Proves R-CFG-2.
#[test]
fn a_change_does_not_undo_an_edit_by_hand() {
    let folder = Folder::with(&json!({"system": {"port": 1}}));
    let file = folder.open();
    folder.write(r#"{"system": {"port": 1, "cors": false}}"#);
    let effective = file.patch(&json!({"system": {"port": 2}})).unwrap();
    assert_eq!((effective.settings.system.port, effective.settings.system.cors), (2, false));
}

#[test]
fn the_environment_stays_on_top_of_changes() {
    let folder = Folder::empty();
    let file = folder.open_with(&[("PORT", "5")]).unwrap();
    let effective = file.patch(&json!({"system": {"port": 6}})).unwrap();
    assert_eq!(effective.settings.system.port, 5);
    assert_eq!(row(&effective, "system.port").source, Source::Environment("PORT".to_owned()));
    assert_eq!(folder.json()["system"]["port"], 6);
}

#[test]
fn secrets_are_sealed_at_the_next_write() {
    let (global, optimizer) = ("gk-canary-0123456789", "sk-canary-abcdefghij");
    let folder = Folder::with(&json!({
        "system": {"globalAccessKey": global},
        "promptOptimizer": {"baseUrl": "https://llm.example/v1", "apiKey": optimizer},
    }));
    let file = folder.open();
    assert_eq!(file.current().settings.system.global_access_key.as_ref().unwrap().expose(), global);
    file.patch(&json!({"imageBed": {"baseUrl": "https://bed.example", "authCode": "bed-canary"}})).unwrap();
    for (name, bytes) in folder.everything() {
        for canary in [global, optimizer, "bed-canary"] {
            assert!(!String::from_utf8_lossy(&bytes).contains(canary), "{name}");
        }
    }
    assert!(folder.json()["system"]["globalAccessKey"].as_str().unwrap().starts_with("enc:v1:"));
    let settings = folder.open().current().settings.clone();
    assert_eq!(settings.system.global_access_key.unwrap().expose(), global);
    assert_eq!(settings.prompt_optimizer.api_key.unwrap().expose(), optimizer);
    assert_eq!(settings.image_bed.auth_code.unwrap().expose(), "bed-canary");
}

#[test]
fn a_mask_leaves_the_secret() {
    let folder = Folder::empty();
    let file = folder.open();
    file.patch(&json!({"system": {"globalAccessKey": "first-key-0123"}})).unwrap();
    let effective = file.patch(&json!({"system": {"globalAccessKey": "********", "port": 3}})).unwrap();
    assert_eq!(effective.settings.system.global_access_key.as_ref().unwrap().expose(), "first-key-0123");
    assert_eq!(row(&effective, "system.globalAccessKey").value, "********");
    // Nor does a mask become a secret where there was none.
    let refused = file.patch(&json!({"security": {"adminKey": "********"}})).unwrap_err();
    assert!(refused.to_string().contains("security.adminKey"), "{refused}");
    assert!(file.current().settings.security.admin_key.is_none());
    let effective = file.patch(&json!({"system": {"globalAccessKey": null}})).unwrap();
    assert!(effective.settings.system.global_access_key.is_none());
    folder.write(r#"{"system": {"globalAccessKey": "********"}}"#);
    assert!(file.poll().unwrap().is_err());
}

#[test]
fn a_secret_goes_with_its_address() {
    let start = |sealed: bool| {
        let folder = Folder::with(&json!({"promptOptimizer": {"baseUrl": "https://a.example/v1", "apiKey": "sk-0123456789"}}));
        let file = folder.open();
        if sealed {
            file.patch(&json!({"system": {"port": 2}})).unwrap();
        }
        (folder, file)
    };
    for sealed in [true, false] {
        // Another path of the same origin keeps it, another origin clears it, and is refused when the mask says that it is to stay.
        let (folder, file) = start(sealed);
        let effective = file.patch(&json!({"promptOptimizer": {"baseUrl": "https://a.example/v2"}})).unwrap();
        assert!(effective.settings.prompt_optimizer.api_key.is_some());
        let refused = file.patch(&json!({"promptOptimizer": {"baseUrl": "https://evil.example/v1", "apiKey": "********"}})).unwrap_err();
        assert!(refused.to_string().contains("entered again"), "{refused}");
        assert!(file.current().settings.prompt_optimizer.api_key.is_some());
        let effective = file.patch(&json!({"promptOptimizer": {"baseUrl": "https://evil.example/v1"}})).unwrap();
        assert!(effective.settings.prompt_optimizer.api_key.is_none());
        assert_eq!(folder.json()["promptOptimizer"], json!({"baseUrl": "https://evil.example/v1"}));
        // Both at once is a new secret.
        let (_folder, file) = start(sealed);
        let effective = file.patch(&json!({"promptOptimizer": {"baseUrl": "https://b.example", "apiKey": "sk-new"}})).unwrap();
        assert_eq!(effective.settings.prompt_optimizer.api_key.as_ref().unwrap().expose(), "sk-new");
    }
    // By hand or by the environment: not used, and reported.
    let (folder, _file) = start(true);
    let effective = folder.open_with(&[("PROMPT_OPTIMIZER_BASE_URL", "https://evil.example")]).unwrap().current();
    assert!(effective.settings.prompt_optimizer.api_key.is_none());
    assert_eq!(effective.problems[0].path, "promptOptimizer.apiKey");
}

#[test]
fn a_sealed_secret_cannot_be_moved() {
    let folder = Folder::empty();
    let file = folder.open();
    file.patch(&json!({"promptOptimizer": {"baseUrl": "https://a.example", "apiKey": "sk-0123456789"}})).unwrap();
    let sealed = folder.json()["promptOptimizer"]["apiKey"].clone();
    file.patch(&json!({"security": {"adminKey": sealed}})).unwrap_err();
}

#[test]
fn the_file_is_shown_without_secrets() {
    let folder = Folder::with(&json!({
        "system": {"globalAccessKey": "canary-0123456789", "port": 9},
        "providers": {"Stability": {"apiKey": "canary-1"}},
        "other": {"tokens": ["canary-2"], "nested": {"password": "canary-3"}, "name": "shown"},
        "keyPools": {"Gitee": [{"key": "canary-4", "name": "one"}]},
        "storage": {"s3": {"accessKey": "AKID"}},
    }));
    let file = folder.open();
    let (shown, tag) = file.stored();
    assert!(!shown.to_string().contains("canary"), "{shown}");
    assert_eq!(
        (&shown["system"]["port"], &shown["other"]["name"], &shown["storage"]["s3"]["accessKey"]),
        (&json!(9), &json!("shown"), &json!("AKID"))
    );
    assert_eq!(file.stored().1, tag);
    file.patch(&json!({"system": {"port": 10}})).unwrap();
    assert_ne!(file.stored().1, tag);
    // Sent back as it was shown, it changes nothing.
    let mut back = file.stored().0;
    back.as_object_mut().unwrap().remove("keyPools");
    file.patch(&back).unwrap();
    assert_eq!(folder.json()["other"]["nested"]["password"], "canary-3");
    assert_eq!(file.current().settings.system.global_access_key.as_ref().unwrap().expose(), "canary-0123456789");
}

/// Proves R-CFG-2.
#[test]
fn changes_at_once_are_all_kept() {
    let folder = Folder::empty();
    let file = folder.open();
    std::thread::scope(|scope| {
        for (i, platform) in ir_settings::PLATFORMS.iter().enumerate() {
            let file = &file;
            scope.spawn(move || file.patch(&json!({"providers": {*platform: {"text": {"weight": i + 20}}}})).unwrap());
        }
    });
    let settings = folder.open().current().settings.clone();
    for (i, platform) in ir_settings::PLATFORMS.iter().enumerate() {
        assert_eq!(settings.providers[*platform].text.weight as usize, i + 20);
    }
}

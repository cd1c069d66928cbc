//! What a model's name may be.

use crate::support::{Bench, PLAIN, ask, bench, picture};
use ir_engine::NewKey;
use ir_model::{Ask, Caller, Class, Secret, Task};
use std::net::Ipv4Addr;

const KEY: [(&str, &str); 1] = [("https://one.example", "sk-one")];

/// Asks for a model; answers with the platform that drew, or the class of the refusal.
async fn drawn_by(bench: &Bench, model: &str) -> Result<String, Class> {
    let asked = Ask { model: model.to_owned(), ..ask(1) };
    bench.draw(asked).await.1.map(|summary| format!("{}/{}", summary.provider, summary.model)).map_err(|failure| failure.fault.class)
}

/// Proves R-ROUTE-2.
#[tokio::test]
async fn a_platforms_name_is_a_model_and_so_are_the_names_that_clients_are_tied_to() {
    let strict = PLAIN.replacen('{', r#"{"routing":{"unknownModel":"reject"},"#, 1);
    let bench = bench(&strict, &KEY, |_| picture(3)).await;
    for (model, by) in [("NewApi", "NewApi/m"), ("newapi", "NewApi/m"), ("gpt-image-1", "NewApi/m"), ("dall-e-2", "NewApi/m")] {
        assert_eq!(drawn_by(&bench, model).await.as_deref(), Ok(by), "{model}");
    }
    assert_eq!(drawn_by(&bench, "local").await.as_deref(), Ok("Local/local"));
    assert_eq!(drawn_by(&bench, "gpt-image-3").await, Err(Class::ModelNotFound));
    let ids: Vec<String> = bench.engine.models(None).into_iter().map(|model| model.id).collect();
    for id in ["gpt-image-1", "gpt-image-2", "dall-e-3", "dall-e-2"] {
        assert_eq!(ids.iter().filter(|known| *known == id).count(), 1, "{id}: {ids:?}");
    }
    assert!(bench.engine.knows_model(Task::Text, "dall-e-3") && !bench.engine.knows_model(Task::Text, "gpt-5"));

    let off = PLAIN.replacen('{', r#"{"routing":{"unknownModel":"reject","clientModelNames":false},"#, 1);
    let off = crate::support::bench(&off, &KEY, |_| picture(3)).await;
    assert_eq!(drawn_by(&off, "gpt-image-1").await, Err(Class::ModelNotFound));
    assert!(off.engine.models(None).iter().all(|model| model.id != "dall-e-3"));

    // What the operator says of a name comes first.
    let alias = strict.replace(r#""text":{"model":"m"}"#, r#""text":{"model":"m","modelMap":"dall-e-3,local"}"#);
    let alias = crate::support::bench(&alias, &KEY, |_| picture(3)).await;
    assert_eq!(drawn_by(&alias, "local").await.as_deref(), Ok("NewApi/m"));
    let owner = alias.engine.models(None).into_iter().find(|model| model.id == "dall-e-3").map(|model| model.owner);
    assert_eq!(owner.as_deref(), Some("NewApi"));
}

#[tokio::test]
async fn text_models_in_a_relays_list_do_not_lead_to_drawing() {
    let aliased = PLAIN.replace(r#""text":{"model":"m"}"#, r#""text":{"model":"gpt-4o","modelMap":"gpt-5-mini"}"#);
    let bench = bench(&aliased, &[], |_| picture(3)).await;
    let models = ["gpt-5", "o3", "chatgpt-4o-latest", "gpt-image-9", "flux"].map(str::to_owned).to_vec();
    let key = NewKey { secret: Secret::new("sk-one"), name: String::new(), base_url: Some(KEY[0].0.to_owned()), models, enabled: true };
    bench.engine.add_keys("NewApi", vec![key]).await.expect("key");
    let known = ["gpt-image-9", "flux", "gpt-4o", "gpt-5-mini", "NewApi/gpt-5", "auto", "newapi"];
    let unknown = ["gpt-5", "o3", "chatgpt-4o-latest", "gpt-6"];
    for (models, is) in [(&known[..], true), (&unknown[..], false)] {
        for model in models {
            assert_eq!(bench.engine.knows_model(Task::Text, model), is, "{model}");
        }
    }
}

#[tokio::test]
async fn a_caller_sees_the_models_of_platforms_that_could_serve_him() {
    let two = PLAIN.replace(r#""providers":{"#, r#""providers":{"Pollinations":{"enabled":true},"Doubao":{"enabled":true},"#);
    let bench = bench(&two.replace(r#""relay":false"#, r#""relay":true"#), &KEY, |_| picture(3)).await;
    let owners = |caller: Option<Caller>| {
        let mut owners: Vec<String> = bench.engine.models(caller.as_ref()).into_iter().map(|model| model.owner).collect();
        owners.sort();
        owners.dedup();
        owners
    };
    let relayed = |platform| Some(Caller::Relay { platform, key: Secret::new("key"), peer: Ipv4Addr::LOCALHOST.into() });
    assert_eq!(owners(relayed("Pollinations")), ["Pollinations", "img-router"]);
    assert_eq!(owners(relayed("Doubao")), ["Doubao", "img-router"]);
    // The pools have a key of NewApi; Doubao needs one.
    let pooled = owners(Some(Caller::Client("global".to_owned())));
    assert!(pooled.contains(&"NewApi".to_owned()) && !pooled.contains(&"Doubao".to_owned()), "{pooled:?}");
    assert!(owners(None).contains(&"Doubao".to_owned()), "somebody may bring a key");
}

//! `img-router client-keys`

use crate::cli::{ClientKeyArgs, ClientKeysAction, ClientKeysArgs};
use crate::out;
use ir_engine::{ClientKeyState, ClientKeyTerms};
use ir_model::Timestamp;
use ir_server::Gateway;
use ir_settings::Env;
use std::process::ExitCode;

const DAY_MS: i64 = 86_400_000;

pub(crate) async fn run(args: ClientKeysArgs) -> ExitCode {
    let gateway = match Gateway::open(Env::from_process()).await {
        Ok(gateway) => gateway,
        Err(error) => return out::fail(&error.to_string(), error.exit_code()),
    };
    let code = match args.action {
        ClientKeysAction::Add(args) => add(&gateway, args).await,
        ClientKeysAction::List { json } => list(&gateway, json),
        ClientKeysAction::Delete { id } => match gateway.engine.delete_client_key(&id).await {
            Ok(true) => {
                out::line("deleted");
                ExitCode::SUCCESS
            }
            Ok(false) => out::fail(&format!("there is no key '{id}'; `img-router client-keys list` shows the ids"), 1),
            Err(error) => out::fail(&error.to_string(), 74),
        },
    };
    gateway.engine.store().close().await;
    code
}

async fn add(gateway: &Gateway, args: ClientKeyArgs) -> ExitCode {
    let name = args.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > 200 {
        return out::fail("a name has 1 to 200 characters", 64);
    }
    let now = gateway.engine.clock().now();
    let terms = ClientKeyTerms {
        name,
        expires: args.days.map(|days| now.plus_ms(i64::from(days) * DAY_MS)),
        enabled: true,
        models: args.models,
        per_minute: args.per_minute,
        concurrent: args.concurrent,
    };
    match gateway.engine.add_client_key(terms, now).await {
        Ok(Some((key, record))) => {
            // The key alone on standard output, so that a script can take it.
            out::note(format_args!("{} ({}); shown this once:", record.id, record.name));
            out::line(key.expose());
            ExitCode::SUCCESS
        }
        Ok(None) => out::fail("there are 1000 keys already: delete some that nobody uses", 1),
        Err(error) => out::fail(&error.to_string(), 74),
    }
}

fn list(gateway: &Gateway, json: bool) -> ExitCode {
    let (snapshot, now) = (gateway.engine.snapshot(), gateway.engine.clock().now());
    let mut keys: Vec<_> = snapshot.clients.all().collect();
    keys.sort_by(|a, b| (a.record.created, &a.record.id).cmp(&(b.record.created, &b.record.id)));
    let state = |state: ClientKeyState| match state {
        ClientKeyState::Active => "active",
        ClientKeyState::Expired => "expired",
        ClientKeyState::Disabled => "disabled",
    };
    if json {
        let list: Vec<_> = keys
            .iter()
            .map(|key| {
                let (record, usage) = (&key.record, key.live.usage());
                serde_json::json!({ "id": record.id, "name": record.name, "hint": record.hint, "status": state(key.state(now)), "created": record.created.0, "expires": record.expires.map(|at| at.0), "models": record.models, "requestsPerMinute": record.per_minute, "concurrentRequests": record.concurrent, "requests": usage.requests, "pictures": usage.pictures, "lastUsed": usage.last_used.map(|at| at.0) })
            })
            .collect();
        out::line(serde_json::Value::Array(list));
        return ExitCode::SUCCESS;
    }
    let day = |time: Option<Timestamp>| {
        time.map_or_else(String::new, |time| {
            let (year, month, day, ..) = time.civil();
            format!("{year:04}-{month:02}-{day:02}")
        })
    };
    let mut table = vec![["ID", "KEY", "STATE", "REQUESTS", "PICTURES", "LAST USED", "EXPIRES", "NAME"].map(str::to_owned).to_vec()];
    table.extend(keys.iter().map(|key| {
        let (record, usage) = (&key.record, key.live.usage());
        vec![
            record.id.clone(),
            record.hint.clone(),
            state(key.state(now)).to_owned(),
            usage.requests.to_string(),
            usage.pictures.to_string(),
            day(usage.last_used),
            day(record.expires),
            // A name may hold anything; a line of the table must not.
            record.name.chars().flat_map(char::escape_debug).collect(),
        ]
    }));
    out::table(&table);
    ExitCode::SUCCESS
}

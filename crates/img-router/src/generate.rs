//! `img-router generate`

use crate::cli::GenerateArgs;
use crate::out;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use ir_engine::DrawEvent;
use ir_model::{Ask, AskPicture, Caller, Drawn, Extras, Picture, RequestId, ResponseForm, SizeAsk, Task};
use ir_server::{Gateway, OsDice};
use ir_settings::Env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// The largest input picture that is read.
const MAX_INPUT: u64 = 20 * 1024 * 1024;

pub(crate) async fn run(args: GenerateArgs) -> ExitCode {
    let size = match SizeAsk::parse(&args.size) {
        Ok(size) => size,
        Err(_) => return out::fail(&format!("--size '{}' is not a size: write 1024x1024, 16:9, 2K or auto", args.size), 64),
    };
    if let Err(error) = std::fs::create_dir_all(&args.out) {
        return out::fail(&format!("{} cannot be made: {error}", args.out.display()), 73);
    }
    let env = Env::from_process();
    let gateway = match Gateway::open(if args.demo { env.with("IMG_ROUTER_DEMO", "1") } else { env }).await {
        Ok(gateway) => gateway,
        Err(error) => return out::fail(&error.to_string(), error.exit_code()),
    };
    let code = draw(&gateway, args, size).await;
    gateway.engine.drain(Duration::from_secs(60)).await;
    gateway.engine.store().close().await;
    code
}

async fn draw(gateway: &Gateway, args: GenerateArgs, size: SizeAsk) -> ExitCode {
    let pictures = match inputs(gateway, &args.images).await {
        Ok(pictures) => pictures,
        Err(why) => return out::fail(&why, 66),
    };
    let ask = Ask {
        task: match pictures.len() {
            0 => Task::Text,
            1 => Task::Edit,
            _ => Task::Blend,
        },
        model: args.model,
        prompt: args.prompt,
        n: Some(args.count),
        size,
        pictures,
        mask: None,
        form: ResponseForm::Base64,
        extras: Extras { seed: args.seed, ..Extras::default() },
    };
    let id = RequestId::random(&OsDice);
    let mut drawing = gateway.engine.draw(ask, Caller::Client("command line".to_owned()), id);
    let bars = MultiProgress::new();
    let pending: Vec<ProgressBar> = (0..args.count).map(|i| bar(&bars, i)).collect();
    let mut failed = false;
    loop {
        match drawing.next().await {
            DrawEvent::Preview { .. } => {}
            DrawEvent::Picture { index, drawn } => {
                let saved = save(gateway, &args.out, &drawn).await;
                let told = match &saved {
                    Ok(path) => path.display().to_string(),
                    Err(why) => why.clone(),
                };
                failed |= saved.is_err();
                if let Some(bar) = pending.get(index as usize) {
                    bar.finish_with_message(told.clone());
                }
                bars.suspend(|| out::line(&told));
            }
            DrawEvent::Done(outcome) => {
                pending.iter().filter(|bar| !bar.is_finished()).for_each(|bar| bar.abandon_with_message("not drawn"));
                return match outcome {
                    Err(failure) => out::fail_with(&failure.fault),
                    Ok(summary) => {
                        summary.warnings.iter().for_each(|warning| out::note(format_args!("warning: {warning}")));
                        ExitCode::from(u8::from(failed || summary.pictures < summary.asked))
                    }
                };
            }
        }
    }
}

fn bar(bars: &MultiProgress, index: u32) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {prefix} {elapsed} {wide_msg}").expect("invariant: the template is a constant");
    let bar = bars.add(ProgressBar::new_spinner().with_style(style).with_prefix(format!("picture {}", index + 1)));
    bar.set_message("drawing");
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

async fn inputs(gateway: &Gateway, files: &[PathBuf]) -> Result<Vec<AskPicture>, String> {
    let mut pictures = Vec::with_capacity(files.len());
    for file in files {
        let told = |what: String| format!("{}: {what}", file.display());
        let size = std::fs::metadata(file).map_err(|error| told(error.to_string()))?.len();
        if size > MAX_INPUT {
            return Err(told(format!("larger than {MAX_INPUT} bytes")));
        }
        let bytes = std::fs::read(file).map_err(|error| told(error.to_string()))?;
        let mut writer = gateway.engine.callers_spool().writer().map_err(|error| told(error.to_string()))?;
        writer.write(&bytes).await.map_err(|error| told(error.to_string()))?;
        let blob = writer.finish().await.map_err(|error| told(error.to_string()))?;
        pictures.push(AskPicture::Here(Picture::from_blob(blob).map_err(|flaw| told(flaw.to_string()))?));
    }
    Ok(pictures)
}

/// Copies a stored picture into the folder, under its stored name.
async fn save(gateway: &Gateway, folder: &Path, drawn: &Drawn) -> Result<PathBuf, String> {
    let Some(picture) = &drawn.picture else {
        return Err(format!(
            "the platform's picture could not be fetched; it lies at {}",
            drawn.url.as_deref().unwrap_or("an unknown address")
        ));
    };
    let unstored = || format!("unstored.{}", picture.probe.format.extension());
    let path = folder.join(drawn.name.clone().unwrap_or_else(unstored));
    let bytes = gateway.engine.callers_spool().read(&picture.blob, picture.blob.size()).await.map_err(|error| error.to_string())?;
    let mut file = std::fs::File::create_new(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    std::io::Write::write_all(&mut file, &bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

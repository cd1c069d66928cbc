//! Draws sample pictures of the built-in platform into a directory: `cargo run -p ir-platforms
//! --example local_pictures -- DIR`.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a tool for people: files and figures are what it is for")]

use ir_model::{Format, Size, Task};
use ir_platforms::{Recipe, RecipeInput, render};
use std::path::PathBuf;
use std::time::Instant;

fn recipe(task: Task, prompt: &str, size: Size, seed: u64, format: Format) -> Recipe {
    Recipe { task, prompt: prompt.to_owned(), size, seed, format, quality: 90, inputs: vec![], mask: None }
}

fn decoded(bytes: &[u8]) -> RecipeInput {
    let image = image::load_from_memory(bytes).expect("what render writes can be read").to_rgba8();
    RecipeInput { size: Size::new(image.width(), image.height()), rgba: image.into_raw() }
}

fn main() -> std::io::Result<()> {
    let dir = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| ".".to_owned()));
    std::fs::create_dir_all(&dir)?;
    let save = |name: &str, recipe: &Recipe, inputs: &[RecipeInput], mask: Option<&RecipeInput>| -> std::io::Result<Vec<u8>> {
        let begun = Instant::now();
        let bytes = render(recipe, inputs, mask);
        println!("{name}: {} in {:?}, {} bytes", recipe.size, begun.elapsed(), bytes.len());
        std::fs::write(dir.join(name), &bytes)?;
        Ok(bytes)
    };
    let square = Size::new(1024, 1024);
    let prompts = [
        "a red fox in the snow, golden hour, 35mm",
        "a quiet lake under the stars, long exposure",
        "abstract waves of cut paper in lavender",
        "a misty mountain forest in the morning",
        "a neon city skyline at midnight, cyberpunk, rain on the streets, reflections everywhere, cinematic lighting, ultra detailed, 8k",
        "一只在雪地里的红色狐狸，水墨风格",
        "café at sunset",
        "hello",
    ];
    let mut drawn = Vec::new();
    for (at, prompt) in prompts.iter().enumerate() {
        drawn.push(save(&format!("text-{at}.png"), &recipe(Task::Text, prompt, square, 7, Format::Png), &[], None)?);
    }
    for (name, format) in [("text.jpg", Format::Jpeg), ("text.webp", Format::Webp), ("text.gif", Format::Gif)] {
        save(name, &recipe(Task::Text, prompts[3], square, 8, format), &[], None)?;
    }
    for (width, height) in [(2560, 1440), (768, 1344), (256, 256), (64, 64), (4096, 4096)] {
        save(&format!("size-{width}x{height}.png"), &recipe(Task::Text, prompts[6], Size::new(width, height), 3, Format::Png), &[], None)?;
    }
    let inputs: Vec<RecipeInput> = drawn.iter().map(|bytes| decoded(bytes)).collect();
    save("edit.png", &recipe(Task::Edit, "make it a night scene", square, 1, Format::Png), &inputs[..1], None)?;
    save("edit-two.png", &recipe(Task::Edit, "green garden", Size::new(1536, 1024), 1, Format::Png), &inputs[..3], None)?;
    let mut mask = RecipeInput { size: square, rgba: [0, 0, 0, 255].repeat(1024 * 1024) };
    for y in 200..700 {
        for x in 300..900 {
            mask.rgba[(y * 1024 + x) * 4 + 3] = 0;
        }
    }
    save("edit-mask.png", &recipe(Task::Edit, "a sunset in the window", square, 1, Format::Png), &inputs[3..4], Some(&mask))?;
    save("blend-2.png", &recipe(Task::Blend, "fox meets lake", square, 1, Format::Png), &inputs[..2], None)?;
    save("blend-4.png", &recipe(Task::Blend, "four seasons", Size::new(1536, 1024), 1, Format::Png), &inputs[..4], None)?;
    Ok(())
}

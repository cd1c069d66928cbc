//! The built-in platform draws real, deterministic pictures.

use crate::common::{job, picture};
use ir_model::{Format, Input, Size, Task};
use ir_platforms::{Recipe, RecipeInput, Target, by_name, render};

fn recipe(task: Task, prompt: &str, width: u32, height: u32) -> Recipe {
    Recipe {
        task,
        prompt: prompt.to_owned(),
        size: Size::new(width, height),
        seed: 7,
        format: Format::Png,
        quality: 90,
        inputs: vec![],
        mask: None,
    }
}

fn decode(bytes: &[u8]) -> RecipeInput {
    let image = image::load_from_memory(bytes).expect("a whole picture").to_rgba8();
    RecipeInput { size: Size::new(image.width(), image.height()), rgba: image.into_raw() }
}

/// A picture with a bright and a dark half.
fn halves(width: u32, height: u32) -> RecipeInput {
    let pixel = |at: u32| if at % width < width / 2 { [230, 220, 210, 255] } else { [20, 30, 60, 255] };
    RecipeInput { size: Size::new(width, height), rgba: (0..width * height).flat_map(pixel).collect() }
}

fn recipe_of(job: &ir_model::Job) -> Recipe {
    match by_name("Local").expect("listed").open(job).expect("opens").target {
        Target::Render(recipe) => recipe,
        Target::Http { .. } => panic!("Local needs no network"),
    }
}

fn difference(a: &RecipeInput, b: &RecipeInput) -> f64 {
    let sum: u64 = a.rgba.iter().zip(&b.rgba).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.rgba.len() as f64
}

/// How closely the light of two pictures runs together, −1 to 1.
fn correlation(a: &RecipeInput, b: &RecipeInput) -> f64 {
    let light =
        |p: &RecipeInput| -> Vec<f64> { p.rgba.chunks_exact(4).map(|c| f64::from(c[0]) + f64::from(c[1]) + f64::from(c[2])).collect() };
    let (a, b) = (light(a), light(b));
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (ma, mb) = (mean(&a), mean(&b));
    let together: f64 = a.iter().zip(&b).map(|(x, y)| (x - ma) * (y - mb)).sum();
    let (va, vb): (f64, f64) = (a.iter().map(|x| (x - ma).powi(2)).sum(), b.iter().map(|y| (y - mb).powi(2)).sum());
    together / (va * vb).sqrt()
}

#[test]
fn sizes_and_formats_are_exact() {
    let wanted = [
        (Format::Png, image::ImageFormat::Png),
        (Format::Jpeg, image::ImageFormat::Jpeg),
        (Format::Webp, image::ImageFormat::WebP),
        (Format::Gif, image::ImageFormat::Gif),
    ];
    for (width, height) in [(64, 64), (257, 131), (64, 1024), (1024, 64), (512, 512)] {
        for (format, name) in wanted {
            let bytes = render(&Recipe { format, ..recipe(Task::Text, "a red fox", width, height) }, &[], None);
            assert_eq!(image::guess_format(&bytes).expect("known"), name, "{width}x{height}");
            assert_eq!(decode(&bytes).size, Size::new(width, height), "{format:?}");
        }
    }
}

#[test]
fn extreme_sizes_are_drawn() {
    for (width, height) in [(1, 1), (1, 300), (300, 1), (2, 2), (63, 9)] {
        for (task, inputs) in [(Task::Text, vec![]), (Task::Edit, vec![halves(3, 5)]), (Task::Blend, vec![halves(3, 5), halves(700, 2)])] {
            let bytes = render(&recipe(task, "hello", width, height), &inputs, Some(&halves(4, 4)));
            assert_eq!(decode(&bytes).size, Size::new(width, height), "{task}");
        }
    }
}

#[test]
fn the_same_recipe_gives_the_same_bytes_and_others_differ() {
    let base = recipe(Task::Text, "a red fox", 200, 150);
    let bytes = render(&base, &[], None);
    assert_eq!(bytes, render(&base.clone(), &[], None));
    assert_ne!(bytes, render(&Recipe { seed: 8, ..base.clone() }, &[], None));
    assert_ne!(bytes, render(&Recipe { prompt: "a red box".to_owned(), ..base.clone() }, &[], None));
    let jpeg = |quality| render(&Recipe { format: Format::Jpeg, quality, ..base.clone() }, &[], None).len();
    assert!(jpeg(20) < jpeg(95));
}

#[test]
fn every_script_and_length_of_prompt_is_captioned() {
    let long = "word ".repeat(6400);
    let unbroken = "x".repeat(2000);
    for prompt in ["", " ", "一只红色的狐狸，水墨风格", "🦊🦊", "a\u{0}b\nc\t", "ﾊﾝｶｸ “quotes” — Ünïcödé", &long, &unbroken]
    {
        assert_eq!(decode(&render(&recipe(Task::Text, prompt, 320, 240), &[], None)).size, Size::new(320, 240));
    }
    // The caption is the only thing that differs between two prompts of the same colours and seed.
    let plain = decode(&render(&recipe(Task::Text, "狐狸", 320, 240), &[], None));
    let other = decode(&render(&recipe(Task::Text, "狐狗", 320, 240), &[], None));
    assert!(difference(&plain, &other) > 0.1);
}

#[test]
fn an_edit_shows_its_picture_in_other_colours() {
    let input = halves(300, 200);
    let edited = decode(&render(&recipe(Task::Edit, "make it night", 300, 200), std::slice::from_ref(&input), None));
    assert!(difference(&input, &edited) > 8.0, "{}", difference(&input, &edited));
    assert!(correlation(&input, &edited) > 0.7, "{}", correlation(&input, &edited));
}

#[test]
fn a_mask_protects_every_pixel_that_it_does_not_open() {
    let input = halves(300, 200);
    let mut mask = RecipeInput { size: input.size, rgba: [0, 0, 0, 255].repeat(300 * 200) };
    let open = |x: usize, y: usize| (100..220).contains(&x) && (40..150).contains(&y);
    for y in 0..200 {
        for x in 0..300 {
            if open(x, y) {
                mask.rgba[(y * 300 + x) * 4 + 3] = 0;
            }
        }
    }
    let edited = decode(&render(&recipe(Task::Edit, "a sunset", 300, 200), std::slice::from_ref(&input), Some(&mask)));
    let mut changed = 0;
    for (at, (before, after)) in input.rgba.chunks_exact(4).zip(edited.rgba.chunks_exact(4)).enumerate() {
        if open(at % 300, at / 300) {
            changed += usize::from(before != after);
        } else {
            assert_eq!(before, after, "pixel {},{}", at % 300, at / 300);
        }
    }
    assert!(changed > 120 * 110 * 9 / 10, "{changed}");
}

#[test]
fn a_blend_shows_its_pictures_in_order() {
    let plain = |color: [u8; 4]| RecipeInput { size: Size::new(90, 120), rgba: color.repeat(90 * 120) };
    let inputs = [plain([255, 0, 0, 255]), plain([0, 255, 0, 255]), plain([0, 0, 255, 255])];
    let blended = decode(&render(&recipe(Task::Blend, "together", 300, 200), &inputs, None));
    for (band, strongest) in [(50usize, 0usize), (150, 1), (250, 2)] {
        let pixel = &blended.rgba[(60 * 300 + band) * 4..][..3];
        let most = (0..3).max_by_key(|channel| pixel[*channel]).expect("three");
        assert_eq!(most, strongest, "{pixel:?} at {band}");
    }
}

#[test]
fn transparency_survives_where_the_format_has_it() {
    let input = RecipeInput { size: Size::new(80, 80), rgba: [200, 100, 50, 0].repeat(6400) };
    let edit = recipe(Task::Edit, "", 80, 80);
    let png = decode(&render(&edit, std::slice::from_ref(&input), None));
    assert_eq!(png.rgba[3], 0);
    let jpeg = decode(&render(&Recipe { format: Format::Jpeg, ..edit }, &[input], None));
    assert!(jpeg.rgba[..3].iter().all(|channel| *channel > 240), "transparent becomes white: {:?}", &jpeg.rgba[..4]);
}

#[test]
fn inputs_that_are_not_whole_are_left_out() {
    let broken = RecipeInput { size: Size::new(100, 100), rgba: vec![1, 2, 3] };
    let empty = RecipeInput { size: Size::new(0, 0), rgba: vec![] };
    let bytes = render(&recipe(Task::Blend, "nothing to blend", 100, 80), &[broken.clone(), empty.clone()], Some(&broken));
    assert_eq!(decode(&bytes).size, Size::new(100, 80));
}

#[test]
fn the_recipe_follows_the_job() {
    let text = recipe_of(&job(Task::Text));
    assert_eq!((text.size, text.format, text.seed), (Size::new(1024, 1024), Format::Png, 99));
    let mut wish = job(Task::Edit);
    wish.pictures = vec![Input { picture: picture(Format::Jpeg, 640, 480), url: None }];
    assert_eq!(recipe_of(&wish).size, Size::new(640, 480), "an edit keeps its picture's size");
    wish.pictures = vec![Input { picture: picture(Format::Jpeg, 8192, 10), url: None }];
    assert_eq!(recipe_of(&wish).size, Size::new(4096, 64), "within the renderer's sides");
    wish.size = Some(Size::new(512, 256));
    wish.extras.seed = Some(u64::MAX >> 1);
    wish.extras.output_format = Some(Format::Webp);
    wish.extras.output_compression = Some(30);
    let recipe = recipe_of(&wish);
    assert_eq!((recipe.size, recipe.seed, recipe.format, recipe.quality), (Size::new(512, 256), u64::MAX >> 1, Format::Webp, 30));
}

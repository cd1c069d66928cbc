//! Words that tell pictures apart, for models that know several input pictures by number. The
//! wording is that of 1.x: the first picture is the background, the others are the subject.

/// How a prompt may already speak of numbered pictures.
const NUMBERED: [&str; 12] =
    ["图1", "图2", "图一", "图二", "图 1", "图 2", "第一张", "第二张", "image 1", "image 2", "picture 1", "picture 2"];
/// What people call the pictures, and their numbers. Longer words first.
const NAMES: [(&str, &[&str]); 2] = [
    ("图1", &["上面那张图片", "上面那张图", "上面那张", "上面那个人", "背景图片", "背景图", "原图片", "原图"]),
    ("图2", &["这张图片", "这张图", "这幅图片", "这幅图", "当前图片", "当前图", "主体图片", "主体图"]),
];

/// The prompt with numbers for its pictures, where neither it nor what the caller wrote has any: a
/// translation may put them in words of its own. Unchanged for fewer than two pictures.
pub(crate) fn with_numbers(prompt: &str, written: &str, pictures: usize) -> String {
    if pictures < 2 || is_numbered(prompt) || is_numbered(written) {
        return prompt.to_owned();
    }
    let names = NAMES.iter().flat_map(|(number, names)| names.iter().map(move |name| (name, number)));
    let named = names.fold(prompt.to_owned(), |text, (name, number)| text.replace(name, number));
    if named != prompt {
        return named;
    }
    let subjects: Vec<String> = (2..=pictures).map(|number| format!("图{number}")).collect();
    format!("图1是背景，{}是主体。任务：{prompt}", subjects.join("、"))
}

fn is_numbered(prompt: &str) -> bool {
    let lower = prompt.to_lowercase();
    NUMBERED.iter().any(|known| lower.contains(known))
}

#[cfg(test)]
mod tests {
    fn with_numbers(prompt: &str, pictures: usize) -> String {
        super::with_numbers(prompt, prompt, pictures)
    }

    #[test]
    fn several_pictures_are_numbered_as_1x_did() {
        assert_eq!(with_numbers("combine", 2), "图1是背景，图2是主体。任务：combine");
        assert_eq!(with_numbers("把这张图放到背景图里", 2), "把图2放到图1里");
        assert_eq!(with_numbers("把当前图画在原图旁边，保留上面那个人", 2), "把图2画在图1旁边，保留图1");
        assert_eq!(with_numbers("把这幅图放到上面那张图上", 2), "把图2放到图1上");
        assert_eq!(with_numbers("combine", 3), "图1是背景，图2、图3是主体。任务：combine");
    }

    #[test]
    fn who_numbers_them_is_left_alone() {
        for prompt in ["把图1的人放到图2里", "put Image 2 into image 1", "用第一张图做背景图"] {
            assert_eq!(with_numbers(prompt, 2), prompt);
        }
        let translated = "put the person of figure one into figure two";
        assert_eq!(super::with_numbers(translated, "把图1的人放到图2里", 2), translated);
        assert_eq!(with_numbers("把这张图变亮", 1), "把这张图变亮");
    }
}

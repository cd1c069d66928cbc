//! Words that tell pictures apart, for models that know several input pictures by number. The
//! wording is that of 1.x: the first picture is the background, the others are the subject.

/// How a prompt may already speak of numbered pictures.
const NUMBERED: [&str; 12] =
    ["图1", "图2", "图一", "图二", "图 1", "图 2", "第一张", "第二张", "image 1", "image 2", "picture 1", "picture 2"];
/// What people call the pictures, and their numbers. Longer words first.
const NAMES: [(&str, &str); 6] =
    [("背景图片", "图1"), ("背景图", "图1"), ("这张图片", "图2"), ("这张图", "图2"), ("主体图片", "图2"), ("主体图", "图2")];

/// The prompt with numbers for its pictures, where it has none. Unchanged for fewer than two pictures.
pub(crate) fn with_numbers(prompt: &str, pictures: usize) -> String {
    let lower = prompt.to_lowercase();
    if pictures < 2 || NUMBERED.iter().any(|known| lower.contains(known)) {
        return prompt.to_owned();
    }
    let named = NAMES.iter().fold(prompt.to_owned(), |text, (name, number)| text.replace(name, number));
    if named != prompt {
        return named;
    }
    let subjects: Vec<String> = (2..=pictures).map(|number| format!("图{number}")).collect();
    format!("图1是背景，{}是主体。任务：{prompt}", subjects.join("、"))
}

#[cfg(test)]
mod tests {
    use super::with_numbers;

    #[test]
    fn several_pictures_are_numbered_as_1x_did() {
        assert_eq!(with_numbers("combine", 2), "图1是背景，图2是主体。任务：combine");
        assert_eq!(with_numbers("把这张图放到背景图里", 2), "把图2放到图1里");
        assert_eq!(with_numbers("combine", 3), "图1是背景，图2、图3是主体。任务：combine");
    }

    #[test]
    fn who_numbers_them_is_left_alone() {
        for prompt in ["把图1的人放到图2里", "put Image 2 into image 1", "用第一张图做背景图"] {
            assert_eq!(with_numbers(prompt, 2), prompt);
        }
        assert_eq!(with_numbers("把这张图变亮", 1), "把这张图变亮");
    }
}

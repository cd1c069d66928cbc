//! Which function of a Space draws, and what its parameters are for: told by their names, labels and
//! components, as the Space describes them, in whatever order.

use ir_model::{Charge, Class, Fault, Job, Node};
use serde_json::{Value, json};

/// What a parameter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Prompt,
    Negative,
    Picture,
    Pictures,
    Seed,
    Randomize,
    Width,
    Height,
    Steps,
    Guidance,
    Count,
    Other,
}

/// A parameter, and its value if nobody asks for another.
#[derive(Debug)]
struct Parameter {
    role: Role,
    default: Value,
    /// The least and the most that a number may be.
    range: Option<(f64, f64)>,
}

/// A function of a Space.
#[derive(Debug)]
pub(super) struct Function {
    /// Its number in the queue.
    pub(super) number: i64,
    parameters: Vec<Parameter>,
}

/// Names of functions that draw, the most telling first.
const NAMES: [&str; 8] = ["generate_image", "text_to_image", "generate", "infer", "edit", "run", "process", "predict"];

impl Function {
    /// The function that suits the job best; `numbers` are those of the configuration, by name.
    pub(super) fn choose(job: &Job, info: &Node, numbers: &Value) -> Option<Self> {
        let Some(Node::Object(endpoints)) = info.get("named_endpoints") else { return None };
        let pictures = job.pictures.len();
        let candidates = endpoints.0.iter().filter_map(|(name, endpoint)| {
            let name = name.trim_start_matches('/');
            let number = numbers.get(name).and_then(Value::as_i64)?;
            let returns = endpoint.get("returns").and_then(Node::as_array)?;
            if !returns.iter().any(|one| is_picture(component(one)) || component(one) == "gallery") {
                return None;
            }
            let parameters = parameters(endpoint)?;
            let count = |role: Role| parameters.iter().filter(|parameter| parameter.role == role).count();
            let room = if count(Role::Pictures) > 0 { usize::MAX } else { count(Role::Picture) };
            let fits = room >= pictures && (pictures > 0 || !needs_picture(endpoint)) && (count(Role::Prompt) > 0 || pictures > 0);
            let known = parameters.iter().filter(|parameter| parameter.role != Role::Other).count();
            let named = NAMES.iter().rev().position(|known| name.contains(known)).map_or(0, |place| place + 1);
            fits.then_some((known * 10 + named, Self { number, parameters }))
        });
        candidates.max_by_key(|(score, _)| *score).map(|(_, function)| function)
    }

    fn has(&self, role: Role) -> bool {
        self.parameters.iter().any(|parameter| parameter.role == role)
    }
}

fn component(node: &Node) -> String {
    node.get("component").and_then(Node::as_str).unwrap_or_default().to_ascii_lowercase()
}

fn is_picture(component: impl AsRef<str>) -> bool {
    matches!(component.as_ref(), "image" | "imageeditor" | "imageslider" | "file")
}

/// Whether a function cannot run without a picture.
fn needs_picture(endpoint: &Node) -> bool {
    let list = endpoint.get("parameters").and_then(Node::as_array).unwrap_or_default();
    list.iter().any(|one| is_picture(component(one)) && !matches!(one.get("parameter_has_default"), Some(Node::Bool(true))))
}

fn parameters(endpoint: &Node) -> Option<Vec<Parameter>> {
    let list = endpoint.get("parameters").and_then(Node::as_array)?;
    let mut roles: Vec<Role> = list.iter().map(role).collect();
    // A function of one text draws that text, whatever it is called.
    if !roles.contains(&Role::Prompt)
        && let Some(at) = (0..list.len()).find(|at| roles[*at] == Role::Other && component(&list[*at]) == "textbox")
    {
        roles[at] = Role::Prompt;
    }
    // One prompt, one seed, …: the first of each.
    let mut parameters: Vec<Parameter> = Vec::with_capacity(list.len());
    for (one, role) in list.iter().zip(roles) {
        let again = role != Role::Picture && parameters.iter().any(|known| known.role == role);
        parameters.push(Parameter { role: if again { Role::Other } else { role }, default: default(one), range: range(one) });
    }
    Some(parameters)
}

/// What a parameter is for: its component says what it can be, its name and label what it is.
fn role(one: &Node) -> Role {
    let text = |name: &str| one.get(name).and_then(Node::as_str).unwrap_or_default().to_lowercase();
    let (name, component) = (text("parameter_name"), component(one));
    let words = format!("{name} {}", text("label"));
    let has = |list: &[&str]| list.iter().any(|word| words.contains(word));
    match component.as_str() {
        "gallery" => Role::Pictures,
        picture if is_picture(picture) => Role::Picture,
        "checkbox" if has(&["random"]) => Role::Randomize,
        "textbox" if has(&["negative"]) => Role::Negative,
        "textbox" if has(&["prompt", "text", "description", "instruction", "caption", "describe"]) => Role::Prompt,
        "slider" | "number" if has(&["random"]) => Role::Other,
        "slider" | "number" if has(&["seed"]) => Role::Seed,
        "slider" | "number" if has(&["width"]) => Role::Width,
        "slider" | "number" if has(&["height"]) => Role::Height,
        "slider" | "number" if has(&["step"]) => Role::Steps,
        "slider" | "number" if has(&["guidance", "cfg"]) => Role::Guidance,
        "slider" | "number" if has(&["num_images", "number of images", "images_per", "batch"]) => Role::Count,
        _ => Role::Other,
    }
}

/// What to send when nothing else is known: the Space's default, else the first choice, its example
/// or nothing. An example picture is not sent.
fn default(one: &Node) -> Value {
    if matches!(one.get("parameter_has_default"), Some(Node::Bool(true))) {
        return one.get("parameter_default").map_or(Value::Null, Node::to_value_lossy);
    }
    let choices = one.at(&["type", "enum"]).and_then(Node::as_array).and_then(<[Node]>::first);
    match component(one).as_str() {
        "textbox" => json!(""),
        "gallery" => json!([]),
        picture if is_picture(picture) => Value::Null,
        _ => choices.or_else(|| one.get("example_input")).map_or(Value::Null, Node::to_value_lossy),
    }
}

/// The bounds in "numeric value between 256 and 2048".
fn range(one: &Node) -> Option<(f64, f64)> {
    let text = one.at(&["type", "description"])?.as_str()?;
    let (least, most) = text.split_once("between ")?.1.split_once(" and ")?;
    Some((least.trim().parse().ok()?, most.trim().parse().ok()?)).filter(|(least, most)| least <= most)
}

impl Parameter {
    /// A number within the parameter's bounds; whole where it was whole.
    fn number(&self, value: f64) -> Value {
        let bounded = self.range.map_or(value, |(least, most)| value.clamp(least, most));
        #[expect(clippy::cast_possible_truncation, reason = "wishes are far below 2⁵³")]
        if bounded.fract() == 0.0 { json!(bounded as i64) } else { json!(bounded) }
    }
}

/// A place among the arguments that a picture is put into once it is uploaded.
const PICTURE: &str = "\u{0}picture";
const PICTURES: &str = "\u{0}pictures";

/// The arguments in their order. Pictures are places that [`with_paths`] fills.
pub(super) fn fill(job: &Job, function: &Function) -> Result<Value, Fault> {
    let cannot =
        |param: &'static str| Fault::new(Class::InvalidRequest).charged(Charge::No).param(param).detail("the Space has no such parameter");
    if job.extras.seed.is_some() && !function.has(Role::Seed) {
        return Err(cannot("seed"));
    }
    if job.extras.negative_prompt.is_some() && !function.has(Role::Negative) {
        return Err(cannot("negative_prompt"));
    }
    let mut place = 0;
    let arguments = function.parameters.iter().map(|parameter| {
        let number = |value: Option<f64>| value.map(|value| parameter.number(value));
        let wanted = match parameter.role {
            Role::Prompt => Some(json!(job.prompt)),
            Role::Negative => job.extras.negative_prompt.as_ref().map(|text| json!(text)),
            Role::Picture if place < job.pictures.len() && !function.has(Role::Pictures) => {
                place += 1;
                Some(json!(PICTURE))
            }
            Role::Pictures if !job.pictures.is_empty() => Some(json!(PICTURES)),
            Role::Seed => Some(seed(job, parameter)),
            Role::Randomize => Some(json!(job.extras.seed.is_none())),
            Role::Width => number(job.size.map(|size| f64::from(size.width))),
            Role::Height => number(job.size.map(|size| f64::from(size.height))),
            Role::Steps => number(job.extras.steps.map(f64::from)),
            Role::Guidance => number(job.extras.guidance_scale),
            Role::Count => number(Some(1.0)),
            Role::Picture | Role::Pictures | Role::Other => None,
        };
        wanted.unwrap_or_else(|| parameter.default.clone())
    });
    Ok(arguments.collect())
}

/// The seed that was asked for, else one by chance: Spaces that do not randomise by themselves would
/// draw the same picture again and again.
fn seed(job: &Job, parameter: &Parameter) -> Value {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the bounds of a slider, cut at 2⁵³")]
    let most = parameter.range.map_or(u64::from(u32::MAX >> 1), |(_, most)| most.clamp(0.0, 9e15) as u64);
    json!(job.extras.seed.unwrap_or(job.entropy) % most.saturating_add(1).max(1))
}

/// The arguments with the uploaded pictures in their places.
pub(super) fn with_paths(arguments: &Value, paths: &[String]) -> Value {
    let file = |path: &String| json!({"path": path, "meta": {"_type": "gradio.FileData"}});
    let mut next = paths.iter();
    let list = arguments.as_array().map(Vec::as_slice).unwrap_or_default().iter();
    list.map(|argument| match argument.as_str() {
        Some(PICTURE) => next.next().map_or(Value::Null, file),
        Some(PICTURES) => paths.iter().map(|path| json!({"image": file(path), "caption": null})).collect(),
        _ => argument.clone(),
    })
    .collect()
}

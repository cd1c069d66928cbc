"""Spaces as people write them, on the Gradio that runs this file: `app.py KIND PORT LEDGER`.

Every call is written to LEDGER, one JSON object a line, with the arguments as the function got them.

plain  text to picture with the usual names in the usual order
odd    the same with other names in another order, the picture as one of several outputs
edit   a picture and an instruction, the picture last
gallery  several pictures in, a gallery out
busy   one place and a queue of one; the first calls take long
error  every call fails with gr.Error
"""

import json
import sys
import threading
import time

import gradio as gr
from PIL import Image

KIND, PORT, LEDGER = sys.argv[1], int(sys.argv[2]), sys.argv[3]
SECONDS = 60 if KIND == "busy" else 0
lock = threading.Lock()


def note(**arguments):
    with lock, open(LEDGER, "a", encoding="utf-8") as ledger:
        ledger.write(json.dumps(arguments) + "\n")


def shown(picture):
    """What the ledger says of an input picture: its size and the colour of its middle."""
    if picture is None:
        return None
    picture = picture.convert("RGB")
    return {"size": list(picture.size), "middle": list(picture.getpixel((picture.width // 2, picture.height // 2)))}


def infer(prompt, negative_prompt, seed, randomize_seed, width, height, guidance_scale, num_inference_steps):
    note(
        prompt=prompt,
        negative_prompt=negative_prompt,
        seed=seed,
        randomize_seed=randomize_seed,
        width=width,
        height=height,
        guidance_scale=guidance_scale,
        num_inference_steps=num_inference_steps,
    )
    if KIND == "error":
        raise gr.Error("The sampler does not like this prompt.")
    time.sleep(SECONDS)
    return Image.new("RGB", (int(width), int(height)), (20, 120, 200)), int(seed)


def paint(steps, canvas_height, canvas_width, description):
    note(steps=steps, canvas_height=canvas_height, canvas_width=canvas_width, description=description)
    return f"{steps} steps", Image.new("RGB", (int(canvas_width), int(canvas_height)), (200, 60, 20))


def retouch(strength, instruction, photo):
    note(strength=strength, instruction=instruction, photo=shown(photo))
    return photo.convert("RGB").rotate(180)


def merge(pictures, prompt):
    opened = [item[0] if isinstance(item, tuple) else item for item in pictures]
    note(pictures=[shown(picture) for picture in opened], prompt=prompt)
    return [picture.convert("RGB") for picture in opened]


def usual(blocks):
    prompt = gr.Textbox(label="Prompt")
    negative = gr.Textbox(label="Negative prompt", value="")
    seed = gr.Slider(label="Seed", minimum=0, maximum=2**31 - 1, step=1, value=0)
    randomize = gr.Checkbox(label="Randomize seed", value=True)
    width = gr.Slider(label="Width", minimum=256, maximum=2048, step=32, value=1024)
    height = gr.Slider(label="Height", minimum=256, maximum=2048, step=32, value=1024)
    guidance = gr.Slider(label="Guidance scale", minimum=0.0, maximum=10.0, step=0.1, value=4.5)
    steps = gr.Slider(label="Number of inference steps", minimum=1, maximum=50, step=1, value=28)
    result = gr.Image(label="Result", format="png")
    button = gr.Button("Run")
    inputs = [prompt, negative, seed, randomize, width, height, guidance, steps]
    button.click(infer, inputs, [result, seed], api_name="infer")
    # As most Spaces have it: a second function that draws nothing.
    examples = gr.Button("Surprise me")
    examples.click(lambda: "a random prompt", None, prompt, api_name="surprise")


def other(blocks):
    steps = gr.Number(label="Quality steps", value=12)
    tall = gr.Slider(label="Canvas height", minimum=64, maximum=1024, step=8, value=512)
    wide = gr.Slider(label="Canvas width", minimum=64, maximum=1024, step=8, value=512)
    text = gr.Textbox(label="What to draw")
    said = gr.Textbox(label="Said")
    result = gr.Image(label="Canvas", format="png")
    gr.Button("Paint").click(paint, [steps, tall, wide, text], [said, result], api_name="paint")


def editing(blocks):
    strength = gr.Slider(label="Strength", minimum=0.0, maximum=1.0, value=0.7)
    instruction = gr.Textbox(label="Instruction")
    photo = gr.Image(label="Photo", type="pil")
    result = gr.Image(label="Edited", format="png")
    gr.Button("Edit").click(retouch, [strength, instruction, photo], result, api_name="retouch")


def merging(blocks):
    pictures = gr.Gallery(label="Pictures", type="pil")
    prompt = gr.Textbox(label="Prompt")
    result = gr.Gallery(label="Results", format="png")
    gr.Button("Merge").click(merge, [pictures, prompt], result, api_name="merge")


BUILDERS = {"plain": usual, "busy": usual, "error": usual, "odd": other, "edit": editing, "gallery": merging}

with gr.Blocks(analytics_enabled=False) as demo:
    BUILDERS[KIND](demo)
demo.queue(max_size=1 if KIND == "busy" else 20, default_concurrency_limit=1)
demo.launch(server_name="127.0.0.1", server_port=PORT, show_error=True, quiet=True, share=False)

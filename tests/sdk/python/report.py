"""Keeps docs/clients.md and the checklist in README.md in step with a run's results.

`report.py FOLDER [--write]`: FOLDER holds what the run left there; without --write, what is out of step fails.
"""

import base64
import json
import re
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

import schemas
from checklist import ITEMS
from drivers import CLIENTS
from features import FEATURES, LONG

SDK = Path(__file__).parents[1]
TABLE, README = SDK.parents[1] / "docs/clients.md", SDK / "README.md"
HEADS = {
    "openai-python 3": "Python 3",
    "openai-python 2": "Python 2",
    "openai-node 7": "Node 7",
    "openai-node 6": "Node 6",
    "openai-node 7 in Chromium": "page",
    "AI SDK 7, openai-compatible": "AI 7 c",
    "AI SDK 7, openai": "AI 7 o",
    "AI SDK 6, openai-compatible": "AI 6 c",
    "AI SDK 6, openai": "AI 6 o",
    "LiteLLM 1": "LiteLLM",
    "LangChain 1, Python": "LC py",
    "LangChain 1, JavaScript": "LC js",
    "async-openai 0": "Rust",
}
SIGNS = {"good": "✓", "lacks": "–", "bad": "✗"}


def table(cells: dict[str, dict[str, str]], before: dict[tuple[str, str], str]) -> str:
    """Features down, clients across. A client that could not be driven here keeps what the table says."""
    heads = [HEADS[client.name] for client in CLIENTS]
    lines = [f"| | {' | '.join(heads)} |", f"| --- |{' :---: |' * len(heads)}"]
    for name, feature in (FEATURES | LONG).items():
        row = []
        for client in CLIENTS:
            result = cells.get(client.name, {}).get(name)
            row.append(SIGNS[result] if result else before.get((feature.title, HEADS[client.name]), "?"))
        lines.append(f"| {feature.title} | {' | '.join(row)} |")
    return "\n".join(lines)


def cells_of(text: str) -> dict[tuple[str, str], str]:
    """What a table says, by row and column."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return {(row[0], head): sign for row in rows[2:] for head, sign in zip(rows[0][1:], row[1:], strict=True)} if rows else {}


def items(folder: Path) -> dict[int, list[str]]:
    """The tests of every item, of those that passed."""
    found: dict[int, set[str]] = {}
    for name, numbers in json.loads((folder / "items.json").read_text()).items():
        for number in numbers:
            found.setdefault(number, set()).add(name)
    for tap in folder.glob("*.tap"):
        for name, numbers in re.findall(r"^\s*ok \d+ - ((?:[^\n#]*?)((?:c08_\d+ ?)+))", tap.read_text(), re.M):
            for number in re.findall(r"c08_(\d+)", numbers):
                found.setdefault(int(number), set()).add(f"`{re.sub(r' c08_.*', '', name).strip()}` (Node)")
    return {number: sorted(names) for number, names in found.items()}


def checklist(folder: Path) -> str:
    tests = items(folder)
    missing = sorted(ITEMS.keys() - tests.keys())
    unknown = sorted(tests.keys() - ITEMS.keys())
    if missing or unknown:
        sys.exit(f"items without a test that passed: {missing}; numbers that are no item: {unknown}")
    rows = [f"| {number} | {title} | {', '.join(tests[number])} |" for number, title in ITEMS.items()]
    return "\n".join(["| item | what | tests |", "| ---: | --- | --- |", *rows])


def put(path: Path, name: str, make, write: bool) -> bool:
    """Whether what stands between the marks is what it must be; with `write` it is, afterwards."""
    begin, end = f"<!-- {name}: written by tests/sdk/run --write -->\n", f"\n<!-- {name} ends -->"
    text = path.read_text()
    top, rest = text.split(begin)
    middle, bottom = rest.split(end)
    made = make(middle)
    if made == middle:
        return True
    if write:
        path.write_text(top + begin + made + end + bottom)
        print(f"{path.name}: {name} written")
        return True
    changed = [line for line in made.splitlines() if line not in middle.splitlines()]
    print(f"{path.name}: {name} is out of step with the results (./run --write writes it):", *changed[:20], sep="\n")
    return False


def counts(folder: Path) -> dict[str, int]:
    total = dict.fromkeys(["passed", "failed", "skipped", "expected to fail"], 0)
    for report in folder.glob("*.xml"):
        for case in xml.parse(report).getroot().iter("testcase"):
            outcome = {child.tag: child for child in case}
            if "failure" in outcome or "error" in outcome:
                total["failed"] += 1
            elif "skipped" in outcome:
                expected = outcome["skipped"].get("type") == "pytest.xfail"
                total["expected to fail" if expected else "skipped"] += 1
                print(f"{'EXPECTED TO FAIL' if expected else 'NOT RUN'}: {case.get('name')}: {outcome['skipped'].get('message')}")
            else:
                total["passed"] += 1
    for tap in folder.glob("*.tap"):
        numbers = {name: int(number) for name, number in re.findall(r"^# (pass|fail|skipped|cancelled) (\d+)$", tap.read_text(), re.M)}
        if not numbers.get("pass"):
            sys.exit(f"{tap.name} counts nothing")
        total["passed"] += numbers["pass"]
        total["failed"] += numbers["fail"] + numbers["cancelled"]
        total["skipped"] += numbers["skipped"]
    return total


def answers_fit(folder: Path) -> bool:
    """Whether what the Node tests were answered is what OpenAI says it is; Python's tests look at their own."""
    checked = 0
    for notes in sorted(folder.glob("answers*.jsonl")):
        for line in notes.read_text().splitlines():
            answer = json.loads(line)
            if answer["what"].split(" ")[1].startswith("/v1/"):
                schemas.note(answer["what"], answer["status"], answer["headers"], base64.b64decode(answer["body"]))
                checked += 1
    print(f"{checked} answers of the Node tests checked", *schemas.VIOLATIONS, sep="\n")
    return checked > 0 and not schemas.VIOLATIONS


def main() -> int:
    folder, write = Path(sys.argv[1]), "--write" in sys.argv
    total = counts(folder)
    print(", ".join(f"{count} {name}" for name, count in total.items()))
    if total["failed"] or not total["passed"] or not answers_fit(folder):
        return 1
    cells = json.loads((folder / "cells.json").read_text())
    step = put(TABLE, "table", lambda before: table(cells, cells_of(before)), write)
    return 0 if put(README, "checklist", lambda _: checklist(folder), write) and step else 1


sys.exit(main())

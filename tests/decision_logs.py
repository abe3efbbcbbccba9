"""Decision logs that suites leave: each line against the schema, each file as a chain.

A suite gives its log away with keep() before it removes its home. The runner (run.py) sets
PANDO_TEST_LOGS, and looks at everything there with check_all(). What a suite has spoilt on purpose
it does not give away.
"""
import fcntl
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

SCHEMA = Path(__file__).resolve().parents[1] / "man" / "decision-log.schema.json"
TYPES = {"object": dict, "string": str, "integer": int, "array": list}
FAULTS_SHOWN = 3
VERIFY_SECONDS = 60
# What check() knows of JSON Schema; another word in the schema is a mistake here.
KNOWN = {"$schema", "$id", "title", "description", "type", "properties", "required", "const", "enum",
         "pattern", "minLength", "maxLength", "minimum", "additionalProperties", "dependentRequired",
         "not", "allOf", "if", "then"}


def schema():
    return json.loads(SCHEMA.read_text())


def is_type(value, names):
    names = [names] if isinstance(names, str) else names
    return any(isinstance(value, TYPES[n]) and not isinstance(value, bool) for n in names)


def faults_of_value(value, s):
    if "const" in s and (value != s["const"] or isinstance(value, bool) != isinstance(s["const"], bool)):
        yield "is not %r" % s["const"]
    if "enum" in s and value not in s["enum"]:
        yield "is none of %s" % s["enum"]
    if "type" in s and not is_type(value, s["type"]):
        yield "is no %s" % s["type"]
    if isinstance(value, str):
        if "pattern" in s and not re.search(s["pattern"].replace("$", r"\Z"), value):
            yield "is not like %s" % s["pattern"]
        if not s.get("minLength", 0) <= len(value) <= s.get("maxLength", len(value)):
            yield "has %d characters" % len(value)
    if "minimum" in s and isinstance(value, int) and value < s["minimum"]:
        yield "is less than %d" % s["minimum"]


def faults_of_object(value, s):
    for name in s.get("required", ()):
        if name not in value:
            yield "%s is missing" % name
    for name, others in s.get("dependentRequired", {}).items():
        yield from ("%s without %s" % (name, o) for o in others if name in value and o not in value)
    properties = s.get("properties", {})
    for name, member in value.items():
        if name in properties:
            yield from ("%s: %s" % (name, f) for f in check(member, properties[name]))
        elif s.get("additionalProperties") is False:
            yield "%s is not known" % name


def check(value, s):
    """The faults of a value: the part of JSON Schema that our schema uses."""
    assert set(s) <= KNOWN, set(s) - KNOWN
    yield from faults_of_value(value, s)
    if isinstance(value, dict):
        yield from faults_of_object(value, s)
    if "not" in s and not any(check(value, s["not"])):
        yield "is %s" % s["not"]
    for part in s.get("allOf", ()):
        yield from check(value, part)
    if "if" in s and not any(check(value, s["if"])):
        yield from check(value, s["then"])


def no_duplicates(pairs):
    if len(dict(pairs)) != len(pairs):
        raise ValueError("duplicate members")
    return dict(pairs)


def faults_of_line(line, s):
    try:
        value = json.loads(line, object_pairs_hook=no_duplicates)
    except ValueError as e:
        return ["is not JSON: %s" % e]
    return list(check(value, s)) if isinstance(value, dict) else ["is no object"]


def files_of(log):
    """A log and its rotated files."""
    rotated = [p for p in log.parent.glob(log.name + ".*") if p.suffix[1:].isdigit()]
    return sorted(rotated, key=lambda p: -int(p.suffix[1:])) + ([log] if log.exists() else [])


def faults_of_log(log, s):
    for path in files_of(log):
        for i, line in enumerate(path.read_bytes().splitlines(), 1):
            yield from ("%s:%d: %s: %s" % (path, i, f, line[:300]) for f in faults_of_line(line, s))


def faults_of_chain(build, log, start):
    p = start([str(Path(build, "bin", "pando-ai")), "logs", "verify", str(log)], text=True,
              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said, _ = p.communicate(timeout=VERIFY_SECONDS)
    return [] if p.returncode == 0 else [said]


def logs_below(folder):
    heads = [Path(top, name) for top, _, names in os.walk(folder) for name in names
             if name.endswith(".head")]
    return sorted(head.with_suffix("") for head in heads if head.is_file())


def keep(home):
    """Gives the runner a copy of every decision log below a folder; a writer may still be there."""
    to = os.environ.get("PANDO_TEST_LOGS")
    for log in logs_below(home) if to else []:
        folder = Path(tempfile.mkdtemp(prefix=log.name + "-", dir=to))
        with open(str(log) + ".head", "rb") as head:
            fcntl.flock(head, fcntl.LOCK_SH)
            for path in files_of(log) + [Path(head.name)]:
                shutil.copy(path, folder / path.name)


def check_all(folder, build, start=subprocess.Popen):
    """(how many logs there are, what is wrong with them); start: how a process is started"""
    s, faults = schema(), []
    logs = logs_below(folder)
    for log in logs:
        found = list(faults_of_log(log, s)) + faults_of_chain(build, log, start)
        faults += ["decision log %s" % f for f in found[:FAULTS_SHOWN]]
    return len(logs), faults

#!/usr/bin/env python3
"""Three readers of JSON, the same bodies: jscan, jansson, Python. Realistic requests of both APIs
are mutated, with a fixed seed; all three must take or refuse the same ones, and find the same tools
in them. What they may differ in is listed in tests/unit/gateway_readers.c, with the reason.

    tests/cli/json_readers.py --build build --bodies 1000000
"""
import argparse
import json
import os
import pathlib
import random
import re
import struct
import subprocess
import sys

NAMES = ("type", "name", "id", "call_id", "tool_use_id", "namespace", "server_label")
TEXT_MAX = 200
DEPTH_MAX = 128
MEMBERS_MAX = 128
BATCH = 1000
passed = failed = 0


def ok(good, what, have=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"not ok - {what}: {have}")


# --- bodies as the clients send them ---------------------------------------------------------

TEXTS = ["hello", "Please read src/net/stream.c\nand \"explain\" it.", "caf\u00e9 \u2192 \u4e2d\u6587",
         "\U0001f600\U0001f680 done", "a\\b\tc\r\n\u001b[32mPASS\u001b[0m", "", "x" * 70,
         "  12\tif (a->b < 3) {\n  13\t\treturn f(\"%d\\n\", c);\n  14\t}\n", "\u00a0\u200b\ufeff"]


def text(r):
    return "".join(r.choice(TEXTS) for _ in range(r.randrange(1, 4)))


def schema(r):
    return {"type": "object", "properties": {n: {"type": "string", "description": text(r)}
            for n in r.sample(["path", "limit", "type", "name", "glob"], r.randrange(1, 4))},
            "required": ["path"], "additionalProperties": False}


def messages_tool(r):
    kind = r.randrange(8)
    if kind == 0:
        return {"type": r.choice(["web_search_20250305", "code_execution_20250522", "bash_20250124"]),
                "name": r.choice(["web_search", "bash"]), "max_uses": 8}
    if kind == 1:
        return {"type": "mcp_toolset", "mcp_server_name": "docs"}
    tool = {"name": r.choice(["mcp__pando_core__read-file", "Bash", "Edit", "StructuredOutput"]),
            "description": text(r), "input_schema": schema(r)}
    if kind == 2:
        tool["cache_control"] = {"type": "ephemeral"}
    return tool


def messages_body(r):
    turns = []
    for i in range(r.randrange(1, 4)):
        turns.append({"role": "user", "content": text(r)})
        call = f"toolu_{i:04d}"
        turns.append({"role": "assistant", "content": [
            {"type": "thinking", "thinking": text(r), "signature": "c2ln" * 8},
            {"type": r.choice(["tool_use", "server_tool_use", "mcp_tool_use"]), "id": call,
             "name": r.choice(["Bash", "mcp__pando_core__read-file"]),
             "input": {"path": "/a", "limit": r.choice([0, -1, 2.5, 1e10, True, None])}}]})
        turns.append({"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": call, "is_error": False,
             "content": [{"type": "text", "text": text(r)}], "cache_control": {"type": "ephemeral"}}]})
    return {"model": "claude-x", "max_tokens": 32000, "stream": True, "temperature": 1.0,
            "system": [{"type": "text", "text": text(r), "cache_control": {"type": "ephemeral"}}],
            "metadata": {"user_id": json.dumps({"device_id": "d", "session_id": "s"})},
            "tools": [messages_tool(r) for _ in range(r.randrange(1, 4))], "messages": turns,
            "tool_choice": {"type": r.choice(["auto", "tool"]), "name": "Bash"},
            "thinking": {"type": "enabled", "budget_tokens": 31999},
            "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}}


def responses_tool(r):
    function = {"type": "function", "name": r.choice(["echo", "exec_command", "apply_patch"]),
                "description": text(r), "strict": False, "parameters": schema(r)}
    return r.choice([function, {"type": "namespace", "name": "mcp__pando_core", "tools": [function]},
                     {"type": "web_search", "external_web_access": False},
                     {"type": "custom", "name": "apply_patch", "format": {"type": "grammar",
                      "syntax": "lark", "definition": text(r)}}])


def responses_body(r):
    items = [{"type": "message", "role": "developer",
              "content": [{"type": "input_text", "text": text(r)}]}]
    for i in range(r.randrange(1, 4)):
        call = f"call_{i:04d}"
        items += [{"type": "reasoning", "summary": [], "encrypted_content": "ZW5j" * 20},
                  {"type": "function_call", "name": "echo", "namespace": "mcp__pando_core",
                   "arguments": json.dumps({"path": text(r)}), "call_id": call},
                  {"type": "function_call_output", "call_id": call, "output": text(r)}]
    return {"model": "gpt-x", "instructions": text(r), "input": items,
            "tools": [responses_tool(r) for _ in range(r.randrange(1, 4))], "tool_choice": "auto",
            "parallel_tool_calls": True, "reasoning": {"effort": "medium", "summary": "auto"},
            "store": False, "stream": True, "include": ["reasoning.encrypted_content"],
            "prompt_cache_key": "k", "text": {"verbosity": "low"}}


def body(r):
    value = r.choice([messages_body, responses_body])(r)
    style = r.randrange(4)
    separators = (",", ":") if style < 3 else (" ,\n", " : ")
    return json.dumps(value, ensure_ascii=style == 1, separators=separators).encode()


# --- mutations -------------------------------------------------------------------------------

TOKENS = [b'"type":"tool_use",', b'"name":"Bash",', b',"Type":"x"', b',"type":"x"', b'{"id":"a"},', b"\\u0000",
          b"\\ud800", b"\\ude00", b"\\ud83d\\ude00", b"\\u12g4", b"\\x", b"\\", b'"', b"\x00", b"\x1f",
          b"\x7f", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xe4\xb8", b"\xff",
          b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-0", b"01", b"1.", b".5", b"+1", b"1E+2", b"0x1",
          b"9" * 30, b"[", b"]", b"{", b"}", b"[]", b"{}", b",", b",,", b":", b" ", b"\t", b"\r\n", b"\x0b",
          b"\xc2\xa0", b"//", b"/**/", b"'", b"true", b"nul", b"null", b"\\/", b"\\u0061", b"\\U0061"]
LETTERS = re.compile(rb"[A-Za-z_]")


def escaped(r, b):
    """One letter as its escape: the same text when it stands in a string."""
    spots = [m.start() for m in LETTERS.finditer(b)]
    at = r.choice(spots) if spots else 0
    return b[:at] + b"\\u%04x" % b[at] + b[at + 1:]


def other_case(r, b):
    at = r.randrange(len(b))
    return b[:at] + b[at:at + 1].swapcase() + b[at + 1:]


def replaced(r, b):
    at = r.randrange(len(b))
    return b[:at] + bytes([r.randrange(256)]) + b[at + 1:]


def inserted(r, b):
    at = r.randrange(len(b) + 1)
    return b[:at] + r.choice(TOKENS) + b[at:]


def beside_a_mark(r, b):
    """Where an insertion has a chance to be valid."""
    at = max(b.find(r.choice([b",", b"{", b"[", b":", b'"']), r.randrange(len(b))), 0) + 1
    return b[:at] + r.choice(TOKENS) + b[at:]


def cut(r, b):
    at = r.randrange(len(b))
    return b[:at] + b[at + r.choice([1, 1, 2, 3, 8, 40, 300]):]


def shortened(r, b):
    return b[:r.randrange(len(b) + 1)]


def member_again(r, b):
    """A member, or an element, once more behind itself or elsewhere."""
    found = r.choice(re.findall(rb'"[a-z_]{2,12}" ?: ?"[^"\\]{0,40}" ?,', b) or [b'"type":1,'])
    at = max(b.find(r.choice([b'"type"', b'"name"', b'"id"', b'"role"']), r.randrange(len(b))), 0)
    return b[:at] + found + b[at:]


def moved(r, b):
    a, c = sorted(r.randrange(len(b) + 1) for _ in range(2))
    part = b[a:min(c, a + 60)]
    at = r.randrange(len(b) + 1)
    return b[:at] + part + b[at:]


def nested(r, b):
    n = r.choice([1, 10, DEPTH_MAX - 8, DEPTH_MAX, 300])
    return (b'[' * n + b + b']' * n) if r.randrange(2) else (b'{"a":' * n + b + b'}' * n)


MUTATIONS = [escaped, escaped, other_case, replaced, inserted, beside_a_mark, beside_a_mark, cut,
             shortened, member_again, member_again, moved]


def mutated(r, b):
    if r.randrange(50) == 0:
        b = nested(r, b)
    for _ in range(r.choice([0, 1, 1, 1, 2, 3])):
        if b:
            b = r.choice(MUTATIONS)(r, b)
    return b


# --- what Python says of a body --------------------------------------------------------------

class Members(list):
    """An object as its members, so that the ones that stand twice are seen."""


def no_constant(word):
    raise ValueError(word)


def parsed(b):
    """The value, or None: refused. Strict UTF-8 first; NaN and Infinity are no JSON."""
    try:
        return (json.loads(b.decode("utf-8"), object_pairs_hook=Members, parse_constant=no_constant),)
    except (ValueError, RecursionError):
        return None


def field(value):
    """As tests/unit/gateway_readers.c writes it: no text can be taken for the end of another one."""
    if not isinstance(value, str):
        return b"-"
    if "\0" in value or any(0xd800 <= ord(c) <= 0xdfff for c in value) or \
            len(value.encode()) > TEXT_MAX:
        return b"!"
    return b"=%d:%s" % (len(value.encode()), value.encode())


def record(members):
    """The fields, or the first reason why an object is not read."""
    seen, found = set(), {}
    for count, (key, value) in enumerate(members):
        if count >= MEMBERS_MAX:
            return b"M"
        if key in seen:
            return b"D"
        seen.add(key)
        if key in NAMES:
            found[key] = value
        elif key.lower() in NAMES:
            return b"C"
    return b"".join(field(found.get(n)) for n in NAMES)


def records(value, out):
    if isinstance(value, Members):
        out.append(record(value))
        for _, member in value:
            records(member, out)
    elif isinstance(value, list):
        for element in value:
            records(element, out)
    return out


def depth(value):
    if not isinstance(value, list):
        return 0
    inside = (m[1] for m in value) if isinstance(value, Members) else value
    return 1 + max((depth(v) for v in inside), default=0)


def has_twin(value):
    if isinstance(value, Members):
        return len({k for k, _ in value}) < len(value) or any(has_twin(v) for _, v in value)
    return isinstance(value, list) and any(has_twin(v) for v in value)


# Texts that look like an end, a length or a refusal in what the program answers.
ODD = [json.dumps({"type": a, "name": b, "id": {"call_id": c}}).encode()
       for a in ("\x1e", "\x1f", "a\x1f-", "=1:x", "3:abc", "E", "")
       for b in ("-", "!", "\x01\x1e", "x" * TEXT_MAX) for c in ("\x1e-\x1f", "D", None)]


# --- the comparison --------------------------------------------------------------------------

def same_records(ours, theirs):
    """An object with an escaped name is refused by ours (E); Python does not tell that."""
    return len(ours) == len(theirs) and all(a == b or a == b"E" for a, b in zip(ours, theirs))


def framed(said):
    """What stands behind its length, one after the other."""
    at = 0
    while at < len(said):
        n = struct.unpack_from("<I", said, at)[0]
        yield said[at + 4:at + 4 + n]
        at += 4 + n


def fault(b, said, have):
    """None, or how the three differ."""
    ours, loose, strict, alike = said.decode()
    value = parsed(b)
    if value is None:
        if ours == "a":
            return "taken, which Python does not"
        if loose == "a" and b"\0" not in b and ours != "n":
            return "refused, which jansson does not"
        return None
    if depth(value[0]) > DEPTH_MAX:
        return None if ours == "n" else "not too deep"
    if ours != "a":
        return f"refused ({ours}), which Python does not"
    if loose not in "aouk":
        return "taken, which jansson does not"
    if loose == "a" and (strict == "d") != has_twin(value[0]):
        return "jansson and Python differ in what stands twice"
    if alike != "=":
        return "jansson finds other tools"
    want = records(value[0], [])
    if not same_records(have, want):
        return f"Python finds other tools: {have} {want}"
    if b"E" in have and b"\\" not in b:
        return "an escape where there is none"
    return None


def answers(program, bodies):
    asked = b"".join(struct.pack("<I", len(b)) + b for b in bodies)
    said = subprocess.run([program, "--pipe"], input=asked, stdout=subprocess.PIPE, check=True,
                          timeout=120).stdout
    return framed(said)


def batches(seed, total):
    r = random.Random(seed)
    yield ODD
    for start in range(0, total, BATCH):
        yield [mutated(r, body(r)) for _ in range(min(BATCH, total - start))]


def compare(program, seed, total):
    counts = {"taken": 0, "too deep": 0, "an object refused": 0}
    for bodies in batches(seed, total):
        for b, answer in zip(bodies, answers(program, bodies), strict=True):
            said, have = answer[:4], list(framed(answer[4:]))
            why = fault(b, said, have)
            if why is not None:
                ok(False, why, repr(b))
            counts["taken"] += said[:1] == b"a"
            counts["too deep"] += said[:1] == b"n"
            counts["an object refused"] += any(x in have for x in (b"E", b"D", b"C", b"M"))
    return counts


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--build", type=pathlib.Path, required=True)
    arguments.add_argument("--bodies", type=int, default=8000)
    arguments.add_argument("--seed", type=int, default=4)
    a = arguments.parse_args()
    os.environ.pop("PYTHONINTMAXSTRDIGITS", None)
    sys.set_int_max_str_digits(0)
    counts = compare(a.build.resolve() / "tests" / "unit" / "gateway_readers", a.seed, a.bodies)
    ok(failed == 0, f"{a.bodies} bodies of seed {a.seed}: {counts}")
    for what, n in counts.items():
        ok(n > a.bodies // 1000, f"enough of them were: {what}", n)
    print(f"ok - {a.bodies} bodies: {counts}")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return failed > 0


sys.exit(main())

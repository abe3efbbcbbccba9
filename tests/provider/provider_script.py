"""The script of the stand-in provider: what to answer next.

Pure: no sockets, no clock. A conversation comes in as a neutral list of events, which each
dialect makes from its own request:

    ("prompt", None, text)     the person spoke
    ("model",  call_id, text)  the model spoke (call_id None) or called a tool
    ("result", call_id, text)  the answer of a tool
"""
import json
import re

ITEM_KINDS = ("say", "think", "call", "server_tool", "item")
MISBEHAVIOURS = ("status", "stream_error", "cut_after", "reset_after", "hang", "hang_after",
                 "delay", "bad_json", "content_type", "gzip", "garbage", "raw", "stop_reason",
                 "times", "headers", "body")
TOP = ("turns", "prompts", "aux_text", "end_text", "piece", "websocket")
DIALECT_AGENT = {"messages": "claude", "responses": "codex"}


class ScriptError(Exception):
    """The script is wrong, or its templates do not fit the conversation."""


def check_keys(where, have, allowed):
    unknown = sorted(set(have) - set(allowed))
    if unknown:
        raise ScriptError("%s: unknown key %s (known: %s)" % (where, unknown[0],
                                                              ", ".join(sorted(allowed))))


def check_item(where, item):
    if not isinstance(item, dict):
        raise ScriptError("%s: want an object" % where)
    if set(item) <= {"claude", "codex"} and item:
        for agent, sub in item.items():
            check_item("%s.%s" % (where, agent), sub)
        return
    if len(item) != 1 or next(iter(item)) not in ITEM_KINDS:
        raise ScriptError("%s: want one key of %s" % (where, ", ".join(ITEM_KINDS)))


def check_turn(where, turn):
    """A turn is a list of items or {"items": [...], <misbehaviour>: ...}; answers the second form."""
    if isinstance(turn, list):
        turn = {"items": turn}
    if not isinstance(turn, dict):
        raise ScriptError("%s: want a list of items or an object" % where)
    check_keys(where, turn, MISBEHAVIOURS + ("items",))
    for i, item in enumerate(turn.get("items", [])):
        check_item("%s.items[%d]" % (where, i), item)
    return turn


class Script:
    """A checked script and the calls that it has made so far."""

    def __init__(self, data):
        if not isinstance(data, dict):
            raise ScriptError("script: want an object")
        check_keys("script", data, TOP)
        self.aux_text = data.get("aux_text", "Stand-in title")
        self.end_text = data.get("end_text", "The script has ended.")
        self.piece = int(data.get("piece", 7))
        self.websocket = bool(data.get("websocket"))
        self.turns = [check_turn("turns[%d]" % i, t) for i, t in enumerate(data.get("turns", []))]
        self.prompts = []
        for i, p in enumerate(data.get("prompts", [])):
            check_keys("prompts[%d]" % i, p, ("match", "turns"))
            turns = [check_turn("prompts[%d].turns[%d]" % (i, j), t) for j,
                     t in enumerate(p["turns"])]
            self.prompts.append((re.compile(p["match"]), turns))
        if self.piece < 1:
            raise ScriptError("script: piece: want 1 or more")
        self.turn_of_call = {}

    def list_for(self, events):
        """The list of turns that the last prompt asks for."""
        text = next((t for kind, _, t in reversed(events) if kind == "prompt"), "")
        for pattern, turns in self.prompts:
            if pattern.search(text):
                return turns
        return self.turns

    def turn_for(self, events):
        """(number, turn): which turn the conversation is at, and what it says."""
        number = self.number_of(since_prompt(events))
        turns = self.list_for(events)
        if number < len(turns):
            return number, turns[number]
        return number, {"items": [{"say": self.end_text}]}

    def number_of(self, events):
        """Counts runs of model events; a call that we made says itself which turn it was."""
        number, in_model = 0, False
        for kind, call_id, _ in events:
            if kind != "model":
                in_model = False
            elif call_id in self.turn_of_call:
                number, in_model = self.turn_of_call[call_id] + 1, True
            elif not in_model:
                number, in_model = number + 1, True
        return number

    def remember(self, call_id, number):
        self.turn_of_call[call_id] = number


def since_prompt(events):
    last = max((i for i, e in enumerate(events) if e[0] == "prompt"), default=-1)
    return events[last + 1:]


def load(path):
    try:
        with open(path, encoding="utf-8") as f:
            return Script(json.load(f))
    except (OSError, ValueError, KeyError, TypeError, re.error, ScriptError) as e:
        raise ScriptError("%s: %s" % (path, e)) from e


def items_for(turn, dialect, events):
    """The turn's items for this agent, with templates filled in from the conversation."""
    agent = DIALECT_AGENT[dialect]
    out = []
    for item in turn.get("items", []):
        if set(item) <= {"claude", "codex"}:
            if agent not in item:
                continue
            item = item[agent]
        kind, value = next(iter(item.items()))
        if isinstance(value, dict) and value and set(value) <= {"claude", "codex"}:
            if agent not in value:
                continue
            value = value[agent]
        out.append((kind, fill(value, since_prompt(events))))
    return out


def results_text(events):
    """Texts of the tool results since the prompt, the newest first."""
    return [text for kind, _, text in reversed(events) if kind == "result"]


def fill(value, events):
    if isinstance(value, list):
        return [fill(v, events) for v in value]
    if not isinstance(value, dict):
        return value
    if "$match" in value:
        return fill_match(value, events)
    if "$results" in value:
        return "\n".join(reversed(results_text(events)))
    if "$join" in value:
        return "".join(str(fill(v, events)) for v in value["$join"])
    return {k: fill(v, events) for k, v in value.items()}


def fill_match(value, events):
    check_keys("$match", value, ("$match", "as"))
    for text in results_text(events):
        m = re.search(value["$match"], text)
        if m:
            found = m.group(1) if m.groups() else m.group(0)
            return int(found) if value.get("as") == "int" else found
    raise ScriptError("$match %r: not in the tool results %r" % (value["$match"],
                                                                 results_text(events)))


def pieces(text, n):
    return [text[i:i + n] for i in range(0, len(text), n)]

"""The OpenAI Responses dialect: https://platform.openai.com/docs/api-reference/responses and
/responses-streaming. Requests to neutral events, items to output items, items to SSE."""
import json
import random
import time

from provider_script import pieces

CALLS = ("function_call", "custom_tool_call", "local_shell_call", "tool_search_call",
         "web_search_call", "mcp_call")
ECHOED = ("parallel_tool_calls", "previous_response_id", "prompt_cache_key", "reasoning", "store",
          "text", "tool_choice", "tools")


def new_id(prefix):
    return prefix + "%048x" % random.getrandbits(192)


def new_call_id():
    return "call_%024x" % random.getrandbits(96)


def text_of(content):
    if isinstance(content, str):
        return content
    return "\n".join(c.get("text", "") for c in content or [] if isinstance(c, dict))


def input_of(body):
    given = body.get("input")
    return [{"type": "message", "role": "user", "content": given}] if isinstance(given,
            str) else given or []


def event_of(item):
    kind = item.get("type", "message")
    if kind == "message":
        role = item.get("role")
        if role == "user":
            return "prompt", None, text_of(item.get("content"))
        return ("model", None, text_of(item.get("content"))) if role == "assistant" else None
    if kind.endswith("_output"):
        return "result", item.get("call_id"), text_of(item.get("output"))
    if kind in CALLS or kind == "reasoning":
        return "model", item.get("call_id"), ""
    return None


def events_of(body):
    return [e for e in (event_of(i) for i in input_of(body) if isinstance(i, dict)) if e]


def names_in(tools, space):
    for tool in tools or []:
        if tool.get("type") == "namespace":
            yield from names_in(tool.get("tools"), space + tool.get("name", "") + "/")
        else:
            yield space + (tool.get("name") or tool.get("type") or "?")


def tools_of(body):
    """Names in all three places where this API takes tool definitions."""
    out = list(names_in(body.get("tools"), ""))
    for item in input_of(body):
        if isinstance(item, dict) and item.get("type") in ("additional_tools",
                                                           "tool_search_output"):
            out += names_in(item.get("tools"), "")
    return out


def message_item(text):
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"id": new_id("msg_"), "type": "message", "status": "completed", "content": [part],
            "role": "assistant"}


def offered_name(call, tools):
    """As a model would: the name that the request offers. Codex spells a-b as a_b."""
    space = "mcp__%s/" % call["server"] if call.get("server") else ""
    if space + call["tool"] not in tools and space + call["tool"].replace("-", "_") in tools:
        return call["tool"].replace("-", "_")
    return call["tool"]


def call_item(call, tools):
    name = offered_name(call, tools)
    if "input" in call:
        out = {"id": new_id("ctc_"), "type": "custom_tool_call", "status": "completed",
               "call_id": new_call_id(),
               "input": call["input"], "name": name}
    else:
        out = {"id": new_id("fc_"), "type": "function_call", "status": "completed",
               "arguments": call.get("raw_args", json.dumps(call.get("args", {}))),
               "call_id": new_call_id(), "name": name}
    if call.get("server"):
        out["namespace"] = "mcp__" + call["server"]
    return out


def item_of(kind, value, tools):
    if kind == "say":
        return message_item(value)
    if kind == "think":
        return {"id": new_id("rs_"), "type": "reasoning", "summary": [{"type": "summary_text",
                                                                       "text": value}],
                "encrypted_content": "Z0FBQUFBQm8=" * 8}
    if kind == "call":
        return call_item(value, tools)
    if kind == "server_tool":
        query = value.get("args", {}).get("query", "")
        return {"id": new_id("ws_"), "type": "web_search_call", "status": "completed",
                "action": {"type": "search", "query": query, "queries": [query]}}
    return value


def usage_of(body_size, output):
    have, made = max(1, body_size // 4), max(1, len(json.dumps(output)) // 4)
    return {"input_tokens": have, "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": made,
            "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": have + made}


def answer(body, body_size, items, stop=None):
    """The whole response object, as the API gives it when stream is false."""
    tools = tools_of(body)
    output = [item_of(kind, value, tools) for kind, value in items]
    out = {"id": new_id("resp_"), "object": "response", "created_at": int(time.time()),
           "status": "completed",
           "background": False, "error": None, "incomplete_details": None,
           "instructions": body.get("instructions"),
           "max_output_tokens": None, "max_tool_calls": None, "model": body.get("model"),
           "output": output,
           "service_tier": "default", "temperature": 1.0, "top_logprobs": 0, "top_p": 0.98,
           "truncation": "disabled",
           "usage": usage_of(body_size, output), "user": None, "metadata": {}}
    out.update({k: body[k] for k in ECHOED if k in body})
    out.setdefault("tools", [])
    if stop:
        out.update(status="incomplete", incomplete_details={"reason": stop})
    return out


def call_ids(response):
    return [i["call_id"] for i in response["output"] if i.get("call_id")]


class Stream:
    """Collects events and numbers them."""

    def __init__(self):
        self.events = []

    def add(self, name, **fields):
        self.events.append((name, dict({"type": name, "sequence_number": len(self.events)},
                                       **fields)))

    def message(self, at, item, n):
        part = item["content"][0]
        at = dict(at, item_id=item["id"], content_index=0)
        self.add("response.content_part.added", **at, part=dict(part, text=""))
        for p in pieces(part["text"], n):
            self.add("response.output_text.delta", **at, delta=p, logprobs=[],
                     obfuscation="x" * (16 - len(p) % 16))
        self.add("response.output_text.done", **at, text=part["text"], logprobs=[])
        self.add("response.content_part.done", **at, part=part)

    def reasoning(self, at, item, n):
        part = item["summary"][0]
        at = dict(at, item_id=item["id"], summary_index=0)
        self.add("response.reasoning_summary_part.added", **at, part=dict(part, text=""))
        for p in pieces(part["text"], n):
            self.add("response.reasoning_summary_text.delta", **at, delta=p,
                     obfuscation="x" * (16 - len(p) % 16))
        self.add("response.reasoning_summary_text.done", **at, text=part["text"])
        self.add("response.reasoning_summary_part.done", **at, part=part)

    def call(self, at, item, n):
        at = dict(at, item_id=item["id"])
        kind, field = ("custom_tool_call_input",
                       "input") if "input" in item else ("function_call_arguments", "arguments")
        for p in pieces(item[field], n):
            self.add("response.%s.delta" % kind, **at, delta=p,
                     obfuscation="x" * (16 - len(p) % 16))
        self.add("response.%s.done" % kind, **at, **{field: item[field]})

    def search(self, at, item, _):
        for step in ("in_progress", "searching", "completed"):
            self.add("response.web_search_call." + step, **at, item_id=item["id"])

    def item(self, index, item, n):
        begun = {"message": dict(item, content=[]), "reasoning": dict(item, summary=[]),
                 "function_call": dict(item, arguments=""), "custom_tool_call": dict(item,
                                                                                     input="")}
        parts = {"message": self.message, "reasoning": self.reasoning, "function_call": self.call,
                 "custom_tool_call": self.call, "web_search_call": self.search}
        start = begun.get(item["type"], dict(item))
        if "status" in start:
            start["status"] = "in_progress"
        self.add("response.output_item.added", output_index=index, item=start)
        if item["type"] in parts:
            parts[item["type"]]({"output_index": index}, item, n)
        self.add("response.output_item.done", output_index=index, item=item)


def stream(response, n):
    """[(event, data)] of the whole answer."""
    begun = dict(response, status="in_progress", output=[], usage=None, incomplete_details=None)
    out = Stream()
    out.add("response.created", response=begun)
    out.add("response.in_progress", response=begun)
    for i, item in enumerate(response["output"]):
        out.item(i, item, n)
    out.add("response." + response["status"], response=response)
    return out.events


def stream_error(error, response, sequence):
    failed = dict(response, status="failed", output=[], usage=None,
                  error={"code": error.get("type", "server_error"),
                         "message": error.get("message", "Overloaded")})
    return "response.failed", {"type": "response.failed", "sequence_number": sequence,
                               "response": failed}


def error_body(kind, message):
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def models():
    names = ("gpt-6.1-sol", "gpt-5.5")
    return {"object": "list", "data": [{"id": n, "object": "model", "created": 1767225600,
                                        "owned_by": "openai"} for n in names],
            "models": []}

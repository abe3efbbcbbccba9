"""The Anthropic Messages dialect: https://docs.anthropic.com/en/api/messages and
/messages-streaming. Requests to neutral events, items to content blocks, blocks to SSE."""
import json
import random
import string

from provider_script import pieces

ALPHABET = string.ascii_letters + string.digits


def new_id(prefix):
    return prefix + "01" + "".join(random.choices(ALPHABET, k=22))


def text_of(content):
    if isinstance(content, str):
        return content
    return "\n".join(b.get("text", "") for b in content or [] if isinstance(b, dict)
                     and b.get("type") == "text")


def is_reminder(block):
    return block.get("type") == "text" and block.get("text",
                                                     "").lstrip().startswith("<system-reminder>")


def user_events(blocks):
    results = [b for b in blocks if b.get("type") == "tool_result"]
    spoken = [b for b in blocks if b.get("type") != "tool_result" and not is_reminder(b)]
    out = [("result", b.get("tool_use_id"), text_of(b.get("content"))) for b in results]
    if not results and spoken:
        out.append(("prompt", None, text_of(spoken)))
    return out


def events_of(body):
    out = []
    for m in body.get("messages") or []:
        content = m.get("content")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
        if m.get("role") == "assistant":
            out += [("model", b.get("id"), b.get("text", "")) for b in blocks]
        elif m.get("role") == "user":
            out += user_events(blocks)
    return out


def tools_of(body):
    return [t.get("name") or t.get("type") for t in body.get("tools") or []]


def wire_name(call):
    return "mcp__%s__%s" % (call["server"], call["tool"]) if call.get("server") else call["tool"]


def blocks_of(kind, value):
    if kind == "say":
        return [{"type": "text", "text": value}]
    if kind == "think":
        return [{"type": "thinking", "thinking": value, "signature": "RXFRQkNrWUlDQmdDS2tE" * 4}]
    if kind == "call":
        return [{"type": "tool_use", "id": new_id("toolu_"), "name": wire_name(value),
                 "input": value.get("raw_args", value.get("args", {}))}]
    if kind == "server_tool":
        use = new_id("srvtoolu_")
        found = {"type": "web_search_result", "title": "A page", "url": "https://example.invalid/",
                 "encrypted_content": "RW5jcnlwdGVk", "page_age": None}
        return [{"type": "server_tool_use", "id": use, "name": value.get("tool", "web_search"),
                 "input": value.get("args", {})},
                {"type": "web_search_tool_result", "tool_use_id": use, "content": [found]}]
    return [value]


def usage_of(body_size, blocks):
    return {"input_tokens": max(1, body_size // 4), "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "output_tokens": max(1, len(json.dumps(blocks)) // 4), "service_tier": "standard"}


def answer(body, body_size, items, stop=None):
    """The whole message, as the API gives it when stream is false."""
    blocks = [b for kind, value in items for b in blocks_of(kind, value)]
    calls = [b for b in blocks if b["type"] == "tool_use"]
    return {"id": new_id("msg_"), "type": "message", "role": "assistant",
            "model": body.get("model"),
            "content": blocks, "stop_reason": stop or ("tool_use" if calls else "end_turn"),
            "stop_sequence": None, "usage": usage_of(body_size, blocks)}


def call_ids(message):
    return [b["id"] for b in message["content"] if b["type"] == "tool_use"]


def input_text(block):
    return block["input"] if isinstance(block["input"], str) else json.dumps(block["input"])


def block_parts(block, n):
    """(the block as content_block_start shows it, its deltas)"""
    kind = block["type"]
    if kind == "text":
        return dict(block, text=""), [{"type": "text_delta", "text": p}
                                      for p in pieces(block["text"], n)]
    if kind == "thinking":
        return dict(block, thinking="", signature=""), [
            {"type": "thinking_delta", "thinking": p} for p in pieces(block["thinking"], n)
        ] + [{"type": "signature_delta", "signature": block["signature"]}]
    if kind in ("tool_use", "server_tool_use"):
        return dict(block, input={}), [
            {"type": "input_json_delta", "partial_json": p}
            for p in [""] + pieces(input_text(block), n)]
    return block, []


def stream(message, n):
    """[(event, data)] of the whole answer; pings where the API has them."""
    head = dict(message, content=[], stop_reason=None, usage=dict(message["usage"],
                                                                  output_tokens=1))
    out = [("message_start", {"type": "message_start", "message": head})]
    for i, block in enumerate(message["content"]):
        start, deltas = block_parts(block, n)
        out.append(("content_block_start", {"type": "content_block_start", "index": i,
                                            "content_block": start}))
        if i == 0:
            out.append(("ping", {"type": "ping"}))
        out += [("content_block_delta", {"type": "content_block_delta", "index": i, "delta": d})
                for d in deltas]
        out.append(("content_block_stop", {"type": "content_block_stop", "index": i}))
    delta = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    out.append(("message_delta", {"type": "message_delta", "delta": delta,
                                  "usage": message["usage"]}))
    out.append(("message_stop", {"type": "message_stop"}))
    return out


def stream_error(error, _message, _sequence):
    return "error", {"type": "error", "error": {"type": error.get("type", "overloaded_error"),
                                                "message": error.get("message", "Overloaded")}}


def error_body(kind, message):
    return {"type": "error", "error": {"type": kind, "message": message},
            "request_id": new_id("req_")}


def models():
    names = ("claude-opus-5-5", "claude-sonnet-5")
    data = [{"type": "model", "id": n, "display_name": n, "created_at": "2026-01-01T00:00:00Z"}
            for n in names]
    return {"data": data, "has_more": False, "first_id": names[0], "last_id": names[-1]}

#include "mcp/rpc.h"

#include "base/jscan.h"

size_t
rpc_room(const struct rpc_in *in)
{
	/* what is used up is dropped by the next take, not here */
	return in->b.max - in->b.n;
}

/* In a line that is too long only its end is of interest. */
static struct str
skip_rest(struct rpc_in *in, struct str bytes)
{
	const char *end = bytes.n > 0 ? memchr(bytes.p, '\n', bytes.n) : NULL;

	if (end == NULL)
		return (struct str){ NULL, 0 };
	in->skipping = false;
	return str_skip(bytes, (size_t)(end - bytes.p) + 1);
}

void
rpc_feed(struct rpc_in *in, struct str bytes)
{
	if (in->skipping)
		bytes = skip_rest(in, bytes);
	buf_put(&in->b, bytes.p, bytes.n);
}

static void
drop_used(struct rpc_in *in)
{
	if (in->used == 0)
		return;
	buf_drop_front(&in->b, in->used);
	in->looked -= in->looked < in->used ? in->looked : in->used;
	in->used = 0;
}

static struct str
without_cr(struct str line)
{
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

enum rpc_got
rpc_take(struct rpc_in *in, struct str *line)
{
	const char *end;

	drop_used(in);
	end = in->b.n > 0 ? memchr(in->b.p, '\n', in->b.n) : NULL;
	if (end != NULL) {
		in->used = (size_t)(end - in->b.p) + 1;
		*line = without_cr((struct str){ in->b.p, in->used - 1 });
		return RPC_LINE;
	}
	if (in->b.n < in->b.max)
		return RPC_MORE;
	buf_reset(&in->b);
	in->looked = 0;
	in->skipping = true;
	return RPC_TOO_LONG;
}

bool
rpc_peek(struct rpc_in *in, struct str *line)
{
	const char *from;
	const char *end;

	if (in->looked < in->used)
		in->looked = in->used;
	if (in->looked >= in->b.n)
		return false;
	from = in->b.p + in->looked;
	end = memchr(from, '\n', in->b.n - in->looked);
	if (end == NULL)
		return false;
	*line = without_cr((struct str){ from, (size_t)(end - from) });
	in->peeked = in->looked;
	in->looked += (size_t)(end - from) + 1;
	return true;
}

void
rpc_drop_peeked(struct rpc_in *in)
{
	memmove(in->b.p + in->peeked, in->b.p + in->looked, in->b.n - in->looked);
	in->b.n -= in->looked - in->peeked;
	in->looked = in->peeked;
}

void
rpc_fini(struct rpc_in *in)
{
	buf_fini(&in->b);
}

static int
bad(struct err *e, const char *why)
{
	(void)err_set(e, ERR_DATA, "%s", why);
	return RPC_BAD_REQUEST;
}

static bool
is_id(const json_t *id)
{
	if (json_is_string(id))
		return json_string_length(id) <= RPC_ID_TEXT_MAX;
	return json_is_integer(id);
}

static int
check(struct rpc_msg *m, struct err *e)
{
	const char *version = json_text_of(m->root, "jsonrpc");
	const json_t *id = json_object_get(m->root, "id");
	const json_t *method = json_object_get(m->root, "method");
	const json_t *params = json_object_get(m->root, "params");

	if (id != NULL && is_id(id))
		m->id = id;
	if (version == NULL || strcmp(version, "2.0") != 0)
		return bad(e, "\"jsonrpc\" must be \"2.0\"");
	if (method == NULL) {
		const bool answers = json_object_get(m->root, "result") != NULL ||
				     json_object_get(m->root, "error") != NULL;

		m->kind = RPC_RESPONSE;
		return answers ? 0 : bad(e, "no \"method\"");
	}
	if (!json_is_string(method) || json_string_length(method) > RPC_METHOD_MAX)
		return bad(e, "\"method\" must be a short string");
	if (id != NULL && m->id == NULL)
		return bad(e, "\"id\" must be a string or an integer");
	m->method = json_string_value(method);
	m->kind = id != NULL ? RPC_REQUEST : RPC_NOTIFICATION;
	if (params != NULL && !json_is_object(params)) {
		(void)err_set(e, ERR_DATA, "\"params\" must be an object");
		return RPC_BAD_PARAMS;
	}
	m->params = params;
	return 0;
}

/*
 * JSON that has more than we take, such as a number beyond 64 bits: a client that gets no answer
 * to its own id would wait for one.
 */
static int
answer_to_unread(struct str line, struct rpc_msg *m)
{
	struct js_field f[] = { JS_FIELD("id") };
	struct err none = ERR_INIT; /* what is wrong has been told */
	struct js root;
	json_t *id;

	if (js_check(line, &root, &none) < 0 || js_fields(root, f, LEN(f), &none) < 0 ||
		f[0].m.val.type == JS_NONE)
		return RPC_BAD_JSON;
	id = json_parse(f[0].m.val.raw, &none);
	m->root = json_pack("{s:o}", "id", id);
	if (id == NULL || !is_id(id))
		return RPC_BAD_JSON;
	m->id = id;
	return RPC_BAD_REQUEST;
}

int
rpc_parse(struct str line, struct rpc_msg *m, struct err *e)
{
	*m = (struct rpc_msg){ .kind = RPC_REQUEST };
	m->root = json_parse(line, e);
	if (m->root == NULL)
		return answer_to_unread(line, m);
	if (json_is_array(m->root))
		return bad(e, "batches are not supported: send one message a line");
	if (!json_is_object(m->root))
		return bad(e, "a message must be a JSON object");
	return check(m, e);
}

void
rpc_msg_fini(struct rpc_msg *m)
{
	json_freep(&m->root);
}

static void
put_head(struct buf *out, const json_t *id)
{
	buf_puts(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	if (id == NULL)
		buf_puts(out, "null");
	else
		json_put(out, id);
}

void
rpc_put_request(struct buf *out, const char *id, const char *method, struct str params)
{
	buf_puts(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_put_json(out, str_of(id));
	buf_printf(out, ",\"method\":\"%s\",\"params\":", method);
	buf_put_str(out, params);
	buf_puts(out, "}\n");
}

void
rpc_put_cancelled(struct buf *out, const char *id, const char *why)
{
	buf_puts(out, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
		      "\"params\":{\"requestId\":");
	buf_put_json(out, str_of(id));
	buf_puts(out, ",\"reason\":");
	buf_put_json(out, str_of(why));
	buf_puts(out, "}}\n");
}

void
rpc_put_result(struct buf *out, const json_t *id, struct str result)
{
	put_head(out, id);
	buf_puts(out, ",\"result\":");
	buf_put_str(out, result);
	buf_puts(out, "}\n");
}

void
rpc_put_error(struct buf *out, const json_t *id, int code, const char *why)
{
	put_head(out, id);
	buf_printf(out, ",\"error\":{\"code\":%d,\"message\":", code);
	buf_put_json(out, str_of(why));
	buf_puts(out, "}}\n");
}

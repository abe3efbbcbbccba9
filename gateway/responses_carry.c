#include "gateway/responses.h"

#include <strings.h>

/* A word of such a kind in a member's name says that its value is about tools. */
static bool
has_word(struct str s, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct str w = str_of(words[i]);

		for (size_t at = 0; at + w.n <= s.n; at++)
			if (strncasecmp(s.p + at, w.p, w.n) == 0)
				return true;
	}
	return false;
}

static bool
is_name(struct str s, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s.n == strlen(names[i]) && strncasecmp(s.p, names[i], s.n) == 0)
			return true;
	return false;
}

/* Escapes could spell any of the words. */
static bool
has_escape(struct str s)
{
	return s.n > 0 && memchr(s.p, '\\', s.n) != NULL;
}

static bool
is_telling_key(struct str key)
{
	static const char *const words[] = { "tool", "call", "function", "mcp",
		"connector" };

	return has_escape(key) || has_word(key, words, LEN(words));
}

static bool
is_telling_type(struct js v)
{
	static const char *const words[] = { "tool", "call", "function", "mcp",
		"namespace", "custom", "exec" };
	const struct str text = js_inside(v);

	return has_escape(text) || has_word(text, words, LEN(words));
}

/* Nothing is asked for by these, whatever they are called. */
static bool
is_void(struct js v)
{
	return v.type == JS_NONE || v.type == JS_NULL ||
	       (v.type == JS_BOOL && v.raw.p[0] == 'f');
}

/* What a container holds: a name beside arguments or parameters is a call or a definition. */
static bool
inside_could_carry(struct js v)
{
	static const char *const bodies[] = { "arguments", "parameters", "input_schema",
		"input", "command", "action" };
	static const char *const names[] = { "name" };
	bool has_name = false;
	bool has_body = false;
	struct js_iter it;
	struct js_item m;

	js_open(&it, v);
	while (js_next(&it, &m)) {
		if (res_could_carry(m.key, m.val))
			return true;
		has_name = has_name || is_name(m.key, names, LEN(names));
		has_body = has_body || is_name(m.key, bodies, LEN(bodies));
	}
	return has_name && has_body;
}

bool
res_could_carry(struct str key, struct js v)
{
	static const char *const type[] = { "type" };

	if (is_void(v))
		return false;
	if (is_telling_key(key) || (is_name(key, type, LEN(type)) && is_telling_type(v)))
		return true;
	return (v.type == JS_OBJECT || v.type == JS_ARRAY) && inside_could_carry(v);
}

bool
res_could_enable(struct str key, struct js v)
{
	static const char *const words[] = { "plugin", "skill", "server", "search",
		"interpreter", "computer", "shell", "container", "agent", "assistant",
		"browser" };

	return !is_void(v) &&
	       (has_word(key, words, LEN(words)) || res_could_carry(key, v));
}

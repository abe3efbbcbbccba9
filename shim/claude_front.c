#include "shim/claude_front.h"

#include <ctype.h>
#include <strings.h>

/* --- lines ----------------------------------------------------------------------------- */

/* The next line without its end; text moves behind it. */
static struct str
take_line(struct str *text)
{
	const char *end = memchr(text->p, '\n', text->n);
	struct str line = { text->p, end == NULL ? text->n : (size_t)(end - text->p) };

	*text = str_skip(*text, line.n + (end != NULL));
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct str
trimmed(struct str s)
{
	while (s.n > 0 && is_blank(s.p[0]))
		s = str_skip(s, 1);
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

static bool
is_fence(struct str line)
{
	return str_starts(line, STR("---")) && trimmed(str_skip(line, 3)).n == 0;
}

/* False: there is no frontmatter, and body is all of the text. */
static bool
split(struct str text, struct str *front, struct str *body)
{
	struct str rest = text;

	if (str_starts(rest, STR("\xef\xbb\xbf")))
		rest = str_skip(rest, 3);
	*front = (struct str){ text.p, 0 };
	*body = rest;
	if (!is_fence(take_line(&rest)))
		return false;
	front->p = rest.p;
	for (int i = 0; i < FRONT_LINES_MAX && rest.n > 0; i++) {
		const char *at = rest.p;

		if (!is_fence(take_line(&rest)))
			continue;
		front->n = (size_t)(at - front->p);
		*body = rest;
		return true;
	}
	front->n = 0;
	return false;
}

struct str
claude_front_body(struct str text)
{
	struct str front;
	struct str body;

	(void)split(text, &front, &body); /* without one the body is all of it */
	return body;
}

/* --- values ---------------------------------------------------------------------------- */

/* What may stand behind a closing quote. */
static bool
is_end(struct str rest)
{
	rest = trimmed(rest);
	return rest.n == 0 || rest.p[0] == '#';
}

static bool
put_double_quoted(struct buf *out, struct str s)
{
	static const char from[] = "\"\\/nt";
	static const char to[] = "\"\\/\n\t";

	for (size_t i = 1; i < s.n; i++) {
		const char *escape;

		if (s.p[i] == '"')
			return is_end(str_skip(s, i + 1));
		if (s.p[i] != '\\') {
			buf_putc(out, s.p[i]);
			continue;
		}
		escape = ++i < s.n && s.p[i] != '\0' ? strchr(from, s.p[i]) : NULL;
		if (escape == NULL)
			return false;
		buf_putc(out, to[escape - from]);
	}
	return false;
}

static bool
put_single_quoted(struct buf *out, struct str s)
{
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] != '\'') {
			buf_putc(out, s.p[i]);
			continue;
		}
		if (i + 1 == s.n || s.p[i + 1] != '\'')
			return is_end(str_skip(s, i + 1));
		buf_putc(out, s.p[i++]);
	}
	return false;
}

static bool
put_plain(struct buf *out, struct str s)
{
	for (size_t i = 1; i < s.n; i++)
		if (s.p[i] == '#' && is_blank(s.p[i - 1]))
			s.n = i;
	buf_put_str(out, trimmed(s));
	return true;
}

/* A scalar on one line; "[" begins one too where a text is wanted (argument-hint: [file]). */
static bool
put_scalar(struct buf *out, struct str s)
{
	static const char unread[] = "&*!%@`{}]|>,?";

	s = trimmed(s);
	if (s.n == 0 || s.p[0] == '#')
		return true;
	if (s.p[0] == '\0' || strchr(unread, s.p[0]) != NULL)
		return false;
	if (s.p[0] == '"')
		return put_double_quoted(out, s);
	if (s.p[0] == '\'')
		return put_single_quoted(out, s);
	return put_plain(out, s);
}

static bool
add_value(struct words *values, struct str s)
{
	CLEANUP(buf_fini) struct buf one = BUF_INIT(FRONT_VALUE_MAX);

	if (!put_scalar(&one, s) || one.over ||
		(one.n > 0 && memchr(one.p, 0, one.n) != NULL) ||
		values->n == FRONT_ITEMS_MAX)
		return false;
	if (one.n > 0)
		words_add(values, buf_text(&one));
	return true;
}

/* [a, "b"]; a comma inside quotes or brackets is not understood. */
static bool
add_flow_list(struct words *values, struct str s)
{
	s = trimmed(s);
	if (s.n < 2 || s.p[0] != '[' || s.p[s.n - 1] != ']')
		return false;
	s = (struct str){ s.p + 1, s.n - 2 };
	while (s.n > 0) {
		const char *comma = memchr(s.p, ',', s.n);
		const size_t n = comma == NULL ? s.n : (size_t)(comma - s.p);
		const struct str item = trimmed((struct str){ s.p, n });

		if ((item.n > 0 && memchr(item.p, '[', item.n) != NULL) ||
			!add_value(values, item))
			return false;
		s = str_skip(s, comma == NULL ? n : n + 1);
	}
	return true;
}

/* The lines below a key are its own as long as they are indented, blank or list items. */
static bool
is_below(struct str line)
{
	return line.n == 0 || is_blank(line.p[0]) || str_starts(line, STR("- ")) ||
	       trimmed(line).n == 0;
}

static bool
add_items(struct words *values, struct str below)
{
	while (below.n > 0) {
		const struct str line = trimmed(take_line(&below));

		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (!str_starts(line, STR("- ")) || !add_value(values, str_skip(line, 2)))
			return false;
	}
	return true;
}

/* A block text, or a plain one over several lines. */
static bool
add_block(struct words *values, struct str first, struct str below, char between)
{
	CLEANUP(buf_fini) struct buf all = BUF_INIT(FRONT_VALUE_MAX);

	buf_put_str(&all, first);
	while (below.n > 0) {
		const struct str line = trimmed(take_line(&below));

		if (line.n > 0 && all.n > 0)
			buf_putc(&all, between);
		buf_put_str(&all, line);
	}
	if (all.over || (all.n > 0 && memchr(all.p, '\0', all.n) != NULL))
		return false;
	if (all.n > 0)
		words_add(values, buf_text(&all));
	return true;
}

static bool
is_block_mark(struct str s)
{
	return s.n >= 1 && s.n <= 3 && (s.p[0] == '|' || s.p[0] == '>') &&
	       (s.n == 1 || strchr("+-123456789", s.p[1]) != NULL);
}

struct entry {
	struct str key, value; /* on the line of the key */
	struct str below;      /* the lines under it */
};

static bool
read_values(struct words *values, const struct entry *t, bool brackets_are_text)
{
	const struct str v = trimmed(t->value);
	const bool has_below = trimmed(t->below).n > 0 && t->below.n > 1;

	if (is_block_mark(v))
		return add_block(values, (struct str){ v.p, 0 }, t->below,
			v.p[0] == '|' ? '\n' : ' ');
	if (v.n == 0 || v.p[0] == '#')
		return add_items(values, t->below);
	if (v.p[0] == '[' && !brackets_are_text)
		return !has_below && add_flow_list(values, v);
	if (!has_below)
		return add_value(values, v);
	return isalnum((unsigned char)v.p[0]) && add_block(values, v, t->below, ' ');
}

/* --- entries --------------------------------------------------------------------------- */

static struct str
key_of(struct str line)
{
	size_t n = 0;

	while (n < line.n && (isalnum((unsigned char)line.p[n]) || line.p[n] == '-' ||
				     line.p[n] == '_'))
		n++;
	if (n == 0 || n == line.n || line.p[n] != ':' ||
		(n + 1 < line.n && !is_blank(line.p[n + 1])))
		n = 0;
	return (struct str){ line.p, n };
}

/* Lines that belong to no key are passed over, and make it odd. */
static bool
next_entry(struct str *front, struct entry *t, bool *odd)
{
	while (front->n > 0) {
		const struct str line = take_line(front);
		const struct str key = key_of(line);

		if (key.n == 0) {
			*odd |= trimmed(line).n > 0 && line.p[0] != '#';
			continue;
		}
		*t = (struct entry){ .key = key,
			.value = str_skip(line, key.n + 1),
			.below = { front->p, 0 } };
		while (front->n > 0) {
			struct str rest = *front;

			if (!is_below(take_line(&rest)))
				break;
			t->below.n += front->n - rest.n;
			*front = rest;
		}
		return true;
	}
	return false;
}

static bool
find_entry(struct str text, const char *key, struct entry *t)
{
	struct str front;
	struct str body;
	bool odd = false;

	if (!split(text, &front, &body))
		return false;
	while (next_entry(&front, t, &odd))
		if (str_is(t->key, key))
			return true;
	return false;
}

bool
claude_front_get(struct str text, const char *key, struct words *values)
{
	struct entry t;

	return find_entry(text, key, &t) && read_values(values, &t, false);
}

/* --- the new frontmatter --------------------------------------------------------------- */

enum front_type { TYPE_TEXT, TYPE_LIST, TYPE_TOOLS, TYPE_YES, TYPE_NUMBER, TYPES };

static const struct front_key {
	const char *name;
	enum front_type type;
	unsigned kinds;
} keys[] = {
	{ "name", TYPE_TEXT, 1U << FRONT_SKILL | 1U << FRONT_AGENT | 1U << FRONT_STYLE },
	{ "description", TYPE_TEXT, ~0U },
	{ "when_to_use", TYPE_TEXT, 1U << FRONT_COMMAND | 1U << FRONT_SKILL },
	{ "argument-hint", TYPE_TEXT, 1U << FRONT_COMMAND | 1U << FRONT_SKILL },
	{ "arguments", TYPE_LIST, 1U << FRONT_COMMAND | 1U << FRONT_SKILL },
	{ "disable-model-invocation", TYPE_YES, 1U << FRONT_COMMAND | 1U << FRONT_SKILL },
	{ "user-invocable", TYPE_YES, 1U << FRONT_COMMAND | 1U << FRONT_SKILL },
	{ "version", TYPE_TEXT, 1U << FRONT_SKILL },
	{ "model", TYPE_TEXT,
		1U << FRONT_COMMAND | 1U << FRONT_SKILL | 1U << FRONT_AGENT },
	{ "effort", TYPE_TEXT,
		1U << FRONT_COMMAND | 1U << FRONT_SKILL | 1U << FRONT_AGENT },
	{ "color", TYPE_TEXT, 1U << FRONT_AGENT },
	{ "maxTurns", TYPE_NUMBER, 1U << FRONT_AGENT },
	{ "tools", TYPE_TOOLS, 1U << FRONT_AGENT },
	{ "disallowedTools", TYPE_TOOLS, 1U << FRONT_AGENT },
	{ "keep-coding-instructions", TYPE_YES, 1U << FRONT_STYLE },
};

/* claude's own tools by name, and what takes their place here. */
static const struct {
	const char *native, *ours[2];
} tool_map[] = {
	{ "Read", { "mcp__pando_core__read-file", NULL } },
	{ "Grep", { "mcp__pando_core__search-text", NULL } },
	{ "Glob", { "mcp__pando_core__list-files", NULL } },
	{ "LS", { "mcp__pando_core__list-files", NULL } },
	{ "Edit", { "mcp__pando_workspace__replace", "mcp__pando_workspace__insert" } },
	{ "Write", { "mcp__pando_workspace__replace", "mcp__pando_workspace__insert" } },
	{ "Bash", { "mcp__pando_workspace__shell-command", NULL } },
};

/* claude ends a frontmatter at the first "---", even inside of a quoted text. */
static void
put_quoted(struct buf *out, const char *z)
{
	CLEANUP(buf_fini) struct buf json = BUF_INIT((size_t)FRONT_VALUE_MAX * 8);

	buf_put_json(&json, str_of(z));
	for (size_t i = 0; i < json.n; i++)
		if (json.p[i] == '-' && i > 0 && json.p[i - 1] == '-')
			buf_puts(out, "\\u002d");
		else
			buf_putc(out, json.p[i]);
}

static void
put_items(struct buf *out, const struct words *items)
{
	buf_putc(out, '[');
	for (size_t i = 0; i < items->n; i++) {
		if (i > 0)
			buf_putc(out, ',');
		put_quoted(out, items->v[i]);
	}
	buf_puts(out, "]\n");
}

/* "Read, Bash(git log, git diff:*)" has two items. */
static void
add_tools(struct words *tools, const char *z)
{
	CLEANUP(buf_fini) struct buf one = BUF_INIT(FRONT_VALUE_MAX);
	int depth = 0;

	for (;; z++) {
		depth += (*z == '(') - (*z == ')');
		if (*z != '\0' && (*z != ',' || depth > 0)) {
			if (one.n > 0 || !is_blank(*z))
				buf_putc(&one, *z);
			continue;
		}
		while (one.n > 0 && is_blank(one.p[one.n - 1]))
			one.n--;
		if (one.n > 0)
			words_add(tools, buf_text(&one));
		buf_reset(&one);
		if (*z == '\0')
			return;
	}
}

static void
put_tools(struct buf *out, const struct words *values)
{
	CLEANUP(words_fini) struct words tools = WORDS_INIT;
	size_t n;

	for (size_t i = 0; i < values->n; i++)
		add_tools(&tools, values->v[i]);
	n = tools.n;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < LEN(tool_map); k++) {
			if (strcmp(tools.v[i], tool_map[k].native) != 0)
				continue;
			words_add(&tools, tool_map[k].ours[0]);
			if (tool_map[k].ours[1] != NULL)
				words_add(&tools, tool_map[k].ours[1]);
		}
	put_items(out, &tools);
}

/* 1, 0, or -1: neither. */
static int
yes_or_no(const char *z)
{
	static const char *const words[][4] = { { "false", "no", "off", "0" },
		{ "true", "yes", "on", "1" } };

	for (int yes = 0; yes < 2; yes++)
		for (size_t i = 0; i < LEN(words[0]); i++)
			if (strcasecmp(z, words[yes][i]) == 0)
				return yes;
	return -1;
}

static bool
is_number(const char *z)
{
	const size_t n = strspn(z, "0123456789");

	return n > 0 && n <= 6 && z[n] == '\0';
}

static void
put_key(struct buf *out, const struct front_key *k, const struct words *values)
{
	const char *first = values->n == 0 ? "" : values->v[0];

	if ((k->type == TYPE_YES && yes_or_no(first) < 0) ||
		(k->type == TYPE_NUMBER && !is_number(first)) ||
		(values->n == 0 && k->type != TYPE_TOOLS))
		return;
	buf_printf(out, "%s: ", k->name);
	switch (k->type) {
	case TYPE_TEXT:
		put_quoted(out, first);
		buf_putc(out, '\n');
		break;
	case TYPE_LIST:
		put_items(out, values);
		break;
	case TYPE_TOOLS:
		put_tools(out, values);
		break;
	case TYPE_YES:
		buf_puts(out, yes_or_no(first) == 1 ? "true\n" : "false\n");
		break;
	case TYPE_NUMBER:
		buf_printf(out, "%s\n", first);
		break;
	case TYPES:
		break;
	}
}

/* A list of tools could hide in a line that this reader passes over, or be there twice. */
static bool
may_hide_tools(struct str text)
{
	struct str front;
	struct str body;
	struct entry t;
	bool odd = false;
	int n = 0;

	if (!split(text, &front, &body))
		return false;
	while (next_entry(&front, &t, &odd)) {
		n += str_is(t.key, "tools");
		odd |= n > 1;
	}
	return odd;
}

bool
claude_front_put(struct buf *out, enum front_kind kind, struct str text)
{
	CLEANUP(buf_fini) struct buf front = BUF_INIT(out->max);

	if (kind == FRONT_AGENT && may_hide_tools(text))
		return false;
	buf_puts(&front, "---\n");
	for (size_t i = 0; i < LEN(keys); i++) {
		CLEANUP(words_fini) struct words values = WORDS_INIT;
		struct entry t;

		if ((keys[i].kinds & 1U << kind) == 0 ||
			!find_entry(text, keys[i].name, &t))
			continue;
		if (read_values(&values, &t, keys[i].type == TYPE_TEXT))
			put_key(&front, &keys[i], &values);
		else if (keys[i].type == TYPE_TOOLS)
			return false;
	}
	buf_puts(&front, "---\n");
	buf_put_str(out, buf_str(&front));
	return true;
}

#include "policy/argument.h"

#include "base/hash.h"
#include "base/jscan.h"
#include "policy/glob.h"
#include "policy/spelt.h"

/* A call's free text, where there are no named arguments. */
#define ARG_FREE "input"

enum { WORD_MAX = 4096, BYTES_MAX = 4096 };

void
arg_room_begin(struct arg_room *room)
{
	room->command_key = NULL;
	room->has_line = false;
	room->bits = 0;
	room->used = 0;
}

void
arg_begin(struct arg_call *c, const struct pol_use *u, const char *root,
	struct arg_room *room)
{
	c->use = u;
	c->root = root;
	c->room = room;
	c->nkeys = 0;
	c->command = ARG_NAMES_MAX;
	c->bits = UINT64_MAX;
}

uint64_t
arg_head(struct str text)
{
	uint64_t head = 0;

	if (text.n > 0)
		memcpy(&head, text.p, text.n < sizeof head ? text.n : sizeof head);
	return head;
}

uint64_t
arg_mask(size_t n)
{
	unsigned char bytes[sizeof(uint64_t)] = { 0 };
	uint64_t mask;

	memset(bytes, 0xff, n > sizeof bytes ? sizeof bytes : n);
	memcpy(&mask, bytes, sizeof mask);
	return mask;
}

/* Letters and digits each for itself, all else together: names may be respelt (index.h). */
static unsigned
class_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'z')
		return 10 + (unsigned)(c - 'a');
	if (c >= 'A' && c <= 'Z')
		return 36 + (unsigned)(c - 'A');
	return 62;
}

uint64_t
arg_bytes(struct str text)
{
	uint64_t set = 0;

	if (text.n > BYTES_MAX)
		return UINT64_MAX;
	for (size_t i = 0; i < text.n; i++)
		set |= (uint64_t)1 << class_of(text.p[i]);
	return set;
}

/* --- reading ------------------------------------------------------------------------- */

static void
set_text(struct arg_value *v, struct str text)
{
	v->kind = ARG_TEXT;
	v->text = text;
	v->head = arg_head(text);
	v->bytes = arg_bytes(text);
	v->hash = text.n > BYTES_MAX ? 0 : hash_more(HASH_FIRST, text);
	v->is_tidy = text.n <= BYTES_MAX && arg_is_tidy(text);
}

struct str
arg_keep(struct arg_room *room, struct str text)
{
	struct str kept = { room->text + room->used, text.n };

	if (text.n > sizeof room->text - room->used)
		return (struct str){ NULL, 0 };
	if (text.n > 0)
		memmove(room->text + room->used, text.p, text.n);
	room->used += text.n;
	return kept;
}

/*
 * What claude 2.1.329 mends in the arguments of a model before it makes the call, whatever the
 * tool: \uXXXX in a text becomes the character, a text that is JSON the array or object that
 * the tool's schema asks for; and in a command of Bash two backslashes before a semicolon one.
 */
static bool
may_be_mended(const struct pol_use *u, struct str text)
{
	const struct str mark = STR("\xef\xbb\xbf"); /* claude takes it off */
	struct str json = text;
	struct err none = ERR_INIT;
	struct js root;

	if (u->agent != POL_CLAUDE || text.n == 0)
		return false;
	if (str_starts(text, mark))
		json = str_skip(text, mark.n);
	if (json.n > 0 && strchr("[{ \t\r\n", json.p[0]) != NULL &&
		js_check(json, &root, &none) == 0 &&
		(root.type == JS_ARRAY || root.type == JS_OBJECT))
		return true;
	for (size_t at = 0; at + 2 < text.n; at++) {
		const char *slash = memchr(text.p + at, '\\', text.n - at - 2);

		if (slash == NULL)
			return false;
		at = (size_t)(slash - text.p);
		if (memcmp(slash, "\\\\;", 3) == 0 ||
			spelt_slashes(text, at + 1) % 2 == 1)
			return true;
	}
	return false;
}

static void
read_string(struct arg_call *c, struct js js, struct arg_value *v)
{
	struct arg_room *room = c->room;
	struct err none = ERR_INIT; /* what cannot be decoded is not known */
	struct str text;

	v->kind = ARG_UNKNOWN;
	if (js_text(js, room->text + room->used, sizeof room->text - room->used, &text,
		    &none) < 0)
		return;
	if (may_be_mended(c->use, text))
		return;
	if (text.p == room->text + room->used)
		room->used += text.n;
	set_text(v, text);
}

static bool
is_list_of_strings(struct js js)
{
	struct js_iter it;
	struct js_item item;
	bool any = false;

	js_open(&it, js);
	while (js_next(&it, &item)) {
		if (item.val.type != JS_STRING)
			return false;
		any = true;
	}
	return any;
}

/* Digits that every reader of JSON takes for the same whole number: 1e3 and 1000.0 are not. */
static bool
is_plain_number(struct str raw)
{
	enum { EXACT_DIGITS = 15 }; /* what a double holds */
	const struct str digits = str_skip(raw, raw.p[0] == '-' ? 1 : 0);

	for (size_t i = 0; i < digits.n; i++)
		if (digits.p[i] < '0' || digits.p[i] > '9')
			return false;
	return digits.n <= EXACT_DIGITS && !str_is(raw, "-0");
}

static void
read_value(struct arg_call *c, struct js js, struct arg_value *v)
{
	v->is_path_read = false;
	switch (js.type) {
	case JS_NONE:
	case JS_NULL:
		v->kind = ARG_ABSENT;
		return;
	case JS_NUMBER:
		if (!is_plain_number(js.raw))
			break;
		set_text(v, js.raw);
		return;
	case JS_BOOL:
		set_text(v, js.raw);
		return;
	case JS_STRING:
		read_string(c, js, v);
		return;
	case JS_ARRAY:
		v->kind = is_list_of_strings(js) ? ARG_LIST : ARG_UNKNOWN;
		v->raw = js.raw;
		return;
	case JS_OBJECT:
	case JS_TYPES:
		break;
	}
	v->kind = ARG_UNKNOWN;
}

static void
read_object(struct arg_call *c, struct js root)
{
	struct js_field f[ARG_NAMES_MAX];
	struct err none = ERR_INIT;

	for (size_t i = 0; i < c->nkeys; i++)
		f[i] = (struct js_field)JS_FIELD(c->key[i]);
	if (js_fields(root, f, c->nkeys, &none) < 0)
		return; /* two readers could differ on it: not known */
	for (size_t i = 0; i < c->nkeys; i++)
		read_value(c, f[i].m.val, &c->value[i]);
}

void
arg_read(struct arg_call *c, const char *const *key, size_t nkeys)
{
	struct err none = ERR_INIT;
	struct js root;

	c->key = key;
	c->nkeys = nkeys;
	for (size_t i = 0; i < nkeys; i++)
		c->value[i] = (struct arg_value){ .kind = ARG_UNKNOWN };
	if (c->use->asking == POL_OFFER || c->use->args.p == NULL ||
		js_check(c->use->args, &root, &none) < 0)
		return;
	if (root.type == JS_OBJECT)
		read_object(c, root);
	for (size_t i = 0; root.type == JS_STRING && i < nkeys; i++) {
		c->value[i].kind = ARG_ABSENT;
		if (strcmp(key[i], ARG_FREE) == 0)
			read_string(c, root, &c->value[i]);
	}
}

/* --- shell commands ------------------------------------------------------------------ */

bool
arg_is_shell(const char *server, const char *tool, const char *key)
{
	static const struct {
		const char *server, *tool, *key;
	} shells[] = {
		{ POL_SERVER_WORKSPACE, "shell-command", "command" },
		{ "claude", "Bash", "command" },
		{ "codex", "exec_command", "cmd" },
		{ "codex", "shell", "command" },
		{ "codex", "shell_command", "command" },
		{ "codex", "local_shell", "command" },
	};

	for (size_t i = 0; i < LEN(shells); i++)
		if (strcmp(key, shells[i].key) == 0 &&
			glob_match_respelt(str_of(tool), str_of(shells[i].tool)) &&
			glob_match_respelt(str_of(server), str_of(shells[i].server)))
			return true;
	return false;
}

static bool
put(struct arg_room *room, const char *p, size_t n)
{
	return arg_keep(room, (struct str){ p, n }).p != NULL;
}

/* ["bash", "-lc", "x"] as the text 'bash' '-lc' 'x'; p NULL: too long. */
static struct str
quoted_list(struct arg_call *c, struct str raw)
{
	struct arg_room *room = c->room;
	const size_t begin = room->used;
	struct js_iter it;
	struct js_item item;
	bool good = true;

	js_open(&it, (struct js){ .type = JS_ARRAY, .raw = raw });
	while (good && js_next(&it, &item)) {
		char word[WORD_MAX];
		struct err none = ERR_INIT;
		struct str text;

		good = js_text(item.val, word, sizeof word, &text, &none) == 0 &&
		       !may_be_mended(c->use, text) && put(room, "'", 1);
		for (size_t i = 0; good && i < text.n; i++)
			good = text.p[i] == '\'' ? put(room, "'\\''", 4)
						 : put(room, text.p + i, 1);
		good = good && put(room, "' ", 2);
	}
	return good ? (struct str){ room->text + begin, room->used - begin }
		    : (struct str){ NULL, 0 };
}

void
arg_split(struct arg_call *c, unsigned key)
{
	const struct arg_value *v = &c->value[key];
	struct arg_room *room = c->room;
	struct str text = { NULL, 0 };

	if (v->kind == ARG_ABSENT)
		return;
	if (room->command_key != NULL) {
		if (strcmp(room->command_key, c->key[key]) != 0)
			return;
		c->command = key;
		c->bits = room->has_line ? room->bits : UINT64_MAX;
		return;
	}
	room->command_key = c->key[key];
	c->command = key;
	if (v->kind == ARG_TEXT)
		text = v->text;
	else if (v->kind == ARG_LIST)
		text = quoted_list(c, v->raw);
	if (text.p == NULL)
		return;
	sh_split(&room->line, text);
	room->has_line = true;
	room->bits = c->bits = cmd_bits(&room->line);
}

/* NULL: this argument is not the command, or could not be read as one. */
static const struct sh_line *
line_of(const struct arg_call *c, unsigned key)
{
	return c->command == key && c->room->has_line ? &c->room->line : NULL;
}

static enum cmd_match
match_prefix(const struct sh_line *l, const struct pol_matcher *m, size_t command)
{
	if (l == NULL)
		return CMD_UNSURE;
	if (command >= l->ncommands)
		return l->opaque ? CMD_UNSURE : CMD_NO;
	return cmd_match(l, command, &m->prefix);
}

/* The words of a command with one space between them, as a person would write them. */
static enum cmd_match
match_words(const struct sh_line *l, const struct sh_command *cmd, struct str pattern)
{
	char plain[WORD_MAX];
	size_t n = 0;

	for (size_t i = 0; i < cmd->n; i++) {
		const struct sh_word *w = &l->word[cmd->first + i];

		if (!w->known || w->text.n + 1 > sizeof plain - n)
			return CMD_UNSURE;
		if (i > 0)
			plain[n++] = ' ';
		if (w->text.n > 0)
			memcpy(plain + n, w->text.p, w->text.n);
		n += w->text.n;
	}
	return glob_match(pattern, (struct str){ plain, n }) ? CMD_UNSURE : CMD_NO;
}

/*
 * A pattern over a whole command line. It is certain only for a line that is one plain command:
 * "git *" would else take what stands behind a semicolon.
 */
static enum cmd_match
match_line(const struct sh_line *l, const struct pol_matcher *m, struct str text)
{
	const struct str pattern = str_of(m->text);

	if (l == NULL || l->opaque)
		return CMD_UNSURE;
	if (glob_match(pattern, text))
		return l->simple ? CMD_YES : CMD_UNSURE;
	for (size_t i = 0; i < l->ncommands; i++)
		if (match_words(l, &l->command[i], pattern) != CMD_NO)
			return CMD_UNSURE;
	return CMD_NO;
}

/* --- matching ------------------------------------------------------------------------ */

static enum cmd_match
match_text(struct arg_call *c, const struct pol_matcher *m, unsigned key,
	struct arg_value *v)
{
	const struct str want = str_of(m->text);

	if (m->is_path)
		return arg_match_path(c, m, v->text);
	switch (m->kind) {
	case POL_LITERAL:
		return str_eq(want, v->text) ? CMD_YES : CMD_NO;
	case POL_GLOB:
		if (m->is_command)
			return match_line(line_of(c, key), m, v->text);
		return glob_match(want, v->text) ? CMD_YES : CMD_NO;
	case POL_UNDER:
		return arg_match_under(c, m, v);
	case POL_PREFIX:
	case POL_MATCHERS:
		break;
	}
	return CMD_UNSURE;
}

/* Certain only when each element says the same. */
static enum cmd_match
match_list(struct arg_call *c, const struct pol_matcher *m, struct str raw)
{
	const size_t used = c->room->used;
	struct js_iter it;
	struct js_item item;
	bool any_no = false;
	bool any_other = false;
	bool all_yes = true;

	js_open(&it, (struct js){ .type = JS_ARRAY, .raw = raw });
	while (js_next(&it, &item)) {
		struct arg_value v = { .kind = ARG_UNKNOWN };
		enum cmd_match got = CMD_UNSURE;

		read_string(c, item.val, &v);
		if (v.kind == ARG_TEXT)
			got = match_text(c, m, ARG_NAMES_MAX, &v);
		any_no |= got == CMD_NO;
		any_other |= got != CMD_NO;
		all_yes &= got == CMD_YES;
		c->room->used = used;
	}
	if (all_yes)
		return CMD_YES;
	return any_no && !any_other ? CMD_NO : CMD_UNSURE;
}

enum cmd_match
arg_match(struct arg_call *c, const struct pol_matcher *m, unsigned key, size_t command)
{
	struct arg_value *v = &c->value[key];

	switch (v->kind) {
	case ARG_ABSENT: /* the tool's own default place is a place too */
		return m->kind == POL_UNDER ? CMD_UNSURE : CMD_NO;
	case ARG_UNKNOWN:
		return CMD_UNSURE;
	case ARG_LIST:
		if (!m->is_command)
			return match_list(c, m, v->raw);
		break;
	case ARG_TEXT:
		break;
	}
	if (m->kind == POL_PREFIX)
		return match_prefix(line_of(c, key), m, command);
	if (v->kind == ARG_LIST)
		return CMD_UNSURE;
	return match_text(c, m, key, v);
}

#include "install/learn.h"

#include "base/mem.h"
#include "base/utf8.h"

/* A native tool that runs commands. key NULL: a rule cannot say which. */
struct shell_tool {
	enum pol_agent agent;
	const char *tool, *key;
};

static const struct shell_tool *
shell_of(const struct past_call *c)
{
	static const struct shell_tool shells[] = {
		{ POL_CLAUDE, "Bash", "command" },
		{ POL_CLAUDE, "PowerShell", NULL },
		{ POL_CODEX, "exec_command", "cmd" },
		{ POL_CODEX, "shell_command", "command" },
		{ POL_CODEX, "shell", NULL }, /* a list of words */
		{ POL_CODEX, "local_shell", NULL },
		{ POL_CODEX, "write_stdin", NULL },
	};

	for (size_t i = 0; i < LEN(shells) && c->server[0] == '\0'; i++)
		if (shells[i].agent == c->agent && strcmp(shells[i].tool, c->tool) == 0)
			return &shells[i];
	return NULL;
}

const char *
learn_shell_key(const struct past_call *c)
{
	const struct shell_tool *s = shell_of(c);

	return s == NULL ? NULL : s->key;
}

/* The code point of a sequence of two or three bytes. */
static unsigned int
code_of(struct str c)
{
	const unsigned char *p = (const unsigned char *)c.p;

	if (c.n == 2)
		return (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
	return (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
}

/*
 * A basic string: JSON's escapes are among TOML's. Beyond them DEL, which TOML does not take
 * as it is, and what a terminal should not get.
 */
static void
put_string(struct buf *b, const char *z)
{
	CLEANUP(buf_fini) struct buf json = BUF_INIT(LEARN_TEXT_MAX);
	struct str rest;

	buf_put_json(&json, str_of(z));
	b->over = b->over || json.over;
	for (rest = buf_str(&json); rest.n > 0;) {
		const size_t k = utf8_len(rest) == 0 ? 1 : utf8_len(rest);
		const struct str c = { rest.p, k };

		if (c.p[0] == '\x7f')
			buf_puts(b, "\\u007f");
		else if (utf8_is_mark(c))
			buf_printf(b, "\\u%04x", code_of(c));
		else
			buf_put_str(b, c);
		rest = str_skip(rest, k);
	}
}

static void
put_rule(struct learn *l, const struct learn_tool *t)
{
	const struct past_call *c = t->first;
	const char *agent = pol_agent_name(c->agent);

	buf_printf(&l->toml, "\n[[rule]]\nid = \"learned-%zu\"\ntool = \"%s/%s\"\n",
		++l->rules, c->server[0] == '\0' ? agent : c->server, c->tool);
	if (c->server[0] != '\0')
		buf_printf(&l->toml, "agent = \"%s\"\n", agent);
	buf_puts(&l->toml, "decision = \"allow\"\n");
}

static void
put_line(struct learn *l, const struct learn_tool *t, const struct learn_line *line)
{
	put_rule(l, t);
	buf_printf(&l->toml, "args.%s = ", learn_shell_key(t->first));
	put_string(&l->toml, line->text);
	buf_printf(&l->toml, " # exactly this; calls: %zu\n", line->calls);
}

static void
put_prefix(struct learn *l, const struct learn_tool *t, const struct learn_prefix *p)
{
	put_rule(l, t);
	buf_printf(&l->toml, "args.%s = { prefix = [", learn_shell_key(t->first));
	for (size_t i = 0; i < p->word.n; i++) {
		if (i > 0)
			buf_puts(&l->toml, ", ");
		put_string(&l->toml, p->word.v[i]);
	}
	buf_printf(&l->toml,
		"] } # and whatever follows; calls: %zu, different commands: %zu\n",
		p->calls, p->commands);
}

/* Exact lines first: behind a prefix that covers them they would be dead. */
static void
put_tool(struct learn *l, const struct learn_tool *t)
{
	const struct learn_shell *s = &t->shell;

	if (s->nlines == 0) {
		put_rule(l, t);
		buf_printf(&l->toml, "# calls: %zu\n", t->calls);
		if (learn_shell_key(t->first) != NULL)
			buf_puts(&l->toml, "# EVERY command: the log did not keep the "
					   "commands ([log] arguments = true does)\n");
		else if (shell_of(t->first) != NULL)
			buf_puts(&l->toml,
				"# EVERY command: a rule cannot say which ones of this tool\n");
		return;
	}
	for (size_t i = 0; i < s->nlines; i++)
		if (s->line[i].exact)
			put_line(l, t, &s->line[i]);
	for (size_t i = 0; i < s->nprefixes; i++)
		put_prefix(l, t, &s->prefix[i]);
	if (t->unkept + s->dropped > 0)
		buf_printf(&l->toml,
			"# not covered, because their commands were not kept, or too many: calls "
			"of %s: %zu\n",
			t->first->tool, t->unkept + s->dropped);
}

void
learn_put_toml(struct learn *l)
{
	buf_reset(&l->toml);
	l->rules = 0;
	for (size_t i = 0; i < l->ntools; i++)
		if (!l->tool[i].is_vain)
			put_tool(l, &l->tool[i]);
}

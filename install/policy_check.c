/* pando-ai policy check: is it good, what holds, and what a person should know of it. */

#include "install/command.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/words.h"
#include "install/options.h"
#include "install/policy_cli.h"
#include "install/term.h"
#include "policy/layers.h"

static const char command[] = "policy check";

struct asked {
	bool json;
	const char *as, *root, *file;
};

static int
read_words(int argc, char **argv, struct asked *a, struct err *e)
{
	const struct option_is option[] = { { "--as", NULL, &a->as },
		{ "--root", NULL, &a->root }, { "--json", &a->json, NULL } };
	const struct options o = { command, option, LEN(option), 0, 1 };
	const int n = options_read(&o, argc, argv, e);

	if (n < 0)
		return -1;
	a->file = n > 0 ? argv[0] : NULL;
	if (a->as != NULL && a->file == NULL)
		return options_wrong(command, e, "--as is for a FILE");
	return 0;
}

/* Good, and perhaps not what was meant. */
static const struct {
	const char *key, *value, *what;
} doubts[] = {
	{ "proxy.claude", "\"audit\"", "calls of claude are logged and not stopped" },
	{ "proxy.codex", "\"audit\"", "calls of codex are logged and not stopped" },
	{ "proxy.claude", "\"off\"", "claude's traffic does not pass the gateway" },
	{ "proxy.codex", "\"off\"", "codex's traffic does not pass the gateway" },
	{ "native_tools.default", "\"allow\"",
		"native tools run outside the sandbox, and those that no list names are "
		"allowed" },
	{ "other_mcp.mode", "\"deny_list\"",
		"every MCP server that is not in the list is allowed" },
	{ "firewall.unknown", "\"audit\"", "an unknown item that may be a call passes" },
	{ "log.arguments", "true",
		"arguments of calls, with the secrets in them, are kept in the log" },
};

struct doubt {
	char *at, *what;
};

/* Enough to be read; the first ones are shown. */
enum { DOUBTS_MAX = 200 };

struct doubts {
	struct doubt item[DOUBTS_MAX];
	size_t n;
};

static void
doubts_fini(struct doubts *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->item[i].at);
		free(d->item[i].what);
	}
}

static void
on_shown(void *to, const struct pol_shown *s)
{
	struct doubts *d = to;

	for (size_t i = 0; i < LEN(doubts) && d->n < LEN(d->item); i++)
		if (s->layer != POL_BUILT_IN && strcmp(s->key, doubts[i].key) == 0 &&
			strcmp(s->value, doubts[i].value) == 0)
			d->item[d->n++] = (struct doubt){ .at = mem_printf("%s:%d",
								  s->file, s->line),
				.what = mem_printf("%s = %s: %s", s->key, s->value,
					doubts[i].what) };
}

static void
on_doubt(void *to, const struct pol_doubt *found)
{
	struct doubts *d = to;

	if (d->n < LEN(d->item))
		d->item[d->n++] = (struct doubt){ .at = mem_printf("%s:%d", found->file,
							  found->line),
			.what = mem_strdup(found->what) };
}

static int
tell_json(const struct policy *p, const struct doubts *d, struct err *e)
{
	CLEANUP(jout_fini) struct jout j = JOUT_INIT;

	jout_open(&j, NULL, '{');
	jout_bool(&j, "good", true);
	cli_json_layers(&j, p);
	jout_open(&j, "agents", '{');
	for (int a = 0; a < POL_AGENTS; a++) {
		jout_open(&j, pol_agent_name((enum pol_agent)a), '{');
		jout_text(&j, "mode", pol_mode_name(pol_mode_of(p, (enum pol_agent)a)));
		jout_text(&j, "upstream",
			pol_upstream(p, a == POL_CLAUDE ? POL_ANTHROPIC : POL_OPENAI));
		if (a == POL_CODEX)
			jout_text(&j, "chatgpt_upstream", pol_upstream(p, POL_CHATGPT));
		jout_close(&j, '}');
	}
	jout_close(&j, '}');
	jout_open(&j, "warnings", '[');
	for (size_t i = 0; i < d->n; i++) {
		jout_open(&j, NULL, '{');
		jout_text(&j, "at", d->item[i].at);
		jout_text(&j, "what", d->item[i].what);
		jout_close(&j, '}');
	}
	jout_close(&j, ']');
	jout_close(&j, '}');
	return jout_print(&j, e);
}

static void
tell(const struct policy *p, const struct doubts *d)
{
	CLEANUP(term_table_fini) struct term_table t = TERM_TABLE(3, -1, "  ");

	printf("good (sha256 %s)\n", pol_digest(p));
	cli_print_layers(p);
	for (int a = 0; a < POL_AGENTS; a++) {
		CLEANUP(mem_freep)
		char *to = a == POL_CLAUDE ? mem_strdup(pol_upstream(p, POL_ANTHROPIC))
					   : mem_printf("%s, ChatGPT accounts: %s",
						     pol_upstream(p, POL_OPENAI),
						     pol_upstream(p, POL_CHATGPT));
		const char *row[] = { pol_agent_name((enum pol_agent)a),
			pol_mode_name(pol_mode_of(p, (enum pol_agent)a)), to };

		term_row(&t, row);
	}
	term_table_print(&t);
	for (size_t i = 0; i < d->n; i++) {
		CLEANUP(mem_freep) char *at = term_text(str_of(d->item[i].at));
		CLEANUP(mem_freep) char *what = term_text(str_of(d->item[i].what));

		printf("warning: %s: %s\n", at, what);
	}
}

/* The error itself goes to standard error as always. */
static int
tell_bad(const struct err *why, struct err *e)
{
	CLEANUP(jout_fini) struct jout j = JOUT_INIT;
	struct cli_place at;

	jout_open(&j, NULL, '{');
	jout_bool(&j, "good", false);
	jout_open(&j, "error", '{');
	if (cli_place_of(why->text, &at)) {
		jout_str(&j, "file", at.file);
		jout_int(&j, "line", at.line);
		jout_int(&j, "column", at.column);
		jout_str(&j, "what", at.what);
	} else {
		jout_text(&j, "what", why->text);
	}
	jout_close(&j, '}');
	jout_close(&j, '}');
	return jout_print(&j, e);
}

static struct policy *
load(const struct asked *a, struct err *e)
{
	CLEANUP(mem_freep) char *root = NULL;
	enum pol_layer layer;

	if (cli_layer(a->as, command, &layer, e) < 0 || cli_root(a->root, &root, e) < 0)
		return NULL;
	if (a->file == NULL)
		return pol_load_live(root, e);
	if (layer == POL_PROJECT && root == NULL) {
		(void)options_wrong(command, e,
			"a project's file needs a project: name one with --root");
		return NULL;
	}
	return pol_load_with(root, layer, a->file, e);
}

int
command_policy_check(int argc, char **argv, struct err *e)
{
	struct asked a = { .json = false };
	CLEANUP(pol_freep) struct policy *p = NULL;
	CLEANUP(doubts_fini) struct doubts d = { .n = 0 };

	if (read_words(argc, argv, &a, e) < 0)
		return -1;
	p = load(&a, e);
	if (p == NULL) {
		struct err unsaid = ERR_INIT; /* the first error is the one to tell */

		if (a.json && e->code != ERR_USAGE)
			(void)tell_bad(e, &unsaid);
		return -1;
	}
	pol_show(p, on_shown, &d);
	pol_doubts(p, on_doubt, &d);
	if (a.json)
		return tell_json(p, &d, e);
	tell(p, &d);
	return 0;
}

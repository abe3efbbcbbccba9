#include "install/policy_cli.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/jscan.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/place_root.h"
#include "install/options.h"
#include "install/term.h"
#include "policy/layers.h"

/* A project that was named may be any folder. */
static int
named_root(const char *named, char **root, struct err *e)
{
	char real[PATH_MAX];
	struct stat st;

	if (realpath(named, real) == NULL || stat(real, &st) < 0)
		return err_sys(e, "look at the project root %s", named);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_USAGE, "the project root %s is no folder", real);
	*root = mem_strdup(real);
	return 0;
}

int
cli_root(const char *given, char **root, struct err *e)
{
	const char *named = given != NULL ? given : getenv("PANDO_PROJECT_ROOT");
	CLEANUP(place_root_fini) struct place_root r = { .path = NULL };
	struct err none = ERR_INIT; /* where no launch would be, there is no project */

	*root = NULL;
	if (named != NULL)
		return named_root(named, root, e);
	if (place_root_find(&r, NULL, NULL, &none) < 0)
		return 0;
	*root = r.path;
	r.path = NULL;
	return 0;
}

struct policy *
cli_policy(const char *given, char **root, struct err *e)
{
	return cli_root(given, root, e) < 0 ? NULL : pol_load_live(*root, e);
}

int
cli_layer(const char *word, const char *command, enum pol_layer *layer, struct err *e)
{
	char shown[LOG_QUOTED_MAX];

	*layer = POL_USER;
	if (word == NULL)
		return 0;
	for (int l = POL_MANAGED; l < POL_LAYERS; l++) {
		if (strcmp(word, pol_layer_name((enum pol_layer)l)) != 0)
			continue;
		*layer = (enum pol_layer)l;
		return 0;
	}
	return options_wrong(command, e, "--as '%s': want managed, user or project",
		log_quoted(str_of(word), shown));
}

const char *
cli_file_of(enum pol_layer layer)
{
	static const char *const files[POL_LAYERS] = {
		[POL_BUILT_IN] = "built-in",
		[POL_MANAGED] = POL_MANAGED_PATH,
		[POL_USER] = "~/.pando/policy.toml",
		[POL_PROJECT] = ".pando/policy.toml of the project",
	};

	return files[layer];
}

char *
cli_at(const struct pol_decision *d)
{
	return d->line > 0 ? mem_printf("%s:%d", d->file, d->line) : mem_strdup(d->file);
}

char *
cli_call_name(const struct pol_use *u)
{
	return mem_printf("%s " STR_FMT "%s" STR_FMT, pol_agent_name(u->agent),
		STR_ARG(u->server), u->server.n > 0 && u->tool.n > 0 ? "/" : "",
		STR_ARG(u->tool));
}

void
cli_json_decision(struct jout *j, const char *key, const struct pol_decision *d)
{
	jout_open(j, key, '{');
	jout_text(j, "verdict", pol_verdict_name(d->verdict));
	jout_text(j, "layer", pol_layer_name(d->layer));
	jout_text(j, "rule", d->rule);
	jout_text(j, "file", d->file);
	jout_int(j, "line", d->line);
	jout_bool(j, "unsure", d->unsure);
	jout_text(j, "message", d->message);
	jout_close(j, '}');
}

void
cli_json_layers(struct jout *j, const struct policy *p)
{
	jout_open(j, "policy", '{');
	jout_text(j, "root", pol_root(p));
	jout_text(j, "sha256", pol_digest(p));
	for (int l = POL_MANAGED; l < POL_LAYERS; l++)
		jout_text(j, pol_layer_name((enum pol_layer)l),
			pol_path(p, (enum pol_layer)l));
	jout_close(j, '}');
}

void
cli_print_layers(const struct policy *p)
{
	CLEANUP(term_table_fini) struct term_table t = TERM_TABLE(2, -1, "  ");
	const char *root = pol_root(p);

	for (int l = POL_MANAGED; l < POL_LAYERS; l++) {
		const char *path = pol_path(p, (enum pol_layer)l);
		const char *row[] = { pol_layer_name((enum pol_layer)l),
			path == NULL ? "no file" : path };

		term_row(&t, row);
	}
	{
		const char *row[] = { "root", root == NULL ? "none" : root };

		term_row(&t, row);
	}
	term_table_print(&t);
}

/* ":12" at the start; what is behind it is left in *rest. */
static bool
take_number(const char **rest, int64_t *v)
{
	enum { DIGITS_MAX = 9 };
	const char *z = *rest;
	int digits = 0;

	if (*z++ != ':')
		return false;
	for (*v = 0; *z >= '0' && *z <= '9' && digits < DIGITS_MAX; z++, digits++)
		*v = *v * 10 + (*z - '0');
	*rest = z;
	return digits > 0;
}

bool
cli_place_of(const char *text, struct cli_place *at)
{
	for (const char *c = strchr(text, ':'); c != NULL; c = strchr(c + 1, ':')) {
		const char *rest = c;

		if (!take_number(&rest, &at->line) || !take_number(&rest, &at->column) ||
			strncmp(rest, ": ", 2) != 0)
			continue;
		at->file = (struct str){ text, (size_t)(c - text) };
		at->what = str_of(rest + 2);
		return true;
	}
	return false;
}

static bool
is_joined(struct str tool)
{
	return str_starts(tool, STR("mcp__"));
}

/* Codex writes names of tools in its own way: the pair is given back as our servers list it. */
static struct pol_use
of_joined(const struct policy *p, enum pol_agent a, struct str tool)
{
	const struct pol_use u = pol_use_of_joined(p, a, tool);
	const size_t space = STR("mcp__").n + u.server.n;

	if (a != POL_CODEX || u.server.n == 0 || space > tool.n)
		return u;
	return pol_use_of_pair(a, (struct str){ tool.p, space }, u.tool);
}

int
cli_use(const struct policy *p, struct str agent, struct str tool, struct pol_use *u,
	struct err *e)
{
	const char *slash = tool.n == 0 ? NULL : memchr(tool.p, '/', tool.n);
	char shown[LOG_QUOTED_MAX];
	enum pol_agent a;

	if (!pol_agent_from(agent, &a))
		return err_set(e, ERR_USAGE, "'%s' is no agent: want claude or codex",
			log_quoted(agent, shown));
	if (tool.n == 0)
		return err_set(e, ERR_USAGE,
			"say which tool: Bash, server/tool or mcp__server__tool");
	if (is_joined(tool)) {
		*u = of_joined(p, a, tool);
	} else if (slash != NULL) {
		const size_t n = (size_t)(slash - tool.p);
		const struct str server = { tool.p, n };

		*u = (struct pol_use){
			.agent = a, .server = server, .tool = str_skip(tool, n + 1)
		};
		if (str_is(server, pol_agent_name(a))) /* as rules write native tools */
			u->server = (struct str){ NULL, 0 };
	} else {
		*u = (struct pol_use){ .agent = a, .tool = tool };
	}
	/* of a joined name whose server nobody knows, the tool is not known either */
	if ((u->tool.n == 0 && !is_joined(tool)) || slash == tool.p ||
		u->tool.n > POL_NAME_MAX || u->server.n > POL_NAME_MAX)
		return err_set(e, ERR_USAGE,
			"'%s' is no tool: want Bash, server/tool or "
			"mcp__server__tool",
			log_quoted(tool, shown));
	return 0;
}

/* The part up to a blank; *rest is what is behind it. */
struct str
cli_word(struct str *rest)
{
	struct str word = *rest;
	size_t n = 0;

	while (n < rest->n && rest->p[n] != ' ')
		n++;
	word.n = n;
	while (n < rest->n && rest->p[n] == ' ')
		n++;
	*rest = str_skip(*rest, n);
	return word;
}

int
cli_call(const struct policy *p, struct str text, struct pol_use *u, struct err *e)
{
	const struct str agent = cli_word(&text);
	const struct str tool = cli_word(&text);
	struct js root;

	if (cli_use(p, agent, tool, u, e) < 0)
		return -1;
	u->asking = POL_CALL;
	u->caller = POL_CALLER_MAIN;
	if (text.n == 0)
		return 0;
	if (js_check(text, &root, e) < 0) {
		e->code = ERR_USAGE;
		return err_wrap(e,
			"the arguments of the call are to be one JSON object, as in "
			"'{\"command\":\"git push\"}'");
	}
	if (root.type != JS_OBJECT && root.type != JS_STRING)
		return err_set(e, ERR_USAGE,
			"the arguments of the call are neither a JSON object nor a string; "
			"write '{\"command\":\"git push\"}'");
	u->args = text;
	return 0;
}

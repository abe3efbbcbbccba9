#include "install/policy_advice.h"

#include "base/buf.h"
#include "base/mem.h"
#include "install/policy_cli.h"

enum { NAME_ROOM = 4 * POL_NAME_MAX, TOML_ROOM = 2 * NAME_ROOM };

/* How a [[rule]] names the tool: "claude/Bash", "github/get_issue". */
static char *
tool_of(const struct pol_use *u)
{
	CLEANUP(buf_fini) struct buf pair = BUF_INIT(NAME_ROOM);
	CLEANUP(buf_fini) struct buf toml = BUF_INIT(TOML_ROOM);
	const struct str server = u->server.n > 0 ? u->server
						  : str_of(pol_agent_name(u->agent));

	buf_put_str(&pair, server);
	buf_putc(&pair, '/');
	buf_put_str(&pair, u->tool.n > 0 ? u->tool : STR("*"));
	buf_put_json(&toml, buf_str(&pair));
	return mem_strdup(buf_text(&toml));
}

static char *
quoted(struct str name)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(TOML_ROOM);

	buf_put_json(&b, name);
	return mem_strdup(buf_text(&b));
}

static bool
starts(const char *z, const char *with)
{
	return strncmp(z, with, strlen(with)) == 0;
}

static void
on_lock(void *to, const struct pol_shown *s)
{
	bool *locked = to;

	if (strcmp(s->key, "lock") == 0)
		*locked = strcmp(s->value, "true") == 0;
}

bool
advice_is_locked(const struct policy *p)
{
	bool locked = false;

	pol_show(p, on_lock, &locked);
	return locked;
}

static const char *
path_of(const struct policy *p, enum pol_layer l)
{
	const char *path = pol_path(p, l);

	return path == NULL ? cli_file_of(l) : path;
}

/* Nobody who may loosen speaks of it. */
static void
for_built_in(struct words *out, const struct policy *p, const struct pol_use *u)
{
	const enum pol_layer who = advice_is_locked(p) ? POL_MANAGED : POL_USER;
	const char *file = path_of(p, who);
	CLEANUP(mem_freep) char *tool = tool_of(u);
	CLEANUP(mem_freep) char *name = quoted(u->server.n > 0 ? u->server : u->tool);

	if (pol_is_pando(u->server)) {
		words_add(out, "nothing: Pando's servers have no such tool");
		return;
	}
	if (who == POL_MANAGED)
		words_addf(out,
			"only the machine's administrator can: %s has lock = true, so that no "
			"other file can allow what it does not",
			file);
	if (u->server.n == 0)
		words_addf(out, "%s: add %s to allow in [native_tools]", file, name);
	else
		words_addf(out,
			"%s: [other_mcp] mode = \"allow_list\" and %s in its servers",
			file, name);
	words_addf(
		out, "or there a [[rule]] with tool = %s and decision = \"allow\"", tool);
}

/* One layer's own answer that is not the one wanted. */
static void
for_layer(struct words *out, const struct pol_use *u, const struct pol_decision *d)
{
	CLEANUP(mem_freep) char *at = cli_at(d);
	CLEANUP(mem_freep) char *tool = tool_of(u);
	CLEANUP(mem_freep) char *name = quoted(u->server.n > 0 ? u->server : u->tool);

	if (d->layer == POL_MANAGED)
		words_addf(out, "only the machine's administrator can change %s:", at);
	if (strcmp(d->rule, "native_tools.default") == 0)
		words_addf(out, "%s: add %s to allow in [native_tools]", at, name);
	else if (strcmp(d->rule, "other_mcp.mode") == 0)
		words_addf(out,
			"%s: [other_mcp] mode = \"allow_list\" and %s in its servers", at,
			name);
	else if (starts(d->rule, "native_tools.") || starts(d->rule, "other_mcp."))
		words_addf(out, "%s: take %s away", at, d->rule);
	else
		words_addf(out, "%s: change [[rule]] %s, or take it away", at, d->rule);
	words_addf(out,
		"or before it a [[rule]] with tool = %s, decision = \"allow\" and args that "
		"mean this call",
		tool);
}

/* Which layers have to change for a milder answer; all of them. */
static void
for_less(struct words *out, const struct policy *p, const struct pol_use *u,
	const struct pol_decision *d)
{
	int n = 0;

	if (d->unsure)
		words_add(out,
			u->args.p == NULL
				? "arguments that the rule is not for; explain takes them behind "
				  "the tool"
				: "a call that can be read for certain: the rule could not be "
				  "excluded for this one");
	for (int l = POL_MANAGED; l < POL_LAYERS; l++) {
		struct pol_decision own;

		if (!pol_decide_layer(p, (enum pol_layer)l, u, &own) ||
			own.verdict < POL_ASK)
			continue;
		if (n++ > 0)
			words_add(out, "and also:");
		for_layer(out, u, &own);
	}
	if (d->layer != POL_BUILT_IN)
		return;
	if (n > 0)
		words_add(out, "and also:");
	for_built_in(out, p, u);
}

void
advice_put(struct words *out, const struct policy *p, const struct pol_use *u,
	const struct pol_decision *d)
{
	CLEANUP(mem_freep) char *tool = NULL;
	CLEANUP(mem_freep) char *at = NULL;

	if (d->verdict >= POL_ASK) {
		for_less(out, p, u, d);
		return;
	}
	tool = tool_of(u);
	words_addf(out,
		"%s: a [[rule]] with tool = %s and decision = \"deny\"%s (with args for some "
		"calls only)",
		path_of(p, POL_USER), tool, pol_is_pando(u->server) ? " or \"ask\"" : "");
	if (d->line == 0)
		return;
	at = cli_at(d);
	words_addf(out, "or %s: take %s away", at, d->rule);
}

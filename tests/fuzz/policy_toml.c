/*
 * Any text as each of the files: a policy, or one error that names its place; what is said of
 * it never crashes. As the project's file, and as the person's below a lock, it cannot make
 * anything milder than it is without a file.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool good)
{
	if (!good)
		abort();
}

static const struct pol_use uses[] = {
	{ .agent = POL_CLAUDE,
		.tool = STR("Bash"),
		.args = STR("{\"command\":\"git push\"}") },
	{ .agent = POL_CODEX,
		.tool = STR("shell"),
		.args = STR("{\"command\":[\"rm\",\"-rf\",\"/\"]}") },
	{ .agent = POL_CLAUDE,
		.server = STR(POL_SERVER_WORKSPACE),
		.tool = STR("shell-command"),
		.args = STR("{\"command\":\"git push; rm x\",\"cwd\":\"src/a\"}"),
		.caller = POL_CALLER_SUBAGENT,
		.subagent = STR("reviewer") },
	{ .agent = POL_CODEX,
		.server = STR(POL_SERVER_CORE),
		.tool = STR("read-file"),
		.asking = POL_OFFER },
	{ .agent = POL_CODEX,
		.server = STR("git_hub"),
		.tool = STR("get_x"),
		.args = STR("{\"private\":true,\"page\":-3,\"owner\":\"me\"}") },
};

static void
has_place(const struct err *e)
{
	const char *at = e->text;

	must(e->code == ERR_POLICY && strncmp(at, "p:", 2) == 0);
	at += 2 + strspn(at + 2, "0123456789");
	must(at[0] == ':' && at[-1] != ':');
	at += 1 + strspn(at + 1, "0123456789");
	must(strncmp(at, ": ", 2) == 0 && at[-1] != ':' && at[2] != '\0');
}

static void
on_shown(void *to, const struct pol_shown *s)
{
	(void)to;
	must(s->key[0] != '\0' && s->value[0] != '\0' && (s->line > 0) == (s->layer > 0));
}

static void
is_no_milder(const struct policy *p, const struct policy *without)
{
	const struct pol_limits *have = pol_limits_of(p);
	const struct pol_limits *most = pol_limits_of(without);

	for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
		must(pol_decide(p, &uses[i]).verdict >=
			pol_decide(without, &uses[i]).verdict);
	for (int a = 0; a < POL_AGENTS; a++) {
		const enum pol_agent agent = (enum pol_agent)a;

		must(pol_mode_of(p, agent) == POL_ENFORCE);
	}
	for (int to = 0; to < POL_PROVIDERS; to++) {
		const enum pol_provider provider = (enum pol_provider)to;

		must(strcmp(pol_upstream(p, provider), pol_upstream(without, provider)) ==
			0);
	}
	must(pol_on_unknown(p) == POL_REFUSE && !pol_log_of(p)->arguments);
	must(have->command_seconds <= most->command_seconds &&
		have->command_output_bytes <= most->command_output_bytes);
	must(!pol_price_of(p, STR("a"), &(struct pol_price){ 0 }));
}

static void
try_as(enum pol_layer layer, bool locked, struct str text)
{
	const struct pol_text t[] = { { POL_MANAGED, "m", STR("lock = true\n") },
		{ layer, "p", text } };
	struct err e = ERR_INIT;
	struct policy *p = pol_of_texts(
		locked ? t : t + 1, locked ? 2 : 1, "/project", &e);

	if (p == NULL) {
		has_place(&e);
		return;
	}
	pol_show(p, on_shown, NULL);
	for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
		(void)pol_decide(p, &uses[i]);
	must(pol_use_of_joined(p, POL_CLAUDE, STR("mcp__a__b__c")).server.n > 0);
	if (locked || layer == POL_PROJECT) {
		struct policy *without = pol_default();

		is_no_milder(p, without);
		pol_free(without);
	}
	pol_free(p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct str text = { (const char *)data, n };

	try_as(POL_MANAGED, false, text);
	try_as(POL_USER, true, text);
	try_as(POL_PROJECT, false, text);
	return 0;
}

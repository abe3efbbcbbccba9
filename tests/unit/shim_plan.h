#ifndef TESTS_UNIT_SHIM_PLAN_H
#define TESTS_UNIT_SHIM_PLAN_H

/*
 * Plans of made-up facts, whole, against tests/unit/shim_plan/<name>.txt. When a change of a plan
 * is meant, run the test once with PANDO_GOLDEN_WRITE=1 and read the difference.
 */

#include <stdlib.h>

#include "base/path.h"
#include "policy/toml.h"
#include "shim/plan.h"
#include "tests/unit/test.h"

enum { PLAN_TEXT_MAX = 1 << 20 };

static char *person_env[] = { (char[]){ "HOME=/home/p" }, (char[]){ "PATH=/usr/bin" },
	(char[]){ "TERM=xterm" }, (char[]){ "ANTHROPIC_API_KEY=sk-a" },
	(char[]){ "ANTHROPIC_BASE_URL=https://api.anthropic.com/" },
	(char[]){ "ANTHROPIC_CUSTOM_HEADERS=X: y" },
	(char[]){ "ANTHROPIC_DEFAULT_OPUS_MODEL=m" },
	(char[]){ "ANTHROPIC_DEFAULT_OPUS_MODEL_EVIL=m" },
	(char[]){ "CLAUDE_CODE_OAUTH_TOKEN=t" }, (char[]){ "CLAUDE_CODE_SIMPLE=1" },
	(char[]){ "CLAUDE_CODE_SSE_PORT=4" }, (char[]){ "CLAUDECODE=1" },
	(char[]){ "AWS_PROFILE=x" }, (char[]){ "HTTPS_PROXY=http://proxy:1" },
	(char[]){ "http_proxy=http://proxy:1" }, (char[]){ "BUN_OPTIONS=--preload=x" },
	(char[]){ "NODE_OPTIONS=--require x" }, (char[]){ "LD_PRELOAD=/x.so" },
	(char[]){ "LD_LIBRARY_PATH=/x" }, (char[]){ "ENABLE_TOOL_SEARCH=true" },
	(char[]){ "MCP_TIMEOUT=1" }, (char[]){ "OTEL_EXPORTER=x" },
	(char[]){ "PANDO_RUN=another" }, (char[]){ "PANDO_POLICY=/another" },
	(char[]){ "PANDO_POLICY_SHA256=4567" }, (char[]){ "PANDO_PROJECT_ROOT=/another" },
	(char[]){ "OPENAI_API_KEY=sk-o" }, (char[]){ "OPENAI_BASE_URL=https://x" },
	(char[]){ "CODEX_HOME=/x" }, (char[]){ "CODEX_SQLITE_HOME=/x" },
	(char[]){ "EDITOR=vi" }, NULL };

static const struct secret token = {
	"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
};

static struct plan_facts
facts(void)
{
	return (struct plan_facts){ .run = "0123456789abcdef",
		.dir = "/home/p/.pando/run/0123456789abcdef",
		.root = "/home/p/a project",
		.cwd = "/home/p/a project/src",
		.git_root = "/home/p/a project",
		.home = "/home/p",
		.version = "1.2.3",
		.hook = "/opt/pando/libexec/pando-ai/pando-hook",
		.mcp = "/opt/pando/libexec/pando-ai/pando-mcp",
		.policy = "/home/p/.pando/run/policy-0123",
		.policy_sha256 = "0123",
		.port = 4711,
		.token = &token,
		.env = person_env };
}

static void
put_plan(struct buf *b, const struct plan *p)
{
	for (size_t i = 0; i < p->argv.n; i++)
		buf_printf(b, "argv %s\n", p->argv.v[i]);
	for (size_t i = 0; i < p->env.n; i++)
		buf_printf(b, "env %s\n", p->env.v[i]);
	for (size_t i = 0; i < p->notes.n; i++)
		buf_printf(b, "note %s\n", p->notes.v[i]);
	for (size_t i = 0; i < p->nlinks; i++)
		buf_printf(b, "link %s -> %s\n", p->link[i].name, p->link[i].target);
	if (p->requirements != NULL)
		buf_printf(b, "requirements\n%s\n", p->requirements);
	for (size_t i = 0; i < p->nfiles; i++)
		buf_printf(b, "%s %s\n%s\n", p->file[i].kept ? "kept" : "file",
			p->file[i].name, p->file[i].text);
}

static void
ok_golden(const struct plan *p, const char *name)
{
	CLEANUP(mem_freep) char *dir = path_dir(__FILE__);
	CLEANUP(mem_freep) char *path = mem_printf("%s/shim_plan/%s.txt", dir, name);
	CLEANUP(buf_fini) struct buf have = BUF_INIT(PLAN_TEXT_MAX);
	CLEANUP(buf_fini) struct buf want = BUF_INIT(PLAN_TEXT_MAX);
	struct err e = ERR_INIT;

	put_plan(&have, p);
	if (getenv("PANDO_GOLDEN_WRITE") != NULL &&
		path_write(path, buf_str(&have), 0644, &e) < 0)
		printf("%s\n", e.text);
	if (path_read(path, &want, &e) < 0)
		printf("%s\n", e.text);
	for (const char *h = buf_text(&have), *w = buf_text(&want);
		*h != '\0' || *w != '\0';) {
		const struct str hl = { h, strcspn(h, "\n") };
		const struct str wl = { w, strcspn(w, "\n") };

		ok_bytes(hl, wl, name);
		h += hl.n + (h[hl.n] == '\n');
		w += wl.n + (w[wl.n] == '\n');
	}
}

static void
plan_of(struct plan *p, const struct plan_facts *f, const char *policy_text,
	char *const *argv, enum pol_agent agent)
{
	struct err e = ERR_INIT;
	CLEANUP(pol_freep) struct policy *pol = pol_parse(str_of(policy_text), "p", &e);
	CLEANUP(args_fini) struct args a = { .inert = false };

	*p = (struct plan){ .nfiles = 0 };
	if (pol == NULL) {
		ok(false, e.text);
		return;
	}
	if (agent == POL_CLAUDE) {
		ok_int(args_of_claude(&a, argv, &e), 0, e.text);
		ok_int(plan_claude(p, f, pol, &a, &e), 0, e.text);
	} else {
		ok_int(args_of_codex(&a, argv, &e), 0, e.text);
		ok_int(plan_codex(p, f, pol, &a, &e), 0, e.text);
	}
}

static char *const claude_argv[] = { (char[]){ "claude" }, (char[]){ "-p" },
	(char[]){ "--model" }, (char[]){ "opus" }, (char[]){ "Do it." }, NULL };
static char *const codex_argv[] = { (char[]){ "codex" }, (char[]){ "exec" },
	(char[]){ "-m" }, (char[]){ "gpt" }, (char[]){ "Do it." }, NULL };
static const char *
file_of(const struct plan *p, const char *name)
{
	for (size_t i = 0; i < p->nfiles; i++)
		if (strcmp(p->file[i].name, name) == 0)
			return p->file[i].text;
	return "";
}

static const char features[] =
	"apps                 stable             true\nshell_tool           stable   true\n"
	"hooks                stable             true\nview_image           stable   true\n"
	"goals                stable             true\nnot_ours             stable   true\n";

static struct plan_facts
codex_facts(void)
{
	struct plan_facts f = facts();

	f.own_dir = f.sqlite_dir = "/home/p/.codex";
	f.has = 1U << 6; /* AGENTS.md */
	f.features = features;
	f.catalog = "/home/p/.pando-data/agents/codex-1.catalog.json";
	return f;
}

static struct toml_node *
config_of(const char *text)
{
	struct err e = ERR_INIT;
	struct toml_node *n = toml_parse(str_of(text), "config.toml", &e);

	ok(n != NULL, e.text);
	return n;
}

#endif

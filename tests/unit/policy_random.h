#ifndef TESTS_UNIT_POLICY_RANDOM_H
#define TESTS_UNIT_POLICY_RANDOM_H

/*
 * Random policies, built as structures, and random calls, the same ones each time. Names,
 * texts and patterns come from short lists, so that they meet often.
 */

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "policy/argument.h"
#include "policy/ruleset.h"

enum {
	RULES_MAX = 12,
	RULES_MANY = 600, /* more than index.h has room for, now and then */
	MANY_EVERY = 40,
	ARGS_MAX = 4,
	ITEMS_MAX = 3
};

static const char root[] = "/home/u/p";

/* xorshift64: the same cases each time. */
static uint64_t state = 88172645463325252u;

static size_t
pick(size_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (size_t)(state % n);
}

#define PICK(list) (list)[pick(LEN(list))]

static const char *const servers[] = { "claude", "codex", "claude", "codex", "*",
	"pando_workspace", "pando_core", "github", "a-b", "a_b", "a*", "?-b", "pando_*",
	"a.b", "a+b", "a b", "a:b", "a@b", "a#b", "a%b", "a&b", "a~b", "a=b",
	"pando_workspace", "pando_core", "github", "*", "*" };
static const char *const tools[] = { "Bash", "exec_command", "*", "shell-command",
	"get_issue", "x-y", "x_y", "x*", "?ash", "*_issue", "read-file",
	"longer-than-eight", "longer-than-nine", "longer-*", "x.y", "x y" };
static const char *const used_servers[] = { "", "", "pando_workspace", "pando_core",
	"github", "a-b", "a_b", "claude", "other" };
static const char *const used_tools[] = { "Bash", "exec_command", "shell-command",
	"shell_command", "get_issue", "x-y", "x_y", "read-file", "longer-than-eight",
	"longer_than_eight", "longer-than-nine", "Read", "" };
static const char *const keys[] = { "command", "path", "cmd", "force" };
static const char *const texts[] = { "git push", "git status", "git status; git push",
	"echo $(git push)", "ls -l", "env git push", "src", "src/a.c", "./src/../doc/x",
	"./src//a.c/.", "src/", "/home/u/p/src", "src/*/../x", "src/a(b)", "../q",
	"/home/u/p/src/deep/b", "/etc/passwd", "~/x", "src/*.c", "*.c", "true", "5", "",
	".", "/home/u", "a b c d e f g h", "longer than eight", "longer than nine",
	"\"'\\\n" };
static const char *const globs[] = { "*", "git *", "*push*", "src/*", "?rc", "longer*",
	"longer than e*", "", "*.c", "git status", "./src/*", "/home/u/p/*", "src" };
static const char *const folders[] = { "src", "doc", ".", "/etc", "/home/u/p/src",
	"src/deep", "~/x", "/" };
static const char *const tokens[][2] = { { "git", "push" }, { "git", NULL },
	{ "ls", NULL }, { "g*", "push" }, { "git", "status" } };

/* --- random policies ----------------------------------------------------------------- */

static void
make_matcher(struct pol_matcher *m, const char *key)
{
	*m = (struct pol_matcher){ .key = mem_strdup(key),
		.kind = (enum pol_matcher_kind)pick(POL_MATCHERS) };
	if (m->kind == POL_PREFIX) {
		const char *const *t = tokens[pick(LEN(tokens))];

		cmd_prefix_init(&m->prefix, t, t[1] == NULL ? 1 : 2);
		return;
	}
	m->text = mem_strdup(m->kind == POL_LITERAL ? PICK(texts)
			     : m->kind == POL_GLOB  ? PICK(globs)
						    : PICK(folders));
}

static void
make_rule(struct pol_rule *r, size_t number)
{
	static const char *const subagents[] = { "*", "Explore", "E*" };

	*r = (struct pol_rule){
		.id = mem_printf("rule[%zu]", number),
		.line = (int)number + 10,
		.agents = 1 + (unsigned)pick(3),
		.subagent = pick(8) == 0 ? mem_strdup(PICK(subagents)) : NULL,
		.server = mem_strdup(PICK(servers)),
		.tool = mem_strdup(PICK(tools)),
		.nargs = pick(pick(4) == 0 ? ARGS_MAX + 1 : 3),
		.verdict = (enum pol_verdict)pick(POL_VERDICTS),
	};
	r->arg = mem_alloc((r->nargs + 1) * sizeof *r->arg);
	for (size_t i = 0; i < r->nargs; i++)
		make_matcher(&r->arg[i], keys[(pick(LEN(keys) / 2) * 2 + i) % LEN(keys)]);
}

static void
make_list(struct pol_list *l, const char *const *from, size_t nfrom, bool with_tools)
{
	l->n = pick(ITEMS_MAX);
	l->item = mem_alloc((l->n + 1) * sizeof *l->item);
	for (size_t i = 0; i < l->n; i++) {
		l->item[i].name = mem_strdup(from[pick(nfrom)]);
		l->item[i].rule = mem_printf("list[%zu]", i);
		l->item[i].line = (int)i + 100;
		if (!with_tools || pick(2) == 0)
			continue;
		l->item[i].tools = mem_alloc(2 * sizeof(char *));
		l->item[i].tools[0] = mem_strdup(PICK(tools));
	}
}

static struct pol_file *
make_file(enum pol_layer layer)
{
	const size_t most = pick(MANY_EVERY) == 0 ? RULES_MANY : RULES_MAX;
	struct pol_file *f = mem_alloc(sizeof *f);

	f->layer = layer;
	f->path = mem_strdup(pol_layer_name(layer));
	f->v.lock = layer == POL_MANAGED && pick(2) == 0;
	f->v.native_default_allow = pick(2) == 0;
	f->at[POL_SET_NATIVE_DEFAULT].line = (int)pick(2);
	f->v.other_mode = (enum pol_other_mode)pick(POL_OTHER_MODES);
	f->at[POL_SET_OTHER_MODE].line = (int)pick(2);
	make_list(&f->native_allow, tools, LEN(tools), false);
	make_list(&f->native_deny, tools, LEN(tools), false);
	make_list(&f->other_servers, servers, LEN(servers), true);
	f->nrules = pick(most);
	f->rule = mem_alloc((f->nrules + 1) * sizeof *f->rule);
	for (size_t i = 0; i < f->nrules; i++)
		make_rule(&f->rule[i], i);
	f->index = pol_index_new(f);
	return f;
}

static struct policy *
make_policy(void)
{
	struct policy *p = mem_alloc(sizeof *p);

	pol_values_default(&p->v);
	p->root = pick(4) == 0 ? NULL : mem_strdup(root);
	for (int l = POL_MANAGED; l < POL_LAYERS; l++)
		if (pick(3) > 0)
			p->file[l] = make_file((enum pol_layer)l);
	return p;
}

/* --- random calls -------------------------------------------------------------------- */

enum kind { ABSENT, TEXT, WORD, LIST, OBJECT, KINDS };

struct value {
	enum kind kind;
	const char *text, *second; /* of a LIST */
};

struct given {
	struct pol_use use;
	bool known; /* the arguments are */
	bool free;  /* they are a text, not named */
	struct value value[LEN(keys)];
	struct buf json;
};

static void
put_value(struct buf *b, const struct value *v)
{
	switch (v->kind) {
	case ABSENT:
	case KINDS:
		buf_puts(b, "null");
		return;
	case TEXT:
		buf_put_json(b, str_of(v->text));
		return;
	case WORD:
		buf_puts(b, v->text);
		return;
	case LIST:
		buf_putc(b, '[');
		buf_put_json(b, str_of(v->text));
		buf_puts(b, ", ");
		buf_put_json(b, str_of(v->second));
		buf_putc(b, ']');
		return;
	case OBJECT:
		buf_puts(b, "{\"a\":1}");
		return;
	}
}

static void
make_value(struct value *v)
{
	static const char *const words[] = { "true", "5", "-1.5" };

	v->kind = pick(2) == 0 ? TEXT : (enum kind)pick(KINDS);
	v->text = v->kind == WORD ? PICK(words) : PICK(texts);
	v->second = PICK(texts);
}

static void
make_args(struct given *g)
{
	bool first = true;

	buf_reset(&g->json);
	g->known = pick(12) > 0;
	g->free = pick(20) == 0;
	for (size_t i = 0; i < LEN(keys); i++)
		make_value(&g->value[i]);
	if (g->free) {
		buf_put_json(&g->json, STR("some text"));
		return;
	}
	buf_putc(&g->json, '{');
	for (size_t i = 0; i < LEN(keys); i++) {
		if (g->value[i].kind == ABSENT && pick(2) == 0)
			continue;
		buf_printf(&g->json, "%s\"%s\":", first ? "" : ",", keys[i]);
		put_value(&g->json, &g->value[i]);
		first = false;
	}
	buf_putc(&g->json, '}');
}

static void
make_call(struct given *g)
{
	static const char *const names[] = { "", "Explore", "Plan" };
	static const char *const broken[] = { "{", "{\"path\":1,\"path\":2}", "[1]", "7",
		"\"" };

	make_args(g);
	g->use = (struct pol_use){
		.agent = (enum pol_agent)pick(POL_AGENTS),
		.server = str_of(PICK(used_servers)),
		.tool = str_of(PICK(used_tools)),
		.asking = pick(4) == 0 ? POL_OFFER : POL_CALL,
		.caller = (enum pol_caller)pick(4),
		.subagent = str_of(PICK(names)),
	};
	g->use.args = buf_str(&g->json);
	if (!g->known && pick(2) == 0)
		g->use.args = (struct str){ NULL, 0 };
	else if (!g->known)
		g->use.args = str_of(PICK(broken));
	if (g->use.asking == POL_OFFER)
		g->known = false;
}

#endif

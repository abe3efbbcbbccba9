/*
 * The decision function against a slow and obvious twin: random policies, random calls, one
 * answer. The twin goes through every rule of every file in order, knows no index, no probe and
 * no scratch space, and writes each matcher down as its page describes it. What both share is
 * the reading of a shell command (policy_command, policy_redteam test that).
 */

#include "tests/unit/test.h"

#include <ctype.h>

#include "tests/unit/policy_random.h"

enum {
	CASES = 1000 * 1000,
	CALLS = 500, /* of one policy */
	PARTS_MAX = 64,
	TWIN_PATH_MAX = 16384,
	SHOWN_MAX = 5
};

/* --- the twin: matchers -------------------------------------------------------------- */

enum spelling { AS_IT_IS, HYPHENS_KEPT, FOLDED };

static enum spelling
twin_spelling(const struct pol_use *u)
{
	if (u->agent == POL_CODEX)
		return FOLDED;
	return u->server.n > 0 ? HYPHENS_KEPT : AS_IT_IS;
}

static bool
twin_glob(const char *p, const char *s, enum spelling respelt)
{
	if (*p == '\0')
		return *s == '\0';
	if (*p == '*')
		return twin_glob(p + 1, s, respelt) ||
		       (*s != '\0' && twin_glob(p, s + 1, respelt));
	if (*s == '\0')
		return false;
	if (*p != '?' && *p != *s &&
		!(respelt != AS_IT_IS && *s == '_' && !isalnum((unsigned char)*p) &&
			(respelt == FOLDED || *p != '-')))
		return false;
	return twin_glob(p + 1, s + 1, respelt);
}

struct parts {
	char text[TWIN_PATH_MAX];
	char *part[PARTS_MAX];
	size_t n;
};

/* false: it climbs above its beginning. */
static bool
twin_parts(struct parts *w, const char *path)
{
	w->n = 0;
	(void)snprintf(w->text, sizeof w->text, "%s", path);
	for (char *save = NULL, *t = strtok_r(w->text, "/", &save); t != NULL;
		t = strtok_r(NULL, "/", &save)) {
		if (strcmp(t, ".") == 0)
			continue;
		if (strcmp(t, "..") != 0)
			w->part[w->n++] = t;
		else if (w->n > 0)
			w->n--;
		else if (path[0] != '/')
			return false;
	}
	return true;
}

static bool
twin_is_within(const struct parts *inner, const struct parts *outer)
{
	if (inner->n < outer->n)
		return false;
	for (size_t i = 0; i < outer->n; i++)
		if (strcmp(inner->part[i], outer->part[i]) != 0)
			return false;
	return true;
}

static enum cmd_match
twin_compare(const char *path, const char *folder)
{
	struct parts p;
	struct parts f;

	if (!twin_parts(&p, path))
		return CMD_UNSURE;
	(void)twin_parts(&f, folder);
	if (twin_is_within(&p, &f))
		return CMD_YES;
	return twin_is_within(&f, &p) ? CMD_UNSURE : CMD_NO;
}

static enum cmd_match
twin_under(const char *folder, const char *given, const struct given *g, const char *top)
{
	char path[TWIN_PATH_MAX];
	char full[2 * TWIN_PATH_MAX];
	char *star;

	if (folder[0] == '~' || given[0] == '~')
		return CMD_UNSURE;
	(void)snprintf(path, sizeof path, "%s", given);
	star = strpbrk(path, "*?[{\\");
	if (star != NULL && strstr(star, "..") != NULL)
		return CMD_UNSURE;
	if (star != NULL) {
		while (star > path && *star != '/')
			star--;
		*star = '\0';
	}
	if (given[0] == '/') {
		if (folder[0] == '/')
			return twin_compare(path, folder);
		if (top == NULL)
			return CMD_UNSURE;
		(void)snprintf(full, sizeof full, "%s/%s", top, folder);
		return twin_compare(path, full);
	}
	if (g->use.server.n == 0)
		return CMD_UNSURE;
	if (top == NULL)
		return folder[0] == '/' ? CMD_UNSURE : twin_compare(path, folder);
	(void)snprintf(full, sizeof full, "%s/%s", top, path);
	if (folder[0] == '/')
		return twin_compare(full, folder);
	(void)snprintf(path, sizeof path, "%s/%s", top, folder);
	return twin_compare(full, path);
}

/* What the twin takes from the tested side: how a line is read. */
struct twin_line {
	const char *key; /* NULL: no argument of this call is a command */
	bool read;
	struct sh_line line;
};

static enum cmd_match
twin_line_glob(const struct twin_line *t, const char *pattern, const char *text)
{
	if (!t->read || t->line.opaque)
		return CMD_UNSURE;
	if (twin_glob(pattern, text, AS_IT_IS))
		return t->line.simple ? CMD_YES : CMD_UNSURE;
	for (size_t i = 0; i < t->line.ncommands; i++) {
		const struct sh_command *c = &t->line.command[i];
		char words[TWIN_PATH_MAX] = "";

		for (size_t k = 0; k < c->n; k++) {
			const struct sh_word *w = &t->line.word[c->first + k];
			const size_t have = strlen(words);

			if (!w->known)
				return CMD_UNSURE;
			(void)snprintf(words + have, sizeof words - have, "%s" STR_FMT,
				k > 0 ? " " : "", STR_ARG(w->text));
		}
		if (twin_glob(pattern, words, AS_IT_IS))
			return CMD_UNSURE;
	}
	return CMD_NO;
}

static enum cmd_match
twin_prefix(const struct twin_line *t, const struct pol_matcher *m, size_t command)
{
	if (t->key == NULL || strcmp(t->key, m->key) != 0 || !t->read)
		return CMD_UNSURE;
	if (command >= t->line.ncommands)
		return t->line.opaque ? CMD_UNSURE : CMD_NO;
	return cmd_match(&t->line, command, &m->prefix);
}

static bool
twin_same(const struct pol_matcher *m, const char *text)
{
	return m->kind == POL_LITERAL ? strcmp(m->text, text) == 0
				      : twin_glob(m->text, text, AS_IT_IS);
}

/* The parts from one on as a path; above stands before them. */
static bool
twin_joined(const struct pol_matcher *m, const char *above, const struct parts *w,
	size_t from)
{
	char path[TWIN_PATH_MAX] = "";
	struct pol_matcher bare = *m;
	size_t n = (size_t)snprintf(path, sizeof path, "%s", above);

	for (size_t i = from; i < w->n; i++)
		n += (size_t)snprintf(path + n, sizeof path - n, "%s%s",
			i == from ? "" : "/", w->part[i]);
	if (n > 1 && path[n - 1] == '/')
		path[--n] = '\0';
	while (strncmp(bare.text, "./", 2) == 0)
		bare.text += 2;
	return twin_same(&bare, n == 0 ? "." : path);
}

/* Each way in which the same path can be written. */
static enum cmd_match
twin_path(const struct pol_matcher *m, const char *text, const char *top)
{
	struct parts p;
	struct parts t = { .n = 0 };
	char above[2 * TWIN_PATH_MAX];
	bool met = false;

	if (twin_same(m, text))
		return m->kind == POL_GLOB && strstr(text, "..") != NULL ? CMD_UNSURE
									 : CMD_YES;
	if (text[0] == '~' || !twin_parts(&p, text))
		return CMD_UNSURE;
	if (top != NULL)
		(void)twin_parts(&t, top);
	(void)snprintf(above, sizeof above, "%s/", top == NULL ? "" : top);
	met = twin_joined(m, text[0] == '/' ? "/" : "", &p, 0);
	if (text[0] == '/' && top != NULL && twin_is_within(&p, &t))
		met |= twin_joined(m, "", &p, t.n);
	if (text[0] != '/' && m->text[0] == '/')
		met |= top == NULL || twin_joined(m, above, &p, 0);
	if (text[0] == '/' && m->text[0] != '/')
		met |= top == NULL;
	return met ? CMD_UNSURE : CMD_NO;
}

static enum cmd_match
twin_text(const struct pol_matcher *m, const char *text, const struct given *g,
	const char *top)
{
	if (m->kind == POL_UNDER)
		return twin_under(m->text, text, g, top);
	if (strstr(m->key, "path") != NULL)
		return twin_path(m, text, top);
	if (m->kind == POL_LITERAL)
		return strcmp(m->text, text) == 0 ? CMD_YES : CMD_NO;
	return twin_glob(m->text, text, AS_IT_IS) ? CMD_YES : CMD_NO;
}

static enum cmd_match
twin_list(const struct pol_matcher *m, const struct value *v, const struct given *g,
	const char *top)
{
	const enum cmd_match a = twin_text(m, v->text, g, top);
	const enum cmd_match b = twin_text(m, v->second, g, top);

	return a == b ? a : CMD_UNSURE;
}

static enum cmd_match
twin_arg(const struct pol_matcher *m, const struct given *g, const char *top,
	const struct twin_line *t, size_t command)
{
	const struct value *v = NULL;

	for (size_t i = 0; i < LEN(keys); i++)
		if (strcmp(keys[i], m->key) == 0)
			v = &g->value[i];
	if (!g->known)
		return CMD_UNSURE;
	if (g->free || v->kind == ABSENT)
		return m->kind == POL_UNDER ? CMD_UNSURE : CMD_NO;
	if (v->kind == OBJECT || (v->kind == WORD && strpbrk(v->text, ".e") != NULL &&
					 strcmp(v->text, "true") != 0))
		return CMD_UNSURE; /* a number that has other spellings */
	if (m->kind == POL_PREFIX)
		return twin_prefix(t, m, command);
	if (m->is_command && v->kind == LIST)
		return CMD_UNSURE;
	if (v->kind == LIST)
		return twin_list(m, v, g, top);
	if (m->is_command && m->kind == POL_GLOB) {
		struct twin_line none = { .read = false };

		none.key = NULL;
		return twin_line_glob(
			t->key != NULL && strcmp(t->key, m->key) == 0 ? t : &none,
			m->text, v->text);
	}
	return twin_text(m, v->text, g, top);
}

/* --- the twin: rules, files, layers ---------------------------------------------------- */

static bool
twin_names(const struct pol_rule *r, const struct pol_use *u)
{
	const bool native = u->server.n == 0;
	const char *server = native ? pol_agent_name(u->agent) : u->server.p;
	const enum spelling respelt = twin_spelling(u);

	if (!native &&
		(strcmp(r->server, "claude") == 0 || strcmp(r->server, "codex") == 0))
		return false;
	return twin_glob(r->server, server, respelt) &&
	       twin_glob(r->tool, u->tool.p, respelt);
}

static enum cmd_match
twin_caller(const struct pol_rule *r, const struct pol_use *u)
{
	if (r->subagent == NULL)
		return CMD_YES;
	if (u->caller == POL_CALLER_ELSEWHERE && r->verdict == POL_ASK)
		return CMD_UNSURE;
	if (u->caller == POL_CALLER_MAIN || u->caller == POL_CALLER_ELSEWHERE)
		return CMD_NO;
	if (u->caller == POL_CALLER_UNKNOWN)
		return CMD_UNSURE;
	if (strcmp(r->subagent, "*") == 0)
		return CMD_YES;
	if (u->subagent.n == 0)
		return CMD_UNSURE;
	return twin_glob(r->subagent, u->subagent.p, AS_IT_IS) ? CMD_YES : CMD_NO;
}

static enum cmd_match
twin_rule(const struct pol_rule *r, const struct given *g, const char *top,
	const struct twin_line *t, size_t command)
{
	enum cmd_match got = CMD_YES;

	if (!twin_names(r, &g->use) || (r->agents >> g->use.agent & 1) == 0)
		return CMD_NO;
	got = twin_caller(r, &g->use);
	for (size_t i = 0; i < r->nargs; i++) {
		const enum cmd_match one = twin_arg(&r->arg[i], g, top, t, command);

		if (one < got)
			got = one;
	}
	return got;
}

/* -1: the file says nothing. */
static int
twin_tables(const struct pol_file *f, const struct pol_use *u)
{
	const enum spelling respelt = twin_spelling(u);
	bool hit = false;

	if (pol_is_pando(u->server))
		return -1;
	if (u->server.n == 0) {
		for (size_t i = 0; i < f->native_deny.n; i++)
			if (twin_glob(f->native_deny.item[i].name, u->tool.p, AS_IT_IS))
				return POL_DENY;
		for (size_t i = 0; i < f->native_allow.n; i++)
			if (twin_glob(f->native_allow.item[i].name, u->tool.p, AS_IT_IS))
				return POL_ALLOW;
		if (f->at[POL_SET_NATIVE_DEFAULT].line == 0)
			return -1;
		return f->v.native_default_allow ? POL_ALLOW : POL_DENY;
	}
	if (f->at[POL_SET_OTHER_MODE].line == 0)
		return -1;
	for (size_t i = 0; i < f->other_servers.n; i++) {
		const struct pol_item *item = &f->other_servers.item[i];

		if (!twin_glob(item->name, u->server.p, respelt))
			continue;
		hit |= item->tools == NULL ||
		       twin_glob(item->tools[0], u->tool.p, respelt) ||
		       (u->tool.n == 0 && f->v.other_mode == POL_DENY_LIST);
	}
	if (f->v.other_mode == POL_ALLOW_LIST)
		return hit ? POL_ALLOW : POL_DENY;
	if (f->v.other_mode == POL_DENY_LIST)
		return hit ? POL_DENY : POL_ALLOW;
	return POL_DENY;
}

enum { SILENT = -1, OUTCOMES_MAX = POL_VERDICTS + 1 };

/*
 * What a file can say: at a call one answer and the least that rules which may match want; at an
 * offer, where such a rule matches or does not, one of several answers.
 */
struct twin {
	int own[OUTCOMES_MAX];
	size_t n;
	int floor;
};

static void
twin_may_say(struct twin *a, int verdict)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->own[i] == verdict)
			return;
	a->own[a->n++] = verdict;
}

static struct twin
twin_file(const struct pol_file *f, const struct given *g, const char *top,
	const struct twin_line *t, size_t command)
{
	struct twin a = { .floor = SILENT };

	for (size_t i = 0; i < f->nrules; i++) {
		const int verdict = f->rule[i].verdict;
		const enum cmd_match got = twin_rule(&f->rule[i], g, top, t, command);

		if (got == CMD_YES || (got == CMD_UNSURE && g->use.asking == POL_OFFER))
			twin_may_say(&a, verdict);
		else if (got == CMD_UNSURE && verdict > POL_ALLOW && verdict > a.floor)
			a.floor = verdict;
		if (got == CMD_YES)
			return a;
	}
	twin_may_say(&a, twin_tables(f, &g->use));
	return a;
}

static int
twin_strictest(const struct policy *p, const struct pol_use *u, const int own[POL_LAYERS],
	const int floor[POL_LAYERS])
{
	const bool locked = p->file[POL_MANAGED] != NULL && p->file[POL_MANAGED]->v.lock;
	int best = SILENT;

	if (own[POL_MANAGED] == SILENT && (locked || own[POL_USER] == SILENT))
		best = pol_is_pando(u->server) ? POL_ALLOW : POL_DENY;
	for (int l = POL_MANAGED; l < POL_LAYERS; l++) {
		best = own[l] > best ? own[l] : best;
		best = floor[l] > best ? floor[l] : best;
	}
	return best;
}

/* The mildest of all that the files can say together; at a call there is but one. */
static int
twin_once(const struct policy *p, const struct given *g, const struct twin_line *t,
	size_t command)
{
	struct twin a[POL_LAYERS];
	int floor[POL_LAYERS];
	int best = POL_VERDICTS;

	for (int l = 0; l < POL_LAYERS; l++) {
		a[l] = (struct twin){ .own = { SILENT }, .n = 1, .floor = SILENT };
		if (p->file[l] != NULL)
			a[l] = twin_file(p->file[l], g, p->root, t, command);
		floor[l] = a[l].floor;
	}
	for (size_t i = 0; i < a[POL_MANAGED].n; i++)
		for (size_t k = 0; k < a[POL_USER].n; k++)
			for (size_t m = 0; m < a[POL_PROJECT].n; m++) {
				const int own[POL_LAYERS] = { SILENT,
					a[POL_MANAGED].own[i], a[POL_USER].own[k],
					a[POL_PROJECT].own[m] };
				const int one = twin_strictest(p, &g->use, own, floor);

				best = one < best ? one : best;
			}
	return best;
}

static bool
twin_is_read(const struct pol_file *f, const char *key)
{
	for (size_t i = 0; i < f->nrules; i++)
		for (size_t k = 0; k < f->rule[i].nargs; k++)
			if (strcmp(f->rule[i].arg[k].key, key) == 0 &&
				f->rule[i].arg[k].is_command &&
				f->rule[i].arg[k].kind != POL_LITERAL)
				return true;
	return false;
}

static bool
twin_is_there(const struct given *g, const char *key)
{
	if (!g->known)
		return true; /* for all we know */
	for (size_t i = 0; i < LEN(keys); i++)
		if (strcmp(keys[i], key) == 0)
			return !g->free && g->value[i].kind != ABSENT;
	return false;
}

/* The first argument of the call, by files and rules, that some rule reads as a command. */
static void
twin_find_command(const struct policy *p, const struct given *g, struct twin_line *t)
{
	t->key = NULL;
	t->read = false;
	for (int l = POL_MANAGED; l < POL_LAYERS; l++)
		for (size_t i = 0; p->file[l] != NULL && i < p->file[l]->nrules; i++)
			for (size_t k = 0; k < p->file[l]->rule[i].nargs; k++) {
				const char *key = p->file[l]->rule[i].arg[k].key;

				if (t->key == NULL && twin_is_read(p->file[l], key) &&
					twin_is_there(g, key))
					t->key = key;
			}
	for (size_t i = 0; t->key != NULL && i < LEN(keys); i++) {
		if (strcmp(keys[i], t->key) != 0 || !g->known || g->free)
			continue;
		t->read = g->value[i].kind == TEXT || g->value[i].kind == WORD;
		if (t->read)
			sh_split(&t->line, str_of(g->value[i].text));
	}
}

static int
twin_decide(const struct policy *p, const struct given *g)
{
	static struct twin_line t;
	size_t n = 1;
	int best = -1;

	if (pol_is_pando(g->use.server) && g->use.tool.n == 0)
		return POL_DENY;
	twin_find_command(p, g, &t);
	if (t.read && t.line.ncommands > 1)
		n = t.line.ncommands;
	for (size_t i = 0; i < n; i++) {
		const int one = twin_once(p, g, &t, i);

		if (one > best)
			best = one;
	}
	return best;
}

/* --- both ------------------------------------------------------------------------------ */

static bool
is_list_of_commands(const struct policy *p, const struct given *g)
{
	/* an argument list is quoted and read as one line: the twin has no quoting */
	for (int l = POL_MANAGED; l < POL_LAYERS; l++)
		for (size_t i = 0; p->file[l] != NULL && i < p->file[l]->nrules; i++)
			for (size_t k = 0; k < p->file[l]->rule[i].nargs; k++)
				for (size_t v = 0; v < LEN(keys); v++)
					if (p->file[l]->rule[i].arg[k].is_command &&
						g->value[v].kind == LIST &&
						strcmp(keys[v],
							p->file[l]->rule[i].arg[k].key) ==
							0)
						return true;
	return false;
}

static void
both_agree_on_a_million_random_calls(void)
{
	struct given g = { .json = BUF_INIT(4096) };
	size_t seen[POL_VERDICTS] = { 0 };
	size_t differ = 0;
	size_t done = 0;

	while (done < CASES && differ < SHOWN_MAX) {
		struct policy *p = make_policy();

		for (size_t i = 0; i < CALLS; i++) {
			struct pol_decision d;
			int want;

			make_call(&g);
			if (is_list_of_commands(p, &g))
				continue;
			d = pol_decide(p, &g.use);
			want = twin_decide(p, &g);
			done++;
			seen[d.verdict]++;
			if ((int)d.verdict == want)
				continue;
			differ++;
			printf("# %d %s " STR_FMT "/" STR_FMT " " STR_FMT
			       ": decided %s by %s of %s, the twin says %s\n",
				(int)g.use.asking, pol_agent_name(g.use.agent),
				STR_ARG(g.use.server), STR_ARG(g.use.tool),
				STR_ARG(g.use.args), pol_verdict_name(d.verdict), d.rule,
				d.file, pol_verdict_name((enum pol_verdict)want));
		}
		pol_free(p);
	}
	ok_int(differ, 0, "the twin agrees");
	ok(done >= CASES, "on all cases");
	for (int v = 0; v < POL_VERDICTS; v++)
		ok(seen[v] > CASES / 100, pol_verdict_name((enum pol_verdict)v));
	buf_fini(&g.json);
}

int
main(void)
{
	both_agree_on_a_million_random_calls();
	return test_done();
}

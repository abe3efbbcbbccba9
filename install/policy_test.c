/* pando-ai policy test: the examples of the rules, and calls of a file with their verdicts. */

#include "install/command.h"

#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "install/options.h"
#include "install/policy_cli.h"
#include "install/term.h"
#include "policy/toml.h"

enum { CALLS_BYTES_MAX = 8 << 20, EXIT_FAILED = 1 };

static const char command[] = "policy test";

struct tested {
	const struct policy *p;
	const char *calls; /* file, NULL: none */
	bool json;
	size_t rules, examples; /* held by loading the policy */
	size_t right, wrong;    /* calls of the file */
	struct jout j;
};

/* --- the rules' own examples ----------------------------------------------------------- */

static size_t
count_items(const struct toml_node *array)
{
	const struct toml_node *at = array == NULL ? NULL : array->child;
	size_t n = 0;

	for (; at != NULL; at = at->next)
		n++;
	return n;
}

/* Loading has run them; here they are only counted. */
static int
count_examples(struct tested *t, struct err *e)
{
	struct pol_text text[POL_LAYERS];
	const size_t n = pol_texts(t->p, text);

	for (size_t i = 0; i < n; i++) {
		struct toml_node *root = toml_parse(text[i].text, text[i].path, e);
		const struct toml_node *rules;

		if (root == NULL)
			return -1;
		rules = toml_get(root, "rule");
		t->rules += count_items(rules);
		for (const struct toml_node *r = rules == NULL ? NULL : rules->child;
			r != NULL; r = r->next)
			t->examples += count_items(toml_get(r, "match")) +
				       count_items(toml_get(r, "not_match"));
		toml_free(root);
	}
	return 0;
}

/* --- a file of calls ------------------------------------------------------------------- */

static void
tell_wrong(const struct tested *t, int line, enum pol_verdict want,
	const struct pol_decision *d)
{
	CLEANUP(mem_freep) char *at = cli_at(d);
	CLEANUP(mem_freep) char *safe = term_text(str_of(at));

	printf("%s:%d: want %s, have %s%s%s by %s, %s\n", t->calls, line,
		pol_verdict_name(want), term_verdict(pol_verdict_name(d->verdict)),
		pol_verdict_name(d->verdict), term_plain(), d->rule, safe);
}

static void
tell_call(struct tested *t, int line, enum pol_verdict want, const struct pol_decision *d)
{
	const bool right = d->verdict == want;

	t->right += right;
	t->wrong += !right;
	if (t->json) {
		jout_open(&t->j, NULL, '{');
		jout_int(&t->j, "line", line);
		jout_bool(&t->j, "right", right);
		jout_text(&t->j, "want", pol_verdict_name(want));
		cli_json_decision(&t->j, "have", d);
		jout_close(&t->j, '}');
	} else if (!right) {
		tell_wrong(t, line, want, d);
	}
}

/* "deny claude Bash {...}" */
static int
try_line(struct tested *t, int number, struct str line, struct err *e)
{
	char shown[LOG_QUOTED_MAX];
	struct str word;
	enum pol_verdict want;
	struct pol_decision d;
	struct pol_use u;

	while (line.n > 0 && (line.p[line.n - 1] == '\r' || line.p[line.n - 1] == ' '))
		line.n--;
	if (line.n == 0 || line.p[0] == '#')
		return 0;
	word = cli_word(&line);
	if (!pol_verdict_from(word, &want))
		return err_set(e, ERR_DATA,
			"%s:%d:1: '%s' is no verdict: want allow, audit, ask or deny",
			t->calls, number, log_quoted(word, shown));
	if (cli_call(t->p, line, &u, e) < 0) {
		e->code = ERR_DATA;
		return err_wrap(e, "%s:%d", t->calls, number);
	}
	d = pol_decide(t->p, &u);
	tell_call(t, number, want, &d);
	return 0;
}

static int
try_calls(struct tested *t, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(CALLS_BYTES_MAX);
	struct str rest;

	if (t->calls == NULL)
		return 0;
	if (path_read(t->calls, &text, e) < 0)
		return -1;
	rest = buf_str(&text);
	for (int number = 1; rest.n > 0; number++) {
		const char *nl = memchr(rest.p, '\n', rest.n);
		const size_t n = nl == NULL ? rest.n : (size_t)(nl - rest.p);

		if (try_line(t, number, (struct str){ rest.p, n }, e) < 0)
			return -1;
		rest = str_skip(rest, nl == NULL ? n : n + 1);
	}
	return 0;
}

/* --- both ------------------------------------------------------------------------------ */

static int
run(struct tested *t, struct err *e)
{
	if (count_examples(t, e) < 0)
		return -1;
	jout_open(&t->j, NULL, '{');
	jout_open(&t->j, "calls", '[');
	if (try_calls(t, e) < 0)
		return -1;
	jout_close(&t->j, ']');
	jout_int(&t->j, "right", (int64_t)t->right);
	jout_int(&t->j, "wrong", (int64_t)t->wrong);
	jout_int(&t->j, "rules", (int64_t)t->rules);
	jout_int(&t->j, "examples", (int64_t)t->examples);
	cli_json_layers(&t->j, t->p);
	jout_close(&t->j, '}');
	if (t->json)
		return jout_print(&t->j, e);
	printf("%zu rules with %zu examples: all held\n", t->rules, t->examples);
	if (t->calls != NULL)
		printf("%zu calls: %zu as expected, %zu not\n", t->right + t->wrong,
			t->right, t->wrong);
	return 0;
}

int
command_policy_test(int argc, char **argv, struct err *e)
{
	struct tested t = { .j = JOUT_INIT };
	const char *named = NULL;
	const struct option_is option[] = { { "--root", NULL, &named },
		{ "--calls", NULL, &t.calls }, { "--json", &t.json, NULL } };
	const struct options o = { command, option, LEN(option), 0, 0 };
	CLEANUP(mem_freep) char *root = NULL;
	CLEANUP(pol_freep) struct policy *p = NULL;
	int done;

	if (options_read(&o, argc, argv, e) < 0)
		return -1;
	p = cli_policy(named, &root, e);
	if (p == NULL)
		return -1;
	t.p = p;
	done = run(&t, e);
	jout_fini(&t.j);
	if (done < 0)
		return -1;
	return t.wrong > 0 ? EXIT_FAILED : 0;
}

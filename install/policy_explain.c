/* pando-ai policy explain: what the policy says of one call, why, and what would change it. */

#include "install/command.h"

#include <stdio.h>

#include "base/jscan.h"
#include "base/mem.h"
#include "base/words.h"
#include "install/options.h"
#include "install/policy_advice.h"
#include "install/policy_cli.h"
#include "install/term.h"
#include "policy/shell.h"

enum {
	CALL_MAX = 1 << 20,
	COMMAND_MAX = 2 * SH_TEXT_MAX,
	EXIT_DENIED = 1,
	EXIT_ASKED = 3
};

static const char command[] = "policy explain";

struct explained {
	const struct policy *p;
	struct pol_use u;
	struct pol_decision call, offer;
	struct str shell; /* the command line among the arguments; p NULL: none */
	struct sh_line *line;
	struct words advice;
};

static void
explained_fini(struct explained *x)
{
	mem_freep((void *)&x->line);
	words_fini(&x->advice);
}

/* --- the words ----------------------------------------------------------------------- */

static void
join(struct buf *text, int n, char **words)
{
	for (int i = 0; i < n; i++)
		buf_printf(text, "%s%s", i > 0 ? " " : "", words[i]);
}

/* --- the call ------------------------------------------------------------------------ */

/* The argument that is a shell command, by the names that the tools give it. */
static void
read_shell(struct explained *x, struct buf *scratch)
{
	static const char *const keys[] = { "command", "cmd" };
	struct err none = ERR_INIT; /* then there is no command to show */
	struct js_iter it;
	struct js_item item;
	struct js root;

	if (x->u.args.p == NULL || js_check(x->u.args, &root, &none) < 0 ||
		root.type != JS_OBJECT)
		return;
	js_open(&it, root);
	while (js_next(&it, &item)) {
		bool is_key = false;

		for (size_t i = 0; i < LEN(keys); i++)
			is_key = is_key || str_is(item.key, keys[i]);
		if (!is_key || item.val.type != JS_STRING ||
			js_decode(js_inside(item.val), scratch, &none) < 0)
			continue;
		x->shell = buf_str(scratch);
		x->line = mem_alloc(sizeof *x->line);
		sh_split(x->line, x->shell);
		return;
	}
}

static void
decide(struct explained *x)
{
	struct pol_use offer = x->u;

	offer.asking = POL_OFFER;
	offer.args = (struct str){ NULL, 0 };
	x->call = pol_decide(x->p, &x->u);
	x->offer = pol_decide(x->p, &offer);
	advice_put(&x->advice, x->p, &x->u, &x->call);
}

/* Of the tools of agents and of other servers nothing is known here. */
static bool
is_known(const struct pol_use *u)
{
	size_t n;
	const struct pol_tool *tool = pol_pando_tools(&n);
	bool known = !pol_is_pando(u->server);

	for (size_t i = 0; i < n; i++)
		known = known || (str_is(u->server, tool[i].server) &&
					 str_is(u->tool, tool[i].name));
	return known;
}

static int
status_of(const struct pol_decision *d)
{
	switch (d->verdict) {
	case POL_ALLOW:
	case POL_AUDITED:
		return 0;
	case POL_ASK:
		return EXIT_ASKED;
	case POL_DENY:
	case POL_VERDICTS:
		break;
	}
	return EXIT_DENIED;
}

/* The words of one command; what an expansion makes is shown as a question mark. */
static char *
command_text(const struct sh_line *l, const struct sh_command *c)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(COMMAND_MAX);

	for (size_t i = 0; i < c->n; i++) {
		const struct sh_word *w = &l->word[c->first + i];

		if (i > 0)
			buf_putc(&b, ' ');
		buf_put_str(&b, w->text);
		if (!w->known)
			buf_putc(&b, '?');
	}
	return mem_strdup(c->n == 0 ? "(no program)" : buf_text(&b));
}

static struct str
source_line(const struct policy *p, const struct pol_decision *d)
{
	struct pol_text t[POL_LAYERS];
	const size_t n = pol_texts(p, t);

	for (size_t i = 0; i < n && d->line > 0; i++) {
		struct str rest = t[i].text;

		if (t[i].layer != d->layer)
			continue;
		for (int line = 1; rest.n > 0; line++) {
			const char *nl = memchr(rest.p, '\n', rest.n);
			const size_t k = nl == NULL ? rest.n : (size_t)(nl - rest.p);

			if (line == d->line)
				return (struct str){ rest.p, k };
			rest = str_skip(rest, nl == NULL ? k : k + 1);
		}
	}
	return (struct str){ NULL, 0 };
}

/* --- for people ---------------------------------------------------------------------- */

static void
print_decision(const struct explained *x, const char *what, const struct pol_decision *d)
{
	const struct policy *p = x->p;
	const char *unsure = x->u.args.p == NULL
				     ? " (arguments can exclude it)"
				     : " (it could not be excluded for certain)";
	CLEANUP(mem_freep) char *at = cli_at(d);
	CLEANUP(mem_freep) char *safe_at = term_text(str_of(at));
	CLEANUP(mem_freep) char *source = term_text(source_line(p, d));
	CLEANUP(mem_freep) char *message = term_text(str_of(d->message));
	const char *verdict = pol_verdict_name(d->verdict);

	printf("%s%s%s%s by %s, %s%s\n", what, term_verdict(verdict), verdict,
		term_plain(), d->rule, safe_at, d->unsure ? unsure : "");
	if (d->line > 0)
		printf("  %5d | %s\n", d->line, source);
	printf("  %s\n", message);
}

static void
print_layers(const struct explained *x)
{
	static const enum pol_layer order[] = { POL_MANAGED, POL_USER, POL_PROJECT,
		POL_BUILT_IN };
	CLEANUP(term_table_fini) struct term_table t = TERM_TABLE(4, 1, "  ");

	for (size_t i = 0; i < LEN(order); i++) {
		const bool is_there = order[i] == POL_BUILT_IN ||
				      pol_path(x->p, order[i]) != NULL;
		CLEANUP(mem_freep) char *at = NULL;
		struct pol_decision d;

		if (!pol_decide_layer(x->p, order[i], &x->u, &d)) {
			const char *row[] = { pol_layer_name(order[i]), "-",
				is_there ? "says nothing of it" : "no file", "" };

			term_row(&t, row);
			continue;
		}
		at = cli_at(&d);
		{
			const char *row[] = { pol_layer_name(order[i]),
				pol_verdict_name(d.verdict), d.rule, at };

			term_row(&t, row);
		}
	}
	puts("\nEach layer's own answer (the built-in one counts where neither managed nor user "
	     "speaks):");
	term_table_print(&t);
}

static void
print_shell(const struct explained *x)
{
	CLEANUP(mem_freep) char *text = NULL;

	if (x->line == NULL)
		return;
	text = term_text(x->shell);
	printf("\nCommands read from '%s':\n", text);
	for (size_t i = 0; i < x->line->ncommands; i++) {
		CLEANUP(mem_freep)
		char *raw = command_text(x->line, &x->line->command[i]);
		CLEANUP(mem_freep) char *safe = term_text(str_of(raw));

		printf("  %s\n", safe);
	}
	if (x->line->opaque)
		printf("  not understood (%s): any command could be in it\n",
			x->line->why == NULL ? "too much" : x->line->why);
}

static void
tell(const struct explained *x)
{
	CLEANUP(mem_freep) char *name = cli_call_name(&x->u);
	CLEANUP(mem_freep) char *safe = term_text(str_of(name));
	CLEANUP(mem_freep) char *args = term_text(x->u.args);
	const enum pol_mode mode = pol_mode_of(x->p, x->u.agent);

	printf("%s%s%s\n", safe, x->u.args.n > 0 ? " " : "", args);
	if (x->u.caller == POL_CALLER_SUBAGENT) {
		CLEANUP(mem_freep) char *who = term_text(x->u.subagent);

		printf("called by a subagent: %s\n", who);
	}
	putchar('\n');
	if (x->u.args.p == NULL) {
		print_decision(x, "A call, its arguments not known: ", &x->call);
		print_decision(x, "Offered to the model: ", &x->offer);
	} else {
		print_decision(x, "", &x->call);
	}
	if (!is_known(&x->u))
		puts("  but that server has no such tool: the call fails");
	if (mode != POL_ENFORCE)
		printf("  [proxy] %s = \"%s\": this is what enforce would do; calls are not "
		       "stopped on the wire\n",
			pol_agent_name(x->u.agent), pol_mode_name(mode));
	print_layers(x);
	print_shell(x);
	puts("\nWhat would change it:");
	for (size_t i = 0; i < x->advice.n; i++) {
		CLEANUP(mem_freep) char *line = term_text(str_of(x->advice.v[i]));

		printf("  %s\n", line);
	}
}

/* --- for programs -------------------------------------------------------------------- */

static void
json_layers(struct jout *j, const struct explained *x)
{
	jout_open(j, "layers", '{');
	for (int l = POL_BUILT_IN; l < POL_LAYERS; l++) {
		const char *name = pol_layer_name((enum pol_layer)l);
		struct pol_decision d;

		if (pol_decide_layer(x->p, (enum pol_layer)l, &x->u, &d))
			cli_json_decision(j, name, &d);
		else
			jout_text(j, name, NULL);
	}
	jout_close(j, '}');
}

static void
json_shell(struct jout *j, const struct explained *x)
{
	if (x->line == NULL)
		return;
	jout_open(j, "shell", '{');
	jout_str(j, "text", x->shell);
	jout_bool(j, "opaque", x->line->opaque);
	jout_text(j, "why", x->line->why);
	jout_open(j, "commands", '[');
	for (size_t i = 0; i < x->line->ncommands; i++) {
		CLEANUP(mem_freep)
		char *text = command_text(x->line, &x->line->command[i]);

		jout_text(j, NULL, text);
	}
	jout_close(j, ']');
	jout_close(j, '}');
}

static int
tell_json(const struct explained *x, struct err *e)
{
	CLEANUP(jout_fini) struct jout j = JOUT_INIT;

	jout_open(&j, NULL, '{');
	jout_text(&j, "agent", pol_agent_name(x->u.agent));
	jout_str(&j, "server", x->u.server);
	jout_str(&j, "tool", x->u.tool);
	jout_bool(&j, "known", is_known(&x->u));
	if (x->u.args.p != NULL)
		jout_raw(&j, "args", x->u.args);
	jout_text(&j, "mode", pol_mode_name(pol_mode_of(x->p, x->u.agent)));
	cli_json_decision(&j, "call", &x->call);
	jout_str(&j, "source", source_line(x->p, &x->call));
	cli_json_decision(&j, "offer", &x->offer);
	json_layers(&j, x);
	json_shell(&j, x);
	jout_open(&j, "change", '[');
	for (size_t i = 0; i < x->advice.n; i++)
		jout_text(&j, NULL, x->advice.v[i]);
	jout_close(&j, ']');
	cli_json_layers(&j, x->p);
	jout_close(&j, '}');
	return jout_print(&j, e);
}

int
command_policy_explain(int argc, char **argv, struct err *e)
{
	bool json = false;
	const char *named = NULL;
	const char *subagent = NULL;
	const struct option_is option[] = { { "--root", NULL, &named },
		{ "--subagent", NULL, &subagent }, { "--json", &json, NULL } };
	const struct options o = { command, option, LEN(option), 1, CALL_MAX };
	CLEANUP(buf_fini) struct buf text = BUF_INIT(CALL_MAX);
	CLEANUP(buf_fini) struct buf scratch = BUF_INIT(CALL_MAX);
	CLEANUP(mem_freep) char *root = NULL;
	CLEANUP(pol_freep) struct policy *p = NULL;
	CLEANUP(explained_fini) struct explained x = { .advice = WORDS_INIT };
	const int n = options_read(&o, argc, argv, e);

	if (n < 0)
		return -1;
	join(&text, n, argv);
	if (text.over)
		return err_set(e, ERR_USAGE, "%s: the call is too long", command);
	p = cli_policy(named, &root, e);
	if (p == NULL)
		return -1;
	x.p = p;
	if (cli_call(p, buf_str(&text), &x.u, e) < 0)
		return err_wrap(e, "%s", command);
	x.u.caller = subagent == NULL ? POL_CALLER_MAIN : POL_CALLER_SUBAGENT;
	x.u.subagent = str_of(subagent);
	read_shell(&x, &scratch);
	decide(&x);
	if (json && tell_json(&x, e) < 0)
		return -1;
	if (!json)
		tell(&x);
	return status_of(&x.call);
}

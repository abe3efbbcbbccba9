/* pando-ai top: the runs that are there, and what they use. */

#include "install/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json/json.h"
#include "gateway/client.h"
#include "install/jout.h"
#include "install/options.h"
#include "install/term.h"
#include "install/used.h"

enum { COLUMNS = 9, CELL = 64, ID_SHOWN = 8, AGAIN_S = 1, OUT_BYTES = 1 << 16 };

#define HOME_AND_CLEAR "\x1b[H\x1b[J"

static int64_t
number_of(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

static const char *
text_of(const json_t *j, const char *key)
{
	const char *z = json_text_of(j, key);

	return z == NULL || z[0] == '\0' ? "-" : z;
}

/* The list of runs, which there may be none of; NULL: an error. New reference. */
static json_t *
ask(struct err *e)
{
	CLEANUP(buf_fini) struct buf reply = BUF_INIT(GW_STATUS_MAX);
	CLEANUP(json_freep) json_t *j = NULL;
	const int none = gw_client_status(&reply, e);
	json_t *runs;

	if (none < 0)
		return NULL;
	if (none == 1)
		return json_array();
	j = json_parse(buf_str(&reply), e);
	runs = j == NULL ? NULL : json_object_get(j, "runs");
	if (!json_is_array(runs)) {
		(void)err_set(e, ERR_GATEWAY, "the gateway's answer has no list of runs");
		return NULL;
	}
	return json_incref(runs);
}

static int
tell_json(json_t *runs, struct err *e)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(GW_STATUS_MAX);
	CLEANUP(jout_fini) struct jout j = JOUT_INIT;

	json_put(&b, runs);
	jout_open(&j, NULL, '{');
	jout_raw(&j, "runs", buf_str(&b));
	jout_close(&j, '}');
	return jout_print(&j, e);
}

/* "12.3k", or "12.3k of 50.0k" where there is a budget. */
static void
put_share(struct buf *b, int64_t used, int64_t most,
	void (*put)(struct buf *out, int64_t n))
{
	put(b, used);
	if (most == 0)
		return;
	buf_puts(b, " of ");
	put(b, most);
}

static const char *
root_of(const json_t *run, char cell[GW_LINE_MAX])
{
	const char *home = getenv("HOME");
	const char *root = text_of(run, "root");
	const size_t n = home == NULL ? 0 : strlen(home);

	if (n == 0 || strncmp(root, home, n) != 0 || (root[n] != '/' && root[n] != '\0'))
		return root;
	(void)snprintf(cell, GW_LINE_MAX, "~%s", root + n);
	return cell;
}

static void
add_run(struct term_table *t, const json_t *run)
{
	const json_t *sums = json_object_of(run, "sums");
	CLEANUP(buf_fini) struct buf age = BUF_INIT(CELL);
	CLEANUP(buf_fini) struct buf tokens = BUF_INIT(CELL);
	CLEANUP(buf_fini) struct buf cost = BUF_INIT(CELL);
	CLEANUP(buf_fini) struct buf calls = BUF_INIT(CELL);
	CLEANUP(buf_fini) struct buf denied = BUF_INIT(CELL);
	CLEANUP(mem_freep) char *cell = mem_alloc(GW_LINE_MAX);
	char id[ID_SHOWN + 1];

	(void)snprintf(id, sizeof id, "%s", text_of(run, "run"));
	used_put_age(&age, number_of(run, "age_s"));
	put_share(&tokens, number_of(sums, "tokens"), number_of(run, "tokens_per_run"),
		used_put_count);
	put_share(&cost, number_of(sums, "microusd"), number_of(run, "microusd_per_run"),
		used_put_usd);
	used_put_count(&calls, number_of(sums, "calls"));
	used_put_count(&denied, number_of(sums, "denials") + number_of(sums, "refusals"));
	term_row(t, (const char *[COLUMNS]){ id, text_of(run, "agent"), buf_text(&age),
			    text_of(run, "model"), buf_text(&tokens), buf_text(&cost),
			    buf_text(&calls), buf_text(&denied), root_of(run, cell) });
}

static void
show(const json_t *runs)
{
	static const char *const heads[COLUMNS] = { "RUN", "AGENT", "AGE", "MODEL",
		"TOKENS", "COST", "CALLS", "DENIED", "FOLDER" };
	CLEANUP(term_table_fini) struct term_table t = TERM_TABLE(COLUMNS, -1, "");
	size_t i;
	const json_t *run;

	if (json_array_size(runs) == 0) {
		puts("No agent is running.");
		return;
	}
	term_row(&t, heads);
	json_array_foreach(runs, i, run)
	{
		add_run(&t, run);
	}
	term_table_print(&t);
}

/* Until it is interrupted; what was shown last stays. */
static int
show_always(struct err *e)
{
	(void)setvbuf(stdout, NULL, _IOFBF, OUT_BYTES); /* else it flickers: no harm */
	for (;;) {
		CLEANUP(json_freep) json_t *runs = ask(e);

		if (runs == NULL)
			return -1;
		(void)fputs(HOME_AND_CLEAR, stdout); /* looked at below */
		show(runs);
		if (fflush(stdout) != 0)
			return err_sys(e, "write to standard output");
		(void)sleep(AGAIN_S); /* a signal only makes it shorter */
	}
}

int
command_top(int argc, char **argv, struct err *e)
{
	bool json = false;
	const struct option_is is[] = { { "--json", &json, NULL } };
	const struct options o = { "top", is, LEN(is), 0, 0 };
	CLEANUP(json_freep) json_t *runs = NULL;

	if (options_read(&o, argc, argv, e) < 0)
		return -1;
	if (!json && isatty(STDOUT_FILENO))
		return show_always(e);
	runs = ask(e);
	if (runs == NULL)
		return -1;
	if (json)
		return tell_json(runs, e);
	show(runs);
	return 0;
}

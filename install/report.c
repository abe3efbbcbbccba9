/* pando-ai report: what runs used, by the decision log. */

#include "install/command.h"

#include <stdio.h>

#include "base/place.h"
#include "install/jout.h"
#include "install/options.h"
#include "install/since.h"
#include "install/term.h"
#include "install/used.h"
#include "policy/files.h"

enum { RUNS_SHOWN = 20, CELL = 64, WIDE = 8, COLUMNS = 11, MEAN_UNIT = 100000 };

struct report {
	struct used used;
	struct used_filter want;
	const char *since, *log;
	bool json;
};

static int
read_file(struct report *r, const struct rec_file *file, struct err *e)
{
	CLEANUP(rec_reader_fini)
	struct rec_reader in = rec_reader_at(file->fd, 0, file->size);
	struct str line;
	int got;

	while ((got = rec_reader_next(&in, &line, e)) == 1)
		if (used_add(&r->used, line, &r->want, e) < 0)
			return -1;
	return got < 0 ? err_wrap(e, "%s", file->path) : 0;
}

static int
read_log(struct report *r, const char *path, struct err *e)
{
	CLEANUP(rec_files_close) struct rec_files f = REC_FILES_INIT;

	if (rec_files_open(&f, path, e) < 0)
		return -1;
	if (r->log != NULL && f.n == 0)
		return err_set(e, ERR_DATA, "there is no decision log %s", path);
	for (size_t i = 0; i < f.n; i++)
		if (read_file(r, &f.at[i], e) < 0)
			return -1;
	return 0;
}

/* --- for a program ------------------------------------------------------------------------ */

static void
tell_row(struct jout *j, const char *key, const char *name, const struct used_row *row)
{
	jout_open(j, key, '{');
	if (name != NULL)
		jout_text(j, name, row->key);
	if (row->agent != NULL) {
		jout_text(j, "agent", row->agent);
		jout_text(j, "root", row->root);
	}
	for (int i = 0; i < USED_NUMBERS; i++)
		jout_int(j, used_name((enum used_number)i), row->sum[i]);
	jout_close(j, '}');
}

static void
tell_table(struct jout *j, const char *key, const char *name, const struct used_table *t)
{
	jout_open(j, key, '[');
	for (size_t i = 0; i < t->n; i++)
		tell_row(j, NULL, name, &t->row[i]);
	jout_close(j, ']');
}

static int
tell_json(const struct used *u, struct err *e)
{
	CLEANUP(jout_fini) struct jout j = JOUT_INIT;

	jout_open(&j, NULL, '{');
	tell_table(&j, "days", "day", &u->days);
	tell_table(&j, "models", "model", &u->models);
	tell_table(&j, "runs", "run", &u->runs);
	tell_row(&j, "total", NULL, &u->all);
	jout_close(&j, '}');
	return jout_print(&j, e);
}

/* --- for a person ------------------------------------------------------------------------- */

/* Numbers stand at the right of their columns. */
static void
right(char cell[CELL], const char *text)
{
	(void)snprintf(cell, CELL, "%*s", WIDE, text);
}

static void
put_number(char cell[CELL], const struct used_row *row, enum used_number n)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(CELL);

	if (n == USED_MICROUSD)
		used_put_usd(&b, row->sum[n]);
	else
		used_put_count(&b, row->sum[n]);
	right(cell, buf_text(&b));
}

/* Until the first byte, in the mean. */
static void
put_first(char cell[CELL], const struct used_row *row)
{
	const int64_t n = row->sum[USED_ANSWERS];
	const int64_t tenths = n == 0 ? 0 : row->sum[USED_FIRST_US] / n / MEAN_UNIT;
	char text[CELL] = "-";

	if (n > 0)
		(void)snprintf(text, sizeof text, "%lld.%llds", (long long)(tenths / 10),
			(long long)(tenths % 10));
	right(cell, text);
}

static const enum used_number shown[] = { USED_REQUESTS, USED_IN, USED_OUT,
	USED_CACHE_READ, USED_CACHE_WRITE, USED_MICROUSD, USED_CALLS, USED_DENIALS };

static void
add_head(struct term_table *t, const char *what, const char *more)
{
	static const char *const heads[] = { "REQUESTS", "IN", "OUT", "CACHED", "WRITTEN",
		"COST", "CALLS", "DENIED", "FIRST" };
	char cell[LEN(heads)][CELL];
	const char *row[COLUMNS];

	row[0] = what;
	for (size_t i = 0; i < LEN(heads); i++) {
		right(cell[i], heads[i]);
		row[i + 1] = cell[i];
	}
	row[COLUMNS - 1] = more;
	term_row(t, row);
}

static void
add_row(struct term_table *t, const char *what, const struct used_row *r,
	const char *more)
{
	char cell[LEN(shown) + 1][CELL];
	const char *row[COLUMNS];

	row[0] = what[0] == '\0' ? "?" : what;
	for (size_t i = 0; i < LEN(shown); i++)
		put_number(cell[i], r, shown[i]);
	put_first(cell[LEN(shown)], r);
	for (size_t i = 0; i <= LEN(shown); i++)
		row[i + 1] = cell[i];
	row[COLUMNS - 1] = more;
	term_row(t, row);
}

static void
show_table(const char *what, const struct used_table *rows)
{
	CLEANUP(term_table_fini) struct term_table t = TERM_TABLE(COLUMNS, -1, "");
	const size_t first = rows->n > RUNS_SHOWN ? rows->n - RUNS_SHOWN : 0;

	if (rows->n == 0)
		return;
	add_head(&t, what, "");
	for (size_t i = first; i < rows->n; i++) {
		const struct used_row *r = &rows->row[i];
		CLEANUP(mem_freep)
		char *who = r->agent == NULL ? mem_strdup("")
					     : mem_printf("%s  %s", r->agent, r->root);

		add_row(&t, r->key, r, who);
	}
	term_table_print(&t);
	if (first > 0)
		printf("(and %zu before them; --json has all)\n", first);
	putchar('\n');
}

static void
show(const struct used *u)
{
	CLEANUP(term_table_fini) struct term_table t = TERM_TABLE(COLUMNS, -1, "");

	if (u->all.sum[USED_REQUESTS] + u->all.sum[USED_REFUSALS] == 0) {
		puts("Nothing was used in that time.");
		return;
	}
	show_table("DAY", &u->days);
	show_table("MODEL", &u->models);
	show_table("RUN", &u->runs);
	add_row(&t, "total", &u->all, "");
	term_table_print(&t);
	printf("Requests refused: %lld; failed at the provider: %lld.\n",
		(long long)u->all.sum[USED_REFUSALS], (long long)u->all.sum[USED_ERRORS]);
}

static void
report_fini(struct report *r)
{
	used_fini(&r->used);
}

int
command_report(int argc, char **argv, struct err *e)
{
	CLEANUP(report_fini) struct report r = { .want = { .since_ms = INT64_MIN } };
	const struct option_is is[] = {
		{ "--since", NULL, &r.since },
		{ "--run", NULL, &r.want.run },
		{ "--log", NULL, &r.log },
		{ "--json", &r.json, NULL },
	};
	const struct options o = { "report", is, LEN(is), 0, 0 };
	CLEANUP(mem_freep) char *path = NULL;

	if (options_read(&o, argc, argv, e) < 0 ||
		(r.since != NULL && since_parse(str_of(r.since), since_now(),
					    &r.want.since_ms, e) < 0))
		return -1;
	path = r.log != NULL ? mem_strdup(r.log) : place_decision_log(e);
	if (path == NULL || read_log(&r, path, e) < 0)
		return -1;
	if (r.json)
		return tell_json(&r.used, e);
	show(&r.used);
	return 0;
}

#include "install/logs.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/log.h"
#include "base/place.h"
#include "install/command.h"
#include "install/options.h"
#include "install/since.h"
#include "install/term.h"

enum { LOGS_DEFAULT = 40, LOGS_MOST = 100000, ROW_MAX = 4 * REC_LINE_MAX + 1024 };

/* --- words ------------------------------------------------------------------------ */

struct words_of {
	const char *n, *since;
	long most;
	bool follows;
};

static bool
is_layer(const char *name)
{
	static const char *const layers[] = { "shim", "hook", "gateway", "mcp", "sandbox",
		"installer" };

	for (size_t i = 0; i < LEN(layers); i++)
		if (strcmp(name, layers[i]) == 0)
			return true;
	return false;
}

static int
check_words(struct logs *l, struct words_of *w, struct err *e)
{
	enum pol_verdict verdict;
	enum pol_agent agent;
	char *end = NULL;

	l->want.since_ms = INT64_MIN;
	w->most = w->since == NULL ? LOGS_DEFAULT : LOGS_MOST;
	if (w->since != NULL &&
		since_parse(str_of(w->since), since_now(), &l->want.since_ms, e) < 0)
		return -1;
	if (l->want.verdict != NULL &&
		!pol_verdict_from(str_of(l->want.verdict), &verdict))
		return options_wrong(
			"logs", e, "--verdict takes allow, audit, ask or deny");
	if (l->want.agent != NULL && !pol_agent_from(str_of(l->want.agent), &agent))
		return options_wrong("logs", e, "--agent takes claude or codex");
	if (l->want.layer != NULL && !is_layer(l->want.layer))
		return options_wrong("logs", e,
			"--layer takes shim, hook, gateway, mcp, sandbox or installer");
	if (w->n == NULL)
		return 0;
	w->most = strtol(w->n, &end, 10);
	if (end == w->n || *end != '\0' || w->most < 1 || w->most > LOGS_MOST)
		return options_wrong("logs", e, "-n takes 1 to %d", LOGS_MOST);
	return 0;
}

static int
read_words(int argc, char **argv, struct logs *l, struct words_of *w, struct err *e)
{
	const struct option_is is[] = {
		{ "-f", &w->follows, NULL },
		{ "-n", NULL, &w->n },
		{ "--run", NULL, &l->want.run },
		{ "--verdict", NULL, &l->want.verdict },
		{ "--since", NULL, &w->since },
		{ "--agent", NULL, &l->want.agent },
		{ "--layer", NULL, &l->want.layer },
		{ "--json", &l->json, NULL },
	};
	const struct options o = { .command = "logs", .option = is, .n = LEN(is) };

	return options_read(&o, argc, argv, e) < 0 ? -1 : check_words(l, w, e);
}

/* --- showing ---------------------------------------------------------------------- */

void
logs_show(const struct logs *l, struct str line)
{
	CLEANUP(buf_fini) struct buf row = BUF_INIT(ROW_MAX);
	const struct log_line is = log_line_of(line);

	if (!log_line_is(&is, &l->want))
		return;
	if (l->json) {
		if (l->terminal)
			term_put(&row, line);
		else
			buf_put_str(&row, line);
		buf_putc(&row, '\n');
	} else {
		log_line_put(&row, &is, &l->view);
	}
	(void)fwrite(row.p, 1, row.n, stdout); /* logs_flush() sees what went wrong */
}

int
logs_flush(struct err *e)
{
	if (fflush(stdout) != 0 || ferror(stdout) != 0)
		return err_sys(e, "write to standard output");
	return 0;
}

/* --- the last lines --------------------------------------------------------------- */

/* Where in one file the last `most` wanted lines begin. */
struct start {
	uint64_t at;
	long found;
	bool of_today; /* the first of them */
};

static int
find_start(const struct logs *l, const struct rec_file *f, long most, struct start *s,
	struct err *e)
{
	CLEANUP(rec_reader_fini) struct rec_reader r = rec_reader_at(f->fd, 0, f->size);
	CLEANUP(mem_freep) struct start *ring = mem_alloc((size_t)most * sizeof *ring);
	struct str line;
	long n = 0;
	int got;

	*s = (struct start){ .at = f->size };
	while ((got = rec_reader_next(&r, &line, e)) == 1) {
		const struct log_line is = log_line_of(line);

		if (!log_line_is(&is, &l->want))
			continue;
		ring[n++ % most] = (struct start){ .at = r.offset,
			.of_today = log_line_is_today(&is, l->view.now_ms) };
	}
	if (got < 0)
		return err_wrap(e, "%s", f->path);
	if (n > 0)
		*s = ring[n > most ? n % most : 0];
	s->found = n > most ? most : n;
	return 0;
}

/* Answers where the next line of the file will begin. */
static int
show_from(const struct logs *l, const struct rec_file *f, uint64_t from, uint64_t *next,
	struct err *e)
{
	CLEANUP(rec_reader_fini)
	struct rec_reader r = rec_reader_at(f->fd, from, f->size);
	struct str line;
	int got;

	*next = from;
	while ((got = rec_reader_next(&r, &line, e)) == 1) {
		logs_show(l, line);
		*next = r.torn ? *next : r.line_at;
	}
	return got < 0 ? err_wrap(e, "%s", f->path) : 0;
}

/* From the newest file back to the one that holds the first line to show. 0: none is. */
static int
show_last(struct logs *l, const struct rec_files *f, long most, uint64_t *next,
	struct err *e)
{
	const long all = most;
	CLEANUP(mem_freep) struct start *starts = mem_alloc((f->n + 1) * sizeof *starts);
	size_t first = f->n;

	while (first > 0 && most > 0) {
		struct start *s = &starts[--first];

		if (find_start(l, &f->at[first], most, s, e) < 0)
			return -1;
		most -= s->found;
		l->view.days = s->found > 0 ? !s->of_today : l->view.days;
	}
	for (size_t i = first; i < f->n; i++)
		if (show_from(l, &f->at[i], starts[i].at, next, e) < 0)
			return -1;
	return all > most;
}

static void
tell_lost(const struct rec_files *f, const struct logs *l)
{
	CLEANUP(buf_fini) struct buf when = BUF_INIT(ROW_MAX);
	int64_t since;

	if (f->state != REC_HEAD_GOOD || f->head.lost == 0)
		return;
	if (since_stamp(str_of(f->head.since), &since))
		log_time_put(&when, since, l->view.now_ms);
	(void)fflush(
		stdout); /* in the order of the lines; its error is seen at the end */
	log_error("%llu lines could not be written since %s: free space for %s",
		(unsigned long long)f->head.lost, buf_text(&when), l->path);
}

int
command_logs(int argc, char **argv, struct err *e)
{
	struct logs l = { .view = { .colour = term_colours(), .columns = term_columns() },
		.terminal = isatty(STDOUT_FILENO) };
	struct words_of w = { .n = NULL };
	CLEANUP(rec_files_close) struct rec_files f = REC_FILES_INIT;
	CLEANUP(mem_freep) char *path = NULL;
	uint64_t next = 0;
	int shown;

	if (read_words(argc, argv, &l, &w, e) < 0)
		return -1;
	path = place_decision_log(e);
	if (path == NULL || rec_files_open(&f, path, e) < 0)
		return -1;
	l.path = path;
	l.view.now_ms = since_now();
	shown = show_last(&l, &f, w.most, &next, e);
	if (shown < 0)
		return -1;
	if (f.n == 0 && !l.json)
		printf("Nothing has been decided yet: %s does not exist.\n", path);
	else if (shown == 0 && !l.json && !w.follows)
		printf("No line of %s is like that.\n", path);
	tell_lost(&f, &l);
	if (!w.follows)
		return 0;
	return logs_follow(&l, f.n == 0 ? -1 : fd_take(&f.at[f.n - 1].fd), next, e);
}

#include <inttypes.h>
#include <stdio.h>

#include "base/path.h"
#include "base/place.h"
#include "install/command.h"
#include "install/jout.h"
#include "install/options.h"
#include "install/term.h"
#include "policy/verify.h"

enum { FINDINGS_MAX = 1000 };

struct report {
	bool json;
	uint64_t n;
	struct jout out;
};

static void
on_found(void *to, const struct rec_finding *f)
{
	struct report *r = to;
	CLEANUP(mem_freep) char *file = NULL;

	if (++r->n > FINDINGS_MAX)
		return;
	if (r->json) {
		jout_open(&r->out, NULL, '{');
		jout_text(&r->out, "file", f->file);
		jout_int(&r->out, "line", (int64_t)f->line);
		jout_text(&r->out, "kind", rec_fault_name(f->fault));
		jout_bool(&r->out, "broken", rec_fault_breaks(f->fault));
		jout_text(&r->out, "what", f->what);
		jout_close(&r->out, '}');
		return;
	}
	file = term_text(str_of(f->file));
	if (f->line > 0)
		printf("%s:%" PRIu64 ": %s: %s\n", file, f->line,
			rec_fault_name(f->fault), f->what);
	else
		printf("%s: %s: %s\n", file, rec_fault_name(f->fault), f->what);
}

static const char *
plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void
print_sum(const struct report *r, const struct rec_checked *c)
{
	if (r->n > FINDINGS_MAX)
		printf("... and %" PRIu64 " more\n", r->n - FINDINGS_MAX);
	if (c->broken > 0)
		printf("BROKEN: %" PRIu64 " finding%s in ", c->broken, plural(c->broken));
	else if (c->last == 0)
		printf("good: no line of a chain in ");
	else
		printf("good: ");
	printf("%" PRIu64 " line%s of %" PRIu64 " file%s", c->lines, plural(c->lines),
		c->files, plural(c->files));
	if (c->broken == 0 && c->last > 0)
		printf(", numbers %" PRIu64 " to %" PRIu64, c->first, c->last);
	putchar('\n');
}

static void
put_sum(struct jout *j, const struct rec_checked *c)
{
	jout_bool(j, "good", c->broken == 0);
	jout_int(j, "broken", (int64_t)c->broken);
	jout_int(j, "lines", (int64_t)c->lines);
	jout_int(j, "files", (int64_t)c->files);
	jout_int(j, "first", (int64_t)c->first);
	jout_int(j, "last", (int64_t)c->last);
}

static void
report_fini(struct report *r)
{
	jout_fini(&r->out);
}

int
command_logs_verify(int argc, char **argv, struct err *e)
{
	CLEANUP(report_fini) struct report r = { .out = JOUT_INIT };
	const struct option_is is[] = { { "--json", &r.json, NULL } };
	const struct options o = {
		.command = "logs verify", .option = is, .n = LEN(is), .most = 1
	};
	const int words = options_read(&o, argc, argv, e);
	CLEANUP(mem_freep) char *path = NULL;
	struct rec_checked c = { .lines = 0 };

	if (words < 0)
		return -1;
	path = words == 1 ? mem_strdup(argv[0]) : place_decision_log(e);
	if (path == NULL)
		return -1;
	jout_open(&r.out, NULL, '{');
	jout_text(&r.out, "log", path);
	jout_open(&r.out, "findings", '[');
	if (rec_verify(path, on_found, &r, &c, e) < 0)
		return -1;
	jout_close(&r.out, ']');
	if (c.files == 0 && words == 1)
		return err_set(e, ERR_DATA, "%s: there is no such log", path);
	put_sum(&r.out, &c);
	jout_close(&r.out, '}');
	if (!r.json)
		print_sum(&r, &c);
	else if (jout_print(&r.out, e) < 0)
		return -1;
	return c.broken == 0 ? 0 : err_exit_status(&(struct err){ .code = ERR_DATA });
}

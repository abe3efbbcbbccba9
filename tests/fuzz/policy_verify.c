/*
 * Any text as a decision log, and any as its head: a chain is only what could have been
 * written as one, and nothing is found that is not there.
 */

#include <stdint.h>
#include <stdlib.h>

#include "policy/record.h"
#include "policy/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
on_found(void *to, const struct rec_finding *f)
{
	const struct rec_check *c = to;

	if (f->fault >= REC_FAULTS || f->file == NULL || f->line > c->line ||
		memchr(f->what, '\0', sizeof f->what) == NULL)
		abort();
}

/* What reads as a head is written back as the same bytes. */
static void
check_head(struct str text)
{
	char again[REC_HEAD_BYTES];
	struct rec_head h;
	struct rec_head twice;

	if (!rec_head_read(text, &h))
		return;
	rec_head_put(&h, again);
	if (!rec_head_read((struct str){ again, sizeof again }, &twice) ||
		twice.seq != h.seq || twice.end != h.end || twice.lost != h.lost ||
		strcmp(twice.sha256, h.sha256) != 0)
		abort();
}

static void
check_link(struct str line)
{
	CLEANUP(buf_fini) struct buf again = BUF_INIT(REC_LINE_MAX);
	struct rec_link l;

	if (!rec_link_of(line, &l))
		return;
	rec_link_put(&again, &l);
	if (!str_starts(line, buf_str(&again)))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str rest = { (const char *)data, n };
	struct rec_check c = { .found = on_found, .to = &c };

	check_head(rest);
	c.at = rec_head_first(0);
	c.knows = n > REC_HEAD_BYTES &&
		  rec_head_read((struct str){ rest.p, REC_HEAD_BYTES }, &c.head);
	if (c.knows)
		rest = str_skip(rest, REC_HEAD_BYTES);
	rec_check_file(&c, "log");
	while (rest.n > 0) {
		const char *nl = memchr(rest.p, '\n', rest.n);
		const size_t k = nl == NULL ? rest.n : (size_t)(nl - rest.p);
		const struct str line = { rest.p, k };

		check_link(line);
		if (nl == NULL)
			rec_check_torn(&c, line, true);
		else
			rec_check_line(&c, line);
		rest = str_skip(rest, nl == NULL ? k : k + 1);
	}
	rec_check_end(&c);
	if (c.sum.lines > n + 1)
		abort();
	return 0;
}

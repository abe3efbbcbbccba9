/*
 * Commands that were seen, one a line, as calls of a log: what learn proposes loads, and allows
 * each of them, as groups and as exact lines.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "install/learn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { CALLS_MAX = 64, LINE_MAX_BYTES = 8192 };

static void
fail(const char *what, const char *text)
{
	(void)fprintf(stderr, "%s: %s\n", what, text);
	abort();
}

static void
see(struct history *h, struct str command)
{
	static const char head[] =
		"{\"ts\":\"2026-11-21T10:00:00Z\",\"event\":\"hook_audited\",\"run\":\"r\","
		"\"agent\":\"claude\",\"tool\":\"Bash\",\"verdict\":\"deny\","
		"\"rule\":\"native_tools.default\",\"args\":{\"command\":";
	const struct history_filter all = { .since_ms = INT64_MIN };
	CLEANUP(buf_fini) struct buf line = BUF_INIT(LINE_MAX_BYTES);
	struct err e = ERR_INIT;

	buf_puts(&line, head);
	buf_put_json(&line, command);
	buf_puts(&line, "}}");
	if (!line.over && history_add(h, buf_str(&line), &all, &e) < 0)
		fail("a line is not taken", e.text);
}

static void
propose(const struct history *h, const struct policy *live, bool exact)
{
	CLEANUP(learn_fini)
	struct learn l = { .live = live, .exact = exact, .denied = WORDS_INIT };
	CLEANUP(pol_freep) struct policy *p = NULL;
	struct err e = ERR_INIT;

	if (learn_propose(&l, h, &e) < 0)
		fail("no proposal", e.text);
	if (l.beyond.n > 0 || l.denied.n > 0)
		fail("not proposed", l.beyond.n > 0 ? l.beyond.v[0] : l.denied.v[0]);
	p = pol_parse(buf_str(&l.toml), "proposal", &e);
	if (p == NULL)
		fail("does not load", e.text);
	for (size_t i = 0; i < h->n; i++) {
		const struct pol_use u = history_use(p, &h->call[i]);

		/* a call without a command line is not covered by rules on others */
		if (strcmp(h->call[i].args, "{\"command\":\"\"}") != 0 &&
			pol_decide(p, &u).verdict != POL_ALLOW)
			fail("not allowed", h->call[i].args);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP(history_fini) struct history h = { .call = NULL };
	CLEANUP(pol_freep) struct policy *live = pol_default();
	struct str rest = { (const char *)data, n };

	for (int i = 0; i < CALLS_MAX && rest.n > 0; i++) {
		const char *nl = memchr(rest.p, '\n', rest.n);
		const size_t k = nl == NULL ? rest.n : (size_t)(nl - rest.p);

		/* a NUL is refused where lines of the log are read */
		if (memchr(rest.p, '\0', k) == NULL && k > 0)
			see(&h, (struct str){ rest.p, k });
		rest = str_skip(rest, nl == NULL ? k : k + 1);
	}
	propose(&h, live, false);
	propose(&h, live, true);
	return 0;
}

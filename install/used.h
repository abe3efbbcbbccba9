#ifndef INSTALL_USED_H
#define INSTALL_USED_H

/*
 * What runs used: sums over the lines of the decision log, and numbers as a person reads them.
 * Pure, but for the time zone of the person (TZ).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum used_number {
	USED_REQUESTS, /* lines gateway_usage */
	USED_REFUSALS, /* requests that were not sent on */
	USED_ERRORS,   /* status 400 and above, or none */
	USED_IN,
	USED_OUT,
	USED_CACHE_READ,
	USED_CACHE_WRITE,
	USED_REASONING,
	USED_MICROUSD,
	USED_CALLS,
	USED_DENIALS,
	USED_ANSWERS, /* with a time to the first byte, and these times */
	USED_FIRST_US,
	USED_BUSY_US,
	USED_NUMBERS
};

const char *used_name(enum used_number n); /* the key in JSON: "tokens_in" */

/* One row: of a run, a model or a day. */
struct used_row {
	char *key;          /* id, name, or 2026-11-21 */
	char *agent, *root; /* of a run; else NULL */
	int64_t first_ms, last_ms;
	int64_t sum[USED_NUMBERS];
};

struct used_table {
	struct used_row *row;
	size_t n, cap;
};

enum { USED_ROWS_MAX = 1 << 16 };

struct used {
	struct used_table runs, models, days;
	struct used_row all;
};

struct used_filter {
	const char *run;  /* its beginning; NULL: any */
	int64_t since_ms; /* not before */
};

void used_fini(struct used *u); /* for CLEANUP */
/* What is no line of use is passed over. */
int used_add(struct used *u, struct str line, const struct used_filter *f, struct err *e);

/* "950", "12.3k", "1.20M" */
void used_put_count(struct buf *out, int64_t n);
/* "$0.42"; "-" for nothing */
void used_put_usd(struct buf *out, int64_t microusd);
/* "45s", "12m", "3h10m", "2d4h" */
void used_put_age(struct buf *out, int64_t seconds);

#endif

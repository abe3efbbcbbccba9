#ifndef INSTALL_LOGS_LINE_H
#define INSTALL_LOGS_LINE_H

/* One line of the decision log for a person: read, chosen, shown. Pure, but for the time zone. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum log_field {
	LOG_TS,
	LOG_EVENT,
	LOG_RUN,
	LOG_AGENT,
	LOG_LAYER,
	LOG_SERVER,
	LOG_TOOL,
	LOG_VERDICT,
	LOG_RULE,
	LOG_AT,
	LOG_NOTE,
	LOG_SINCE,
	LOG_LOST, /* a number */
	LOG_MODEL,
	LOG_TOKENS_IN, /* a number */
	LOG_TOKENS_OUT,
	LOG_FIELDS
};

struct log_line {
	bool good; /* JSON, with a time */
	struct str raw;
	int64_t at_ms; /* its time */
	/* as they stand in the line, without quotes; empty: it is not there */
	struct str field[LOG_FIELDS];
};

struct log_line log_line_of(struct str raw);

/* What a person wants to see. NULL: anything. */
struct log_want {
	const char *run; /* its beginning */
	const char *verdict, *agent, *layer;
	int64_t since_ms; /* INT64_MIN: whenever */
};

bool log_line_is(const struct log_line *l, const struct log_want *w);

struct log_view {
	int columns; /* of the terminal; 0: nothing is cut */
	bool colour;
	bool days;      /* the time's column has room for a date */
	int64_t now_ms; /* what is of today needs no date */
};

bool log_line_is_today(const struct log_line *l, int64_t now_ms);
/* The row with its newline; whatever is in the line, nothing of it speaks to a terminal. */
void log_line_put(struct buf *out, const struct log_line *l, const struct log_view *v);
/* 2026-11-21 13:53:56, or 13:53:56 of today, in the person's time zone. */
void log_time_put(struct buf *out, int64_t at_ms, int64_t now_ms);

#endif

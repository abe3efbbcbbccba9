#ifndef MCP_RUN_H
#define MCP_RUN_H

/*
 * One shell command: in its own session, without standard input, both outputs captured with
 * a ceiling. Nothing of it survives: when it ends, all of its descendants are killed.
 */

#include <stdint.h>

#include "mcp/tool.h"

enum {
	RUN_HEAD_MAX = 24 << 10, /* of each output, bytes */
	RUN_TAIL_MAX = 24 << 10,
	RUN_TAIL_ROOM = 48 << 10, /* collected before the tail is cut to its size */
	RUN_TERM_MS = 1000,       /* from the first, friendly signal to the last */
	RUN_REAP_MS = 5000
};

/* The first and the last bytes of a stream of any length. */
struct run_capture {
	struct buf head, tail; /* tail holds up to RUN_TAIL_ROOM */
	int64_t total;
};

#define RUN_CAPTURE_INIT                                                                 \
	{                                                                                \
		.head = BUF_INIT(RUN_HEAD_MAX), .tail = BUF_INIT(RUN_TAIL_ROOM),         \
		.total = 0                                                               \
	}

void run_capture_add(struct run_capture *c, struct str bytes);
void run_capture_put(
	struct buf *out, const struct run_capture *c); /* says what is left out */
void run_capture_fini(struct run_capture *c);          /* for CLEANUP */

struct run_spec {
	const char *command;
	const char *dir; /* absolute */
	int64_t timeout_ms;
	const struct tool_watch *watch; /* borrowed */
};

struct run_report {
	int status; /* as wait(2) has it */
	bool timed_out, stopped;
	bool left_over; /* something did not die within RUN_REAP_MS */
	int killed;     /* descendants that were still there at the end */
	int64_t elapsed_ms;
	struct run_capture out, err;
};

#define RUN_REPORT_INIT                                                                  \
	{                                                                                \
		.status = 0, .out = RUN_CAPTURE_INIT, .err = RUN_CAPTURE_INIT            \
	}

/* Makes this process the one that orphans come to, for good; once, before run_command. */
int run_prepare(struct err *e);
int run_command(const struct run_spec *s, struct run_report *r, struct err *e);
void run_report_fini(struct run_report *r); /* for CLEANUP */

#endif

#ifndef MCP_RUN_H
#define MCP_RUN_H

/*
 * One shell command: in its own session, without standard input, both outputs captured with
 * a ceiling. Nothing of it survives: when it ends, all of its descendants are killed.
 */

#include <stdint.h>

#include "mcp/tool.h"

enum {
	RUN_PART_MAX = 24 << 10, /* of each output's begin, and of its end, bytes */
	RUN_PARTS = 4,           /* so many of a command: two outputs, begin and end */
	RUN_TERM_MS = 1000,      /* from the first, friendly signal to the last */
	RUN_REAP_MS = 5000
};

/* The first and the last bytes of a stream of any length: part of each. */
struct run_capture {
	struct buf head, tail; /* tail collects twice a part before it is cut to one */
	size_t part;
	int64_t total;
};

#define RUN_CAPTURE_OF(bytes)                                                            \
	{                                                                                \
		.head = BUF_INIT(bytes), .tail = BUF_INIT(2UL * (bytes)),                \
		.part = (bytes), .total = 0                                              \
	}
#define RUN_CAPTURE_INIT RUN_CAPTURE_OF(RUN_PART_MAX)

void run_capture_add(struct run_capture *c, struct str bytes);
void run_capture_put(
	struct buf *out, const struct run_capture *c); /* says what is left out */
void run_capture_fini(struct run_capture *c);          /* for CLEANUP */

struct run_spec {
	const char *command;
	const char *dir; /* absolute */
	int64_t timeout_ms;
	int64_t output_max; /* bytes kept of both outputs; 0, and more than fits: what fits */
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

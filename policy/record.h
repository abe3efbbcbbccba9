#ifndef POLICY_RECORD_H
#define POLICY_RECORD_H

/*
 * The decision log: JSON lines, one a decision, one file for all layers
 * (pando-decision-log(5)). This is one line of it; how lines get into the file is rec_write's
 * matter (append.c), what binds them together chain.h's.
 *
 * Keys are never in it. Arguments are named by their SHA-256, and kept only when the policy
 * says so ([log] arguments).
 */

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "policy/chain.h"
#include "policy/policy.h"

enum {
	REC_LINE_MAX = 16384, /* every line that rec_format makes is below it */
	REC_FIELD_MAX = 1024, /* a text as it stands in the line, escapes counted */
	REC_NAME_MAX = 256,   /* a name, an id */
	REC_WORD_MAX = 64,    /* an event, a layer, a verdict */
	REC_ROOT_MAX = 2048,
	REC_ARGS_MAX = 8192 /* longer arguments are named by their hash only */
};

/* What holds where the policy says nothing of [log]. */
#define REC_MAX_BYTES ((int64_t)64 << 20)
enum { REC_MAX_DAYS = 30, REC_KEEP = 8, REC_KEEP_MAX = 1000 };

/* Who is speaking: the run that all lines of a launch share. Any may be NULL. */
struct rec_who {
	const char *run, *agent, *agent_version, *root;
};

/* What an exchange with a model used. Empty texts, and numbers below 0, are left out. */
struct rec_usage {
	struct str model, model_asked; /* that answered; that the request names */
	int64_t tokens_in, tokens_out, cache_read, cache_write, reasoning;
	int64_t counted; /* tokens, where the size had to stand for them */
	int64_t cost_microusd;
	int64_t calls, denials; /* of tools, in the answer */
	int status;             /* of HTTP; 0: there was no answer */
	int64_t first_us;       /* until the answer began */
};

/* Any text may be empty and is then left out. */
struct rec {
	const char *event; /* "gateway_call_replaced": prefix of the layer, then what */
	const char *layer; /* shim hook gateway mcp sandbox installer */
	const char *direction; /* request response, or NULL */
	const char *api;       /* messages responses, or NULL */
	struct str server, tool, call_id;
	const char *caller;  /* pol_caller_name(), or NULL */
	struct str subagent; /* its name */
	struct str args;     /* canonical JSON, hashed here, kept when that is wanted */
	const char *args_sha256; /* or their hash, when the caller has nothing else */
	const char *verdict;     /* pol_verdict_name(), or NULL */
	const char *rule;
	const char *file; /* with line: `at` */
	int line;
	const char *mode;              /* pol_mode_name() */
	const struct rec_usage *usage; /* NULL: it is about something else */
	int64_t elapsed_us;            /* negative: left out */
	struct str note; /* what else a person needs to know; never foreign secrets */
	uint64_t lost; /* of <layer>_log_lost: how many lines could not be written ... */
	const char *since; /* ... since when */
};

#define REC_INIT                                                                         \
	{                                                                                \
		.elapsed_us = -1                                                         \
	}

/* From PANDO_RUN, PANDO_AGENT, PANDO_AGENT_VERSION, PANDO_PROJECT_ROOT. */
struct rec_who rec_who_from_env(void);
void rec_decided(struct rec *r, const struct pol_use *u, const struct pol_decision *d);

/* The line with its newline; stamp is its time. */
void rec_format(struct buf *line, const struct rec_link *link, const char *stamp,
	struct str body);
/* What of the line is known before its place and time: ,"event" to the closing brace. */
void rec_put_body(
	struct buf *b, const struct rec_who *w, const struct rec *r, bool arguments);

/*
 * The open log. Its writers take turns by a lock on <path>.head, where the head of the chain
 * is (chain.h); a file that is too large or too old is renamed to <path>.1 by the next writer,
 * that one to .2, and so on. Only a regular file can be a log.
 */
/* Which file a descriptor is, and a name may be: a look at the name tells the two apart. */
struct rec_id {
	dev_t dev;
	ino_t ino;
};

struct rec_log {
	int fd, head;
	struct rec_id fd_id, head_id;
	char *path, *head_path; /* NULL: not open */
	struct pol_log limits;
	struct rec_head left; /* as our last turn left it, and its text */
	char left_text[REC_HEAD_BYTES];
	struct buf later; /* lines of rec_defer, and when they were made */
	size_t nlater;
	const char *layer; /* whose they are */
	uint64_t faults;   /* how often rec_flush failed ... */
	struct err fault;  /* ... and why the last time */
};

#define REC_LOG_INIT                                                                     \
	{                                                                                \
		.fd = -1, .head = -1                                                     \
	}

/*
 * limits NULL: the policy is not known: the defaults, but no file is ever removed. What it
 * leaves on an error needs no rec_close, but bears it.
 */
int rec_open(
	struct rec_log *l, const char *path, const struct pol_log *limits, struct err *e);
void rec_close(struct rec_log *l); /* for CLEANUP too */

/*
 * Appends a line. When that fails the loss is counted in the head, and told by a line
 * <layer>_log_lost as soon as one can be written. Failing is an error of the caller's action:
 * what would be allowed and cannot be recorded is not done. A deny stays a deny, with its own
 * message.
 */
int rec_write(
	struct rec_log *l, const struct rec_who *w, const struct rec *r, struct err *e);

/*
 * Many lines at a time, for the price of little more than one: rec_defer keeps a line until the
 * next rec_write or rec_flush, which writes all or none, and whose error is that of all of
 * them. When it has REC_LATER_MAX bytes it writes by itself. rec_close writes what is left.
 */
enum { REC_LATER_MAX = 256 << 10 };
int rec_defer(
	struct rec_log *l, const struct rec_who *w, const struct rec *r, struct err *e);
int rec_flush(struct rec_log *l, struct err *e);

#endif

#ifndef POLICY_RECORD_H
#define POLICY_RECORD_H

/*
 * The decision log: JSON lines, one a decision, one file for all layers (decision-log(5)).
 * A line is one write to a descriptor opened with O_APPEND. Arguments and keys are never
 * in it; arguments are named by their SHA-256.
 */

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "policy/policy.h"

enum {
	REC_LINE_MAX = 8192,
	REC_FIELD_MAX = 1024,
	REC_SHA_HEX = 64,
	REC_FILE_MAX = 64 << 20
};

/* Who is speaking: the run that all lines of a launch share. Any may be NULL. */
struct rec_who {
	const char *run, *agent, *agent_version, *root;
};

/* Any text may be empty and is then left out. */
struct rec {
	const char *event; /* "gateway_call_replaced": prefix of the layer, then what */
	const char *layer; /* shim hook gateway mcp sandbox installer */
	const char *direction; /* request response, or NULL */
	const char *api;       /* messages responses, or NULL */
	struct str server, tool, call_id;
	struct str args;         /* raw arguments, hashed here */
	const char *args_sha256; /* or their hash, when the caller has it */
	const char *verdict;     /* pol_verdict_name(), or NULL */
	const char *rule;
	const char *file; /* with line: `at` */
	int line;
	const char *mode;   /* pol_mode_name() */
	int64_t elapsed_us; /* negative: left out */
	struct str note;    /* what else a person needs to know; never foreign secrets */
};

#define REC_INIT                                                                         \
	{                                                                                \
		.elapsed_us = -1                                                         \
	}

/* From PANDO_RUN, PANDO_AGENT, PANDO_AGENT_VERSION, PANDO_PROJECT_ROOT. */
struct rec_who rec_who_from_env(void);
void rec_decided(struct rec *r, const struct pol_use *u, const struct pol_decision *d);

/* The line with its newline. */
void rec_format(struct buf *line, const struct rec_who *w, const struct rec *r);

/*
 * The open log. Files larger than REC_FILE_MAX are renamed to <path>.1 by the next writer.
 * rec_write failing is an error of the caller's action: a decision that cannot be recorded
 * is not carried out.
 */
struct rec_log {
	int fd;
	char *path;
};

int rec_open(struct rec_log *l, const char *path, struct err *e);
void rec_close(struct rec_log *l);
int rec_write(
	struct rec_log *l, const struct rec_who *w, const struct rec *r, struct err *e);

/* SHA-256 in hexadecimal, NUL-terminated. */
void rec_sha256(struct str bytes, char out[REC_SHA_HEX + 1]);

#endif

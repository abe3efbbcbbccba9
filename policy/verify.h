#ifndef POLICY_VERIFY_H
#define POLICY_VERIFY_H

/*
 * Whether the decision log is as it was written: no line removed, changed, moved, inserted or
 * cut off the end, over all its files. The chain has no key: it shows what happened by
 * accident or without care for it; who can write the log can also make another chain.
 */

#include <stdbool.h>

#include "policy/files.h"

enum rec_fault {
	REC_REMOVED,
	REC_CHANGED,
	REC_MOVED,
	REC_INSERTED,
	REC_CUT,
	REC_HEADLESS,
	/* only told: */
	REC_BEGINS,
	REC_UNFINISHED,
	REC_LOST,
	REC_FAULTS
};

const char *rec_fault_name(enum rec_fault f); /* "removed" */
bool rec_fault_breaks(enum rec_fault f);

enum { REC_WHAT_MAX = 256 };

struct rec_finding {
	enum rec_fault fault;
	const char *file;
	uint64_t line; /* in that file; 0: none */
	char what[REC_WHAT_MAX];
};

struct rec_checked {
	uint64_t lines, files;
	uint64_t first, last; /* seq; 0: no line of a chain */
	uint64_t broken;      /* findings that break the chain */
};

/* Calls `found` for each finding. -1 only when the files cannot be read. */
int rec_verify(const char *path, void (*found)(void *to, const struct rec_finding *f),
	void *to, struct rec_checked *got, struct err *e);

/* --- the core of it, pure: line after line --- */

struct rec_check {
	struct rec_head
		at; /* the last line that stood in its place; at.seq 0: none yet */
	const char *at_file;
	uint64_t at_line;
	struct rec_head head; /* what the head says; knows: it is there */
	bool knows;
	const char *file;
	uint64_t line, old; /* in this file; lines before the chain */
	struct rec_checked sum;
	void (*found)(void *to, const struct rec_finding *f);
	void *to;
};

void rec_check_file(struct rec_check *c, const char *file);
void rec_check_line(struct rec_check *c, struct str line);
/* A last line without a newline; `last`: of the last file. */
void rec_check_torn(struct rec_check *c, struct str line, bool last);
void rec_check_end(struct rec_check *c);

#endif

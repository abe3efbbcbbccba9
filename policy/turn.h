#ifndef POLICY_TURN_H
#define POLICY_TURN_H

/*
 * A writer's turn at the decision log: what it knows while it holds the lock. Only append.c,
 * mend.c and rotate.c include this.
 *
 *   lock <log>.head -> read the head -> mend what a killed writer or a foreign hand left
 *     -> rotate when that is due -> tell lost lines -> the line -> the head -> unlock
 *
 * The lock is never held while waiting for anything but the disk.
 */

#include "policy/record.h"

struct rec_turn {
	struct rec_log *log;
	struct rec_head head;
	uint64_t size;   /* of the log */
	bool knows_head; /* so that a loss can be counted */
	bool headless;   /* there were lines, and no head: it was made anew */
	struct buf torn; /* what a killed writer left; cut off */
};

/* --- append.c --- */
/* Opens the log's file anew by its name. */
int rec_turn_reopen(struct rec_turn *t, struct err *e);
int rec_turn_save(const struct rec_turn *t, struct err *e);

/* --- mend.c --- */
/* Makes the head that is missing or cannot be read, from the lines that are there. */
int rec_mend_head(struct rec_turn *t, struct err *e);
/* The log does not end where the head says. */
int rec_mend_tail(struct rec_turn *t, struct err *e);

/* --- rotate.c --- */
/* Whether n more bytes belong into a new file. */
bool rec_is_due(const struct rec_turn *t, size_t n);
int rec_rotate(struct rec_turn *t, struct err *e);

#endif

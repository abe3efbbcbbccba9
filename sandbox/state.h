#ifndef SANDBOX_STATE_H
#define SANDBOX_STATE_H

/*
 * <root>/.pando-sandbox: home, temporary files and caches of what runs inside, kept between
 * runs; ignored by git. Inside it is hidden: only the three folders are bound elsewhere, so
 * that nobody inside can put a link in its place and have the next run bind something else.
 */

#include <stdbool.h>

#include "base/err.h"

#define STATE_NAME ".pando-sandbox"

struct state {
	int top, home, tmp, cache;
	/* Held shared by every sandbox of this root: who can have it alone is the last. */
	int lock;
	bool made; /* it did not exist before */
};

/* Opens it, makes what is missing. A link, a foreign owner or a wrong mode is an error. */
int state_open(struct state *s, int root, struct err *e);
void state_close(struct state *s);

/*
 * The lock goes with the folder when somebody removes it while a sandbox ends. So a start until
 * it has its lock, and a tidy-up, come one after the other by a lock on the root itself.
 * Someone inside may hold that one, so who does not get it in time goes on without: -1.
 */
int state_turn(int root, int what);

/* Waits shortly for the lock; what is LOCK_SH or LOCK_EX. */
int state_lock(int lock, int what, struct err *e);

#endif

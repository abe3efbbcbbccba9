#ifndef BASE_QUOTA_H
#define BASE_QUOTA_H

/*
 * A ceiling that many have together. What one of them allocates is counted in its quota, and in
 * those that this one is a part of: what is taken is given back, by whoever has it then.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct quota {
	struct quota *of; /* it is a part of this one; NULL: of none */
	size_t max;
	bool owes; /* refuses nothing, whatever is left: counts only */
	size_t held;
	size_t most; /* how much was held, since somebody set it back */
};

/* Without a quota nobody counts, and there is always enough. */
static inline bool
quota_has(const struct quota *q, size_t n)
{
	for (; q != NULL && !q->owes; q = q->of)
		if (q->held > q->max || n > q->max - q->held)
			return false;
	return true;
}

/* Whatever is left. */
static inline void
quota_owe(struct quota *q, size_t n)
{
	for (; q != NULL; q = q->of) {
		q->held += n;
		if (q->held > q->most)
			q->most = q->held;
	}
}

/* False: too little is left, nothing was taken. */
static inline bool
quota_take(struct quota *q, size_t n)
{
	if (!quota_has(q, n))
		return false;
	quota_owe(q, n);
	return true;
}

static inline void
quota_give(struct quota *q, size_t n)
{
	for (; q != NULL; q = q->of)
		q->held -= n;
}

/* That there is too little left, for a person; answers -1. */
int quota_refuse(const struct quota *q, struct err *e);

#endif

#ifndef BASE_JMEMBERS_H
#define BASE_JMEMBERS_H

/*
 * The members of one object that is read, as they come: which of them are wanted, and that no
 * two readers of the object could take them for something else (jscan.h says how).
 */

#include "base/jscan.h"

enum { JS_SUMS = 1024 };

struct js_members {
	struct str seen[JS_MEMBERS_MAX];
	size_t nseen;
	uint64_t sums[JS_SUMS /
		      64]; /* of the names, a bit each, so that few are compared */
	struct js_field *f;
	size_t n;
	struct js_item *last; /* the field that took the last item, or NULL */
};

void js_members_init(struct js_members *m, struct js_field *f, size_t n);
/* The next member. Error: ERR_DATA. */
int js_members_add(struct js_members *m, const struct js_item *item, struct err *e);

#endif

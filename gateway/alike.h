#ifndef GATEWAY_ALIKE_H
#define GATEWAY_ALIKE_H

/*
 * Most events of a stream are the one before them, but for a text and a number. What was read
 * and decided once need not be read again for such a one: outside of the values that play no part
 * in the decision it is the same bytes, and these values are checked, so that it is the same
 * object with other values there.
 *
 * The caller keeps an event that it passed, with those of its values, and forgets it with any
 * event that could change what it decides by.
 */

#include "base/jscan.h"

enum { GW_ALIKE_MAX = 1024, GW_FREE_MAX = 4 };

struct gw_alike {
	size_t n; /* bytes of text, 0: none is kept */
	size_t nfree;
	struct {
		size_t at, end; /* in text */
		enum js_type type;
	} free[GW_FREE_MAX];
	char text[GW_ALIKE_MAX];
};

/*
 * text: of an event with one checked JSON object. free: values in it, outside of each other, in
 * any order; JS_NONE is left out. Nothing is kept when the text is too long, or a value is neither
 * a string nor a number that gw_alike_is takes.
 */
void gw_alike_keep(struct gw_alike *a, struct str text, const struct js *free, size_t n);
void gw_alike_forget(struct gw_alike *a);
/*
 * True when text differs from what is kept only in its free values: a string in a string's
 * place, a number of digits only in a number's. value: GW_FREE_MAX of them, in the order of the
 * text, then JS_NONE.
 */
bool gw_alike_is(const struct gw_alike *a, struct str text, struct js *value);

#endif

#ifndef GATEWAY_EDIT_H
#define GATEWAY_EDIT_H

/*
 * Ranges of a text to cut or replace. The text itself is not touched; edits_apply writes the
 * result. Edits may be made in any order of places; they must not overlap.
 */

#include "base/buf.h"
#include "base/err.h"
#include "base/jscan.h"
#include "gateway/sse.h"

enum { EDITS_MAX = 65536, EDITS_TEXT_MAX = 16 << 20 };

struct edit {
	size_t at, cut;   /* in the source */
	size_t text, put; /* in the inserted text: offset, length */
	size_t order;     /* of edits at the same place */
};

struct edits {
	struct str src;
	struct edit *v;
	size_t n, cap;
	struct buf text;
	bool over;
};

void edits_init(struct edits *ed, struct str src);
void edits_fini(struct edits *ed); /* for CLEANUP too */

/* Replaces [from, to) of the source; either part may be empty. */
void edits_replace(struct edits *ed, const char *from, const char *to, struct str with);
/*
 * Takes one item out of its container with the right comma. To be called in the order of the
 * items; kept says whether any item before this one stays.
 */
void edits_cut_item(struct edits *ed, const struct js_item *it, bool kept);

/* Forgets the edits made after the mark: the mark is an earlier ed->n. */
void edits_back_to(struct edits *ed, size_t mark);
/*
 * 0: there is no edit, and nothing is written. 1: the source with its edits was appended to
 * out. -1: a ceiling was reached.
 */
int edits_apply(struct edits *ed, struct buf *out, struct err *e);

/* The same for the data of an event, which keeps its other fields where it can. */
void edits_init_event(struct edits *ed, const struct sse_event *ev);
int edits_apply_event(
	struct edits *ed, const struct sse_event *ev, struct buf *out, struct err *e);

#endif

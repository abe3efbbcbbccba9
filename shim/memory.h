#ifndef SHIM_MEMORY_H
#define SHIM_MEMORY_H

/*
 * The project's CLAUDE.md, for the private configuration folder.
 *
 * claude follows "@path" in what stands there without asking, outside every sandbox, so that a
 * line or a link in a project could send any file of the person's to the model. What is
 * imported from inside the project is therefore put in here, and each "@" that could lead out of
 * the private folder becomes U+FF20, which claude does not follow (measured on 2.1.329).
 */

#include "base/err.h"
#include "base/str.h"

struct buf;

enum {
	MEMORY_FILES_MAX = 64,    /* the file itself and what it imports, at any depth */
	MEMORY_TEXT_MAX = 1 << 20 /* of all together */
};

/*
 * *text is yours, NULL: there is none. A CLAUDE.md that is no regular file, leads outside the
 * project or is too large is an error.
 */
int memory_read(const char *root, char **text, struct err *e);

/* Adds text to b with no "@" left that claude would follow. Pure. */
void memory_put(struct buf *b, struct str text);

#endif

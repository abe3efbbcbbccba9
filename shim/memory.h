#ifndef SHIM_MEMORY_H
#define SHIM_MEMORY_H

/*
 * The project's instructions for the private configuration folder, in claude's order: the
 * person's CLAUDE.md and CLAUDE.local.md in folders above the root, then in each folder from
 * the root to the working directory CLAUDE.md, .claude/CLAUDE.md and CLAUDE.local.md, or
 * where there is none of those AGENTS.md and .claude/AGENTS.md, then .claude/rules (measured
 * on 2.1.329). An empty file is one too.
 *
 * claude follows "@path" in what stands there without asking, outside every sandbox, so that a
 * line or a link in a project could send any file of the person's to the model. What is
 * imported from inside the project is therefore put in here, and each "@" that could lead out of
 * the private folder becomes U+FF20, which claude does not follow (measured on 2.1.329).
 */

#include "base/err.h"
#include "base/str.h"

struct buf;
struct words;

enum {
	MEMORY_FILES_MAX = 128,    /* with what they import, at any depth */
	MEMORY_LEVELS_MAX = 32,    /* folders above the root */
	MEMORY_TEXT_MAX = 1 << 20, /* of all together */
	MEMORY_WORD_MAX = 256, /* a longer one behind an "@" is no name of a package */
};

struct memory_of {
	const char *root, *cwd;    /* canonical */
	const struct words *rules; /* paths below the root */
};

/*
 * *text is yours, NULL: there is none. A file that is no regular one, leads outside the
 * project or is too large is an error.
 */
int memory_read(const struct memory_of *of, char **text, struct err *e);

/* Adds text to b with no "@" left that claude would follow. Pure. */
void memory_put(struct buf *b, struct str text);

#endif

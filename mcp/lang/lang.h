#ifndef MCP_LANG_LANG_H
#define MCP_LANG_LANG_H

/*
 * Definitions in source text, by tree-sitter grammars. Text in, definitions out: no files.
 *
 * Broken text gives the definitions that can still be seen; each language's own rules are
 * in its file (c.c, javascript.c for TypeScript too, python.c).
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum lang { LANG_C, LANG_JAVASCRIPT, LANG_TYPESCRIPT, LANG_TSX, LANG_PYTHON, LANGS };

enum lang_kind {
	LANG_FUNCTION,
	LANG_METHOD,
	LANG_CLASS,
	LANG_STRUCT,
	LANG_UNION,
	LANG_ENUM,
	LANG_INTERFACE,
	LANG_TYPE,
	LANG_NAMESPACE,
	LANG_MACRO,
	LANG_VARIABLE,
	LANG_PROTOTYPE, /* declared here, defined elsewhere */
	LANG_FIELD,
	LANG_CONSTANT, /* of an enumeration */
	LANG_IMPORT,
	LANG_KINDS
};

struct lang_def {
	enum lang_kind kind;
	struct str name;
	struct str within;       /* name of the enclosing definition, or empty */
	uint32_t line, end_line; /* from 1, decorators and `export` included */
};

enum {
	LANG_TEXT_MAX = 16 << 20,
	LANG_DEPTH_MAX = 2048, /* what is nested deeper is not looked at */
	LANG_PARSE_US_MAX = 3 * 1000 * 1000
};

const char *lang_kind_name(enum lang_kind k);
bool lang_from_name(struct str name, enum lang *l);
bool lang_kind_from_name(struct str name, enum lang_kind *k);
/* By the end of the path; false when none of ours. */
bool lang_of_path(struct str path, enum lang *l);

struct lang_sink {
	void (*found)(void *to, const struct lang_def *d); /* d lives during the call */
	void *to;
};

/* has_errors may be NULL: tells whether the grammar stumbled somewhere. */
int lang_scan(enum lang l, struct str text, const struct lang_sink *sink,
	bool *has_errors, struct err *e);

#endif

#ifndef POLICY_TOML_H
#define POLICY_TOML_H

/*
 * A small C face of toml++ (TOML 1.0): text in, a tree of nodes with their places out.
 *
 * Strict as TOML is: duplicate keys and bad UTF-8 are errors with line and column. Dates
 * are refused, since nothing of ours reads one. The tree owns all its text.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum {
	TOML_TEXT_MAX = 1 << 20,
	TOML_DEPTH_MAX = 16,
	TOML_PARTS_MAX = 64,
	TOML_NODES_MAX = 65536
};

enum toml_type {
	TOML_TABLE,
	TOML_ARRAY,
	TOML_STRING,
	TOML_INT,
	TOML_FLOAT,
	TOML_BOOL,
	TOML_TYPES
};

struct toml_node {
	enum toml_type type;
	char *key;        /* in a table; NULL in an array and at the root */
	int line, column; /* of the key in a table, else of the value; from 1 */
	struct toml_node
		*child; /* first member of a table or array, in the file's order */
	struct toml_node *next; /* next member of the same table or array */
	struct str text;        /* TOML_STRING */
	int64_t integer;        /* TOML_INT */
	double number;          /* TOML_FLOAT */
	bool truth;             /* TOML_BOOL */
};

/* file is named in errors only: "<file>:<line>:<column>: <what>". Free with toml_free. */
struct toml_node *toml_parse(struct str text, const char *file, struct err *e);
void toml_free(struct toml_node *root); /* takes NULL */

/* Member of a table, NULL when absent. */
const struct toml_node *toml_get(const struct toml_node *table, const char *key);
const char *toml_type_name(enum toml_type t);

#endif
